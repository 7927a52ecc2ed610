"""An Evidence as `salus test` gives it, measured on made-up people with made-up predictions.

The people are drawn by a seed; what is said of them is measured by the same functions as for real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from salus.learning import conformal, fair, mitigate
from salus.learning import evidence as measured
from salus.learning.calibrate import expit

OUTCOME = "death in hospital"
AGES = ("under 45", "45 to under 75", "75 and over")
DRAWN = {"draws": 60, "seed": 1}


@dataclass(frozen=True)
class People:
    """Made-up people: what the model says of each in log-odds, what happened, what tells them apart."""

    logit: Any
    y: Any
    groups: dict[str, list[str]]
    sites: list[str]
    physician: Any

    @property
    def risk(self) -> Any:
        return expit(self.logit)


def people(n: int, seed: int = 7) -> People:
    """Return `n` people; older ones fare a little worse than the model says."""
    draw = np.random.default_rng(seed)
    sex, age = draw.choice(["men", "women"], n), draw.choice(AGES, n, p=[0.06, 0.64, 0.3])
    logit = draw.normal(-2.3, 1.5, n)
    y = draw.random(n) < expit(logit + np.where(age == AGES[2], 0.25, -0.05))
    physician = 0.6 * logit + 0.5 * y + draw.normal(0, 1, n)
    physician[draw.random(n) < 0.2] = np.nan
    groups = {"sex": sex.tolist(), "age": age.tolist()}
    return People(logit, y, groups, draw.choice(["A", "B", "C"], n).tolist(), physician)


def shapes() -> list[dict[str, Any]]:
    """Return shapes of every kind: steps, a line on steps, levels."""
    return [
        {
            "feature": "GCS, lowest of the last 12 h",
            "unit": "{score}",
            "kind": "number",
            "edges": [6.0, 9.0, 13.0],
            "scores": [0.9, 0.5, -0.1, -0.45],
            "counts": [120, 600, 500, 900, 1880],
            "missing": 0.05,
        },
        {
            "feature": "urea nitrogen, last",
            "unit": "mg/dL",
            "kind": "number",
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
            "kind": "level",
            "levels": ["medical", "surgical", "coronary", "cardiac"],
            "scores": [0.2, 0.05, -0.1, -0.6],
            "counts": [0, 1480, 1067, 577, 874, 2],
            "missing": 0.0,
            "other": 0.0,
        },
    ]


def about() -> dict[str, Any]:
    """Return what is said of the model, of the data and of the run."""
    data = {"licence": "ODC-BY 1.0", "cite": "Silva I et al. Comput Cardiol 2012;39:245-248."}
    title = "PhysioNet/CinC Challenge 2012"
    ran = {"code": "salus 0.2.0", "seed": 1}
    trained = {**data, "title": f"{title}, set-a", "digest": "ab12" * 16, "n": 4000, "events": 554}
    libraries = {"numpy": np.__version__}
    return {
        "model": "icu-mortality",
        "version": "1.0.0",
        "task": "icu-mortality",
        "asks": "Will this patient die in hospital?",
        "outcome": OUTCOME,
        "horizon": "the hospital stay",
        "eligible": "adults in their first two days of intensive care",
        "on": {**data, "name": "physionet2012", "title": f"{title}, set-b", "digest": "9f2c" * 16},
        "ran": {**ran, "at": "2026-11-26T08:00:00+00:00"},
        "made": {**ran, "at": "2026-11-25T08:00:00+00:00", "libraries": libraries, "data": trained},
        "limits": [
            "Four units of one hospital, 2001 to 2008: other hospitals and years may differ.",
            "Times are hours from admission; calendar time is not known.",
        ],
        "notes": ["Ages over 90 are told as 90."],
        "unused": ["12 rows were refused, first set-b/1.txt:3: no such parameter"],
    }


def told_of_the_model() -> dict[str, Any]:
    """Return what is told beside the measures: how the model reads, and answers that were right and wrong."""
    reasons = {"GCS, lowest of the last 12 h": 0.9, "urea nitrogen, last": 0.55, "age": -0.2}
    why = [{"says": says, "weight": weight} for says, weight in reasons.items()]
    largest = [{"parameter": "GCS", "importance": 0.41}, {"parameter": "urea nitrogen", "importance": 0.3}]
    return {
        "reading": {"terms": 118, "pairs": 22, "largest": largest},
        "shapes": shapes(),
        "examples": [
            {"kind": "right", "case": "132539", "probability": 0.71, "outcome": True, "reasons": why},
            {"kind": "wrong", "probability": 0.04, "outcome": True, "reasons": why[2:]},
        ],
    }


@cache
def evidence(n: int = 4000, seed: int = 7) -> dict[str, Any]:
    """Return a whole Evidence of `n` people, with every part that there is."""
    found = people(n, seed)
    learnt = people(n, seed + 1)
    quantiles = conformal.quantiles(learnt.y, learnt.risk)
    told = measured.evidence(
        found.y,
        found.logit,
        threshold=0.1,
        misses=9.0,
        groups=found.groups,
        quantiles=quantiles,
        abstained=np.arange(n) % 200 == 0,
        patient_days=2.0 * n,
        challenge=True,
        **DRAWN,
    )
    flow = [("in the set", n + 60), ("outcome not known", 20), ("younger than 16", 40), ("asked", n)]
    judged = fair.judged(found.y, found.risk, np.zeros(n, dtype=bool))
    sites = fair.by_group(judged, {"site": found.sites}, [], **DRAWN)
    known = [mitigate.Known(each.y, each.logit, each.groups["age"]) for each in (learnt, found)]
    both = 0.5 * found.physician + found.logit
    return {
        **about(),
        **told,
        **told_of_the_model(),
        **measured.beside_physician(found.y, found.logit, found.physician, both, **DRAWN),
        "flow": [{"step": step, "n": many} for step, many in flow],
        "mitigation": mitigate.tried("age", *known, 0.2, **DRAWN),
        "stability": {
            "seeds": [{"seed": one, "auroc": 0.86 + one / 1000, "ece": 0.01} for one in range(5)],
            "sites": [{**row, "site": row["group"]} for row in sites],
        },
    }


@cache
def of_a_range_score() -> dict[str, Any]:
    """Return the Evidence of a guideline score that answers with a range: small, judged by both ends."""
    found = people(90, 3)
    low = np.clip(np.round(found.logit + 6), 0, 20)
    sides = {"lower": low, "upper": low + (np.arange(90) % 3 == 0)}
    ends = {side: measured.of_score(found.y, points, 5.0, **DRAWN) for side, points in sides.items()}
    judged = fair.judged(found.y, sides["upper"] / 20, np.zeros(90, dtype=bool))
    none = {"observed_expected": None, "true_positive_rate": None}
    return {
        **ends["upper"],
        "ends": ends,
        "model": "news2",
        "version": "1.0.0",
        "asks": "Is this patient deteriorating?",
        "outcome": "ICU within 24 h",
        "on": {"title": "MIMIC-IV demo on FHIR"},
        "calibration": dict.fromkeys(("slope", "intercept", "ece")),
        "groups": [{**row, **none} for row in fair.by_group(judged, found.groups, **DRAWN)],
        "abstained": 3,
        "limits": [f"{len(low)} arrivals at one hospital."],
    }
