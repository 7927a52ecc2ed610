"""Who cares for whom, as the record itself says it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from salus.record.archive import Archive
from salus.record.bulk import read_place
from salus.record.care import Tie, ties

DAY = {"start": "2024-03-01", "end": "2024-03-02"}


def held(place: Path, *resources: dict[str, Any]) -> list[Tie]:
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "generalPractitioner": [{"reference": "Practitioner/gp"}],
    }
    lines = [json.dumps(one) for one in (patient, *resources)]
    (place / "in.ndjson").write_text("\n".join(lines))
    read_place(str(place / "in.ndjson"), place / "archive")
    return list(ties(Archive.open(place / "archive")))


def test_who_is_named_beside_a_patient_cares_for_them(tmp_path: Path) -> None:
    whose = {"subject": {"reference": "Patient/p"}}
    found = held(
        tmp_path,
        {"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "AMB"}, **whose,
         "participant": [{"individual": {"reference": "Practitioner/d"}}], "period": DAY,
         "serviceProvider": {"reference": "Organization/o"}},
        {"resourceType": "CareTeam", "id": "t", "status": "active", **whose, "managingOrganization": [
            {"reference": "Organization/h"}], "participant": [
            {"member": {"reference": "https://ehr.example/fhir/Practitioner/n"}},
            {"member": {"reference": "Patient/p"}}, {"member": {"reference": "RelatedPerson/r"}}]},
    )  # fmt: skip
    who = {(one.who, one.source) for one in found}
    assert who == {
        ("Practitioner/gp", "Patient/p"), ("Organization/o", "Encounter/e"),
        ("Practitioner/d", "Encounter/e"), ("Organization/h", "CareTeam/t"), ("Practitioner/n", "CareTeam/t"),
    }  # fmt: skip
    (stay,) = [one for one in found if one.who == "Practitioner/d"]
    assert stay.start == datetime(2024, 3, 1, tzinfo=UTC)
    assert stay.end is not None and stay.end.date().isoformat() == "2024-03-02"
    last = datetime(2024, 3, 2, 23, tzinfo=UTC)
    assert (stay.holds(last), stay.holds(last + timedelta(days=1))) == (True, False)
    assert stay.holds(last + timedelta(days=1), after=timedelta(days=2))
    assert not stay.holds(datetime(2024, 2, 29, tzinfo=UTC))


def test_what_never_was_or_cannot_be_read_ties_nobody(tmp_path: Path) -> None:
    visit = {"resourceType": "Encounter", "class": {"code": "AMB"}, "subject": {"reference": "Patient/p"},
             "participant": [{"individual": {"reference": "Practitioner/d"}}]}  # fmt: skip
    found = held(
        tmp_path,
        {**visit, "id": "a", "status": "cancelled"},
        {**visit, "id": "b", "status": "entered-in-error"},
        {**visit, "id": "c", "status": "finished", "period": {"start": "last week"}},
        {**visit, "id": "d", "status": "finished", "participant": [{"individual": {"display": "Dr No"}}]},
    )
    assert {one.who for one in found} == {"Practitioner/gp"}
