"""The decoder: what each element of FHIR R4 becomes, and what is refused with which reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from salus.core.codes import DEATH, ValueSet, uri
from salus.core.evidence import Absence, Event, Timeline
from salus.record import fhir
from salus.record.archive import Archive
from salus.record.bulk import read_place

UCUM = "http://unitsofmeasure.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ROLES = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
AT = "2026-11-02T08:00:00+01:00"
SEVEN = datetime(2026, 11, 2, 7, tzinfo=UTC)


def resource(kind: str = "Observation", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": kind,
        "id": "1",
        "status": "final",
        "subject": {"reference": "Patient/p"},
    }
    if kind == "Observation":
        made |= {"code": loinc("8867-4"), "effectiveDateTime": AT}
    made |= more
    return {name: value for name, value in made.items() if value is not None}


def loinc(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": code}]}


def snomed(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://snomed.info/sct", "code": code}]}


def events(*resources: dict[str, Any], subject: str = "Patient/p") -> tuple[Event, ...]:
    entries = [{"resource": one} for one in resources]
    timelines, account = fhir.bundle(json.dumps({"resourceType": "Bundle", "entry": entries}).encode(), "b")
    assert not account.rejected, account.rejected
    assert account.unaccounted() == 0
    return {one.subject: one.events for one in timelines}[subject]


def refused(one: dict[str, Any] | bytes) -> str:
    raw = one if isinstance(one, bytes) else json.dumps(one).encode()
    timelines, account = fhir.bundle(raw, "b")
    assert not timelines
    assert account.resources == len(account.rejected) == 1
    return account.rejected[0].reason


def test_quantity_time_and_zone() -> None:
    (event,) = events(
        resource(valueQuantity={"value": 88.5, "unit": "beats", "system": UCUM, "code": "/min"},
                 issued="2026-11-02T08:05:00Z")
    )  # fmt: skip
    assert (event.code, event.value, event.unit) == ("LOINC/8867-4", 88.5, "/min")
    assert (event.time, event.known_at) == (SEVEN, datetime(2026, 11, 2, 8, 5, tzinfo=UTC))
    assert (event.status, event.source, event.kind) == ("final", "Observation/1", "Observation")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueQuantity": {"value": 5, "unit": "mg"}}, (5.0, "mg", None)),
        ({"valueQuantity": {"value": 5, "code": "ml", "system": "urn:x"}}, (5.0, "ml", None)),
        ({"valueQuantity": {"value": 3, "unit": "ng/L", "comparator": "<"}}, (3.0, "ng/L", "<")),
        ({"valueCodeableConcept": snomed("248234008")}, ("SNOMED/248234008", None, None)),
        ({"valueCodeableConcept": {"text": "alert"}}, ("alert", None, None)),
        ({"valueString": "clear"}, ("clear", None, None)),
        ({"valueBoolean": True}, (True, None, None)),
        ({"valueInteger": 15}, (15.0, None, None)),
        ({"valueRange": {"low": {"value": 5, "unit": "mg"}}}, (5.0, "mg", ">=")),
        ({"valueRange": {"high": {"value": 5, "unit": "mg"}}}, (5.0, "mg", "<=")),
        ({"valueRange": {"low": {"value": 1}, "high": {"value": 2}}}, ("1.0..2.0", None, None)),
        (
            {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}},
            ("1.0 : 128.0", None, None),
        ),
        (
            {"valueSampledData": {"origin": {"value": 0, "unit": "mV"}, "data": "1 2 E"}},
            ("1 2 E", "mV", None),
        ),
        ({"valueTime": "14:30:00"}, ("14:30:00", None, None)),
        ({"valueDateTime": "2026-01"}, ("2026-01", None, None)),
        ({"valuePeriod": {"start": "2026", "end": "2027"}}, ("2026/2027", None, None)),
        ({}, (None, None, None)),
    ],
)
def test_every_type_of_value(value: dict[str, Any], expected: tuple[Any, ...]) -> None:
    (event,) = events(resource(**value))
    assert (event.value, event.unit, event.comparator) == expected
    assert type(event.value) is type(expected[0])


@pytest.mark.parametrize(
    ("reason", "absence"),
    [
        ("masked", Absence.WITHHELD),
        ("not-performed", Absence.NOT_MEASURED),
        ("not-asked", Absence.NOT_MEASURED),
        ("asked-declined", Absence.NOT_MEASURED),
        ("unknown", Absence.NOT_SENT),
        ("not-permitted", Absence.WITHHELD),
        ("error", Absence.UNREADABLE),
        ("as-text", Absence.UNREADABLE),
        ("not-a-number", Absence.UNREADABLE),
        ("NaN", Absence.UNREADABLE),
        ("anything-else", Absence.NOT_SENT),
    ],
)
def test_absence_has_four_kinds(reason: str, absence: Absence) -> None:
    (event,) = events(resource(dataAbsentReason={"coding": [{"code": reason}]}))
    assert event.value is absence


def test_components_and_their_absence() -> None:
    parts = [
        {"code": loinc("8480-6"), "valueQuantity": {"value": 120, "unit": "mmHg"}},
        {"code": loinc("8462-4"), "dataAbsentReason": {"coding": [{"code": "not-performed"}]}},
    ]
    found = {event.code: event for event in events(resource(code=loinc("85354-9"), component=parts))}
    assert found["LOINC/85354-9"].value is None
    assert found["LOINC/8480-6"].value == 120.0
    assert found["LOINC/8462-4"].value is Absence.NOT_MEASURED
    assert {event.source for event in found.values()} == {"Observation/1"}


def test_a_condition_says_how_sure_it_is() -> None:
    status = {"coding": [{"code": "active"}]}

    def said(verification: str) -> str | None:
        (event,) = events(
            resource("Condition", status=None, code=snomed("49436004"), clinicalStatus=status,
                     onsetDateTime="2020", recordedDate="2024-05-01", abatementDateTime="2021-06",
                     verificationStatus={"coding": [{"code": verification}]})
        )  # fmt: skip
        assert event.time == datetime(2020, 1, 1, tzinfo=UTC)
        assert event.known_at == datetime(2024, 5, 1, tzinfo=UTC)
        assert event.end == datetime(2021, 6, 30, 23, 59, 59, 999999, tzinfo=UTC)
        return event.status

    assert said("confirmed") == "active"
    assert said("refuted") == "refuted"
    assert said("provisional") == "provisional"


def test_what_a_relative_has_is_not_the_patients() -> None:
    (event,) = events(
        resource("FamilyMemberHistory", subject=None, patient={"reference": "Patient/p"}, status="completed",
                 relationship={"coding": [{"system": ROLES, "code": "FTH"}]},
                 condition=[{"code": snomed("44054006")}])
    )  # fmt: skip
    assert event.value == "SNOMED/44054006"
    assert "SNOMED/44054006" not in event.codes


def test_patient_becomes_sex_birth_and_death() -> None:
    found = events({"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1950-03-04",
                    "deceasedDateTime": "2020-01-02"})  # fmt: skip
    by_code = {event.code: event for event in found}
    assert by_code["LOINC/46098-0"].value == "female"
    assert by_code["LOINC/46098-0"].known_at is None
    assert by_code["MEDS_BIRTH"].time == datetime(1950, 3, 4, tzinfo=UTC)
    assert by_code["MEDS_BIRTH"].known_at is None
    assert by_code["MEDS_DEATH"].known_at == datetime(2020, 1, 2, tzinfo=UTC)


def test_a_drug_is_found_through_bundle_and_contained_references() -> None:
    code = {"coding": [{"system": RXNORM, "code": "1"}]}
    drug = {"resourceType": "Medication", "id": "m", "code": code}
    order = resource("MedicationRequest", status="active", medicationReference={"reference": "Medication/m"})
    assert events(order, drug)[0].code == "RxNorm/1"
    inside = resource(
        "MedicationRequest", status="active", contained=[drug], medicationReference={"reference": "#m"}
    )
    assert events(inside)[0].code == "RxNorm/1"
    assert events(order)[0].code == "Medication/m"


@pytest.mark.parametrize(
    ("named", "codes"),
    [
        ({"reference": "Medication/m", "display": "Apixaban 5 mg"}, ("Medication/m", "text/Apixaban 5 mg")),
        ({"reference": "https://a.example/fhir/Medication/m", "display": "X"}, ("Medication/m", "text/X")),
        ({"reference": "urn:uuid:0b7c7d4e-0000-4000-8000-000000000001", "display": "X"},
         ("urn:uuid:0b7c7d4e-0000-4000-8000-000000000001", "text/X")),
        ({"display": "Apixaban 5 mg"}, ("MedicationRequest", "text/Apixaban 5 mg")),
        ({"reference": "Medication/m", "display": " "}, ("Medication/m",)),
    ],
)  # fmt: skip
def test_a_drug_that_is_not_at_hand_is_called_as_the_order_calls_it(
    named: dict[str, str], codes: tuple[str, ...], tmp_path: Path
) -> None:
    order = resource("MedicationRequest", status="active", medicationReference=named)
    assert events(order)[0].codes == codes
    (tmp_path / "in.ndjson").write_text(json.dumps(order))
    read_place(str(tmp_path / "in.ndjson"), tmp_path / "a")
    archived = Archive.open(tmp_path / "a").timeline(order["subject"]["reference"])
    assert [event.codes for event in archived] == [codes]


def test_what_a_medication_says_of_itself_stands_before_what_an_order_calls_it(tmp_path: Path) -> None:
    drug = {"resourceType": "Medication", "id": "m", "code": {"coding": [{"system": RXNORM, "code": "1"}]}}
    named = {"reference": "Medication/m", "display": "something"}
    order = resource("MedicationRequest", status="active", medicationReference=named)
    assert events(order, drug)[0].codes == ("RxNorm/1",)
    for place, found in (("one", [order, drug]), ("two", [order]), ("two", [drug])):
        (tmp_path / "in.ndjson").write_text("".join(f"{json.dumps(one)}\n" for one in found))
        read_place(str(tmp_path / "in.ndjson"), tmp_path / place)
    for place in ("one", "two"):
        (event,) = Archive.open(tmp_path / place).timeline("Patient/p")
        assert event.codes == ("RxNorm/1",), place


def test_an_order_not_to_do_something_is_no_order() -> None:
    (event,) = events(resource("MedicationRequest", status="active", doNotPerform=True,
                               medicationCodeableConcept=snomed("1")))  # fmt: skip
    assert event.status == "do-not-perform"


@pytest.mark.parametrize(("intent", "status"), [("order", "active"), ("plan", "plan"), ("option", "option")])
def test_a_proposal_a_plan_or_an_option_is_no_order(intent: str, status: str) -> None:
    (event,) = events(resource("MedicationRequest", status="active", intent=intent,
                               medicationCodeableConcept=snomed("1")))  # fmt: skip
    assert event.status == status


def test_urn_uuid_references_are_resolved_in_their_bundle() -> None:
    uuid = "urn:uuid:0b7c7d4e-0000-4000-8000-000000000001"
    patient = {"resourceType": "Patient", "gender": "male"}
    entries = [
        {
            "fullUrl": "urn:uuid:0b7c7d4e-0000-4000-8000-000000000002",
            "resource": resource(subject={"reference": uuid}),
        },
        {"fullUrl": uuid, "resource": patient},
    ]
    timelines, account = fhir.bundle(json.dumps({"resourceType": "Bundle", "entry": entries}).encode(), "b")
    assert [one.subject for one in timelines] == ["Patient/0b7c7d4e-0000-4000-8000-000000000001"]
    assert account.as_events == {"Observation": 1, "Patient": 1}


def test_absolute_and_versioned_references() -> None:
    for told in ("https://x.org/fhir/Patient/p", "Patient/p/_history/3", "http://x/Patient/p/_history/1"):
        assert events(resource(subject={"reference": told}))


def test_contained_evidence_gets_a_stable_name() -> None:
    inner = {
        "resourceType": "Observation",
        "id": "r",
        "status": "final",
        "code": loinc("2345-7"),
        "valueInteger": 7,
    }
    found = events(resource("DiagnosticReport", code=loinc("24323-8"), contained=[inner]))
    (event,) = [event for event in found if event.kind == "Observation"]
    assert event.source == "Observation/DiagnosticReport-1-r"
    assert event.value == 7.0


def test_an_empty_list_says_nothing_known() -> None:
    empty = resource(
        "List", status="current", code=loinc("11450-4"), emptyReason={"coding": [{"code": "nilknown"}]}
    )
    assert events(empty)[0].code == "SNOMED/160245001"
    withheld = empty | {"emptyReason": {"coding": [{"code": "withheld"}]}}
    assert events(withheld)[0].value is Absence.WITHHELD


def test_context_is_counted_as_context() -> None:
    _, account = fhir.bundle(b'{"resourceType":"Practitioner","id":"1","name":[{"family":"X"}]}', "b")
    assert account.as_context == {"Practitioner": 1}


def test_a_later_copy_in_the_same_bundle_stands() -> None:
    first = resource(valueInteger=1)
    assert [event.value for event in events(first, resource(valueInteger=2))] == [2.0]


def test_prefetch_takes_one_patient_and_refuses_the_others() -> None:
    another = resource(id="2", subject={"reference": "Patient/q"})
    raw = {
        "patient": {"resourceType": "Patient", "id": "p", "gender": "male"},
        "vitals": {"resourceType": "Bundle", "entry": [{"resource": resource(valueInteger=1)},
                                                      {"resource": another}]},
        "nothing": None,
        "failed": {"resourceType": "OperationOutcome", "issue": []},
    }  # fmt: skip
    timeline, account = fhir.prefetch(json.dumps(raw).encode(), "p", "prefetch")
    assert timeline.subject == "Patient/p"
    assert {event.source for event in timeline} == {"Patient/p", "Observation/1"}
    assert [(one.file, one.line, one.reason) for one in account.rejected] == [
        ("prefetch#vitals", 2, "another patient's")
    ]
    assert account.as_context == {"OperationOutcome": 1}
    assert account.unaccounted() == 0


def test_a_whole_bundle_as_prefetch() -> None:
    raw = {"resourceType": "Bundle", "entry": [{"resource": resource(valueInteger=1)}]}
    assert len(fhir.prefetch(json.dumps(raw).encode(), "Patient/p", "prefetch")[0]) == 1


def test_the_quick_timeline_is_the_timeline() -> None:
    same = [
        resource(id=str(n % 3), valueInteger=n % 2, effectiveDateTime=None if n % 4 else AT)
        for n in range(12)
    ]
    found = events(*same)
    assert Timeline.of("Patient/p", reversed(found)).events == found


@pytest.mark.parametrize(
    "system", [None, "", "LOINC", "MEDS", "LOINC/8867-4", "ICD10CM/I48:x", "text/warfarin"]
)
@pytest.mark.parametrize("code", ["LOINC/8867-4", "ICD10CM/I48", "MEDS_DEATH", "text/warfarin", "8867-4"])
def test_a_code_of_no_system_is_none_of_ours(system: str | None, code: str) -> None:
    said = {"coding": [{"system": system, "code": code}]}
    ours = ValueSet("any", frozenset({"LOINC/8867-4", DEATH}), ("ICD10CM/I48", "text/"))
    for one in (resource(code=said), resource("Condition", status=None, code=said, recordedDate=AT)):
        (event,) = events(one)
        assert not ours.has(event)
        assert event.code.startswith("|")
        assert uri(event.code)[0] == ""
    (event,) = events(resource(valueCodeableConcept=said))
    assert event.value not in {"LOINC/8867-4", "ICD10CM/I48", "text/warfarin"}


def test_a_bare_answer_is_a_word() -> None:
    (event,) = events(resource(valueCodeableConcept={"coding": [{"code": "A"}]}))
    assert event.value == "A"


@pytest.mark.parametrize("nothing", [None, [], "[ ]"])
def test_an_element_that_holds_nothing_says_nothing(nothing: Any) -> None:
    elements = ("focus", "modifierExtension", "dataAbsentReason", "valueCodeableConcept", "abatementString")
    for kind in ("Observation", "Condition"):
        made = resource(kind, code=loinc("8867-4"), valueInteger=80) | dict.fromkeys(elements, nothing)
        raw = json.dumps({"resourceType": "Bundle", "entry": [{"resource": made}]}).replace('"[ ]"', "[ ]")
        (timeline,), account = fhir.bundle(raw.encode(), "b")
        assert not account.rejected
        (event,) = timeline
        assert event.value == (80.0 if kind == "Observation" else None)
        assert event.status == ("final" if kind == "Observation" else None)


def test_what_was_observed_on_somebody_else_is_refused() -> None:
    assert refused(resource(focus=[{"reference": "Patient/child"}])).startswith("focus")


@pytest.mark.parametrize(
    "whose",
    [
        {"reference": "urn:uuid:6f3c1b9e-0000-4000-8000-000000000002"},
        {"reference": "Patient/baby"},
        {"reference": "https://other.example/fhir/Patient/p2"},
        {"reference": "Group/7"},
        {"display": "Baby of X"},
        {"identifier": {"value": "7"}},
    ],
)
def test_contained_evidence_of_somebody_else_is_refused(whose: dict[str, Any]) -> None:
    inner = resource(id="r", subject=whose, valueInteger=140)
    mother, baby = (
        {"resource": one, "fullUrl": f"urn:uuid:6f3c1b9e-0000-4000-8000-00000000000{at}"}
        for at, one in enumerate([{"resourceType": "Patient"}, {"resourceType": "Patient"}], 1)
    )
    report = resource("DiagnosticReport", code=loinc("1"), subject={"reference": mother["fullUrl"]})
    entries = [mother, baby, {"resource": report | {"contained": [inner]}}]
    found, account = fhir.bundle(json.dumps({"resourceType": "Bundle", "entry": entries}).encode(), "b")
    assert [one.reason for one in account.rejected] == ["contained Observation: it names another patient"]
    assert not any(event.kind == "Observation" and event.value == 140.0 for one in found for event in one)


def test_contained_evidence_may_name_its_patient_by_full_url() -> None:
    url = "urn:uuid:6f3c1b9e-0000-4000-8000-000000000001"
    inner = resource(id="r", subject={"reference": url}, valueInteger=7)
    report = resource("DiagnosticReport", code=loinc("1"), subject={"reference": url}, contained=[inner])
    entries = [{"resource": {"resourceType": "Patient", "id": "p"}, "fullUrl": url}, {"resource": report}]
    found, account = fhir.bundle(json.dumps({"resourceType": "Bundle", "entry": entries}).encode(), "b")
    assert not account.rejected
    assert [event.value for event in found[0] if event.kind == "Observation"] == [7.0]


def test_what_is_known_to_be_over_alone_was_then() -> None:
    (event,) = events(resource(effectiveDateTime=None, effectivePeriod={"end": AT}, valueInteger=7))
    assert (event.time, event.end, event.known_at) == (SEVEN, SEVEN, SEVEN)
