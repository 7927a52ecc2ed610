"""Evidence: what was measured of a model on cases with known outcomes, as one plain document.

It holds every part of the evidence that is a measurement, ready for JSON; who was asked what, and on which
cases, is added by whoever gathered them. A case that the model abstained from is scored and counts in every
measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from salus.core.errors import EvidenceError, UserError
from salus.learning import calibrate, conformal, decide, fair
from salus.learning.intervals import (
    DRAWS,
    Told,
    auroc_told,
    difference,
    drawn,
    percentiles,
    persons_of,
    told,
)
from salus.learning.measure import (
    areas_of,
    checked,
    event1,
    event2,
    flags_at,
    need_both,
    once,
    precisions_of,
    probabilities,
)

if TYPE_CHECKING:
    from salus.learning.measure import Bools, Floats, Statistic, Whole


def evidence(
    y: Any,
    logit: Any,
    *,
    threshold: float,
    misses: float | None = None,
    risk: Any = None,
    persons: Any = None,
    groups: Mapping[str, Any] | None = None,
    meet: Iterable[tuple[str, str]] | None = None,
    share: float | None = None,
    flags: Any = None,
    quantiles: Mapping[str, Any] | None = None,
    abstained: Any = None,
    patient_days: float | None = None,
    challenge: bool = False,
    draws: int = DRAWS,
    seed: int = 1,
) -> dict[str, Any]:
    """Return the evidence of a model that gives a risk.

    y: outcomes. logit: log-odds. risk: the probabilities as they were said; None: exactly the expit of logit.
    threshold: frozen in the model; misses: the cost ratio that it follows from. groups: by what -> the group
    of each case, None where not known; meet: which pairs of them are looked at together (None: all). share:
    the groups' true-positive rate is taken at the top share of the risks, and at the threshold where it is
    None. flags: who is flagged, where groups have a threshold of their own; that counts for every figure
    then. quantiles: the conformal part of the model. challenge: with the two scores of the challenge of 2012.
    """
    outcomes, odds = checked(y, logit, "log-odds")
    need_both(outcomes, "A model's evidence")
    risk = calibrate.expit(odds) if risk is None else probabilities(outcomes, risk)[1]
    keys = persons_of(persons, len(odds))
    raised = flags_at(risk, threshold) if flags is None else fair.judged(outcomes, risk, flags).flags
    share = None if flags is not None else share
    cases = fair.Judged(outcomes, risk, raised if share is None else fair.top_share(risk, share), keys)
    drawing = {"draws": draws, "seed": seed}
    acting = decide.acting(outcomes, raised, keys, patient_days=patient_days)
    found: dict[str, Any] = {
        "n": len(outcomes),
        "events": int(outcomes.sum()),
        **_measured(outcomes, odds, risk, keys, drawing),
        "threshold": {"value": threshold, **acting, "misses": misses},
        "flag": {
            "share": share,
            "threshold": None if share else threshold,
            "flagged": int(cases.flags.sum()),
        },
        "groups": fair.by_group(cases, groups or {}, meet, **drawing),
        "gaps": fair.gaps(cases, groups or {}, **drawing),
        "decision": decide.decision_curve(outcomes, risk),
        "abstained": _count(abstained, len(outcomes)),
    }
    if quantiles is not None:
        found["conformal"] = conformal.covered(quantiles, outcomes, risk, keys)
    if challenge:
        found |= {"event1": event1(outcomes, raised.astype(float), 1.0), "event2": _event2(outcomes, risk)}
    return found


def _measured(
    y: Bools, logit: Floats, risk: Floats, persons: Whole, drawing: Mapping[str, int]
) -> dict[str, Any]:
    """Return discrimination and calibration, all over the same bootstrap samples."""
    statistics = _ranking(y, risk) | {"brier": _brier(y, risk)}
    note = ""
    try:
        statistics |= calibrate.statistics(y, logit)
    except EvidenceError as error:
        note = str(error)
    found = _told(statistics, persons, drawing)
    return {
        **{name: found[name] for name in ("auroc", "auprc", "brier")},
        "calibration": _calibration(y, risk, found, drawing, note),
    }


def _ranking(y: Bools, score: Floats) -> dict[str, Statistic]:
    return {"auroc": areas_of(y, score), "auprc": precisions_of(y, score)}


def _brier(y: Bools, risk: Floats) -> Statistic:
    import numpy as np

    apart = np.column_stack([(risk - y) ** 2, np.ones(len(y))])

    def statistic(weights: Floats) -> Floats:
        squares, n = (weights @ apart).T
        found: Floats = squares / n
        return found

    return statistic


def _told(
    statistics: Mapping[str, Statistic], persons: Whole, drawing: Mapping[str, int]
) -> dict[str, Told | None]:
    """Return each statistic with its percentile interval; None where half of its draws have no value."""
    resampled = drawn(statistics, persons, **drawing)
    ends = {name: percentiles(values) for name, values in resampled.items()}
    return {
        name: None if (each := ends[name]) is None else told(once(statistic, len(persons)), *each)
        for name, statistic in statistics.items()
    }


def _calibration(
    y: Bools, risk: Floats, found: Mapping[str, Told | None], drawing: Mapping[str, int], note: str
) -> dict[str, Any]:
    names = ("slope", "intercept", "ece")
    measured = {name: each for name in names if (each := found.get(name)) is not None}
    values = {name: measured[name]["value"] if name in measured else None for name in names}
    error = calibrate.ece(y, risk)
    if "ece" in measured:
        # A resampled ECE leans high, at times as a whole: the interval still holds what was measured.
        measured["ece"] = told(error, min(error, measured["ece"]["low"]), max(error, measured["ece"]["high"]))
    return {
        **values,
        "ece": error,
        "intervals": {name: [each["low"], each["high"]] for name, each in measured.items()},
        "ece_by_chance": calibrate.ece_by_chance(risk, **drawing),
        "table": calibrate.reliability(y, risk),
        "note": note,
    }


def _count(abstained: Any, n: int) -> int:
    import numpy as np

    if abstained is None:
        return 0
    found = np.asarray(abstained, dtype=bool)
    if found.shape != (n,):
        raise UserError(f"{found.size} marks of abstention for {n} cases: say of each whether it abstained.")
    return int(found.sum())


def of_score(
    y: Any, score: Any, threshold: float, persons: Any = None, *, draws: int = DRAWS, seed: int = 1
) -> dict[str, Any]:
    """Return the evidence of a score on a scale of its own (points): no risk is said, so none is calibrated.

    Flagged is who has the threshold or more. A score that is a range is judged twice, by its lower ends and
    by its upper ones.
    """
    outcomes, points = checked(y, score, "score")
    need_both(outcomes, "A score's evidence")
    keys = persons_of(persons, len(points))
    found = _told(_ranking(outcomes, points), keys, {"draws": draws, "seed": seed})
    acting = decide.acting(outcomes, points >= threshold, keys)
    return {"n": len(points), "events": int(outcomes.sum()), **found,
            "threshold": {"value": threshold, **acting}}  # fmt: skip


def _event2(y: Any, risk: Any) -> float | None:
    """Return the challenge's second score; None where all risks are one, or are fewer than its deciles."""
    try:
        return event2(y, risk)
    except EvidenceError:
        return None


def beside_physician(
    y: Any,
    model: Any,
    physician: Any,
    together: Any,
    persons: Any = None,
    *,
    draws: int = DRAWS,
    seed: int = 1,
) -> dict[str, Any]:
    """Return how the physicians' own estimate ranks people, the model's, and both together, on those of whom
    there is an estimate; and what the model adds to the physician, paired.

    physician, together: higher is riskier; NaN where the physician gave none.
    """
    import numpy as np

    own = np.asarray(physician, dtype=float)
    given = np.isfinite(own)
    if not given.any():
        raise EvidenceError("No case has a physician's estimate: leave out the comparison, or bring them.")
    told_ = [np.asarray(each)[given] for each in (y, model, own, together)]
    outcomes, alone, own, both = told_[0], *(each.astype(float) for each in told_[1:])
    keys = persons_of(persons, len(given))[given]
    drawing = {"draws": draws, "seed": seed}
    size = {"n": int(given.sum()), "events": int(outcomes.astype(bool).sum())}
    return {
        "physician": {**auroc_told(outcomes, own, keys, **drawing), **size},
        "model_alone": {**auroc_told(outcomes, alone, keys, **drawing), **size},
        "together": {**auroc_told(outcomes, both, keys, **drawing), **size},
        "difference": difference(outcomes, both, own, keys, **drawing),
    }


def of_risk(y: Any, p: Any, **asked: Any) -> dict[str, Any]:
    """Return the evidence of a model that says probabilities and no log-odds, as `evidence` does."""
    outcomes, risk = probabilities(y, p)
    return evidence(outcomes, calibrate.logit_of(risk), risk=risk, **asked)
