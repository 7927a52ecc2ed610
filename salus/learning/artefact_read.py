"""Reading an artefact: every part of the document checked, and each fault told with its place and its remedy.

What is not as the format has it would be scored as something else: nothing is guessed, filled in or passed
over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from salus.core.errors import UserError
from salus.learning import novelty
from salus.learning.apart_read import apart_of
from salus.learning.artefact import (
    FORMAT,
    Artefact,
    Curve,
    GroupMeasure,
    Input,
    Interval,
    Levels,
    Made,
    Pair,
    Term,
    TrainedOn,
)
from salus.learning.features import Feature, Window, parameters_of
from salus.learning.places import At

_KEYS = ("format", "task", "version", "asks", "outcome", "horizon", "made", "features", "intercept", "terms",
         "calibration", "conformal", "novelty", "threshold", "measures", "shapes_of")  # fmt: skip
_FEATURE = ("name", "how", "of", "window", "grows", "unit", "parameters")
_CURVE = ("feature", "edges", "scores", "missing", "counts")
_LINE = ("knots", "heights")
_LEVELS = ("feature", "levels", "scores", "other", "missing", "counts")
_PAIR = ("features", "edges", "scores")
_MADE = ("at", "code", "seed", "libraries", "data")
_DATA = ("name", "title", "digest", "licence", "cite", "n", "events", "excluded")
_GROUP = ("by", "group", "n", "events", "auroc", "observed_expected", "note")
_DUST = 1e-9


def parsed(raw: bytes, place: str) -> dict[str, Any]:
    """Return the JSON object in `raw`; raises EvidenceError where there is none, or a name stands twice."""
    at = At(place)
    try:
        found = json.loads(raw, parse_constant=at.no_number, object_pairs_hook=at.once)
    except (ValueError, RecursionError) as error:
        told = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        at.refuse(f"it is no JSON{' from ' + told + ' on' if told else ''}")
    return at.mapping(found)


def whole(document: Mapping[str, Any], place: str) -> Artefact:
    """Return the Artefact that `document` tells; raises EvidenceError."""
    at = At(place)
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        at.of("format").refuse(f"it has to be '{FORMAT}', the one that this version of Salus reads")
    top = {name: part for name, part in document.items() if name != "digest"}
    at.keys(top, _KEYS, ("apart",))
    inputs = _inputs(top["features"], at.of("features"))
    usual = at.of("novelty").mapping(top["novelty"])
    novelty.checked(usual, {one.name for one in inputs}, place)
    calibration = at.of("calibration").keys(top["calibration"], ("slope", "intercept"))
    conformal = at.of("conformal").keys(top["conformal"], ("alpha", "quantiles"))
    quantiles = at.of("conformal.quantiles").keys(conformal["quantiles"], ("no", "yes"))
    threshold = at.of("threshold").keys(top["threshold"], ("value", "misses", "chosen"))
    told = {name: at.of(name).words(top[name]) for name in ("task", "version", "asks", "outcome")}
    found = Artefact(
        **told,  # type: ignore[arg-type]
        horizon=at.of("horizon").text(top["horizon"]),
        made=_made(top["made"], at.of("made")),
        inputs=inputs,
        intercept=at.of("intercept").number(top["intercept"]),
        terms=_terms(top["terms"], inputs, at.of("terms")),
        slope=at.of("calibration.slope").above_zero(calibration["slope"]),
        shift=at.of("calibration.intercept").number(calibration["intercept"]),
        alpha=at.of("conformal.alpha").share(conformal["alpha"]),
        quantiles={name: at.of(f"conformal.quantiles.{name}").share(one) for name, one in quantiles.items()},
        novelty=usual,
        threshold=at.of("threshold.value").share(threshold["value"]),
        misses=at.of("threshold.misses").above_zero(threshold["misses"]),
        chosen=at.of("threshold.chosen").text(threshold["chosen"]),
        measures=_measures(top["measures"], at.of("measures")),
        shapes_of=at.of("shapes_of").text(top["shapes_of"]),
    )  # fmt: skip
    if "apart" not in top:
        return found
    return replace(found, apart=apart_of(top["apart"], found, at.of("apart")))


def _inputs(found: object, at: At) -> tuple[Input, ...]:
    made: list[Input] = []
    before: dict[str, Feature] = {}
    for place, one in enumerate(at.sequence(found)):
        made.append(_input(one, before, at.of(place)))
        before[made[-1].name] = made[-1].feature
    return tuple(made)


def _input(found: object, before: Mapping[str, Feature], at: At) -> Input:
    told = at.keys(found, _FEATURE)
    name, how = at.of("name").words(told["name"]), at.of("how").words(told["how"])
    if name in before:
        at.of("name").refuse("another feature has this name")
    # An operator may take one feature twice.
    operands = tuple(at.of("of").of(place).words(one) for place, one in enumerate(at.sequence(told["of"])))
    grows = at.of("grows").number(told["grows"])
    if grows not in (-1.0, 0.0, 1.0):
        at.of("grows").refuse("it has to be -1, 0 or 1")
    try:
        feature = Feature(name, how, operands, _window(told["window"], at.of("window")), int(grows))
    except UserError as error:
        at.refuse(str(error).rstrip("."))
    names = at.of("parameters").names(told["parameters"])
    for place, operand in enumerate(operands if feature.window is None else ()):
        if operand not in before:
            at.of("of").of(place).refuse("no feature before it has this name")
    if names != parameters_of(feature, before):
        at.of("parameters").refuse("they are not those of which it is made")
    return Input(feature, at.of("unit").text(told["unit"]), names)


def _window(found: object, at: At) -> Window | None:
    if found is None:
        return None
    told = at.sequence(found)
    if len(told) != 4 or told[1] not in ("start", "moment"):
        at.refuse("it has to be a name, 'start' or 'moment', and two ends in hours")
    low, high = (None if end is None else at.of(2 + place).number(end) for place, end in enumerate(told[2:]))
    return Window(at.of(0).words(told[0]), told[1], low, high)


def _terms(found: object, inputs: Sequence[Input], at: At) -> tuple[Term, ...]:
    terms = tuple(
        _term(at.mapping(one), inputs, at.of(place)) for place, one in enumerate(at.sequence(found))
    )
    seen: set[frozenset[int]] = set()
    for place, term in enumerate(terms):
        if frozenset(term.features) in seen:
            at.of(place).refuse("another term looks at the same")
        seen.add(frozenset(term.features))
    return terms


def _term(found: dict[str, Any], inputs: Sequence[Input], at: At) -> Term:
    if "features" in found:
        return _pair(found, inputs, at)
    if "feature" not in found:
        at.refuse("it has neither 'feature' nor 'features'")
    place = at.of("feature").place(found["feature"], len(inputs))
    if inputs[place].is_level:
        return _levels(found, place, at)
    return _curve(found, place, at)


def _curve(found: dict[str, Any], place: int, at: At) -> Curve:
    told = at.keys(found, _CURVE, _LINE)
    edges = at.of("edges").ascending(told["edges"])
    knots = at.of("knots").ascending(told.get("knots", ()))
    heights = at.of("heights").numbers(told.get("heights", ()), len(knots))
    for one in range(len(knots) - 1):
        if not isfinite((heights[one + 1] - heights[one]) / (knots[one + 1] - knots[one])):
            at.of("heights").of(one + 1).refuse("the line is too steep")
    return Curve(
        place, edges, at.of("scores").numbers(told["scores"], len(edges) + 1),
        at.of("missing").number(told["missing"]),
        at.of("counts").counts(told["counts"], len(edges) + 2), knots, heights,
    )  # fmt: skip


def _levels(found: dict[str, Any], place: int, at: At) -> Levels:
    told = at.keys(found, _LEVELS)
    levels = at.of("levels").names(told["levels"])
    return Levels(
        place, levels, at.of("scores").numbers(told["scores"], len(levels)),
        at.of("other").number(told["other"]), at.of("missing").number(told["missing"]),
        at.of("counts").counts(told["counts"], len(levels) + 2),
    )  # fmt: skip


def _pair(found: dict[str, Any], inputs: Sequence[Input], at: At) -> Pair:
    told = at.keys(found, _PAIR)
    places = at.of("features").sequence(told["features"])
    edges = at.of("edges").sequence(told["edges"])
    if len(places) != 2 or len(edges) != 2:
        at.refuse("it has to have two features, and the edges of both")
    one, other = (at.of("features").of(n).place(place, len(inputs)) for n, place in enumerate(places))
    if one == other:
        at.of("features").refuse("they have to be two")
    rows, columns = (
        at.of("edges").of(n).names(edges[n]) if inputs[place].is_level
        else at.of("edges").of(n).ascending(edges[n]) for n, place in enumerate((one, other))
    )  # fmt: skip
    scores = at.of("scores").sequence(told["scores"])
    if len(scores) != len(rows) + 2:
        at.of("scores").refuse(f"it has to hold {len(rows) + 2} rows and holds {len(scores)}")
    table = tuple(at.of("scores").of(n).numbers(row, len(columns) + 2) for n, row in enumerate(scores))
    return Pair((one, other), (rows, columns), table)


def _made(found: object, at: At) -> Made:
    told = at.keys(found, _MADE)
    libraries = at.of("libraries").mapping(told["libraries"])
    versions = {name: at.of("libraries").of(name).text(one) for name, one in libraries.items()}
    data, inside = at.of("data").keys(told["data"], _DATA, ("years",)), at.of("data")
    said = {name: inside.of(name).words(data[name]) for name in _DATA[:5]}
    counts = {name: inside.of(name).count(data[name]) for name in _DATA[5:]}
    if counts["events"] > counts["n"]:
        inside.of("events").refuse("there cannot be more events than cases")
    trained = TrainedOn(**said, **counts, years=inside.of("years").text(data.get("years", "")))  # type: ignore[arg-type]
    return Made(
        at.of("at").words(told["at"]), at.of("code").words(told["code"]),
        at.of("seed").count(told["seed"]), versions, trained,
    )  # fmt: skip


def _measures(found: object, at: At) -> tuple[GroupMeasure, ...]:
    return tuple(_group(one, at.of(place)) for place, one in enumerate(at.sequence(found)))


def _group(found: object, at: At) -> GroupMeasure:
    told = {"true_positive_rate": None, **at.keys(found, _GROUP, ("true_positive_rate",))}
    words = {name: at.of(name).text(told[name]) for name in ("by", "group", "note")}
    counts = {name: at.of(name).count(told[name]) for name in ("n", "events")}
    measures = ("auroc", "observed_expected", "true_positive_rate")
    return GroupMeasure(**words, **counts, **{name: _interval(told[name], at.of(name)) for name in measures})  # type: ignore[arg-type]


def _interval(found: object, at: At) -> Interval | None:
    if found is None:
        return None
    told = at.keys(found, ("value", "low", "high"))
    ends = {name: at.of(name).number(one) for name, one in told.items()}
    # Ends that were drawn may fall short of a value at the very end by the dust of adding up.
    if not ends["low"] - _DUST <= ends["value"] <= ends["high"] + _DUST:
        at.refuse("the value has to lie between its ends")
    return Interval(**ends)
