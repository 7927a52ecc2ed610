"""What PREVENT says of its own answer: the reasons with their weight, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from salus.core.errors import printable
from salus.core.insight import Reason
from salus.core.measures import Reading, ago
from salus.core.seams import View
from salus.risk._diabetes import diabetic
from salus.risk._egfr import made_by
from salus.risk._inputs import Fact, hinted, worded
from salus.risk._kidney_pregnancy import undecided
from salus.risk._placed import blank_since
from salus.risk._prevent_equation import Answer, answers, probability, variant
from salus.risk._prevent_inputs import (
    AGES_30_YEARS,
    BMI_LIMITS,
    LIMITS,
    Inputs,
    known,
    mass_fits,
)
from salus.risk._say import capital, how_old, number, on_day, percent, sentence, span
from salus.risk._terms import DIALYSIS, KIDNEY_TRANSPLANT

LOG_ODDS = "log-odds"
_YEAR = timedelta(days=365.25)

# The piece of the equation that an input belongs to.
_PIECE = {"total_c": "cholesterol", "hdl": "cholesterol", "sbp": "systolic blood pressure", "egfr": "eGFR"}
_OPTIONAL = {
    "hba1c": "HbA1c",
    "acr": "urine albumin-to-creatinine ratio",
    "sdi": "Social Deprivation Index",
}
_FACTS = {
    "diabetes": "diabetes",
    "smoking": "smoking",
    "bp_treated": "blood pressure drugs",
    "statin": "statin",
}
_DRUGS = ("bp_treated", "statin")
# A record may call a drug by a whole prescription.
_LONGEST_NAME = 100
_VARIANTS = {
    "base": "the base model",
    "hba1c": "the base model with HbA1c",
    "uacr": "the base model with urine albumin",
    "sdi": "the base model with the Social Deprivation Index",
    "full": "the full model",
}


def reasons(view: View, inputs: Inputs, answer: Answer) -> tuple[Reason, ...]:
    """Return why, the heaviest first; in a range, each weight is what counts at its upper end."""
    found = [*_who(inputs, answer.parts), *_measured(view, inputs, answer.parts)]
    found += [*_told(inputs, answer.parts)]
    ordered = sorted(found, key=lambda reason: (-abs(reason.weight), reason.says))
    return (*ordered, *_absent(inputs))


def _reason(sources: tuple[str, ...], weight: float, says: str) -> Reason:
    return Reason(tuple(dict.fromkeys(sources)), round(weight, 4), says, LOG_ODDS)


def _who(inputs: Inputs, parts: Mapping[str, float]) -> Iterator[Reason]:
    of_sex = {"female": "a woman", "male": "a man", None: "sex not on record"}[inputs.sex]
    sources = (*inputs.age.sources, *(event.source for event in inputs.sex_events if inputs.sex))
    yield _reason(sources, parts["age"], f"Age {span(inputs.age.low, inputs.age.high)}, {of_sex}")


def _measured(view: View, inputs: Inputs, parts: Mapping[str, float]) -> Iterator[Reason]:
    total_c, hdl = inputs.required["total_c"], inputs.required["hdl"]
    lipids = [reading for reading in (total_c, hdl) if reading.usable]
    if lipids:
        says = ", ".join(_value(view, reading) for reading in lipids)
        sources = tuple(source for reading in lipids for source in reading.sources)
        # One without the other says little: their weight is that of both.
        yield _reason(sources, parts["cholesterol"] if len(lipids) == 2 else 0.0, says)
    rest = [(inputs.required[name], _PIECE[name]) for name in ("sbp", "egfr")]
    rest += [(inputs.bmi, "body mass index")] if mass_fits(inputs.bmi) else []
    spans = known(inputs)
    rest += [(inputs.optional[name], piece) for name, piece in _OPTIONAL.items() if getattr(spans, name)]
    for reading, piece in rest:
        if reading.usable:
            yield _reason(reading.sources, parts.get(piece, 0.0), _value(view, reading))


def _value(view: View, reading: Reading) -> str:
    name = reading.measure.name
    named = name if name[:2].isupper() or name.startswith("eGFR") else name[0].upper() + name[1:]
    by = ""
    if name == "eGFR":
        by = f", {made_by(reading)}"
    what = span(reading.low, reading.high) if reading.measure.unit == "1" else number(reading)
    return f"{named} {what}{by} on {on_day(reading.at)} ({how_old(view, reading.at)})"


def _told(inputs: Inputs, parts: Mapping[str, float]) -> Iterator[Reason]:
    for name, fact in inputs.facts.items():
        if fact.value:
            written = worded(fact.events[0]) if name in _DRUGS and fact.events else ""
            says = f"{fact.says}: {printable(written, _LONGEST_NAME)}" if written else fact.says
            yield _reason(fact.sources, parts[_FACTS[name]], capital(says))


def _absent(inputs: Inputs) -> Iterator[Reason]:
    if inputs.sex is None:
        yield Reason((), 0.0, "Sex is not on record as female or male", LOG_ODDS, absent="sex")
    readings = [reading for reading in (*inputs.required.values(), inputs.bmi) if not reading.usable]
    for reading in readings:
        yield Reason(reading.sources, 0.0, capital(reading.problem), LOG_ODDS, absent=reading.measure.name)
    for fact in inputs.facts.values():
        if fact.value is None:
            yield Reason(fact.sources, 0.0, capital(fact.says), LOG_ODDS, absent=fact.name)


def limits(view: View, inputs: Inputs) -> tuple[str, ...]:
    """Return what is not known and what was assumed, in whole sentences."""
    found = [_equation(inputs), *_not_known(inputs), *_assumed(inputs), *_optional_left_out(inputs)]
    found += _perhaps_diabetic(view, inputs)
    found += blank_since(view, inputs.facts["smoking"], inputs.excluded[-1])
    return tuple(dict.fromkeys([*found, *_doubts(inputs), *_old(view, inputs)]))


def _equation(inputs: Inputs) -> str:
    given = known(inputs)
    without = [piece for name, piece in _OPTIONAL.items() if getattr(given, name) is None]
    used = _VARIANTS[variant(given)]
    return f"PREVENT by {used}" + (f", without {_listed(without)}." if without else ".")


def _not_known(inputs: Inputs) -> Iterator[str]:
    if inputs.sex is None:
        yield "Sex is not on record as female or male: the equations for both are allowed for."
    for name, reading in inputs.required.items():
        if not reading.usable:
            low, high = LIMITS[name]
            yield f"{sentence(reading.problem)} Every value from {low:g} to {high:g} is allowed for."
    if not inputs.bmi.usable:
        yield f"{sentence(inputs.bmi.problem)} The risk of heart failure is a range for that."
    for fact in inputs.facts.values():
        if fact.value is None:
            yield f"{sentence(fact.says)} Yes and no are both allowed for."
    pregnancy = undecided(inputs.excluded[-1], inputs.sex, inputs.age)
    if pregnancy:
        yield f"{pregnancy}: PREVENT does not apply in pregnancy."
    for fact, meaning in zip(inputs.excluded, (DIALYSIS, KIDNEY_TRANSPLANT), strict=False):
        if hinted(fact, meaning):
            yield f"Whether PREVENT applies is not sure ({fact.says})."
    open_ones = [fact for fact in inputs.prior if fact.value is None]
    if open_ones:
        shown = "; ".join(fact.says for fact in open_ones if fact.events)
        yield (
            "Whether the patient has cardiovascular disease already is not on record: if so, "
            f"PREVENT does not apply{f' ({shown})' if shown else ''}."
        )


_TREATED = ("blood pressure drugs", "statin")


def _assumed(inputs: Inputs) -> Iterator[str]:
    told = [fact for name, fact in inputs.facts.items() if name != "smoking"]
    no = [fact for fact in (*told, *inputs.prior) if fact.value is False]
    stopped = [fact for fact in no if fact.name in _TREATED and fact.events]
    taken = [fact.name for fact in no if fact not in stopped]
    if taken:
        yield f"Taken as no, since the recorded lists do not name them: {_listed(taken)}."
    yield from (f"Taken as no: {fact.says}." for fact in stopped)


def _perhaps_diabetic(view: View, inputs: Inputs) -> Iterator[str]:
    """Say what the figure were with diabetes, where the list holds none and the HbA1c speaks for it."""
    sugar = diabetic(view) if inputs.facts["diabetes"].value is False else None
    if sugar is None:
        return
    given = replace(known(inputs), diabetes=(True,))
    risk = answers(given, variant(given))["total_cvd", 10]
    yield (
        f"HbA1c of {on_day(sugar.at)} is in the diabetic range although no diabetes is on record: confirm or "
        "exclude it. With diabetes the risk of cardiovascular disease in 10 years would be "
        f"{percent(probability(risk.low), probability(risk.high))}."
    )


def _optional_left_out(inputs: Inputs) -> Iterator[str]:
    for reading in inputs.optional.values():
        if not reading.usable and reading.at is not None:
            yield f"{sentence(reading.problem)} It is not used."


def _doubts(inputs: Inputs) -> Iterator[str]:
    if not mass_fits(inputs.bmi):
        low, high = BMI_LIMITS
        yield f"Body mass index is outside {low:g} to below {high:g}: no risk of heart failure is given."
    if inputs.age.high > AGES_30_YEARS[1]:
        yield f"30-year risk is given from {AGES_30_YEARS[0]} to {AGES_30_YEARS[1]} years of age only."
    yield from severe_pressure(inputs)
    readings = (*inputs.required.values(), *inputs.optional.values(), inputs.bmi, inputs.age)
    for reading in readings:
        if reading.usable and reading.problem:
            yield sentence(reading.problem)


# Above 180 mmHg: evaluate and treat at once or within a week (JNC 7: Chobanian AV et al., JAMA 2003;289:2560,
# follow-up of initial measurements; page not verified).
_SEVERE_SYSTOLIC = 180
_TO_BE_SEEN_WITHIN = timedelta(days=7)


def severe_pressure(inputs: Inputs) -> tuple[str, ...]:
    """Return what a pressure asks for by itself; nothing where it is not that high."""
    pressure = inputs.required["sbp"]
    if not pressure.usable or pressure.high <= _SEVERE_SYSTOLIC:
        return ()
    if pressure.low <= _SEVERE_SYSTOLIC:
        return (
            f"Systolic blood pressure may be above {_SEVERE_SYSTOLIC} mmHg: measure it again now, since it "
            "would need treatment whatever the risk in ten years.",
        )
    if pressure.at is not None and inputs.as_of - pressure.at > _TO_BE_SEEN_WITHIN:
        old = ago(inputs.as_of - pressure.at)
        return (
            f"Systolic blood pressure was above {_SEVERE_SYSTOLIC} mmHg {old} ago and "
            "not measured since: measure it again now, it needs treatment if it still is.",
        )
    return (
        f"Systolic blood pressure above {_SEVERE_SYSTOLIC} mmHg needs treatment now, whatever the risk in "
        "ten years.",
    )


def _old(view: View, inputs: Inputs) -> Iterator[str]:
    every = (*inputs.required.values(), inputs.bmi, *inputs.optional.values())
    for reading in every:
        if reading.usable and reading.at is not None and view.as_of - reading.at > _YEAR:
            yield f"{capital(reading.measure.name)} was last measured {how_old(view, reading.at)}."


def prior_reason(fact: Fact) -> Reason:
    """Return why PREVENT does not apply: the disease is there already."""
    first = min((event.time for event in fact.events if event.time is not None), default=None)
    since = f" since {on_day(first)}" if first is not None else ""
    return Reason(fact.sources, 0.0, f"{capital(fact.says)} on record{since}", LOG_ODDS)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
