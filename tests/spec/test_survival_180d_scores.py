"""Survival of 180 days with the scores of SUPPORT: the same question and people, told two things more."""

from __future__ import annotations

from salus.core.evidence import Event, Timeline
from salus.learning.features import measured
from salus.risk import _survival_study as study
from salus.risk.survival_180d import TASK
from salus.risk.survival_180d_scores import TASK as WITH_SCORES
from tests.spec.test_survival_180d import ENTRY, START


def test_the_two_variants_differ_by_supports_own_scores_alone():
    plain, scored = ({one.name for one in task.features} for task in (TASK, WITH_SCORES))
    assert scored - plain == {"SUPPORT physiology score", "APACHE III physiology score"}
    assert plain < scored
    assert TASK.name != WITH_SCORES.name


def test_the_scores_of_the_third_day_are_read_and_asked_for_in_no_other_way():
    at = START + study.ASKED
    told = [
        Event(
            (f"{study.URI}|{name}",),
            at,
            None,
            at,
            value,
            "{score}",
            status="final",
            source=f"Observation/{name}",
        )
        for name, value in (("sps", 25.5), ("aps", 38.0))
    ]
    timeline = Timeline.of("Patient/1", (ENTRY, *told))
    seen, unseen = (
        measured(timeline, START, at, task.parameters, task.features) for task in (WITH_SCORES, TASK)
    )
    assert seen.values["SUPPORT physiology score"] == 25.5
    assert seen.values["APACHE III physiology score"] == 38.0
    assert not any(unseen.sources.values())
    assert list(TASK.cases(timeline)) == list(WITH_SCORES.cases(timeline))
