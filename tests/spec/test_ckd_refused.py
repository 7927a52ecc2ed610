"""Whom the kidney model does not judge: children, pregnancy, dialysis, and too little to go by."""

from __future__ import annotations

import pytest

from salus.core.codes import BIRTH
from salus.core.evidence import Event
from tests.kidney_views import WOMAN, abstains, ask, creatinine, days, finding, reported
from tests.risk_views import NOW, SUBJECT, has, person, seen


def test_unknown_unit_is_no_evidence():
    body = abstains(ask(creatinine(1.25, unit="arb")), "missing-evidence")
    assert body.missing == ("creatinine or eGFR",)
    assert "not usable" in body.says


def test_nothing_measured_or_too_long_ago():
    assert "no creatinine or eGFR on record" in abstains(ask(), "missing-evidence").says
    assert "3 years" in abstains(ask(creatinine(1.2, days(1100))), "missing-evidence").says


@pytest.mark.parametrize(
    ("events", "who"),
    [
        ((creatinine(0.6),), person(17, "female")),
        ((creatinine(0.6), has("SNOMED/72892002", years=0.3)), person(30, "female")),
        ((creatinine(0.6), seen("LOINC/82810-3", "SNOMED/77386006")), person(30, "female")),
        ((creatinine(6.0), has("ICD10CM/Z99.2")), WOMAN),
    ],
)
def test_not_for_children_pregnancy_and_dialysis(events, who):
    abstains(ask(*events, who=who), "not-eligible")


def session(code: str, before: float = 10, status: str = "completed") -> Event:
    when = NOW - days(before)
    return Event((code,), when, None, when, status=status, source=f"Procedure/{code}")


SESSIONS = ["SNOMED/265764009", "SNOMED/302497006", "SNOMED/71192002", "ICD10PCS/5A1D70Z", "ICD10PCS/5A1D90Z"]


@pytest.mark.parametrize("code", [*SESSIONS, "CPT/90935", "CPT/90937", "CPT/90945", "CPT/90947"])
def test_a_recent_session_of_dialysis_is_dialysis(code):
    insight = ask(creatinine(6.0), session(code))
    assert "dialysis" in abstains(insight, "not-eligible").says
    assert insight.reasons[0].evidence == (f"Procedure/{code}",)


@pytest.mark.parametrize(
    "event",
    [
        session("CPT/90935", 91),
        session("CPT/90935", status="not-done"),
        session("CPT/90935", status="preparation"),
        session("CPT/99213"),
        session("ICD10PCS/5A19"),
    ],
)
def test_what_is_no_recent_session(event):
    assert finding(ask(creatinine(6.0), event))


def test_a_pregnancy_of_years_ago_is_over():
    assert finding(ask(creatinine(0.6), has("SNOMED/72892002", years=3), who=person(30, "female")))


def test_needs_the_date_of_birth():
    body = abstains(ask(reported(50), who=WOMAN[1:]), "missing-evidence")
    assert body.missing == ("date of birth",)
    born = [NOW.replace(year=2008, month=month, day=day) for month, day in ((1, 1), (12, 31))]
    abstains(ask(reported(50), who=(Event((BIRTH,), *born, source=SUBJECT),)), "missing-evidence")
