"""Artefacts that nobody trained, and cases to score with them: every shape that the format allows."""

from __future__ import annotations

import random
from dataclasses import asdict
from functools import cache
from typing import Any

import pytest

from salus.learning import apart, novelty, score
from salus.learning import artefact as artefacts
from salus.learning.artefact import Artefact, Pair
from salus.learning.score import Value
from tests.conftest import ROOT

TWIN = ROOT / "salus" / "delivery" / "web" / "static" / "additive.js"
RUNNER = ROOT / "tests" / "additive_twin.js"

PARAMETERS = ("pulse", "lactate", "pH", "sodium", "unit", "sex", "GCS", "urine")
LEVELS = ("A", "B", "medical ICU", "käse", "yes")
GROUPS = ("female", "male", "65 to under 80", "käse", "__proto__", "constructor")
USUAL: dict[str, Any] = {
    "features": {}, "levels": {}, "parameters": {}, "outside": 0, "missing": 9, "far": 1.0, "n": 1000,
}  # fmt: skip
_WHOLE = ["whole stay", "start", 0.0, None]
MADE = {
    "at": "2026-01-01T00:00:00+00:00",
    "code": "0.1.0",
    "seed": 1,
    "libraries": {"made": "by hand"},
    "data": {
        "name": "nobody",
        "title": "People who do not exist",
        "digest": "0" * 64,
        "licence": "CC0",
        "cite": "Nobody, 2026",
        "n": 1000,
        "events": 130,
        "excluded": 3,
        "years": "2001 to 2008",
    },
}


def feature(name: str, how: str, of: str, unit: str = "1") -> dict[str, Any]:
    """One feature of a parameter over the whole stay."""
    told = "" if how == "level" else unit
    return {"name": name, "how": how, "of": [of], "window": _WHOLE, "grows": 0, "unit": told,
            "parameters": [of]}  # fmt: skip


def operated(name: str, how: str, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """One feature made of two."""
    names = list(dict.fromkeys([*one["parameters"], *other["parameters"]]))
    return {"name": name, "how": how, "of": [one["name"], other["name"]], "window": None, "grows": 0,
            "unit": "", "parameters": names}  # fmt: skip


def document(features: list[dict[str, Any]], terms: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A whole document around them."""
    return {
        "format": "salus-additive/1",
        "task": "nobody",
        "version": "1.0.0",
        "asks": "How likely is it?",
        "outcome": "it",
        "horizon": "",
        "made": MADE,
        "features": features,
        "intercept": -2.0,
        "terms": terms,
        "calibration": {"slope": 1.1, "intercept": 0.05},
        "conformal": {"alpha": 0.1, "quantiles": {"no": 0.3, "yes": 0.85}},
        "novelty": USUAL,
        "threshold": {"value": 0.2, "misses": 4.0, "chosen": "one miss weighs four false alarms"},
        "measures": [],
        "shapes_of": "by hand",
        **more,
    }


def _ascending(rng: random.Random, most: int) -> list[float]:
    scale = rng.choice((1.0, 1e-6, 1e9, 1e150))
    drawn = {rng.choice((rng.uniform(-9, 9), float(rng.randint(-5, 5)), 0.1 * rng.randint(-30, 30))) * scale
             for _ in range(rng.randint(0, most))}  # fmt: skip
    return sorted(drawn)


def _scores(rng: random.Random, many: int) -> list[float]:
    return [rng.gauss(0, 0.5) for _ in range(many)]


def _counts(rng: random.Random, many: int) -> list[int]:
    return [rng.choice((0, rng.randint(0, 500))) for _ in range(many)]


def _single(rng: random.Random, at: int, is_level: bool) -> dict[str, Any]:
    if is_level:
        levels = rng.sample(LEVELS, rng.randint(0, 4))
        return {"feature": at, "levels": levels, "scores": _scores(rng, len(levels)),
                "other": rng.gauss(0, 1), "missing": rng.gauss(0, 1),
                "counts": _counts(rng, len(levels) + 2)}  # fmt: skip
    edges = _ascending(rng, 12)
    told = {"feature": at, "edges": edges, "scores": _scores(rng, len(edges) + 1),
            "missing": rng.gauss(0, 1), "counts": _counts(rng, len(edges) + 2)}  # fmt: skip
    if rng.random() < 0.4:
        # Knots with some edges among them: a value may lie on both.
        knots = sorted({*_ascending(rng, 6), *rng.sample(edges, min(2, len(edges)))})
        told |= {"knots": knots, "heights": _scores(rng, len(knots))}
    return told


def _pair(rng: random.Random, two: list[int], levels: set[int]) -> dict[str, Any]:
    edges = [rng.sample(LEVELS, rng.randint(0, 3)) if at in levels else _ascending(rng, 5) for at in two]
    scores = [_scores(rng, len(edges[1]) + 2) for _ in range(len(edges[0]) + 2)]
    return {"features": two, "edges": edges, "scores": scores}


def _usual(rng: random.Random, features: list[dict[str, Any]]) -> dict[str, Any]:
    levels = {one["name"]: rng.sample(LEVELS, 3) for one in features if one["how"] == "level"}
    numbers = {one["name"]: sorted(rng.uniform(-9, 9) for _ in range(4))
               for one in features if one["name"] not in levels}  # fmt: skip
    parameters = {name: [f"{name}, last"] for name in PARAMETERS}
    return {
        "features": numbers,
        "levels": levels,
        "parameters": parameters,
        "far": rng.choice((0.0, 0.5, 1.0)),
        "outside": rng.randint(0, 6),
        "missing": rng.randint(0, 6),
        "n": rng.randint(0, 10**7),
    }


def any_document(rng: random.Random) -> dict[str, Any]:
    """A document of any shape that the format allows."""
    features = [feature(f"{name}, last", "level" if name in ("unit", "sex") else "last", name)
                for name in PARAMETERS]  # fmt: skip
    features += [feature("pulse, count", "count", "pulse"), operated("ratio", "ratio", *features[:2])]
    levels = {at for at, one in enumerate(features) if one["how"] == "level"}
    singles = rng.sample(range(len(features)), rng.randint(0, len(features)))
    pairs = {tuple(sorted(rng.sample(range(len(features)), 2))) for _ in range(rng.randint(0, 4))}
    terms = [_single(rng, at, at in levels) for at in singles]
    terms += [_pair(rng, list(two), levels) for two in sorted(pairs)]
    rng.shuffle(terms)
    line = _calibration(rng)
    own = {"apart": _apart(rng, line)} if rng.random() < 0.5 else {}
    return document(features, terms, novelty=_usual(rng, features), intercept=rng.gauss(0, 1),
                    calibration=line, **own)  # fmt: skip


def _calibration(rng: random.Random) -> dict[str, float]:
    return {"slope": rng.uniform(0.2, 3), "intercept": rng.gauss(0, 1)}


def _apart(rng: random.Random, line: dict[str, float]) -> dict[str, Any]:
    """What groups have of their own: calibrations, thresholds, or both."""
    how = rng.choice(("recalibration", "threshold", "both"))
    groups = [
        {"group": name, "how": "by hand",
         "calibration": dict(line) if how == "threshold" else _calibration(rng),
         "threshold": 0.2 if how == "recalibration" else rng.random()}
        for name in rng.sample(GROUPS, rng.randint(1, 3))
    ]  # fmt: skip
    return {"by": "sex", "how": how, "chosen": "By hand.", "groups": groups, "kept": ["nobody else"]}


def any_values(rng: random.Random, artefact: Artefact) -> dict[str, Value]:
    """A case of any kind: missing, on an edge, between, far out; known and unknown levels."""
    marks: dict[int, list[float]] = {}
    for term in artefact.terms:
        for at, edges in zip(term.features, term.edges if isinstance(term, Pair) else (_marks(term),),
                             strict=True):  # fmt: skip
            marks.setdefault(at, []).extend(one for one in edges if isinstance(one, float))
    return {one.name: _level(rng) if one.is_level else _number(rng, marks.get(at, []))
            for at, one in enumerate(artefact.inputs)}  # fmt: skip


def _marks(term: Any) -> tuple[float, ...]:
    return (*getattr(term, "edges", ()), *getattr(term, "knots", ()))


def _level(rng: random.Random) -> str | None:
    return rng.choice((None, "never seen", "constructor", "__proto__", *LEVELS))


def _number(rng: random.Random, marks: list[float]) -> float | None:
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice((None, float("nan")))
    if kind == 1:
        return rng.choice((float("inf"), float("-inf"), 1e308, -1e308, 5e-324, 0.0, -0.0))
    if kind in (2, 3) and marks:
        mark = rng.choice(marks)
        return mark if kind == 2 else mark * (1 + rng.choice((-1, 1)) * 2**-52)
    if kind == 4 and marks:
        return rng.uniform(min(marks), max(marks))
    return rng.choice((rng.uniform(-10, 10), float(rng.randint(-6, 6))))


def _spelt(value: Value) -> Any:
    """Return a value as JSON can hold it: it has no infinities."""
    return value if not isinstance(value, float) or abs(value) < float("inf") else {"number": str(value)}


def shipped() -> list[Artefact]:
    """Return the additive artefacts that ship with the rooms."""
    every = sorted((ROOT / "salus").glob("*/artefacts/*.json"))
    return [artefacts.load(path) for path in every if b"salus-additive/" in path.read_bytes()]


@cache
def drawn(artefacts_drawn: int, cases: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return cases for the JavaScript twin, in JSON, and what Python answers, in the same order: of artefacts
    that are drawn, and of those that ship.
    """
    rng = random.Random(20260314)
    asked, answers = [], []
    every = [artefacts.of(any_document(rng)) for _ in range(artefacts_drawn)]
    for made in [*every, *shipped()]:
        rows = [any_values(rng, made) for _ in range(cases)]
        names = sorted(name for one in made.inputs for name in one.parameters)
        hidden = rng.sample(names, min(len(names), rng.randint(0, 3)))
        told = [{name: _spelt(value) for name, value in values.items()} for values in rows]
        groups = [rng.choice((None, "never listed", *GROUPS)) for _ in rows]
        asked.append({"text": made.dumps().decode(), "cases": told, "hidden": hidden, "groups": groups})
        # As it is read back: of a document, the order of its parts is another.
        read = artefacts.loads(made.dumps())
        answers += [_answer(read, *case, hidden) for case in zip(rows, groups, strict=True)]
    return asked, answers


def _answer(
    whole: Artefact, values: dict[str, Value], group: str | None, hidden: list[str]
) -> dict[str, Any]:
    made = apart.of_group(whole, group)
    found = score.score(made, values)
    return {
        **asdict(found),
        "threshold": made.threshold,
        "spansOfAll": apart.spans(whole, values, set(hidden)),
        "byParameter": score.by_parameter(made, found),
        "spans": score.spans(made, values, set(hidden)),
        "unlearnt": sorted(score.unlearnt(made, values)),
        "wouldChange": score.would_change(made, values),
        "conformal": score.conformal(made, found.probability),
        "novelty": asdict(novelty.judged(made.novelty, values, hidden)),
    }


def alike(said: list[dict[str, Any]], answers: list[dict[str, Any]]) -> None:
    """Assert that the twin said what Python answers, to 1e-9."""
    assert len(said) == len(answers)
    for one, other in zip(said, answers, strict=True):
        for name in ("logit", "probability", "base", "spans", "spansOfAll", "threshold"):
            assert one[name] == pytest.approx(other[name], rel=0, abs=1e-9)
        for name in ("contributions", "byParameter", "wouldChange"):
            told, expected = ({key: value for key, value in found if abs(value) > 1e-9}
                              for found in (one[name], other[name]))  # fmt: skip
            assert told == pytest.approx(expected, rel=0, abs=1e-9)
        assert one["unlearnt"] == other["unlearnt"]
        assert one["conformal"] == list(other["conformal"])
        assert {key: told if key == "why" else tuple(told) for key, told in one["novelty"].items()} == (
            other["novelty"]
        )
