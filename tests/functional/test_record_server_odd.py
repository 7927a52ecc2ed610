"""What a FHIR server cannot take or sends broken costs as little as can be, and is said."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from salus.cli import main
from salus.core.card import Need
from salus.core.errors import EvidenceError
from salus.record.archive import Archive
from salus.record.server import Server, read_server
from tests.functional.test_record_server import (
    EVERYTHING,
    NEEDS,
    PATIENT,
    Fake,
    bundle,
    fake,  # noqa: F401
    observation,
)

MANY = Need("all", "Observation", tuple(f"LOINC/{number}-0" for number in range(10_000, 10_300)))


def test_a_long_list_of_codes_is_asked_for_in_several_urls(fake: Fake, tmp_path: Path) -> None:  # noqa: F811
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Observation", bundle(observation(1)))
    account = read_server(fake.base, tmp_path / "a", [MANY])
    asked = [path for path in fake.asked if path.startswith("/fhir/Observation")]
    assert len(asked) > 1
    assert max(len(fake.base) + len(path) for path in asked) <= 1_900
    told = [part for path in asked for part in unquote(urlsplit(path).query).split("|")]
    assert sum(part.partition(",")[0].partition("&")[0].endswith("-0") for part in told) == 300
    assert account.subjects == 1
    assert [event.value for event in Archive.open(tmp_path / "a").timeline("p")].count(1.0) == 1


def test_a_url_that_is_too_long_costs_its_type(fake: Fake, tmp_path: Path) -> None:  # noqa: F811
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Observation", (414, {}, {}))
    account = read_server(fake.base, tmp_path / "a", NEEDS[:1])
    assert account.notes == ["passed over: Observation (HTTP 414; requests: 1)"]


@pytest.mark.parametrize("broken", ['"\\ud800"', '"\x01"', '"\\x"'])
def test_an_entry_with_half_a_character_costs_itself_alone(
    fake: Fake,  # noqa: F811
    tmp_path: Path,
    broken: str,
) -> None:
    page = bundle(observation(1), observation(2) | {"note": "HERE"}, following="next")
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Observation", json.dumps(page).replace('"HERE"', broken).encode())
    fake.says("/fhir/next", bundle(observation(3)))
    account = read_server(fake.base, tmp_path / "a", NEEDS[:1])
    assert [one.reason for one in account.rejected] == ["not JSON"]
    assert account.as_events == {"Patient": 1, "Observation": 2}


def test_a_byte_order_mark_costs_nothing(fake: Fake, tmp_path: Path) -> None:  # noqa: F811
    for path, page in (("Patient", PATIENT), ("Observation", observation(1))):
        fake.says(f"/fhir/{path}", b"\xef\xbb\xbf" + json.dumps(bundle(page)).encode())
    account = read_server(fake.base, tmp_path / "a", NEEDS[:1])
    assert (account.rejected, account.as_events) == ([], {"Patient": 1, "Observation": 1})


def test_an_id_of_dots_asks_for_nobody_else(fake: Fake, tmp_path: Path) -> None:  # noqa: F811
    fake.says("/fhir/metadata", EVERYTHING)
    fake.says("/fhir/Patient", bundle(PATIENT, *(PATIENT | {"id": one} for one in ("..", ".", "a%2Fb;c"))))
    fake.says("/fhir/Patient/p/$everything", bundle(observation(1)))
    fake.says("/fhir/Patient/a%252Fb%3Bc/$everything", bundle())
    account = read_server(fake.base, tmp_path / "a", NEEDS)
    assert account.notes == ["passed over: Patient (an id of dots cannot stand in a URL; requests: 2)"]
    assert [path.partition("?")[0] for path in fake.asked if "everything" in path] == [
        "/fhir/Patient/p/$everything",
        "/fhir/Patient/a%252Fb%3Bc/$everything",
    ]


def test_a_next_page_that_is_not_there_says_what_to_do(
    fake: Fake,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake.says("/fhir/Patient", bundle(PATIENT, following="gone"))
    assert main(["read", fake.base, "--archive", str(tmp_path / "a"), "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert (told["error"], told["code"]) == ("EvidenceError", 4)
    assert "its own link to the next page: read again" in told["says"]
    fake.says("/fhir/Patient", (404, {}, {}))
    assert main(["read", fake.base, "--archive", str(tmp_path / "b"), "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"] == "EvidenceError"


def test_a_page_that_is_nothing_is_still_none(fake: Fake) -> None:  # noqa: F811
    fake.says("/fhir/Observation", b'{"resourceType": "Bundle", "entry": [{"x": "\\ud800"')
    with Server.at(fake.base) as server, pytest.raises(EvidenceError, match="no Bundle"):
        list(server.search("Observation", {}))
