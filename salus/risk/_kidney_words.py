"""What the kidney model says of its own answer: the reasons, heaviest first, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from salus.core.insight import Reason
from salus.core.measures import Reading, read
from salus.core.seams import View
from salus.risk._egfr import EQUATION, is_reported, made_by
from salus.risk._inputs import Fact
from salus.risk._kidney_change import Jump
from salus.risk._kidney_history import CHRONIC, Past
from salus.risk._kidney_inputs import Kidneys
from salus.risk._kidney_stage import ALL_A, a_categories, columns_differ, g_categories, groups, steps_apart
from salus.risk._labs import CREATININE, EGFR
from salus.risk._say import capital, how_old, number, on_day, sentence, span

STEP = "{step}"
_YEAR = timedelta(days=365.25)
_HOURS = 7 * 24  # up to a week a change is told in hours, as KDIGO's definitions are


def reasons(view: View, kidneys: Kidneys) -> tuple[Reason, ...]:
    """Return why. Weights are steps of KDIGO's risk groups, and what is missing weighs nothing."""
    found = [_filtration(view, kidneys), *_albumin(view, kidneys), *_history(kidneys)]
    if kidneys.jump is not None:
        # A rise leads to a row of the action table by itself, whatever the risk group.
        found.insert(0, _unsteady(kidneys.jump, kidneys.rise_row - 1 if kidneys.rise_row else 0))
    ordered = sorted(found, key=lambda reason: (-abs(reason.weight), reason.absent is not None))
    return tuple(ordered)


def _filtration(view: View, kidneys: Kidneys) -> Reason:
    egfr = kidneys.egfr
    alone = groups(g_categories((egfr.low, egfr.high)), ALL_A[:1])[1]
    says = f"eGFR {span(egfr.low, egfr.high, 0)} {made_by(egfr)} on {_when(view, egfr)}"
    creatinine = kidneys.creatinine
    if not is_reported(egfr) and creatinine.usable:
        says = f"Creatinine {number(creatinine, 2)}: {says}"
    return Reason(egfr.sources, float(alone - 1), says, STEP)


def _albumin(view: View, kidneys: Kidneys) -> Iterator[Reason]:
    acr = kidneys.acr
    if not acr.usable:
        yield Reason(acr.sources, 0.0, capital(acr.problem), STEP, absent=acr.measure.name)
        return
    g = g_categories((kidneys.egfr.low, kidneys.egfr.high))
    weight = kidneys.groups[1] - groups(g, ALL_A[:1])[1]
    exactly = number(acr, 0, lambda ratio: a_categories((ratio, ratio)))
    yield Reason(acr.sources, float(weight), f"Urine albumin {exactly} on {_when(view, acr)}", STEP)


def _history(kidneys: Kidneys) -> Iterator[Reason]:
    for run, what in (
        (kidneys.low_run, "eGFR below 60"),
        (kidneys.albumin_run, "Urine albumin 30 mg/g or more"),
    ):
        if run.chronic:
            since = on_day(run.past[0].at)
            yield Reason(
                _sources(run.past[0], run.past[-1]), 0.0, f"{what} at every measurement since {since}", STEP
            )
    if kidneys.recorded.value:
        yield Reason(
            kidneys.recorded.sources, 0.0, "Chronic kidney disease is on the list of conditions", STEP
        )


def _sources(*past: Past) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.event.source for each in past))


def _unsteady(found: Jump, weight: int) -> Reason:
    first, last = found.before, found.after
    return Reason(
        _sources(first, last),
        float(weight),
        f"{capital(moved(found))} in {_apart(found.apart)}{_stood(found)}: not a steady state",
        STEP,
    )


def moved(found: Jump) -> str:
    """Say from what to what it went (``creatinine rose from 1 to 2.4 mg/dL (2.4 times)``)."""
    first, last = found.before, found.after
    verb = "rose" if found.rising else "fell"
    if found.of is EGFR:
        part = round((1 - last.high / first.low) * 100)
        return (
            f"eGFR {verb} from {span(first.low, first.high, 0)} to {span(last.low, last.high, 0)} ({part} %)"
        )
    says = f"creatinine {verb} from {span(first.low, first.high, 2)} to {span(last.low, last.high, 2)} mg/dL"
    return f"{says} ({found.times:.1f} times)" if found.rising and first.high < last.low else says


def _stood(found: Jump) -> str:
    return "" if found.stood is None else f", and has stood so for {_apart(found.stood)}"


def _apart(between: timedelta) -> str:
    hours = round(between.total_seconds() / 3600)
    return f"{hours} hours" if hours <= _HOURS else f"{round(hours / 24)} days"


def _when(view: View, reading: Reading) -> str:
    return f"{on_day(reading.at)} ({how_old(view, reading.at)})"


def limits(view: View, kidneys: Kidneys) -> tuple[str, ...]:
    """Return what is not known and what was assumed, in whole sentences."""
    found = [
        *_steady(kidneys),
        *_chronicity(kidneys),
        *_failure_risk(kidneys),
        *_contradicted(view, kidneys),
        *_known(kidneys),
        *kidneys.elsewhere,
    ]
    return tuple(dict.fromkeys([*found, *_old(view, kidneys)]))


def _steady(kidneys: Kidneys) -> Iterator[str]:
    found = kidneys.jump
    if found is not None:
        yield f"Not a steady state: {_unsteady_since(found)}."
    if found is not None and found.stood is None and not found.of_a_week:
        yield _speed_unknown(found)
    if is_reported(kidneys.egfr):
        told = made_by(kidneys.egfr)
        yield f"The eGFR is {told}; a laboratory may use another equation than its code says."


def _speed_unknown(found: Jump) -> str:
    went, change = ("rose", "rise of more than 50 %") if found.rising else ("fell", "fall of 35 % or more")
    named = (
        f"a {change} in less than three months is acute kidney disease (KDIGO 2012, table 11)"
        if found.gap < CHRONIC
        else f"KDIGO names no such {change[:4]} over three months or more; it may be recent all the same"
    )
    return (
        f"How fast {found.of.name} {went} is not known, since nothing was measured in the "
        f"{_apart(found.gap)} between: within 7 days it would be acute kidney injury; {named}."
    )


def _unsteady_since(found: Jump) -> str:
    if found.stood is None:
        what = "creatinine" if found.of is CREATININE else "filtration"
        return f"no equation gives the true filtration while {what} changes so fast"
    return (
        f"{moved(found)}, and is known to stand so for {_apart(found.stood)} only; under three months that "
        "is acute kidney disease (KDIGO 2012, table 11; ADQI 2017), and the stage may not last"
    )


def _chronicity(kidneys: Kidneys) -> Iterator[str]:
    if kidneys.abnormal and not kidneys.chronic:
        doubts = (("eGFR", kidneys.low_run.doubt), ("urine albumin", kidneys.albumin_run.doubt))
        said = [
            f"the {name} of {on_day(past.at)} is only a bound or cannot be read"
            for name, past in doubts
            if past
        ]
        why = f" ({'; '.join(said)})" if said else ""
        lasting = kidneys.albumin_run.chronic
        days = f"{CHRONIC.days} days of unbroken {'eGFR below 60' if lasting else 'abnormal measurements'}"
        of = " of the low eGFR" if lasting else ""
        yield f"Chronicity{of} unproven: no {days} are on record{why}."
    if kidneys.jump is None and kidneys.low_run.recent and kidneys.low_run.normal is not None:
        yield (
            f"eGFR was still 60 or more on {on_day(kidneys.low_run.normal.at)}: below 60 for less than three "
            "months is acute kidney disease until it lasts (KDIGO 2012, table 11)."
        )


def _failure_risk(kidneys: Kidneys) -> Iterator[str]:
    if not kidneys.acr.usable:
        yield f"{sentence(kidneys.acr.problem)} The albuminuria category is not known."
    if kidneys.acr.exact and columns_differ(kidneys.acr.low):
        yield (
            "KDIGO's limits of albuminuria differ by unit (3 and 30 mg/mmol are 26.5 and 265 mg/g, not 30 "
            f"and 300): this ratio is {' or '.join(kidneys.a)}."
        )
    if kidneys.below_60 and not kidneys.kfre_fits:
        yield f"The risk of kidney failure is not given: {kidneys.why_no_kfre}."
    elif kidneys.below_60 and EQUATION not in made_by(kidneys.egfr):
        yield f"The KFRE was made with eGFR by CKD-EPI 2009; this one is {made_by(kidneys.egfr)}."
    elif kidneys.kfre_fits and kidneys.egfr.high >= 45:
        yield "With eGFR by CKD-EPI 2021 the KFRE was found good below 45 (Grams 2023); here it may be above."
    if kidneys.below_60 and kidneys.kfre_fits and not kidneys.chronic:
        what = "a lasting loss of filtration" if kidneys.albumin_run.chronic else "chronic kidney disease"
        yield f"The KFRE was made in people with {what}, which is not proven here."


def _contradicted(view: View, kidneys: Kidneys) -> Iterator[str]:
    """Say where a reported eGFR of the same day lies more than a category above that of the creatinine.

    One that lies below it has made a range of the reading itself.
    """
    told = read(view.timeline, EGFR, view.as_of)
    used = kidneys.egfr
    if is_reported(used) or not (told.usable and used.usable) or told.at is None or used.at is None:
        return
    if told.at.date() == used.at.date() and steps_apart((told.low, told.high), (used.low, used.high)) > 1:
        yield (
            f"The eGFR reported on the same day is {span(told.low, told.high, 0)}, and creatinine gives "
            f"{span(used.low, used.high, 0)}: they contradict each other "
            f"({', '.join((*told.sources, *used.sources))})."
        )


def _known(kidneys: Kidneys) -> Iterator[str]:
    for reading in (kidneys.age, kidneys.egfr, kidneys.acr):
        if reading.usable and reading.problem:
            yield sentence(reading.problem)
    if kidneys.sex is None and not is_reported(kidneys.egfr):
        yield "Sex is not on record as female or male: both equations are allowed for."
    if kidneys.pregnancy_undecided:
        yield f"{kidneys.pregnancy_undecided}: the equation does not hold in pregnancy."
    if kidneys.replaced.value is None:
        yield _told(kidneys.replaced)


def _told(fact: Fact) -> str:
    return f"Whether the patient is on dialysis is not on record ({fact.says})."


def _old(view: View, kidneys: Kidneys) -> Iterator[str]:
    for reading in (kidneys.egfr, kidneys.acr):
        if reading.usable and reading.at is not None and view.as_of - reading.at > _YEAR:
            yield f"The {reading.measure.name} is from {how_old(view, reading.at)}."
