"""How well do the kidneys filter: eGFR by CKD-EPI 2021 from creatinine, age and sex, without race.

Source: Inker et al., N Engl J Med 2021;385:1737-1749, Table S10 of the supplement; the same figures at
kidney.org (CKD-EPI Creatinine Equation 2021) and NIDDK. For adults, in a steady state.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from salus.core.evidence import Event
from salus.core.measures import Reading, read
from salus.core.seams import View
from salus.risk._inputs import age, sex
from salus.risk._kidney_stage import steps_apart
from salus.risk._labs import CREATININE, EGFR, EGFR_EQUATIONS
from salus.risk._say import on_day, span

EQUATION = "CKD-EPI 2021"
# What injures a kidney within a week (KDIGO 2012 AKI guideline, 2.1.1) does not become normal in as little.
_WEEK = timedelta(days=7)

# sex: (kappa in mg/dL, alpha, factor)
_CONSTANTS = {"female": (0.7, -0.241, 1.012), "male": (0.9, -0.302, 1.0)}


def ckd_epi_2021(creatinine: float, years: float, of_sex: str) -> float:
    """Return eGFR in mL/min/1.73 m2 from serum creatinine (mg/dL), age (years) and sex (female, male)."""
    kappa, alpha, factor = _CONSTANTS[of_sex]
    ratio = creatinine / kappa
    return float(142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.200 * 0.9938**years * factor)


def from_creatinine(creatinine: Reading, years: Reading, of_sex: str | None) -> Reading:
    """Return the eGFR that every allowed creatinine, age and sex can give, as a Reading of EGFR.

    It falls with creatinine and with age, so the ends of the range are at the ends of both.
    """
    if not (creatinine.usable and years.usable):
        problem = creatinine.problem or years.problem
        return Reading(EGFR, EGFR.low, EGFR.high, creatinine.at, creatinine.events, problem, usable=False)
    sexes = ("female", "male") if of_sex is None else (of_sex,)
    low = min(ckd_epi_2021(creatinine.high, years.high, each) for each in sexes)
    high = max(ckd_epi_2021(creatinine.low, years.low, each) for each in sexes)
    doubt = "eGFR: the record does not say which sex's equation applies" if of_sex is None else ""
    problem = creatinine.problem or years.problem or doubt
    return Reading(EGFR, low, high, creatinine.at, creatinine.events, problem)


def kidney_function(view: View, within: timedelta | None = None) -> Reading:
    """Return eGFR at `as_of`: the latest counts, whether creatinine or a reported eGFR.

    Of the same day the creatinine is preferred, as its equation is known here. What is newest but cannot be
    read is not passed over: nothing older takes its place. A filtration that is better by more than a
    category than the other kind told on that day or in the week before is the range of both.
    """
    creatinine = read(view.timeline, CREATININE, view.as_of, within)
    reported = read(view.timeline, EGFR, view.as_of, within)
    if creatinine.at is None and reported.at is None:
        return replace(reported, problem="no creatinine or eGFR on record")
    newer = _days_after(reported, creatinine)
    computed = from_creatinine(creatinine, age(view), sex(view)[0])
    if newer > 0 or (newer == 0 and reported.usable and not computed.usable):
        return _allowing(reported, computed)
    return _allowing(computed, reported)


def _allowing(newest: Reading, other: Reading) -> Reading:
    """Return `newest`, or both where it is too good to be true beside the `other` of the week before."""
    if not (newest.usable and other.usable) or newest.at is None or other.at is None:
        return newest
    apart = steps_apart((newest.low, newest.high), (other.low, other.high))
    if newest.at - other.at > _WEEK or newest.low <= other.high or apart <= 1:
        return newest
    sources = ", ".join((*other.sources, *newest.sources))
    problem = (
        f"eGFR of {_told(other)} and of {_told(newest)} contradict each other, or it changed fast; both are "
        f"allowed for ({sources})"
    )
    return replace(newest, low=other.low, events=(*other.events, *newest.events), problem=problem)


def _told(reading: Reading) -> str:
    return f"{span(reading.low, reading.high, 0)} on {on_day(reading.at)} ({made_by(reading)})"


def _days_after(one: Reading, other: Reading) -> int:
    """Return by how many days of the calendar `one` is newer; what was never measured is oldest."""
    if one.at is None or other.at is None:
        return (one.at is not None) - (other.at is not None)
    return (one.at.date() - other.at.date()).days


def made_by(reading: Reading) -> str:
    """Say by what equation an eGFR was made, as far as its code tells (``as reported, by MDRD``)."""
    if not any(map(_reports, reading.events)):
        return f"by {EQUATION}"
    told = {EGFR_EQUATIONS.get(code) for event in reading.events for code in event.codes}
    named = sorted(name for name in told if name)
    said = f"as reported, by {' and '.join(named)}" if named else "as reported, equation not told"
    return said if is_reported(reading) else f"by {EQUATION} and {said}"


def is_reported(reading: Reading) -> bool:
    """Whether an eGFR came as such from the laboratory, by whatever equation it uses, and not in part."""
    return bool(reading.events) and all(map(_reports, reading.events))


def _reports(event: Event) -> bool:
    return event.coded(frozenset(EGFR.codes))
