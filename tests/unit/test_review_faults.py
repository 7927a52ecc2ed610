"""What a review may say: a reason belongs to an override or a change, and one rule holds at every door."""

from __future__ import annotations

import pytest

from salus.core.review import DECISIONS, OVERRIDE_REASONS, Fault, faults
from salus.delivery.web.forms import read_draft

# decision, reason, note: what is wrong
SAID = [
    ("accepted", "", "", None), ("accepted", "", "seen", None), ("deferred", "", "", None),
    ("accepted", "evidence-wrong", "", Fault.NO_OVERRIDE), ("deferred", "other", "later", Fault.NO_OVERRIDE),
    ("overridden", "evidence-wrong", "", None), ("overridden", "", "cuff too small", None),
    ("overridden", "", "", Fault.UNREASONED), ("overridden", "", "\u200b", Fault.UNREASONED),
    ("overridden", "other", "", Fault.OTHER_UNSAID), ("overridden", "other", " \u200b", Fault.OTHER_UNSAID),
    ("overridden", "other", "on palliative care", None), ("overridden", "made-up", "x", Fault.REASON),
    ("modified", "other", "", Fault.OTHER_UNSAID), ("modified", "", "", Fault.UNSAID),
    ("modified", "patient-wish", "", None), ("agreed", "", "", Fault.DECISION),
]  # fmt: skip


@pytest.mark.parametrize(("decision", "because", "note", "fault"), SAID)
def test_what_is_wrong_with_a_review(decision, because, note, fault):
    assert faults(decision, because, note) == ((fault,) if fault else ())


@pytest.mark.parametrize(("decision", "because", "note", "fault"), SAID)
def test_the_form_takes_nothing_that_the_record_would_refuse(decision, because, note, fault):
    problems = read_draft({"decision": decision, "because": because, "note": note}).problems
    assert problems or fault is None


def test_every_decision_can_be_said_whole():
    for decision in DECISIONS:
        reasons = ("", *OVERRIDE_REASONS) if decision in ("overridden", "modified") else ("",)
        assert all(faults(decision, because, "in words") == () for because in reasons)
