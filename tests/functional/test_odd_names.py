"""A name that no store can hold costs its own resource when it is read, and never what was read before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.cli import main
from salus.core.consent import Actor
from salus.spine.site import Site
from tests import doors
from tests.store_fixtures import empty_url_fixture  # noqa: F401
from tests.unit.test_record_fhir import refused, resource

WHO = Actor("Practitioner/7")
HIDDEN = ["\0", "\x07", "\x85", "\u202e", "\u200b"]


def of(patient: str, suffix: str) -> list[dict[str, Any]]:
    """Return a patient in need of help, whose vital signs end in `suffix`."""
    made = [one | {"id": f"{patient}-{one['id']}{suffix}"} for one in doors.deteriorating()]
    made = [one | {"subject": {"reference": f"Patient/{patient}"}} for one in made]
    return [doors.PATIENT | {"id": patient}, *made]


def export(path: Path, *resources: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in resources))
    return str(path)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_nobody_sees_makes_no_name(hidden: str) -> None:
    inside = resource(id=f"r{hidden}", valueInteger=80)
    for one, element in (
        (resource(id=f"v{hidden}"), "$.id"),
        (resource("Patient", id=f"p{hidden}"), "$.id"),
        (resource(subject={"reference": f"Patient/p{hidden}"}), "the reference to the patient"),
        (resource("DiagnosticReport", contained=[inside]), "$.contained.id"),
    ):
        assert refused(one) == f"wrong shape: {element}"


def test_one_such_patient_leaves_the_ward_to_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = export(tmp_path / "x.ndjson", *of("p1", ""), *of("p9", "\0"))
    assert main(["read", place, "--archive", str(tmp_path / "a"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rejected"]) == 5
    demo = ["demo", "--from", place, "--no-serve", "--json", "--archive", str(tmp_path / "d")]
    assert main(demo) == 0
    ward = json.loads(capsys.readouterr().out)["ward"]
    assert next(one for one in ward if one["subject"] == "Patient/p1")["urgency"] == "now"


@pytest.fixture(name="site")
def site_fixture(tmp_path: Path, empty_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site that was read while such names were taken, with every model live."""
    opened = spine.open_site(tmp_path / "site", empty_url)
    for model in spine.models(opened):
        spine.approve(opened, model.name, by="Dr Test", because="test")
    with monkeypatch.context() as patched:
        for module in ("fhir_decode", "sheets"):
            patched.setattr(f"salus.record.{module}.is_id", bool)
        everybody = [*of("p1", ""), *of("p9", "\0"), *of("p0\0", "")]
        spine.read(opened, export(tmp_path / "x.ndjson", *everybody), actor=WHO)
    yield opened
    opened.close()


def test_whose_answer_cannot_be_written_blanks_nobody_elses(site: Site) -> None:
    rows = {row.subject: row for row in spine.ward(site, actor=WHO)}
    assert str(rows["Patient/p1"].urgency) == "now"
    for odd in ("Patient/p9", "Patient/p0\0"):
        assert rows[odd].urgency is None
        assert all(insight.failed for insight in rows[odd].insights)
    assert spine.verify(site).intact
    with doors.served(site) as client:
        page = client.get("/ward")
        assert page.status_code == 200
        assert page.text.count("cannot be written down") >= 2


def test_what_cannot_be_kept_leaves_no_read_open(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (before,) = spine.consult(site, actor=WHO, subject="Patient/p1", asks=["news2"])
    corrected = [one | {"status": "amended"} for one in (*of("p1", "")[1:], *of("p9", "\0")[1:])]
    for module in ("fhir_decode", "sheets"):
        monkeypatch.setattr(f"salus.record.{module}.is_id", bool)
    spine.read(site, export(tmp_path / "y.ndjson", *corrected), actor=WHO)
    newest = site.store.newest("begin", "read", "abandon")
    assert newest is not None
    assert newest[0].did == "read"
    assert before.id in site.store.stale([before.id])
