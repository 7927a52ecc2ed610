"""How old a list is, what has no date, what is over, and what is recorded but does not answer: all said."""

from __future__ import annotations

from datetime import timedelta

import pytest

from salus.core.evidence import Event
from salus.core.registry import model
from tests.risk_views import NOW, has, person, seen, takes, view

MAN = person(60)
AF = has("SNOMED/49436004", years=0.2)
CREATININE = seen("LOINC/2160-0", 1.0, "mg/dL")
CONDITIONS = ["cha2ds2-vasc", "ckd", "findrisc", "prevent"]


def limits(name: str, *events: Event) -> tuple[str, ...]:
    return model(name).predict(view(*MAN, CREATININE, *events)).limits


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_list_that_nobody_kept_up_is_said(name):
    old, new = has("SNOMED/49436004", years=9), has("SNOMED/444814009", years=0.5)
    said = "The newest condition on record is 9 years old: what came since is not known."
    assert said in limits(name, old, takes("paracetamol"))
    assert said not in limits(name, old, new, takes("paracetamol"))


@pytest.mark.parametrize("name", ["cha2ds2-vasc", "findrisc", "prevent"])
def test_an_old_list_of_drugs_is_said(name):
    old = takes("paracetamol", days=5000, status="completed")
    assert any(
        limit.startswith("The newest medication on record is 13 years") for limit in limits(name, AF, old)
    )
    assert not any("newest medication" in limit for limit in limits(name, AF, old, takes("ibuprofen")))


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_without_a_date_is_said(name):
    undated = has("SNOMED/38341003", undated=True)
    said = "Of 1 of the conditions that count the date is not recorded."
    assert said in limits(name, AF, undated)
    assert said not in limits(name, AF, has("SNOMED/444814009", undated=True))


def test_what_scores_although_it_is_over_is_said():
    insight = model("cha2ds2-vasc").predict(view(*MAN, AF, has("SNOMED/44054006", status="resolved")))
    (reason,) = [one for one in insight.reasons if one.says.startswith("Diabetes")]
    assert "(recorded as resolved): 1 point" in reason.says


def reason(name: str, *events: Event):
    found = model("findrisc").predict(view(*MAN, *events)).reasons
    return next(one for one in found if one.says.startswith(name))


def test_exercise_that_does_not_decide_is_shown():
    one = reason("Physical activity", seen("LOINC/89555-7", 0.0, "d/wk"))
    assert one.evidence == ("Observation/89555-7",) and "not recorded" not in one.says


@pytest.mark.parametrize("event", [
    seen("LOINC/80458-3", 3.0, "/d"), seen("LOINC/80458-3", 0.0, "{servings}"),
    seen("LOINC/80458-3", 3.0, "{servings}", before=timedelta(days=2000)),
])  # fmt: skip
def test_fruit_that_does_not_answer_is_shown(event):
    one = reason("Fruit", event)
    assert one.evidence == ("Observation/80458-3",)
    assert "(every day) not recorded" not in one.says


def test_a_relative_whom_the_form_does_not_name_is_shown():
    role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode|HBRO"
    half = Event((role,), NOW, None, NOW, "SNOMED/46635009", None, None, "completed", "FamilyMemberHistory/h")
    one = reason("Diabetes in the family", half)
    assert one.evidence == ("FamilyMemberHistory/h",) and "form does not name" in one.says
