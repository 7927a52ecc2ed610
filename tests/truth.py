"""A made-up task whose truth is known: what raises the risk, by how much, and what does nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from salus.core.measures import Measure
from salus.learning.artefact import Made, TrainedOn
from salus.learning.features import WHOLE, Feature
from salus.learning.parameters import Category
from salus.learning.task import Group, Task

NUMBERS = ("rises", "bends", "one", "other", "nothing")


def task(**more: Any) -> Task:
    measures = tuple(Measure(name, (f"LOINC/{at}",), "1", -1e9, 1e9) for at, name in enumerate(NUMBERS))
    features = tuple(
        Feature(f"{name}, last", "last", (name,), WHOLE, int(name == "rises"), "made up") for name in NUMBERS
    )
    asked: dict[str, Any] = {"settings": {"bags": 2, "folds": 3}, "pairs": 1, "terms": 20, **more}
    return Task(
        name="made-up", version="1.0.0", asks="Is it so?", outcome="that it is so", horizon="now",
        milestones=frozenset({"x"}), cases=lambda _: (), leaks=frozenset(), misses=4.0,
        parameters=(*measures, Category("kind", ("LOINC/kind",))),
        features=(*features, Feature("kind", "level", ("kind",), WHOLE)),
        groups=(Group("kind", "kind"),), **asked,
    )  # fmt: skip


def logit(frame: pl.DataFrame) -> Any:
    """Return the truth: rises to a plateau, a U, a level, a pair, and more where `rises` is missing."""
    rises, bends, one, other = (frame[f"{name}, last"].to_numpy() for name in NUMBERS[:4])
    found = -2.0 + np.where(np.isnan(rises), 1.0, np.clip(rises, -1, 1)) + 0.5 * bends**2
    found += np.where(frame["kind"].to_numpy() == "b", 1.0, 0.0)
    return found + 1.2 * np.where((one > 0) & (other > 0), 1.0, 0.0)


def table(cases: int, seed: int = 1) -> tuple[pl.DataFrame, Any, Any]:
    """Return features, outcomes and persons, two cases a person."""
    chance = np.random.default_rng(seed)
    columns: dict[str, Any] = {f"{name}, last": chance.normal(size=cases).round(3) for name in NUMBERS}
    columns["rises, last"][chance.random(cases) < 0.2] = np.nan
    kinds = np.array(["a", "b", "c"], object)[chance.integers(0, 3, cases)]
    columns["kind"] = pl.Series([None if chance.random() < 0.1 else kind for kind in kinds], dtype=pl.String)
    frame = pl.DataFrame(columns)
    y = chance.random(cases) < 1 / (1 + np.exp(-logit(frame)))
    return frame, y, np.array([f"p{at // 2}" for at in range(cases)])


def made() -> Made:
    data = TrainedOn("made-up", "Made up", "0" * 64, "none", "nobody", 1, 0, 0)
    return Made("2000-01-01T00:00:00Z", "test", 1, {}, data)
