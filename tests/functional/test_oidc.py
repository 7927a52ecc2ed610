"""Signing in with a real identity provider: npm's oidc-provider, driven as a browser would drive it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from salus import spine
from salus.core.errors import UserError
from salus.delivery import auth
from salus.delivery.app import Settings
from salus.delivery.oidc import Oidc, read_oidc
from salus.delivery.settings import SignIn
from salus.spine import accounts
from salus.spine.site import Site
from tests import doors
from tests.conftest import ROOT, absent

HERE = "http://127.0.0.1:8000"
ROLES = (("clinicians", "clinician"), ("it", "operator"), ("patients", "patient"))
Served = Callable[..., httpx.Client]


@contextmanager
def provider(port: int, kid: str = "one") -> Iterator[str]:
    """Run the identity provider; yield its issuer."""
    if not (shutil.which("node") and shutil.which("npm")):
        absent("needs Node and npm: scripts/debian-packages nodejs npm")
    told = [str(ROOT / "scripts" / "oidc_provider.sh"), str(port), f"{HERE}/sign-in/back", kid]
    process = subprocess.Popen(told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready", process.stderr and process.stderr.read()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with provider(port) as found:
        yield found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = spine.open_site(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
def how(issuer: str) -> Oidc:
    return Oidc(issuer, "salus", ROLES, "a-secret-of-the-tests", label="the hospital")


def settings(how: Oidc) -> Settings:
    return Settings(HERE, insecure_no_jwt=True, sign_in=SignIn(oidc=how))


def sent_off(client: httpx.Client, there: str = "/models") -> str:
    """Open the link of the sign-in page; return the address at the provider."""
    page = client.get("/sign-in", params={"next": there}).text
    link = re.search(r'href="(/sign-in/provider\?next=[^"]+)"', page)
    assert link is not None
    return client.get(link[1]).headers["location"]


def at_provider(address: str, who: str) -> str:
    """Sign in at the provider as a person does, and agree; return the address that it sends them back to."""
    with httpx.Client(timeout=30) as browser:
        answer = browser.get(address)
        for _ in range(12):
            if answer.status_code in (302, 303):
                there = str(answer.next_request.url) if answer.next_request else ""
                if there.startswith(f"{HERE}/sign-in/back"):
                    return there
                answer = browser.get(there)
                continue
            assert answer.status_code == 200, answer.text
            action = re.search(r'<form[^>]+action="([^"]+)"', answer.text)
            assert action is not None
            fields = dict(re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', answer.text))
            answer = browser.post(action[1], data={**fields, "login": who, "password": "anything"})
    raise AssertionError("the provider never sent anybody back")


def come_back(client: httpx.Client, address: str) -> httpx.Response:
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")


def test_who_signs_in_there_is_signed_in_here_with_the_role_that_the_table_gives(
    site: Site, how: Oidc
) -> None:
    with doors.served(site, settings(how)) as client:
        address = sent_off(client, "/models/news2")
        asked = parse_qs(urlsplit(address).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert {"state", "nonce", "code_challenge"} <= set(asked)
        came = come_back(client, at_provider(address, "maria"))
        assert (came.status_code, came.headers["location"]) == (303, "/models/news2")
        page = client.get("/models/news2").text
    (held,) = accounts.accounts(site)
    assert (held.role, held.person, held.issuer) == ("clinician", "Practitioner/7", how.issuer)
    assert held.name.startswith("maria-")
    assert held.name in page
    assert [(entry.who, entry.did) for entry in site.store.entries()][-2:] == [
        ("Practitioner/7", "account"),
        ("Practitioner/7", "sign-in"),
    ]
    assert spine.verify(site).intact


def test_a_second_sign_in_is_the_same_account_and_a_patient_is_bound_to_their_record(
    site: Site, how: Oidc
) -> None:
    with doors.served(site, settings(how)) as client:
        for _ in range(2):
            client.cookies.clear()
            assert come_back(client, at_provider(sent_off(client), "pat")).status_code == 303
    (held,) = accounts.accounts(site)
    assert (held.role, held.actor.id) == ("patient", "Patient/7")
    assert [subject for subject, _ in held.about] == ["Patient/7"]
    assert [entry.did for entry in site.store.entries()].count("account") == 1


def test_who_has_no_role_or_a_closed_account_is_not_let_in(site: Site, how: Oidc) -> None:
    with doors.served(site, settings(how)) as client:
        came = come_back(client, at_provider(sent_off(client), "nobody"))
        assert (came.status_code, "no role here" in came.text) == (403, True)
        came = come_back(client, at_provider(sent_off(client), "elsewhere"))
        assert (came.status_code, accounts.accounts(site)) == (403, []), "another server's Patient/7"
        come_back(client, at_provider(sent_off(client), "olga"))
        accounts.close(site, accounts.accounts(site)[0].name, by="test")
        assert client.get("/models").status_code == 303, "closed at once"
        assert come_back(client, at_provider(sent_off(client), "olga")).status_code == 403
    did = [entry.did for entry in site.store.entries()]
    assert did.count("refused-sign-in") == 2


def test_other_groups_at_the_provider_are_other_rights_here_and_end_the_sessions_of_before(
    site: Site, how: Oidc
) -> None:
    with doors.served(site, settings(how)) as first:
        come_back(first, at_provider(sent_off(first), "maria"))
        kept = dict(first.cookies)
    changed = replace(how, roles=(("everybody", "researcher"),))
    with doors.served(site, settings(changed)) as client:
        old = {"cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
        assert httpx.get(f"{client.base_url}/models", headers=old).status_code == 200
        come_back(client, at_provider(sent_off(client), "maria"))
        assert httpx.get(f"{client.base_url}/models", headers=old).status_code == 303
    (held,) = accounts.accounts(site)
    assert held.role == "researcher"


def test_what_comes_back_is_taken_once_and_only_where_it_was_begun(site: Site, how: Oidc) -> None:
    with doors.served(site, settings(how)) as client:
        address = at_provider(sent_off(client), "maria")
        with httpx.Client(base_url=client.base_url) as another:
            assert come_back(another, address).status_code == 403, "another browser"
        assert come_back(client, re.sub(r"state=[^&]+", "state=x", address)).status_code == 403
        assert come_back(client, address).status_code == 303
        assert come_back(client, address).status_code == 403, "a second time"
        for wrong in ("error=access_denied", "code=x", "code=x&iss=https%3A%2F%2Fevil.example"):
            state = parse_qs(urlsplit(sent_off_anew(client)).query)["state"][0]
            came = client.get(f"/sign-in/back?state={state}&{wrong}")
            assert came.status_code == 403, wrong
            assert "not signed in" in came.text


def sent_off_anew(client: httpx.Client) -> str:
    client.cookies.delete("salus")
    return sent_off(client)


def test_another_site_cannot_send_anybody_off(site: Site, how: Oidc) -> None:
    with doors.served(site, settings(how)) as client:
        sent = client.get("/sign-in/provider", headers={"sec-fetch-site": "cross-site"})
    assert sent.headers["location"] == "/sign-in"


def test_a_provider_that_signs_with_a_new_key_is_believed_once_it_publishes_it(
    site: Site, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_ASK_AGAIN_S", -1)
    how = Oidc(f"http://127.0.0.1:{free_port}", "salus", ROLES, "a-secret-of-the-tests")
    with doors.served(site, settings(how)) as client:
        assert client.get("/sign-in/provider").status_code == 503, "nobody is there yet"
        for kid in ("one", "two"):
            with provider(free_port, kid):
                client.cookies.clear()
                assert come_back(client, at_provider(sent_off(client), "maria")).status_code == 303, kid


def test_a_file_says_what_the_words_of_a_provider_mean(tmp_path: Path) -> None:
    place, secret = tmp_path / "oidc.json", tmp_path / "secret"
    secret.write_text("s3cret\n")
    told = {
        "issuer": "https://login.example",
        "client_id": "salus",
        "client_secret_file": str(secret),
        "roles": {"doctors": "clinician"},
        "acr": ["mfa"],
    }
    place.write_text(json.dumps(told))
    found = read_oidc(str(place))
    assert (found.roles, found.client_secret, found.acr) == ((("doctors", "clinician"),), "s3cret", ("mfa",))
    assert "s3cret" not in repr(found)
    for wrong in (
        {"issuer": "http://login.example"},
        {"issuer": "login.example"},
        {"roles": {"x": "king"}},
        {"roles": {"x": "proxy"}},
        {"unknown": 1},
        {"client_secret_file": "/no/such"},
        {"client_id": 7},
    ):
        place.write_text(json.dumps({**told, **wrong}))
        with pytest.raises(UserError, match=r"--oidc|https only"):
            read_oidc(str(place))
    with pytest.raises(UserError):
        read_oidc(str(tmp_path / "none.json"))
