"""Signing in to a real server, as a person with a browser does it, and as one who should not get in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from salus import spine
from salus.delivery.app import Settings, create_app
from salus.delivery.settings import SignIn
from salus.delivery.web.asking import next_path
from salus.delivery.web.routing import ANYBODY, PageRoute
from salus.spine import accounts
from salus.spine.site import Site
from tests import doors
from tests.people import ALONE, PASSWORD, code_of, enrolled, enter, form, signed_in

Open = Callable[..., httpx.Client]
OPEN = Settings(insecure_no_jwt=True, sign_in=ALONE)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = doors.live_site(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
def serve(site: Site) -> Iterator[Open]:
    with ExitStack() as stack:
        yield lambda settings=OPEN: stack.enter_context(doors.served(site, settings))


def deeds(site: Site) -> list[tuple[str, str]]:
    words = ("sign-in", "sign-out", "refused-sign-in", "account", "password", "factor")
    return [(entry.who, entry.did) for entry in site.store.entries() if entry.did in words]


def test_every_page_but_the_way_in_asks_who_is_there(site: Site, serve: Open) -> None:
    enter(site, "maria")
    client = serve()
    routes = [route for route in create_app(site, OPEN).routes if isinstance(route, PageRoute)]
    closed = [route for route in routes if route.access != ANYBODY]
    assert len(closed) > 15
    for route in closed:
        path = route.path.replace("{number}", "1").replace("{name}", "news2")
        for method in sorted(route.methods - {"HEAD"}):
            sent = client.request(method, path, data={"note": "was written"} if method == "POST" else None)
            assert sent.status_code == (403 if method == "POST" else 303), (method, path)
            if method == "POST":
                assert "You wrote: “was written”" in sent.text
            else:
                assert sent.headers["location"].startswith("/sign-in?next="), path
    assert client.get("/ward").text == ""
    for route in routes:
        assert route.access != ANYBODY or route.path in ("/sign-in", "/sign-out", "/welcome")


def test_who_signs_in_comes_to_the_page_that_was_asked_for_under_their_own_name(
    site: Site, serve: Open
) -> None:
    enter(site, "maria", person="Practitioner/7")
    client = serve()
    there = client.get("/models/news2?x=1").headers["location"]
    fields = {**form(client, there, "/sign-in"), "name": " Maria ", "password": PASSWORD}
    came = client.post("/sign-in", data=fields)
    assert (came.status_code, came.headers["location"]) == (303, "/models/news2?x=1")
    assert ">maria</a>" in client.get("/ward").text
    assert deeds(site)[-1] == ("Practitioner/7", "sign-in")


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(site: Site, serve: Open) -> None:
    enter(site, "maria")
    for settings, name, secure in (
        (OPEN, "salus", False),
        (replace(OPEN, base_url="https://salus.example"), "__Host-salus", True),
    ):
        client = serve(settings)
        cookie = signed_in(client, "maria").headers["set-cookie"]
        assert cookie.startswith(f"{name}=")
        assert {"HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
        assert ("Secure" in cookie) is secure
        assert "Domain" not in cookie
        token = re.match(r"[^=]+=([^;]+)", cookie)[1]  # type: ignore[index]
        database = Path(site.path, "salus.db").read_bytes() + Path(site.path, "salus.db-wal").read_bytes()
        assert len(token) >= 43
        assert token.encode() not in database


def test_a_wrong_password_a_wrong_name_and_a_closed_account_are_one_answer(site: Site, serve: Open) -> None:
    for name in ("maria", "gone"):
        enter(site, name)
    accounts.close(site, "gone", by="test")
    client = serve()
    told = []
    for name, password in (("maria", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD), ("\0'--", "x")):
        fields = {**form(client, "/sign-in", "/sign-in"), "name": name, "password": password}
        sent = client.post("/sign-in", data=fields)
        text = re.sub(r'name="token" value="[^"]+"|id="name"[^>]+>', "", sent.text)
        told.append((sent.status_code, text, sorted(sent.headers.keys())))
    assert told == [told[0]] * 4
    assert told[0][0] == 422
    assert "do not match" in told[0][1]
    assert deeds(site)[-4:] == [("door:sign-in", "refused-sign-in")] * 4


def test_nothing_that_was_typed_is_kept(site: Site, serve: Open) -> None:
    enter(site, "maria")
    client = serve()
    typed = ("a-name-that-is-a-password", "the password of another site", "999111")
    for name, password in ((typed[0], typed[1]), ("maria", typed[1])):
        signed_in(client, name, password, typed[2])
    signed_in(client, "maria")
    kept = b"".join(path.read_bytes() for path in Path(site.path).iterdir() if path.is_file())
    for secret in (*typed, PASSWORD):
        assert secret.encode() not in kept
    assert spine.verify(site).intact


def test_who_tries_too_often_waits_and_is_told_for_how_long(site: Site, serve: Open) -> None:
    enter(site, "maria")
    client = serve()
    for name in ("maria", "nobody"):
        tried = [signed_in(client, name, "wrong") for _ in range(6)]
        assert [sent.status_code for sent in tried] == [422] * 5 + [429]
        assert 25 <= int(tried[-1].headers["retry-after"]) <= 30
        assert "30 seconds" in tried[-1].text
    assert signed_in(client, "maria").status_code == 429, "the right password waits as well"
    entries = len(deeds(site))
    signed_in(client, "maria", "wrong")
    assert len(deeds(site)) == entries, "what is not even looked at does not fill the ledger"


def test_a_form_of_another_site_signs_nobody_in_or_out(site: Site, serve: Open) -> None:
    enter(site, "maria")
    client = serve()
    fields = {**form(client, "/sign-in", "/sign-in"), "name": "maria", "password": PASSWORD}
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert client.post("/sign-in", data=fields, headers=headers).status_code == 422
    assert client.post("/sign-in", data={**fields, "token": "1.2.3"}).status_code == 422
    signed_in(client, "maria")
    out = form(client, "/ward", "/sign-out")
    assert client.post("/sign-out", data={**out, "token": "1.2.3"}).status_code == 403
    assert client.get("/ward").status_code == 200
    assert client.post("/sign-out", data=out).headers["location"] == "/sign-in"
    assert client.get("/ward").status_code == 303


def test_a_token_of_one_session_opens_no_form_of_another(site: Site, serve: Open) -> None:
    for name in ("maria", "ben"):
        enter(site, name)
    client = serve()
    signed_in(client, "maria")
    told = {"password": PASSWORD, "chosen": "nine other owls hum", "again": "nine other owls hum"}
    hers = form(client, "/account", "/account/password")
    client.cookies.clear()
    signed_in(client, "ben")
    assert client.post("/account/password", data={**hers, **told}).status_code == 403
    his = form(client, "/account", "/account/password")
    assert client.post("/account/password", data={**his, **told}).status_code == 303


def test_what_was_signed_out_is_not_opened_by_a_kept_cookie(site: Site, serve: Open) -> None:
    enter(site, "maria")
    client = serve()
    signed_in(client, "maria")
    kept = dict(client.cookies)
    client.post("/sign-out", data=form(client, "/ward", "/sign-out"))
    with httpx.Client(base_url=client.base_url, cookies=kept) as thief:
        assert thief.get("/ward").status_code == 303
    assert deeds(site)[-1] == ("user:maria", "sign-out")


def test_the_first_password_opens_nothing_but_its_own_change(site: Site, serve: Open) -> None:
    _, first = accounts.add(site, "maria", accounts.Rights("clinician"), by="test")
    client = serve()
    signed_in(client, "maria", first)
    before = dict(client.cookies)
    for path in ("/ward", "/audit", "/models"):
        assert client.get(path).headers["location"] == "/account"
    page = client.get("/account").text
    assert "Choose a password of your own first" in page
    assert 'href="/ward"' not in page.replace('class="brand" href="/ward"', "")
    assert "Sign out" in page
    fields = {**form(client, "/account", "/account/password"), "password": first}
    for chosen, again, says in (
        ("short", "short", "at least 15"),
        (PASSWORD, PASSWORD + "x", "two ways"),
        (first, first, "another password"),
        ("salus-maria-2026", "salus-maria-2026", "anybody would try"),
    ):
        sent = client.post("/account/password", data={**fields, "chosen": chosen, "again": again})
        assert sent.status_code == 422
        assert says in sent.text
    sent = client.post("/account/password", data={**fields, "chosen": PASSWORD, "again": PASSWORD})
    assert sent.status_code == 303
    assert client.get("/ward").status_code == 200
    with httpx.Client(base_url=client.base_url, cookies=before) as old:
        assert old.get("/account").status_code == 303, "the session of before has ended"
    client.cookies.clear()
    assert signed_in(client, "maria", first).status_code == 422


def test_a_second_factor_is_asked_for_and_each_of_its_codes_opens_once(site: Site, serve: Open) -> None:
    enter(site, "maria")
    client = serve()
    signed_in(client, "maria")
    seed, codes = enrolled(client)
    assert len(set(codes)) == 10
    out = {"data": form(client, "/ward", "/sign-out")}
    client.post("/sign-out", **out)
    used = code_of(seed)
    assert signed_in(client, "maria").status_code == 422, "the password alone"
    assert signed_in(client, "maria", code=used).status_code == 422, "the code that set it up"
    assert signed_in(client, "maria", code=code_of(seed, 1)).status_code == 303
    client.cookies.clear()
    assert signed_in(client, "maria", code=code_of(seed, 1)).status_code == 422, "a second time"
    assert signed_in(client, "maria", code=codes[0].lower()).status_code == 303
    client.cookies.clear()
    assert signed_in(client, "maria", code=codes[0]).status_code == 422, "a recovery code, a second time"
    assert spine.verify(site).intact


def test_staff_set_up_a_second_factor_before_anything_else(site: Site, serve: Open) -> None:
    enter(site, "maria")
    enter(site, "pat", "patient", subjects=("Patient/p1",))
    client = serve(replace(OPEN, sign_in=SignIn()))
    signed_in(client, "maria")
    assert client.get("/ward").headers["location"] == "/account"
    assert "Set up a second factor first" in client.get("/account").text
    enrolled(client)
    assert client.get("/ward").status_code == 200
    client.cookies.clear()
    signed_in(client, "pat")
    assert client.get("/account").status_code == 200
    assert "Set up a second factor first" not in client.get("/account").text


def test_an_operator_makes_resets_and_closes_accounts_and_nobody_else_finds_the_page(
    site: Site, serve: Open
) -> None:
    enter(site, "root-op", "operator")
    enter(site, "maria")
    client, other = serve(), serve()
    signed_in(other, "maria")
    assert other.get("/accounts").status_code == 404
    assert other.post("/accounts", data={"name": "x", "role": "operator"}).status_code == 404
    assert "/accounts" not in other.get("/ward").text
    signed_in(client, "root-op")
    fields = {**form(client, "/accounts", "/accounts"), "name": "kim", "role": "proxy"}
    assert "for whom they act" in client.post("/accounts", data=fields).text
    told = {"subject": "Patient/p1 Patient/p2", "since": "2026-01-01", "until": "2030-12-31"}
    shown = client.post("/accounts", data={**fields, **told}).text
    first = re.search(r"<code>([a-z0-9-]{24})</code>", shown)[1]  # type: ignore[index]
    made = accounts.account(site, "kim")
    assert (made.first, [subject for subject, _ in made.about]) == (True, ["Patient/p1", "Patient/p2"])
    with httpx.Client(base_url=client.base_url) as kim:
        assert signed_in(kim, "kim", first).status_code == 303
        reset = client.post("/accounts/kim/reset", data=form(client, "/accounts", "/accounts/kim/reset")).text
        assert first not in reset
        assert kim.get("/account").status_code == 303, "its sessions have ended"
        assert signed_in(kim, "kim", first).status_code == 422
    closing = form(client, "/accounts", "/accounts/maria/close")
    assert client.post("/accounts/maria/close", data=closing).status_code == 303
    assert other.get("/ward").status_code == 303
    assert not re.search(r'action="/accounts/root-op/close"', client.get("/accounts").text)
    assert ("user:root-op", "account") in deeds(site)


def test_the_first_operator_is_made_by_the_setup_code_and_once(site: Site, serve: Open) -> None:
    from hashlib import sha256

    client = serve(replace(OPEN, sign_in=SignIn(frozenset(), sha256(b"the-code").hexdigest())))
    assert client.get("/sign-in").headers["location"] == "/welcome"
    fields = {**form(client, "/welcome", "/welcome"), "name": "first", "password": PASSWORD}
    assert client.post("/welcome", data={**fields, "setup": "another"}).status_code == 422
    assert (
        "at least 15" in client.post("/welcome", data={**fields, "setup": "the-code", "password": "x"}).text
    )
    assert client.post("/welcome", data={**fields, "setup": " the-code "}).headers["location"] == "/account"
    assert accounts.account(site, "first").role == "operator"
    client.cookies.clear()
    assert client.get("/welcome").status_code == 404
    assert client.post("/welcome", data={**fields, "setup": "the-code"}).status_code == 404


def test_a_review_is_by_whoever_is_signed_in(site: Site, tmp_path: Path) -> None:
    import json

    from salus.core.consent import Actor

    export = tmp_path / "export.ndjson"
    export.write_text("".join(json.dumps(one) + "\n" for one in [doors.PATIENT, *doors.deteriorating()]))
    spine.read(site, str(export), actor=Actor("test"))
    enter(site, "maria", person="Practitioner/7", subjects=("Patient/p1",))
    with doors.served(site, OPEN) as client:
        signed_in(client, "maria")
        path = re.search(r'href="(/patients/\d+)"', client.get("/ward").text)[1]  # type: ignore[index]
        forms = _reviews(client.get(path).text)
        sent = client.post(f"{path}/reviews", data={**forms[0], "decision": "accepted"})
        assert sent.status_code == 303
    (review,) = site.store.reviews()
    assert review.by == "Practitioner/7"
    assert {entry.who for entry in site.store.entries() if entry.did == "look"} == {"Practitioner/7"}


def _reviews(text: str) -> list[dict[str, str]]:
    from tests.browser.ward_site import Page

    return [
        {key: value for key, value in each.items() if key != "action"}
        for each in Page(text).forms
        if "insight" in each
    ]


def test_while_the_store_is_away_who_was_signed_in_reads_on_and_nobody_else_does(
    site: Site, serve: Open
) -> None:
    enter(site, "maria")
    client = serve()
    signed_in(client, "maria")
    assert client.get("/ward").status_code == 200
    database = Path(site.path, "salus.db")
    database.rename(database.with_suffix(".away"))
    try:
        assert "does not answer" in client.get("/ward").text
        assert ">maria</a>" in client.get("/ward").text
        with httpx.Client(base_url=client.base_url) as stranger:
            assert stranger.get("/ward").status_code == 303
            stranger.cookies.set("salus", "x" * 43)
            sent = stranger.get("/ward")
            assert sent.status_code == 503
            assert "patient" not in re.sub(r"your patients|the patient", "", sent.text)
    finally:
        database.with_suffix(".away").rename(database)


def test_who_was_signed_out_while_writing_gets_the_words_back_and_the_way_to_the_page(
    site: Site, serve: Open
) -> None:
    enter(site, "maria")
    client = serve()
    came = {"referer": f"{client.base_url}/patients/1"}
    sent = client.post("/patients/1/reviews", data={"note": "<b>call me</b>"}, headers=came)
    assert sent.status_code == 403
    assert "&lt;b&gt;call me&lt;/b&gt;" in sent.text
    assert 'href="/sign-in?next=%2Fpatients%2F1"' in sent.text
    for elsewhere in ("https://evil.example/patients/1", "", "x"):
        sent = client.post("/patients/1/reviews", data={"note": "x"}, headers={"referer": elsewhere})
        assert 'href="/sign-in?next=%2F"' in sent.text


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "\\\\evil.example",
        "/sign-in", "/sign-out?x", "javascript:alert(1)", "", "ward", "/" + "x" * 600, "/\u202eward",
        "/%0a\n", "http:/evil.example",
    ],
)  # fmt: skip
def test_after_sign_in_nobody_is_led_elsewhere(text: str) -> None:
    assert next_path(text) == "/"


def test_after_sign_in_one_comes_back() -> None:
    for text in ("/ward", "/patients/7/record?from=20", "/audit?head=" + "0" * 64):
        assert next_path(text) == text
