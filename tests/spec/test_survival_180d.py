"""Survival of 180 days: who is asked about, when, and what is known of the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from salus.core.codes import DEATH
from salus.core.evidence import Event, Timeline
from salus.learning.features import measured
from salus.learning.task import Case, Excluded
from salus.risk import _survival_study as study
from salus.risk.survival_180d import TASK
from salus.risk.survival_180d_scores import TASK as WITH_SCORES

START = datetime(2000, 1, 1, tzinfo=UTC)
ENTRY = Event((study.ENTRY,), START, None, START, status="on-study", source="ResearchSubject/1")


def _on(day: float) -> datetime:
    return START + timedelta(days=day)


def _died(day: float) -> Event:
    return Event((DEATH,), _on(day), _on(day + 1), _on(day + 1), source="Patient/1")


def _lived(day: float) -> Event:
    return Event((study.LAST_HEARD,), _on(day), None, _on(day + 1), float(day), "d", source="Observation/1-7")


@pytest.mark.parametrize("task", [TASK, WITH_SCORES])
@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        *((_died(3), True), (_died(180), True), (_died(181), False), (_died(2000), False)),
        *((_lived(180), False), (_lived(2000), False), (_lived(179), None), (_lived(4), None)),
    ],
)
def test_it_is_asked_when_the_third_day_is_over_and_an_unknown_end_is_unknown(task, end, outcome):
    (case,) = task.cases(Timeline.of("Patient/1", (ENTRY, end)))
    assert case == Case("1", "Patient/1", START, _on(3), outcome, _on(180))


def test_somebody_of_whom_nothing_was_heard_has_no_known_outcome():
    (case,) = TASK.cases(Timeline.of("Patient/1", (ENTRY,)))
    assert isinstance(case, Case) and case.outcome is None


def test_who_died_before_the_moment_is_not_asked_about():
    asked = list(TASK.cases(Timeline.of("Patient/1", (ENTRY, _died(2)))))
    assert asked == [Excluded("Patient/1", "died before the third day was over")]


def test_who_did_not_enter_the_study_is_no_case():
    assert list(TASK.cases(Timeline.of("Patient/1", (_died(40),)))) == []


@pytest.mark.parametrize("task", [TASK, WITH_SCORES])
def test_nothing_that_follows_from_the_outcome_nor_anybodys_estimate_is_read(task):
    told = (
        *(study.PHYSICIAN_2_MONTHS, study.PHYSICIAN_6_MONTHS, study.MODEL_2_MONTHS, study.MODEL_6_MONTHS),
        *(f"{study.URI}|{name}" for name in ("dnr", "dnrday", "avtisst", "charges", "totcst", "totmcst")),
        *(f"{study.URI}|{name}" for name in ("sfdm2", "slos", "hospdead", "d.time", "adlp", "adls", "adlsc")),
        DEATH,
    )
    assert task.leaks >= set(told)
    events = [Event((code,), START, None, START, 0.5, "1", source="Observation/1") for code in told]
    found = measured(Timeline.of("Patient/1", events), START, _on(3), task.parameters, task.features)
    assert not any(found.sources.values())


def test_race_and_income_are_measured_by_and_never_looked_at():
    read = {name for feature in WITH_SCORES.features for name in feature.of}
    assert not read & {"race", "income"}
    assert {group.parameter for group in TASK.groups} == {"sex", "age", "race", "income"}
