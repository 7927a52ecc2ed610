"""What an order's drug is called, and was called then, when the Medication that it names is corrected."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from salus.record.account import Account
from salus.record.archive import Archive
from salus.record.bulk import read_place
from salus.record.drugs import called
from salus.record.fhir import bundle

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def day(number: int) -> datetime:
    return datetime(2026, 1, number, 12, tzinfo=UTC)


def medication(code: str, updated: int | None = None, number: int | None = None) -> dict[str, Any]:
    meta = {"lastUpdated": updated and day(updated).isoformat(), "versionId": number and str(number)}
    coding = [{"system": RXNORM, "code": code}, {"system": "urn:local", "code": f"L{code}"}]
    told = {name: value for name, value in meta.items() if value}
    return {"resourceType": "Medication", "id": "m", "code": {"coding": coding}} | (
        {"meta": told} if told else {}
    )


def order(name: str = "r", written: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest", "id": name, "status": "active", "intent": "order",
        "subject": {"reference": "Patient/p"}, "authoredOn": day(written).isoformat(),
        "medicationReference": {"reference": "Medication/m"}, **more,
    }  # fmt: skip


GIVEN = {
    "resourceType": "MedicationAdministration", "id": "g", "status": "completed",
    "subject": {"reference": "Patient/p"}, "effectiveDateTime": day(2).isoformat(),
    "medicationReference": {"reference": "https://a.example/fhir/Medication/m"},
}  # fmt: skip
PULSE = {
    "resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"},
    "effectiveDateTime": day(1).isoformat(), "valueInteger": 7,
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
}  # fmt: skip


def read(root: Path, *reads: list[dict[str, Any]]) -> tuple[Archive, Account]:
    for resources in reads:
        place = root / "in.ndjson"
        place.write_text("".join(f"{json.dumps(one)}\n" for one in resources))
        account = read_place(str(place), root / "a")
        assert account.unaccounted() == 0
    return Archive.open(root / "a"), account


def drugs(archive: Archive, at: int | None = None) -> dict[str, list[tuple[str, ...]]]:
    whole = archive.timeline("p")
    found: dict[str, list[tuple[str, ...]]] = {}
    for event in archive.stood(whole, day(at)) if at else whole:
        if event.kind.startswith("Medication"):
            found.setdefault(event.source.partition("/")[2], []).append(event.codes)
    return found


def codes(code: str) -> list[tuple[str, ...]]:
    return [(f"RxNorm/{code}", f"urn:local|L{code}")]


OLD, NEW = medication("1", 1, 1), medication("2", 9, 2)


@pytest.mark.parametrize(
    "reads",
    [
        [[OLD, order(), GIVEN, PULSE], [NEW]],
        [[order(), GIVEN, PULSE], [OLD], [NEW]],
        [[order(), GIVEN, OLD], [NEW, PULSE]],
        [[OLD, NEW, order(), GIVEN]],
        [[NEW, OLD, order(), GIVEN]],
        [[order(), GIVEN, NEW], [OLD]],
        [[OLD], [NEW], [order(), GIVEN]],
        [[NEW], [order()], [OLD, GIVEN]],
        [[OLD, order(), GIVEN], [NEW], [OLD], [NEW], [PULSE]],
        [[OLD, order(), GIVEN], [NEW], [order(), GIVEN]],
    ],
)
def test_orders_are_called_as_their_medication_is_and_as_it_was_then(tmp_path: Path, reads: Any) -> None:
    archive, _ = read(tmp_path, [{"resourceType": "Patient", "id": "p"}], *reads)
    assert drugs(archive) == {"r": codes("2"), "g": codes("2")}
    assert drugs(archive, 8) == {"r": codes("1"), "g": codes("1")}
    assert drugs(archive, 10) == {"r": codes("2"), "g": codes("2")}
    assert archive.scan().filter(code="RxNorm/1").collect().height == 0


def test_what_was_written_after_the_correction_was_never_called_otherwise(tmp_path: Path) -> None:
    archive, account = read(tmp_path, [OLD, order(), order("late", 20)], [NEW])
    assert drugs(archive, 8)["late"] == codes("2")
    assert account.changed == ["Medication/m", "MedicationRequest/r", "MedicationRequest/late"]


def test_a_corrected_medication_without_a_moment_counts_for_every_instant(tmp_path: Path) -> None:
    archive, account = read(tmp_path, [medication("1"), order()], [medication("2")])
    assert drugs(archive) == drugs(archive, 1) == {"r": codes("2")}
    assert "MedicationRequest/r" in account.changed


def test_a_medication_that_comes_late_names_its_orders_and_says_that_they_changed(tmp_path: Path) -> None:
    archive, account = read(tmp_path, [order()], [OLD])
    assert drugs(archive) == {"r": codes("1")}
    assert account.changed == ["MedicationRequest/r"]


@pytest.mark.parametrize("turn", [*permutations(range(3))])
def test_three_versions_in_any_order_of_reading(tmp_path: Path, turn: tuple[int, ...]) -> None:
    versions = [OLD, medication("2", 5, 2), medication("3", 9, 3)]
    archive, _ = read(tmp_path, [order()], *([versions[at]] for at in turn), [GIVEN])
    for at, code in ((3, "1"), (6, "2"), (10, "3")):
        assert drugs(archive, at) == {"r": codes(code), "g": codes(code)}


@pytest.mark.parametrize("turn", [*permutations(range(3))])
def test_an_order_that_is_corrected_too(tmp_path: Path, turn: tuple[int, ...]) -> None:
    """The order stops on the fifth, and its Medication is renamed before or after."""
    stopped = order("r", 5, status="stopped", meta={"versionId": "2"})
    first = [OLD, order("r", 1, meta={"versionId": "1"})]
    for name, renamed in (("before", 3), ("after", 9)):
        root = tmp_path / name
        root.mkdir()
        parts = [[stopped], [medication("2", renamed, 2)], [PULSE]]
        archive, _ = read(root, first, *(parts[at] for at in turn))
        for at in (2, 4, 6, 10):
            (event,) = [
                one for one in archive.stood(archive.timeline("p"), day(at)) if one.source[-2:] == "/r"
            ]
            assert event.status == ("active" if at < 5 else "stopped"), (name, at)
            assert event.codes[0] == ("RxNorm/1" if at < renamed else "RxNorm/2"), (name, at)


def test_an_order_that_says_itself_which_drug_it_is_keeps_it(tmp_path: Path) -> None:
    own = order("own", medicationCodeableConcept={"coding": [{"system": RXNORM, "code": "7"}]})
    archive, account = read(tmp_path, [OLD, own, order()], [NEW])
    assert drugs(archive) == {"own": [("RxNorm/7",)], "r": codes("2")}
    assert "MedicationRequest/own" not in account.changed


def test_a_reference_to_an_entry_of_a_bundle_is_followed_too(tmp_path: Path) -> None:
    urn = "urn:uuid:0b7c7d4e-0000-4000-8000-000000000002"

    def whole(drug: dict[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
        entries = [{"fullUrl": urn, "resource": {**drug, "id": None}}, *({"resource": one} for one in more)]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}

    named = order(medicationReference={"reference": urn})
    archive, account = read(tmp_path, [whole(OLD, named)], [whole(NEW)])
    assert drugs(archive) == {"r": codes("2")} and drugs(archive, 3) == {"r": codes("1")}
    assert "MedicationRequest/r" in account.changed


def test_a_prefetch_is_called_as_the_newest_version_too() -> None:
    entries = [{"resource": one} for one in (NEW, OLD, order())]
    raw = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
    (timeline,), _ = bundle(raw, "x")
    assert [event.codes for event in timeline] == codes("2")


def test_a_third_version_may_have_counted_before_the_second() -> None:
    line = [(("a",), None), (("b",), day(5)), (("c",), day(3)), (("d",), day(9))]
    told = [(one.codes, one.start and one.start.day, one.end and one.end.day) for one in called(line)]
    assert told == [(("a",), None, 3), (("c",), 3, 9), (("d",), 9, None)]
