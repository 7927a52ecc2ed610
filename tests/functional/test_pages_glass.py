"""What may be withheld is said on every patient's page alike, and a clinician opens it with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from salus.core.consent import WITHHELD
from salus.spine import permit
from salus.spine.permits import seen_by
from salus.spine.site import Site
from tests import doors
from tests.functional.test_consent import ANNA, BERT, OPEN, person, read, withdraw

TOKEN = re.compile(r'name="token" value="[^"]*"')


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = doors.live_site(tmp_path / "site")
    read(opened, *person("anna"), *person("bert"))
    yield opened
    opened.close()


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with doors.served(site, OPEN) as served:
        yield served


def page(site: Site, subject: str) -> str:
    return f"/patients/{site.archive.number(subject)}"


def glass(text: str) -> str:
    """Return what a page says of what may be withheld, without the numbers that differ."""
    (found,) = re.findall(r'<div class="glass">.*?</details></div>', text, re.DOTALL)
    return re.sub(r"/patients/\d+", "/patients/N", TOKEN.sub("", found))


def press(client: httpx.Client, path: str, because: str, **how: Any) -> httpx.Response:
    """Press the button on a page, as a browser sends it."""
    form = client.get(path).text.partition('<div class="glass">')[2]
    token = re.search(r'name="token" value="([^"]+)"', form)
    sent = {"token": token[1] if token else "", "because": because, **how}
    return client.post(f"{path.removesuffix('/record')}/open", data=sent)


def test_the_line_and_the_form_are_the_same_on_every_page_about_a_patient(
    site: Site, client: httpx.Client
) -> None:
    withdraw(site, ANNA, "care", scope=("label:HIV",))
    paths = [page(site, one) for one in (ANNA, BERT)] + ["/patients/987654321"]
    said = {glass(client.get(f"{path}{more}").text) for path in paths for more in ("", "/record")}
    assert len(said) == 1
    assert WITHHELD in said.pop()


def test_who_is_closed_and_who_is_not_here_are_told_of_alike(site: Site, client: httpx.Client) -> None:
    closed, absent = page(site, ANNA), "/patients/987654321"
    withdraw(site, ANNA, "care")
    for more in ("", "/record"):
        answers = [client.get(f"{path}{more}") for path in (closed, absent)]
        bare = [re.sub(r"/patients/\d+", "", TOKEN.sub("", one.text)) for one in answers]
        assert bare[0] == bare[1]
        assert [one.status_code for one in answers] == [404, 404]
        assert "Not available" in bare[0]
    # A reason that is none is said before anybody is looked up.
    empty = [press(client, path, " ") for path in (closed, absent)]
    assert {one.status_code for one in empty} == {422}
    assert len({glass(one.text) for one in empty}) == 1
    assert press(client, absent, "unconscious, no history").status_code == 404
    assert list(permit.opened(site)) == []


def test_a_reason_opens_it_for_who_gave_it_and_stands_in_the_ledger(site: Site, client: httpx.Client) -> None:
    withdraw(site, ANNA, "care")
    path = page(site, ANNA)
    answer = press(client, path, "unconscious, no history")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    shown = client.get(path).text
    assert "Opened in an emergency" in shown
    assert "unconscious, no history" in shown
    assert '<div class="glass">' not in shown
    (grant,) = permit.opened(site)
    assert (grant.actor, grant.subject, grant.reason) == (OPEN.actor.id, ANNA, "unconscious, no history")
    assert seen_by(site, OPEN.actor).subject(ANNA)
    assert [entry.did for entry in site.store.entries()].count("break-glass") == 1
    events = client.get("/fhir/AuditEvent?_count=200").json()["entry"]
    codes = [one["resource"]["type"]["code"] for one in events]
    assert codes.count("110127") == 1


def test_only_our_own_form_opens_anything(site: Site, client: httpx.Client) -> None:
    withdraw(site, ANNA, "care")
    path = page(site, ANNA)
    assert press(client, path, "because", token="made-up").status_code == 403
    form = client.get(path).text.partition('<div class="glass">')[2]
    sent = {"token": re.findall(r'name="token" value="([^"]+)"', form)[0], "because": "because"}
    strange = {"Sec-Fetch-Site": "cross-site"}
    assert client.post(f"{path}/open", data=sent, headers=strange).status_code == 403
    assert client.post(f"{page(site, BERT)}/open", data=sent).status_code == 403, "a form of another patient"
    assert list(permit.opened(site)) == []


@pytest.mark.parametrize("because", ["", " \n ", "\u200b", "a\0b", "x" * 2001])
def test_a_reason_that_nobody_could_read_opens_nothing(
    site: Site, client: httpx.Client, because: str
) -> None:
    answer = press(client, page(site, ANNA), because)
    assert answer.status_code == 422
    assert "Not opened yet" in answer.text
    assert list(permit.opened(site)) == []
