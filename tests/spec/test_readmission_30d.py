"""Readmission within 30 days: who is asked about, when, and what counts as having come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from salus.core.codes import DISPOSITION
from salus.core.evidence import Event, Timeline
from salus.learning.features import measured
from salus.learning.task import Case, Excluded
from salus.risk import _readmission_inputs as inputs
from salus.risk._gone import DIED, HOSPICE
from salus.risk._readmission_icd9 import AMONG, PRIMARY, primary
from salus.risk._readmission_stays import READMITTED, URI
from salus.risk.readmission_30d import TASK

START = datetime(2020, 3, 1, tzinfo=UTC)
HL7 = "http://terminology.hl7.org/CodeSystem/discharge-disposition"


def _on(day: float) -> datetime:
    return START + timedelta(days=day)


def _stay(number: str, first: float, last: float | None, **more: object) -> Event:
    end = None if last is None else _on(last)
    code = str(more.get("code", "ActCode/IMP"))
    status = str(more.get("status", "finished"))
    return Event((code,), _on(first), end, _on(first), status=status, source=f"Encounter/{number}")


def _told(code: str, value: object, day: float, source: str = "Observation/1") -> Event:
    return Event((code,), _on(day), None, _on(day), value, status="final", source=source)


def _ill(day: float | None = 0, code: str = "ICD10CM/E11.9", status: str = "active") -> Event:
    at = None if day is None else _on(day)
    return Event((code,), at, None, at, status=status, source="Condition/1")


def _asked(*events: Event, subject: str = "Patient/p") -> list[Case | Excluded]:
    return list(TASK.cases(Timeline.of(subject, events)))


def _only(*events: Event, subject: str = "Patient/p") -> Case | Excluded:
    (only,) = _asked(*events, subject=subject)
    return only


def test_it_is_asked_at_the_discharge():
    case = _only(_ill(), _stay("7", 0, 4), subject="Patient/7")
    assert case == Case("7", "Patient/7", START, _on(4), None, _on(34))


def test_a_stay_of_somebody_with_several_is_called_by_its_own_name():
    first, second = _asked(_ill(), _stay("a", 0, 4), _stay("b", 50, 60))
    assert (first.id, second.id) == ("Encounter/a", "Encounter/b")


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ((_stay("a", 0, 4),), "no diabetes was on record at discharge"),
        ((_ill(5), _stay("a", 0, 4)), "no diabetes was on record at discharge"),
        ((_ill(status="refuted"), _stay("a", 0, 4)), "no diabetes was on record at discharge"),
        ((_ill(code="ICD10CM/I10"), _stay("a", 0, 4)), "no diabetes was on record at discharge"),
        ((_ill(), _stay("a", 0, None)), "still in hospital, or when it ended is not told"),
        *(
            ((_ill(), _stay("a", 0, 4), _told(DISPOSITION, answer, 4, "Encounter/a")), why)
            for answer, why in (
                *((f"{URI}/discharge_disposition_id|{one}", "died") for one in (11, 19, 20, 21)),
                *((f"{URI}/discharge_disposition_id|{one}", "discharged to a hospice") for one in (13, 14)),
                *((f"{HL7}|exp", "died"), (f"{HL7}|hosp", "discharged to a hospice")),
                *((code, "died") for code in sorted(DIED)),
                *((code, "discharged to a hospice") for code in sorted(HOSPICE)),
            )
        ),
    ],
)
def test_who_is_not_asked_about(events, why):
    assert _only(*events) == Excluded("Patient/p", why)


@pytest.mark.parametrize(
    "ill", [_ill(None), _ill(4), _ill(code="ICD9CM/250.02"), _ill(code="SNOMED/44054006")]
)
def test_diabetes_counts_in_any_code_when_it_is_on_record_by_the_discharge(ill):
    assert isinstance(_only(ill, _stay("a", 0, 4)), Case)


@pytest.mark.parametrize(
    "visit", [_stay("a", 0, 4, code="ActCode/AMB"), _stay("a", 0, 4, status="entered-in-error")]
)
def test_what_is_no_stay_is_not_asked_about(visit):
    assert _asked(_ill(), visit) == []


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (_stay("a", 0, 9), _stay("b", 2, 4)),
        (_stay("a", 0, 9, code="ActCode/EMER"), _stay("b", 2, 9)),
        (_stay("a", 0, 9), _stay("b", 6, 9.4)),
    ],
)
def test_what_lies_in_a_longer_encounter_is_a_part_of_it_and_no_readmission(outer, inner):
    asked = _asked(_ill(-9), outer, inner, _stay("c", 60, 61))
    assert Excluded("Patient/p", "part of another encounter") in asked
    named = {one.id: one.outcome for one in asked if isinstance(one, Case)}
    assert named == {
        name: outcome
        for name, outcome in (("Encounter/a", False), ("Encounter/c", None))
        if name == "Encounter/c" or outer.coded({"ActCode/IMP"})
    }


def test_a_stay_right_after_another_or_beside_an_open_visit_is_a_stay():
    first, second = _asked(
        _ill(-9), _stay("a", 0, 4), _stay("b", 4, 5), _stay("x", -9, None, code="ActCode/AMB")
    )
    assert isinstance(first, Case) and isinstance(second, Case)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [("<30", True), (">30", False), ("NO", False), ("", None), ("maybe", None), (30.0, None)],
)
def test_what_the_set_says_and_anything_else_is_not_known(said, outcome):
    case = _only(_ill(), _stay("a", 0, 4), _told(READMITTED, said, 34))
    assert isinstance(case, Case) and case.outcome is outcome


@pytest.mark.parametrize(
    ("begins", "outcome"),
    [(5, True), (34, True), (34.1, False), (300, False)],
)
def test_else_whether_a_later_stay_began_in_time(begins, outcome):
    first, *_ = _asked(_ill(), _stay("a", 0, 4), _stay("b", begins, begins + 2))
    assert isinstance(first, Case) and first.outcome is outcome


def test_that_nobody_came_back_is_not_known_where_the_record_ends():
    case = _only(_ill(), _stay("a", 0, 4))
    assert isinstance(case, Case) and case.outcome is None


def test_no_feature_is_told_of_what_came_after_the_discharge():
    before = (_ill(), _stay("a", 0, 4), _told("LOINC/30525-0", 70.0, 0), _told(PRIMARY, "ICD9CM/428.0", 4))
    after = (_told(READMITTED, "<30", 34), _ill(9, "ICD9CM/585"), _told(PRIMARY, "ICD9CM/410", 4.01))
    two = [
        measured(Timeline.of("Patient/p", events), START, _on(4), TASK.parameters, TASK.features)
        for events in (before, before + after)
    ]
    assert str(two[0]) == str(two[1])
    assert two[0].values["primary diagnosis"] == "heart failure"


@pytest.mark.parametrize(
    ("code", "group"),
    [
        *(("ICD9CM/428.0", "heart failure"), ("ICD9CM/250.62", "diabetic neuropathy")),
        *(("ICD9CM/250", "diabetes"), ("ICD9CM/038", "sepsis"), ("ICD9CM/008", "intestinal infection")),
        *(("ICD9CM/V58", "chemotherapy or aftercare"), ("ICD9CM/V30", "other contact")),
        *(("ICD9CM/E885", "cause of injury"), ("ICD9CM/391", "circulation"), ("ICD9CM/999", "injury")),
        *(("ICD10CM/I50", None), ("", None), ("ICD9CM/", None)),
    ],
)
def test_how_a_primary_diagnosis_is_grouped(code, group):
    assert primary(code) == group


def _among(*codes: str) -> set[str]:
    events = (
        Event((code,), START, status="active", source=f"Condition/{at}") for at, code in enumerate(codes)
    )
    features = [one for one in TASK.features if one.name in {group.name for group in AMONG}]
    found = measured(Timeline.of("Patient/p", events), START, _on(4), TASK.parameters, features)
    return {name for name, value in found.values.items() if value is not None}


@pytest.mark.parametrize(
    ("codes", "groups"),
    [
        (("ICD9CM/428.0",), {"heart failure"}),
        (("ICD10CM/I50.9", "ICD10/N18"), {"heart failure", "chronic kidney disease"}),
        (("ICD9CM/250",), set()),
        (("ICD9CM/250.02",), {"uncontrolled diabetes"}),
        (("ICD9CM/250.41",), {"diabetic kidney disease", "diabetes type 1"}),
        (("ICD9CM/250.13",), {"diabetic ketoacidosis or coma", "diabetes type 1", "uncontrolled diabetes"}),
    ],
)
def test_what_is_among_the_diagnoses(codes, groups):
    assert _among(*codes) == groups


def test_race_and_payer_are_measured_by_and_never_looked_at():
    read = {name for feature in TASK.features for name in feature.of}
    assert not read & {inputs.RACE.name, inputs.PAYER.name}
    assert {group.parameter for group in TASK.groups} == {"sex", "age", "race", "payer"}
