"""Decisions: false alarms against misses. Which threshold follows from a stated cost, and whether acting on
the model does more good than acting on everybody or on nobody.

Vickers AJ, Elkin EB. Decision curve analysis. Med Decis Making 2006;26:565-74.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from salus.core.errors import UserError
from salus.learning.intervals import Told, persons_of, share_told
from salus.learning.measure import (
    Counts,
    alerts_per_100_patient_days,
    checked,
    counted,
    flags_at,
    natural,
    number_needed_to_evaluate,
    probabilities,
)

if TYPE_CHECKING:
    from salus.learning.measure import Bools, Whole

GRID = tuple(round(at / 100, 2) for at in range(1, 100))


def threshold_for(misses: float) -> float:
    """Return the threshold that follows where one miss weighs as much as `misses` false alarms.

    At a probability t the odds are t : (1 - t), and an alarm is worth it from 1 : misses on (Pauker SG,
    Kassirer JP. N Engl J Med 1975;293:229-34).
    """
    if not 0 < misses < float("inf"):
        raise UserError("Say how many false alarms one miss weighs: a number above 0 (10: ten to one).")
    return 1 / (1 + misses)


def net_benefit(told: Counts, threshold: float) -> float:
    """Return true alarms minus false ones, weighed by the odds of the threshold, per case."""
    return (told.true_flagged - told.false_flagged * threshold / (1 - threshold)) / told.n


def decision_curve(y: Any, p: Any, thresholds: Sequence[float] = GRID) -> list[dict[str, float]]:
    """Return the net benefit of the model, of treating all and of treating none, at each threshold."""
    outcomes, risk = probabilities(y, p)
    everybody = counted(outcomes, [True] * len(outcomes))
    rows = []
    for threshold in thresholds:
        if not 0 < threshold < 1:
            raise UserError("A decision curve's thresholds lie between 0 and 1, both left out.")
        model = net_benefit(counted(outcomes, flags_at(risk, threshold)), threshold)
        rows.append({"threshold": threshold, "model": model, "all": net_benefit(everybody, threshold),
                     "none": 0.0})  # fmt: skip
    return rows


def at_threshold(
    y: Any, p: Any, threshold: float, persons: Any = None, *, patient_days: float | None = None
) -> dict[str, Any]:
    """Return what acting at a threshold of probability means, as `acting` does."""
    outcomes, risk = probabilities(y, p)
    told = acting(outcomes, flags_at(risk, threshold), persons, patient_days=patient_days)
    return {"value": threshold, **told}


def acting(y: Any, flags: Any, persons: Any = None, *, patient_days: float | None = None) -> dict[str, Any]:
    """Return what acting on flags means: shares with Wilson's intervals by person, and burdens.

    A share of nobody is None. patient_days: how long these cases were watched together, where known.
    """
    outcomes, raised = checked(y, flags, "flag")
    told, flagged = counted(outcomes, raised), raised > 0
    keys = persons_of(persons, len(flagged))
    return {
        "sensitivity": _share(flagged, outcomes, keys),
        "specificity": _share(~flagged, ~outcomes, keys),
        "ppv": _share(outcomes, flagged, keys),
        "npv": _share(~outcomes, ~flagged, keys),
        "flagged": told.flagged,
        "natural": natural(told),
        "alerts_per_100_patient_days": alerts_per_100_patient_days(told, patient_days),
        "number_needed_to_evaluate": number_needed_to_evaluate(told),
    }


def _share(hit: Bools, among: Bools, persons: Whole) -> Told | None:
    return share_told(hit[among], persons[among])


def in_words(frequencies: Mapping[str, int], outcome: str) -> tuple[str, ...]:
    """Return natural frequencies as sentences ("Of 1,000 people like these, ..."), for pages and cards.

    outcome: what happens, after "will have" ("death in hospital").
    """
    of, events, alerts = (frequencies[name] for name in ("of", "events", "alerts"))
    return (
        f"Of {of:,} people like these, {events:,} will have the outcome: {outcome}.",
        f"The model flags {alerts:,}; of these {frequencies['true_alerts']:,} will have it and "
        f"{frequencies['false_alarms']:,} are false alarms.",
        f"It misses {frequencies['misses']:,} of the {events:,}.",
    )
