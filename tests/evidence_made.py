"""An Evidence as `salus test` gives it, computed from made-up people with made-up predictions.

The people are drawn by a seed; what is said of them is measured, so that counts, shares and intervals agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from random import Random
from statistics import fmean
from typing import Any

OUTCOME = "death in hospital"
AGES = ("under 45", "45 to under 75", "75 and over")


@dataclass(frozen=True)
class Person:
    """One made-up person: what the model said, what happened, in which groups."""

    logit: float
    said: float
    happened: bool
    sex: str
    age: str
    site: str


def chance(logit: float) -> float:
    return 1 / (1 + exp(-logit))


def people(n: int, seed: int = 7) -> list[Person]:
    """Return `n` people; older ones fare a little worse than the model says."""
    draw, found = Random(seed), []
    for _ in range(n):
        sex, age = (
            draw.choice(("men", "women")),
            draw.choices(AGES, (1, 4, 2))[0],
        )
        logit = draw.gauss(-2.3, 1.5)
        truth = logit + (0.25 if age == "75 and over" else -0.05)
        found.append(
            Person(logit, chance(logit), draw.random() < chance(truth), sex, age, draw.choice("ABC"))
        )
    return found


def wilson(hits: float, n: int) -> dict[str, Any]:
    """Return a share with its Wilson interval."""
    if not n:
        return {"value": None, "low": None, "high": None}
    share, z = hits / n, 1.96
    middle, room = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return {
        "value": share,
        "low": (middle - room) / (1 + z * z / n),
        "high": (middle + room) / (1 + z * z / n),
    }


def auroc(found: Sequence[Person], by: Callable[[Person], float] = lambda one: one.said) -> dict[str, float]:
    """Return the AUROC by ranks, with the interval of Hanley and McNeil."""
    ordered = sorted(found, key=by)
    yes, no = sum(one.happened for one in found), sum(not one.happened for one in found)
    ranks = sum(place for place, one in enumerate(ordered, 1) if one.happened)
    value = (ranks - yes * (yes + 1) / 2) / (yes * no)
    more, less = value / (2 - value), 2 * value**2 / (1 + value)
    spread = sqrt(
        (value * (1 - value) + (yes - 1) * (more - value**2) + (no - 1) * (less - value**2)) / (yes * no)
    )
    return {"value": value, "low": value - 1.96 * spread, "high": min(1.0, value + 1.96 * spread)}


def ratio(found: Sequence[Person]) -> dict[str, float]:
    """Return happened over said, with a Poisson interval on the log."""
    happened, said = sum(one.happened for one in found), sum(one.said for one in found)
    room = exp(1.96 / sqrt(happened))
    return {"value": happened / said, "low": happened / said / room, "high": happened / said * room}


def group(by: str, name: str, found: Sequence[Person], at: float) -> dict[str, Any]:
    """Return one row of the groups; nulls where fewer than 20 had the outcome."""
    yes = [one for one in found if one.happened]
    row = {"by": by, "group": name, "n": len(found), "events": len(yes)}
    if len(yes) < 20:
        none = dict.fromkeys(("auroc", "observed_expected", "true_positive_rate"))
        return {**row, **none, "note": "too few to judge"}
    rate = wilson(sum(one.said >= at for one in yes), len(yes))
    return {
        **row,
        "auroc": auroc(found),
        "observed_expected": ratio(found),
        "true_positive_rate": rate,
        "note": "",
    }


def _by_age(name: str) -> tuple[str, int]:
    sex, _, age = name.rpartition(", ")
    return sex, AGES.index(age) if age in AGES else 0


def groups(found: Sequence[Person], at: float) -> list[dict[str, Any]]:
    kinds: dict[str, Callable[[Person], str]] = {
        "sex": lambda one: one.sex,
        "age": lambda one: one.age,
        "sex and age": lambda one: f"{one.sex}, {one.age}",
    }
    return [
        group(by, name, [one for one in found if key(one) == name], at)
        for by, key in kinds.items()
        for name in sorted({key(one) for one in found}, key=_by_age)
    ]


def bands(found: Sequence[Person], many: int = 10) -> list[dict[str, Any]]:
    """Return said and happened in bands of equal size."""
    ordered, rows = sorted(found, key=lambda one: one.said), []
    for place in range(many):
        inside = ordered[place * len(ordered) // many : (place + 1) * len(ordered) // many]
        happened = wilson(sum(one.happened for one in inside), len(inside))
        rows.append(
            {
                "low": inside[0].said,
                "high": inside[-1].said,
                "n": len(inside),
                "predicted": fmean(one.said for one in inside),
                "observed": happened["value"],
                "observed_low": happened["low"],
                "observed_high": happened["high"],
            }
        )
    return rows


def benefit(found: Sequence[Person], at: float) -> dict[str, float]:
    odds, n = at / (1 - at), len(found)
    yes = sum(one.happened for one in found)
    true = sum(one.happened and one.said >= at for one in found)
    false = sum(not one.happened and one.said >= at for one in found)
    return {
        "threshold": at,
        "model": (true - false * odds) / n,
        "all": (yes - (n - yes) * odds) / n,
        "none": 0.0,
    }


def at_threshold(found: Sequence[Person], at: float, misses: float) -> dict[str, Any]:
    n, yes = len(found), sum(one.happened for one in found)
    true, flagged = (
        sum(one.happened and one.said >= at for one in found),
        sum(one.said >= at for one in found),
    )
    of = 1000 / n
    natural = {
        "of": 1000,
        "alerts": round(flagged * of),
        "true_alerts": round(true * of),
        "misses": round((yes - true) * of),
        "false_alarms": round((flagged - true) * of),
    }
    return {
        "value": at,
        "misses": misses,
        "chosen": "From the cost ratio below, on the training set.",
        "sensitivity": wilson(true, yes),
        "specificity": wilson(n - yes - flagged + true, n - yes),
        "ppv": wilson(true, flagged),
        "npv": wilson(n - flagged - yes + true, n - flagged),
        "flagged": flagged,
        "natural": natural,
        "alerts_per_100_patient_days": 9.6,
        "number_needed_to_evaluate": flagged / true,
    }


def shapes() -> list[dict[str, Any]]:
    """Return shapes of every kind: steps, a line on steps, levels."""
    return [
        {
            "feature": "GCS, lowest of the last 12 h",
            "unit": "{score}",
            "kind": "numeric",
            "edges": [6.0, 9.0, 13.0],
            "scores": [0.9, 0.5, -0.1, -0.45],
            "counts": [120, 600, 500, 900, 1880],
            "missing": 0.05,
        },
        {
            "feature": "urea nitrogen, last",
            "unit": "mg/dL",
            "kind": "numeric",
            "edges": [12.0, 20.0, 35.0, 60.0],
            "scores": [-0.6, -0.25, 0.1, 0.4, 0.55],
            "counts": [80, 700, 1300, 1000, 600, 320],
            "missing": -0.1,
            "knots": [10.0, 80.0],
            "heights": [-0.1, 0.2],
        },
        {
            "feature": "ICU type",
            "unit": "",
            "kind": "levels",
            "levels": ["medical", "surgical", "coronary", "cardiac"],
            "scores": [0.2, 0.05, -0.1, -0.6],
            "counts": [0, 1480, 1067, 577, 874, 2],
            "missing": 0.0,
            "other": 0.0,
        },
    ]


def evidence(n: int = 4000, seed: int = 7) -> dict[str, Any]:
    """Return a whole Evidence of `n` people, with every part that there is."""
    found = people(n, seed)
    yes, at = sum(one.happened for one in found), 0.1
    draw = Random(seed + 1)
    guess = {id(one): one.logit * 0.6 + (0.5 if one.happened else 0) + draw.gauss(0, 1) for one in found}
    physician = auroc(found, lambda one: guess[id(one)])
    both = auroc(found, lambda one: guess[id(one)] * 0.5 + one.logit)
    added = both["value"] - physician["value"]
    covered = {
        "yes": {**wilson(0.91 * yes, yes), "n": yes},
        "no": {**wilson(0.9 * (n - yes), n - yes), "n": n - yes},
    }
    sites = {site: [one for one in found if one.site == site] for site in "ABC"}
    slope = {"slope": 0.99, "intercept": 0.03, "ece": 0.008}
    return {
        "model": "icu-mortality",
        "version": "1.0.0",
        "task": "icu-mortality",
        "asks": "Will this patient die in hospital?",
        "outcome": OUTCOME,
        "horizon": "the hospital stay",
        "on": {
            "name": "physionet2012",
            "title": "PhysioNet/CinC Challenge 2012, set-b",
            "licence": "ODC-BY 1.0",
            "digest": "9f2c" * 16,
            "cite": "Silva I et al. Comput Cardiol 2012;39:245-248.",
        },
        "ran": {
            "at": "2026-11-26T08:00:00+00:00",
            "code": "salus 0.2.0",
            "seed": 1,
            "libraries": {"numpy": "2.3.1"},
        },
        "made": {
            "at": "2026-11-25T08:00:00+00:00",
            "code": "salus 0.2.0",
            "seed": 1,
            "data": {
                "title": "PhysioNet/CinC Challenge 2012, set-a",
                "digest": "ab12" * 16,
                "n": n,
                "events": yes,
            },
        },
        "n": n,
        "events": yes,
        "auroc": auroc(found),
        "auprc": {"value": 0.52, "low": 0.48, "high": 0.56},
        "calibration": {
            **slope,
            "intervals": {"slope": [0.91, 1.07], "intercept": [-0.06, 0.12], "ece": [0.005, 0.017]},
            "table": bands(found),
        },
        "threshold": at_threshold(found, at, 9.0),
        "groups": groups(found, at),
        "abstained": n // 200,
        "event1": 0.49,
        "event2": 17.2,
        "physician": physician,
        "together": both,
        "difference": {"value": added, "low": added - 0.02, "high": added + 0.02},
        "decision": [benefit(found, step / 100) for step in (1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50)],
        "conformal": {
            "alpha": 0.1,
            "coverage": covered,
            "sets": {"one": n * 7 // 10, "both": n * 3 // 10, "none": 0},
        },
        "flow": [
            {"step": "Stays in the set", "n": n + 60},
            {"step": "Outcome not known", "n": 20},
            {"step": "Younger than 16", "n": 40},
            {"step": "Asked", "n": n},
        ],
        "mitigation": [
            {
                "name": "Group recalibration",
                "how": "an own intercept for each age band",
                "by": "age",
                "auroc": 0.86,
                "gap": 0.05,
                "before": {"auroc": 0.862, "gap": 0.09, "75 and over": {"observed_expected": 1.14}},
                "after": {"auroc": 0.86, "gap": 0.05, "75 and over": {"observed_expected": 1.01}},
            },
        ],
        "stability": {
            "seeds": [
                {"seed": one, "auroc": 0.86 + one / 1000, "slope": 1.0 - one / 100} for one in (1, 2, 3, 4, 5)
            ],
            "sites": [
                {
                    "site": site,
                    "n": len(each),
                    "events": sum(one.happened for one in each),
                    "auroc": auroc(each),
                    "observed_expected": ratio(each),
                }
                for site, each in sites.items()
            ],
        },
        "examples": [
            {
                "kind": "right",
                "case": "132539",
                "probability": 0.71,
                "outcome": True,
                "reasons": [
                    {"says": "GCS, lowest of the last 12 h", "weight": 0.9},
                    {"says": "urea nitrogen, last", "weight": 0.55},
                    {"says": "age", "weight": -0.2},
                ],
            },
            {
                "kind": "wrong",
                "probability": 0.04,
                "outcome": True,
                "reasons": [{"says": "heart rate, highest", "weight": -0.3}],
            },
        ],
        "reading": {
            "terms": 118,
            "pairs": 22,
            "largest": [
                {"parameter": "GCS", "importance": 0.41},
                {"parameter": "urea nitrogen", "importance": 0.3},
            ],
        },
        "shapes": shapes(),
        "limits": [
            "Four units of one hospital, 2001 to 2008: other hospitals and years may differ.",
            "Times are hours from admission; calendar time is not known.",
        ],
        "notes": [f"{n} stays were scored."],
    }


def of_a_range_score() -> dict[str, Any]:
    """Return the Evidence of a guideline score that answers with a range: small, judged by both ends."""
    found = people(80, 3)
    worst = [
        Person(one.logit, min(one.said * 1.5, 0.99), one.happened, one.sex, one.age, one.site)
        for one in found
    ]
    yes = sum(one.happened for one in found)
    return {
        "model": "news2",
        "version": "1.0.0",
        "asks": "Is this patient deteriorating?",
        "n": 80,
        "events": yes,
        "outcome": "ICU within 24 h",
        "on": {"title": "MIMIC-IV demo on FHIR"},
        "auroc": auroc(worst),
        "ends": {
            "lower": {"auroc": auroc(found), "threshold": {"value": 5, "sensitivity": wilson(6, yes)}},
            "upper": {"auroc": auroc(worst), "threshold": {"value": 5, "sensitivity": wilson(7, yes)}},
        },
        "groups": groups(found, 0.1),
        "limits": [f"{log(80):.1f} is small."],
    }
