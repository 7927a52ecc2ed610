"""Decisions: the threshold that a stated cost gives, the decision curve, and what acting on it means."""

from __future__ import annotations

import numpy as np
import pytest

from salus.core.errors import UserError
from salus.learning.decide import at_threshold, decision_curve, in_words, net_benefit, threshold_for
from salus.learning.intervals import wilson
from salus.learning.measure import Counts

CHANCE = np.random.default_rng(4)
RISK = CHANCE.beta(1, 5, 900)
SEEN = CHANCE.random(900) < RISK


@pytest.mark.parametrize(("misses", "threshold"), [(1, 0.5), (4, 0.2), (9, 0.1), (19, 0.05), (0.25, 0.8)])
def test_a_cost_ratio_gives_the_threshold(misses: float, threshold: float):
    assert threshold_for(misses) == pytest.approx(threshold)


@pytest.mark.parametrize("misses", [0, -1, float("nan"), float("inf")])
def test_a_cost_ratio_is_above_nothing(misses: float):
    with pytest.raises(UserError, match="how many false alarms one miss weighs"):
        threshold_for(misses)


def test_net_benefit_by_hand():
    """1,000 people, at 20 % four false alarms weigh as much as one found: 80 found less 160 / 4."""
    assert net_benefit(Counts(80, 160, 20, 740), 0.2) == pytest.approx(0.04)


def test_the_curve_by_its_definition():
    rows = decision_curve(SEEN, RISK)
    assert len(rows) == 99
    for row in rows:
        odds, flags = row["threshold"] / (1 - row["threshold"]), row["threshold"] <= RISK
        assert row["model"] == pytest.approx(((SEEN & flags).sum() - (~SEEN & flags).sum() * odds) / 900)
        assert row["all"] == pytest.approx(SEEN.mean() - (1 - SEEN.mean()) * odds)
        assert row["none"] == 0.0


def test_a_cost_s_own_threshold_costs_least():
    """Where the risks are true, no other threshold loses less at that cost."""
    chance = np.random.default_rng(8)
    risk = chance.beta(1, 5, 200_000)
    seen = chance.random(200_000) < risk
    grid = np.arange(1, 100) / 100
    cost = [9 * (seen & (risk < at)).sum() + (~seen & (risk >= at)).sum() for at in grid]
    assert grid[int(np.argmin(cost))] == pytest.approx(threshold_for(9), abs=0.02)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_curve_has_no_ends(threshold: float):
    with pytest.raises(UserError, match="between 0 and 1"):
        decision_curve(SEEN, RISK, [threshold])


def test_what_acting_at_the_threshold_means():
    told = at_threshold(SEEN, RISK, 0.2, patient_days=1_800)
    flags = RISK >= 0.2
    for name, hit, among in (("sensitivity", flags, SEEN), ("specificity", ~flags, ~SEEN),
                             ("ppv", SEEN, flags), ("npv", ~SEEN, ~flags)):  # fmt: skip
        part, of = (hit & among).sum(), among.sum()
        assert told[name]["value"] == pytest.approx(part / of)
        assert (told[name]["low"], told[name]["high"]) == pytest.approx(wilson(part, of), rel=1e-6)
    assert told["flagged"] == flags.sum()
    assert told["alerts_per_100_patient_days"] == pytest.approx(flags.sum() / 18)
    assert told["number_needed_to_evaluate"] == pytest.approx(flags.sum() / (SEEN & flags).sum())
    assert told["natural"]["of"] == 1000


def test_a_share_of_nobody_is_nothing():
    told = at_threshold([False, True], [0.1, 0.2], 0.9)
    assert (told["ppv"], told["number_needed_to_evaluate"], told["flagged"]) == (None, None, 0)
    assert told["alerts_per_100_patient_days"] is None
    assert told["sensitivity"]["value"] == 0.0


def test_people_who_come_again_make_the_shares_less_sure():
    twice = at_threshold(np.repeat(SEEN, 2), np.repeat(RISK, 2), 0.2, np.repeat(np.arange(900), 2))
    once = at_threshold(SEEN, RISK, 0.2)
    assert twice["sensitivity"] == pytest.approx(once["sensitivity"])


def test_natural_frequencies_in_words():
    frequencies = {"of": 1000, "events": 71, "alerts": 143, "true_alerts": 47, "misses": 24,
                   "false_alarms": 96}  # fmt: skip
    assert " ".join(in_words(frequencies, "death in hospital")) == (
        "Of 1,000 people like these, 71 will have the outcome: death in hospital. "
        "The model flags 143; of these 47 will have it and 96 are false alarms. It misses 24 of the 71."
    )
