"""An age that nobody has is none: every model refuses it in the same way, and says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from salus.core.codes import BIRTH
from salus.core.evidence import Event
from salus.core.insight import Abstention, Estimate, Insight
from salus.core.registry import model
from salus.risk._inputs import age
from tests.risk_views import NOW, SUBJECT, has, person, seen, takes, view

MODELS = ("news2", "prevent", "findrisc", "ckd", "cha2ds2-vasc")
RECORD = (
    *(seen("LOINC/9279-1", 16.0, "/min"), seen("LOINC/59408-5", 97.0, "%")),
    *(seen("LOINC/8867-4", 70.0, "/min"), seen("LOINC/8480-6", 120.0, "mm[Hg]")),
    seen("LOINC/8310-5", 37.0, "Cel"),
    has("ICD10CM/I48.91"),
    *(seen("LOINC/3151-8", 0.0, "L/min"), seen("LOINC/80288-4", "A"), takes("paracetamol 500 MG")),
    *(seen("LOINC/2160-0", 1.0, "mg/dL"), seen("LOINC/39156-5", 27.0, "kg/m2")),
)  # fmt: skip


def born(year: int) -> Event:
    return Event((BIRTH,), NOW.replace(year=year, month=1), source=SUBJECT)


def ask(name: str, *births: Event) -> Insight:
    return model(name).predict(view(*births, person(60)[1], *RECORD))


def estimate(insight: Insight) -> Estimate | None:
    return getattr(insight.body, "estimate", None)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("births", [(born(1870),), (born(1870), born(1966)), (born(1800),)])
def test_an_age_that_nobody_has_is_not_used(name: str, births: tuple[Event, ...]) -> None:
    impossible, absent = ask(name, *births), ask(name)
    assert estimate(impossible) == estimate(absent)
    assert type(impossible.body) is type(absent.body)
    assert isinstance(impossible.body, Abstention) or name == "cha2ds2-vasc"


@pytest.mark.parametrize("name", MODELS)
def test_it_is_said_and_not_called_missing(name: str) -> None:
    insight = ask(name, born(1870))
    said = " ".join(
        (getattr(insight.body, "says", ""), *insight.limits, *(one.says for one in insight.reasons))
    )
    assert "age not usable: the date of birth gives none from 0 to 130 years" in said.replace("Age", "age")
    assert "date of birth is not on record" not in said.lower()


def test_the_limits_of_age() -> None:
    assert age(view(born(1896))).exact
    assert not age(view(born(1895))).usable
    tomorrow = replace(born(2026), time=NOW + timedelta(hours=20), known_at=NOW)
    assert age(view(tomorrow)).low == 0 or not age(view(tomorrow)).events


@pytest.mark.parametrize(("name", "year"), [("cha2ds2-vasc", 1961), ("findrisc", 1971)])
def test_a_year_of_birth_that_leaves_the_points_open_is_named_in_the_answer(name: str, year: int) -> None:
    part = replace(born(year), end=NOW.replace(year=year, month=12, day=31))
    insight = ask(name, part)
    says = getattr(insight.body, "says", "")
    assert "not known: " in says and "age" in says.partition("not known: ")[2], says
    assert any(limit.startswith("Age: only part of the date of birth") for limit in insight.limits)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("hours", [-12, 0, 2, 14])
def test_the_zone_in_which_the_moment_is_written_changes_no_answer(name: str, hours: int) -> None:
    evening = NOW.replace(hour=23)
    tomorrow = Event((BIRTH,), (evening + timedelta(days=1)).replace(year=1961, hour=0), source=SUBJECT)
    due = replace(seen("LOINC/11778-8", "2026-02-28"), time=NOW - timedelta(weeks=20))
    record = (tomorrow, *person(60, "female")[1:], *RECORD, due)
    there = view(*record, as_of=evening.astimezone(timezone(timedelta(hours=hours))))
    found, asked = model(name).predict(there), model(name).predict(view(*record, as_of=evening))
    assert (type(found.body), estimate(found), found.urgency) == (
        type(asked.body),
        estimate(asked),
        asked.urgency,
    )
    assert age(there).low == 64
