"""The PREVENT equations: log-odds of cardiovascular disease in 10 and 30 years, and their range.

Source: Khan et al., Circulation 2024;149:430-449; the terms and their centring are of Supplemental Tables
S12A to S12J, the coefficients are in artefacts/prevent.json. CDC writes the base equation out in the same
terms (Kidney Disease Surveillance System, question Q811). Given age and sex the log-odds are a sum of groups
that do not depend on each other, and within one a yes/no and a measurement, straight between its knots; so
the ends of a range are found by trying each group's own answers, ends and knots.
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
# What inputs that change each other's meaning add together: one entry for each way in which the yes/no among
# them may be; each by its name, for every value of it at which the sum can have an end.
Group = list[dict[str, list[Terms]]]

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


def _laid_out(known: Known) -> list[tuple[str, list[Group]]]:
    """Return for every sex and age whose equation may be meant: the sex, and what each input adds there."""
    return [(sex, list(_groups((age - 55) / 10, known))) for sex, age in product(known.sexes, known.ages)]


def _widest(ways: list[tuple[str, list[Group]]], of: str, outcome: str, years: int) -> Answer:
    low, high = float("inf"), float("-inf")
    parts: dict[str, float] = {}
    for sex, groups in ways:
        terms = coefficients()[of][str(years)][sex][outcome]
        least, most = _ends(terms, groups)
        low = min(low, terms["constant"] + sum(least.values()))
        upper = terms["constant"] + sum(most.values())
        if upper > high:
            high, parts = upper, most
    return Answer(low, high, parts)


def _ends(coefs: Terms, groups: list[Group]) -> tuple[dict[str, float], dict[str, float]]:
    """Return what each input adds at the lower and at the upper end of the sum.

    The groups do not depend on each other, so the ends of the sum are at the ends of every group.
    """
    least: dict[str, float] = {}
    most: dict[str, float] = {}
    for group in groups:
        spans = [{name: _span(coefs, choices) for name, choices in way.items()} for way in group]
        lowest = min(spans, key=lambda span: sum(end[0] for end in span.values()))
        highest = max(spans, key=lambda span: sum(end[1] for end in span.values()))
        least |= {name: end[0] for name, end in lowest.items()}
        most |= {name: end[1] for name, end in highest.items()}
    return least, most


def probability(log_odds: float) -> float:
    """Return a probability to three decimals, as the equations are published; halves are rounded up."""
    return int(1 / (1 + exp(-log_odds)) * 1000 + 0.5) / 1000


@cache
def coefficients() -> dict[str, dict[str, dict[str, dict[str, dict[str, float]]]]]:
    """Return log-odds by variant, horizon, sex, outcome and term."""
    text = (files("salus.risk") / "artefacts" / "prevent.json").read_text("utf-8")
    found: dict[str, dict[str, dict[str, dict[str, dict[str, float]]]]] = loads(text)["coefficients"]
    return found


def _span(coefs: Terms, choices: list[Terms]) -> Span:
    sums = [
        sum([coefs[name] * value for name, value in terms.items() if name in coefs], 0.0) for terms in choices
    ]
    return min(sums), max(sums)


def _groups(age: float, known: Known) -> Iterator[Group]:
    """Yield the inputs at one age (decades from 55), those together that change each other's meaning."""
    yield [{"age": [{"age": age, "age_squared": age**2}]}]
    yield [
        {
            "diabetes": [{"diabetes": diabetes, "age_diabetes": age * diabetes}],
            "HbA1c": _glycation(diabetes, known.hba1c),
        }
        for diabetes in known.diabetes
    ]
    yield [{"smoking": [{"smoking": smoking, "age_smoking": age * smoking}]} for smoking in known.smoking]
    yield [
        {
            "blood pressure drugs": [{"bp_treated": treated}],
            "systolic blood pressure": [_systolic(age, treated, sbp) for sbp in _with_knot(known.sbp, 110)],
        }
        for treated in known.bp_treated
    ]
    corners = list(product(sorted(set(known.total_c)), sorted(set(known.hdl))))
    yield [
        {
            "statin": [{"statin": statin}],
            "cholesterol": [_cholesterol(age, statin, total_c, hdl) for total_c, hdl in corners],
        }
        for statin in known.statin
    ]
    yield [{"eGFR": [_filtration(age, egfr) for egfr in _with_knot(known.egfr, 60)]}]
    if known.bmi is not None:
        yield [{"body mass index": [_mass(age, bmi) for bmi in _with_knot(known.bmi, 30)]}]
    yield [{"urine albumin-to-creatinine ratio": _albumin(known.acr)}]
    yield [{"Social Deprivation Index": _deprivation(known.sdi)}]


def _with_knot(span: Span, knot: float) -> list[float]:
    return sorted({*span, *([knot] if span[0] < knot < span[1] else [])})


def _cholesterol(age: float, statin: bool, total_c: float, hdl: float) -> Terms:
    non_hdl = (total_c - hdl) * MMOL_PER_MG_CHOLESTEROL - 3.5
    high_density = (hdl * MMOL_PER_MG_CHOLESTEROL - 1.3) / 0.3
    return {
        "non_hdl": non_hdl,
        "hdl": high_density,
        "treated_non_hdl": statin * non_hdl,
        "age_non_hdl": age * non_hdl,
        "age_hdl": age * high_density,
    }


def _systolic(age: float, treated: bool, sbp: float) -> Terms:
    above = (max(sbp, 110) - 130) / 20
    return {
        "sbp_below_110": (min(sbp, 110) - 110) / 20,
        "sbp_from_110": above,
        "treated_sbp": treated * above,
        "age_sbp": age * above,
    }


def _filtration(age: float, egfr: float) -> Terms:
    below = (min(egfr, 60) - 60) / -15
    return {
        "egfr_below_60": below,
        "egfr_from_60": (max(egfr, 60) - 90) / -15,
        "age_egfr": age * below,
    }


def _mass(age: float, bmi: float) -> Terms:
    above = (max(bmi, 30) - 30) / 5
    return {"bmi_below_30": (min(bmi, 30) - 25) / 5, "bmi_from_30": above, "age_bmi": age * above}


def _glycation(diabetes: bool, hba1c: Span | None) -> list[Terms]:
    if hba1c is None:
        return [{"hba1c_missing": 1.0}]
    name = "hba1c_in_diabetes" if diabetes else "hba1c_without_diabetes"
    return [{name: percent - 5.3} for percent in hba1c]


def _albumin(acr: Span | None) -> list[Terms]:
    return [{"acr_missing": 1.0}] if acr is None else [{"ln_acr": log(ratio)} for ratio in acr]


def _deprivation(sdi: Span | None) -> list[Terms]:
    if sdi is None:
        return [{"sdi_missing": 1.0}]
    low, high = sdi
    groups = ((1, 3, ""), (4, 6, "sdi_4_to_6"), (7, 10, "sdi_7_to_10"))
    return [{name: 1.0} for first, last, name in groups if low <= last and high >= first]
