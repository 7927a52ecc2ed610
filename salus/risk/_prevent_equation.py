"""The PREVENT equations: log-odds of cardiovascular disease in 10 and 30 years, and their range.

Source: Khan et al., Circulation 2024;149:430-449; the terms and their centring are of Supplemental Tables
S12A to S12J, the coefficients are in artefacts/prevent.json. CDC writes the base equation out in the same
terms (Kidney Disease Surveillance System, question Q811). Given age, sex and the yes/no inputs, the log-odds
are a sum of pieces that each depend on one measurement, straight between their knots; so the ends of a
range are found by trying each piece's own ends and knots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from json import loads
from math import exp, log

from salus.risk._labs import MMOL_PER_MG_CHOLESTEROL

Span = tuple[float, float]
Terms = Mapping[str, float]
# What each input adds, by its name, for every value of it at which the sum can have an end.
Pieces = list[tuple[str, list[Terms]]]

OUTCOMES = ("total_cvd", "ascvd", "heart_failure", "chd", "stroke")
HORIZONS = (10, 30)
VARIANTS = ("base", "hba1c", "uacr", "sdi", "full")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person: each measurement as (low, high), each yes/no as its possible answers.

    total_c, hdl: mg/dL; sbp: mmHg; bmi: kg/m2; egfr: mL/min/1.73 m2; hba1c: %; acr: mg/g; sdi: decile.
    bmi None: outside what heart failure was modelled for. hba1c, acr, sdi None: not known.
    """

    sexes: tuple[str, ...]
    ages: tuple[int, ...]
    total_c: Span
    hdl: Span
    sbp: Span
    bmi: Span | None
    egfr: Span
    diabetes: tuple[bool, ...] = (False,)
    smoking: tuple[bool, ...] = (False,)
    bp_treated: tuple[bool, ...] = (False,)
    statin: tuple[bool, ...] = (False,)
    hba1c: Span | None = None
    acr: Span | None = None
    sdi: Span | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A range of log-odds; `parts` says what each input adds at its upper end."""

    low: float
    high: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Context:
    """One way in which the inputs that change the meaning of others may be."""

    sex: str
    age: float
    diabetes: bool
    smoking: bool
    bp_treated: bool
    statin: bool


def variant(known: Known) -> str:
    """Return which published equation fits; from two optional inputs on the full one, with missing terms."""
    optional = {"hba1c": known.hba1c, "uacr": known.acr, "sdi": known.sdi}
    given = [name for name, value in optional.items() if value is not None]
    if not given:
        return "base"
    return given[0] if len(given) == 1 else "full"


def answer(known: Known, of: str, outcome: str, years: int) -> Answer:
    """Return the log-odds of `outcome` in `years` that everything known still allows, by equation `of`."""
    return _widest(_laid_out(known), of, outcome, years)


def answers(known: Known, of: str) -> dict[tuple[str, int], Answer]:
    """Return what `answer` does for every outcome and horizon: total CVD first, ten years before thirty."""
    ways = _laid_out(known)
    return {
        (outcome, years): _widest(ways, of, outcome, years)
        for years in HORIZONS
        for outcome in OUTCOMES
        if outcome != "heart_failure" or known.bmi is not None
    }


def _laid_out(known: Known) -> list[tuple[str, Pieces]]:
    """Every way the yes/no inputs may be: the sex whose equation it takes, and what each input adds there."""
    return [(context.sex, list(_pieces(context, known))) for context in _contexts(known)]


def _widest(ways: list[tuple[str, Pieces]], of: str, outcome: str, years: int) -> Answer:
    low, high = float("inf"), float("-inf")
    parts: dict[str, float] = {}
    for sex, pieces in ways:
        terms = coefficients()[of][str(years)][sex][outcome]
        ends = {name: _ends(terms, choices) for name, choices in pieces}
        low = min(low, terms["constant"] + sum(end[0] for end in ends.values()))
        upper = terms["constant"] + sum(end[1] for end in ends.values())
        if upper > high:
            high, parts = upper, {name: end[1] for name, end in ends.items()}
    return Answer(low, high, parts)


def probability(log_odds: float) -> float:
    """Return a probability to three decimals, as the equations are published; halves are rounded up."""
    return int(1 / (1 + exp(-log_odds)) * 1000 + 0.5) / 1000


@cache
def coefficients() -> dict[str, dict[str, dict[str, dict[str, dict[str, float]]]]]:
    """Return log-odds by variant, horizon, sex, outcome and term."""
    text = (files("salus.risk") / "artefacts" / "prevent.json").read_text("utf-8")
    found: dict[str, dict[str, dict[str, dict[str, dict[str, float]]]]] = loads(text)["coefficients"]
    return found


def _contexts(known: Known) -> Iterator[_Context]:
    ways = (known.sexes, known.ages, known.diabetes, known.smoking, known.bp_treated, known.statin)
    for sex, age, diabetes, smoking, bp_treated, statin in product(*ways):
        yield _Context(sex, (age - 55) / 10, diabetes, smoking, bp_treated, statin)


def _ends(coefs: Terms, choices: list[Terms]) -> Span:
    sums = [
        sum((coefs[name] * value for name, value in terms.items() if name in coefs), 0.0) for terms in choices
    ]
    return min(sums), max(sums)


def _pieces(on: _Context, known: Known) -> Iterator[tuple[str, list[Terms]]]:
    """Yield what each input adds, for every value of it at which the sum can have an end."""
    yield "age", [{"age": on.age, "age_squared": on.age**2}]
    yield "diabetes", [{"diabetes": on.diabetes, "age_diabetes": on.age * on.diabetes}]
    yield "smoking", [{"smoking": on.smoking, "age_smoking": on.age * on.smoking}]
    yield "blood pressure drugs", [{"bp_treated": on.bp_treated}]
    yield "statin", [{"statin": on.statin}]
    corners = product(sorted(set(known.total_c)), sorted(set(known.hdl)))
    yield "cholesterol", [_cholesterol(on, total_c, hdl) for total_c, hdl in corners]
    yield "systolic blood pressure", [_systolic(on, sbp) for sbp in _with_knot(known.sbp, 110)]
    yield "eGFR", [_filtration(on, egfr) for egfr in _with_knot(known.egfr, 60)]
    if known.bmi is not None:
        yield "body mass index", [_mass(on, bmi) for bmi in _with_knot(known.bmi, 30)]
    yield "HbA1c", _glycation(on, known.hba1c)
    yield "urine albumin-to-creatinine ratio", _albumin(known.acr)
    yield "Social Deprivation Index", _deprivation(known.sdi)


def _with_knot(span: Span, knot: float) -> list[float]:
    return sorted({*span, *([knot] if span[0] < knot < span[1] else [])})


def _cholesterol(on: _Context, total_c: float, hdl: float) -> Terms:
    non_hdl = (total_c - hdl) * MMOL_PER_MG_CHOLESTEROL - 3.5
    high_density = (hdl * MMOL_PER_MG_CHOLESTEROL - 1.3) / 0.3
    return {
        "non_hdl": non_hdl,
        "hdl": high_density,
        "treated_non_hdl": on.statin * non_hdl,
        "age_non_hdl": on.age * non_hdl,
        "age_hdl": on.age * high_density,
    }


def _systolic(on: _Context, sbp: float) -> Terms:
    above = (max(sbp, 110) - 130) / 20
    return {
        "sbp_below_110": (min(sbp, 110) - 110) / 20,
        "sbp_from_110": above,
        "treated_sbp": on.bp_treated * above,
        "age_sbp": on.age * above,
    }


def _filtration(on: _Context, egfr: float) -> Terms:
    below = (min(egfr, 60) - 60) / -15
    return {
        "egfr_below_60": below,
        "egfr_from_60": (max(egfr, 60) - 90) / -15,
        "age_egfr": on.age * below,
    }


def _mass(on: _Context, bmi: float) -> Terms:
    above = (max(bmi, 30) - 30) / 5
    return {"bmi_below_30": (min(bmi, 30) - 25) / 5, "bmi_from_30": above, "age_bmi": on.age * above}


def _glycation(on: _Context, hba1c: Span | None) -> list[Terms]:
    if hba1c is None:
        return [{"hba1c_missing": 1.0}]
    name = "hba1c_in_diabetes" if on.diabetes else "hba1c_without_diabetes"
    return [{name: percent - 5.3} for percent in hba1c]


def _albumin(acr: Span | None) -> list[Terms]:
    return [{"acr_missing": 1.0}] if acr is None else [{"ln_acr": log(ratio)} for ratio in acr]


def _deprivation(sdi: Span | None) -> list[Terms]:
    if sdi is None:
        return [{"sdi_missing": 1.0}]
    low, high = sdi
    groups = ((1, 3, ""), (4, 6, "sdi_4_to_6"), (7, 10, "sdi_7_to_10"))
    return [{name: 1.0} for first, last, name in groups if low <= last and high >= first]
