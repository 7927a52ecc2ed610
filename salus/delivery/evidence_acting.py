"""What acting on the model costs, in the evidence report: net benefit, alerts and misses, and how sure it is.

Each function takes the Evidence and returns one Section; what was not measured is said to be so.
"""

from __future__ import annotations

from collections.abc import Iterable

from salus.core.insight import Estimate
from salus.delivery import evidence_charts as charts
from salus.delivery.evidence_parts import Figure, Section, Table
from salus.delivery.evidence_words import (
    NOT_MEASURED,
    PEOPLE,
    Part,
    alert_from,
    count,
    decimal,
    estimate,
    in_hundred,
    outcome,
    part,
    real,
    rows,
    share,
    weighed,
)
from salus.delivery.web import words


def decision(evidence: Part) -> Section:
    """Whether acting on it is better than acting on all or on nobody."""
    read = [
        [real(row.get(key)) for key in ("threshold", "model", "all", "none")]
        for row in rows(evidence, "decision")
    ]
    known = sorted(
        (at, model, everyone or 0.0, nobody or 0.0)
        for at, model, everyone, nobody in read
        if at is not None and model is not None
    )
    figure = _decision_figure(evidence, known) if len(known) > 1 else None
    says = (
        "Net benefit counts those found, less the false alarms, each weighed as the threshold implies "
        "(Vickers & Elkin, Med Decis Making 2006)."
    )
    return Section(
        "decision",
        "Is it better than alerting for everyone, or for nobody?",
        (says, _where_better(known)) if figure else (),
        (figure,) if figure else (),
        "Net benefit was not measured in this run.",
    )


def _where_better(known: list[tuple[float, float, float, float]]) -> str:
    better = [at for at, model, everyone, nobody in known if model > max(everyone, nobody) + 1e-12]
    if not better:
        return (
            "At no threshold that was looked at does it do better than alerting for everyone or for nobody."
        )
    whole = len(better) == sum(better[0] <= at <= better[-1] for at, *_ in known)
    rest = "" if whole else ", though not at every threshold between"
    ends = f"{words.number(round(better[0] * 100, 2))} to {words.number(round(better[-1] * 100, 2))}"
    return f"It does better than both where one would act from a risk of {ends} in 100{rest}."


# A table of net benefit has each threshold up to 10 in 100, and then every fifth.
_EACH, _FIFTH, _FEW = 10, 5, 25


def _decision_figure(evidence: Part, known: list[tuple[float, float, float, float]]) -> Figure:
    told = [row for row in known if len(known) <= _FEW or _is_told(row[0])]
    cells = tuple((_in_hundred(one), *(decimal(each * PEOPLE, 1) for each in rest)) for one, *rest in told)
    heads = ("Alert from a risk of", "This model", "Alert for all", "Alert for nobody")
    at, last = real(part(evidence, "threshold").get("value")), _far_enough(evidence, known)
    shown = [row for row in known if row[0] <= last]
    picture = charts.decision(shown, at, f"Net benefit by threshold. {_where_better(known)}")
    how = "The higher the line, the more good. Where a line leaves the picture below, that policy only harms."
    return Figure("Net benefit", picture, Table("Net benefit, per 1,000 people", heads, cells), how)


def _is_told(threshold: float) -> bool:
    percent = round(threshold * 100, 6)
    return percent <= _EACH or percent % _FIFTH == 0


def _far_enough(evidence: Part, known: list[tuple[float, float, float, float]]) -> float:
    """Return up to which threshold a picture is of use: three times how often it happens, never too short."""
    at = real(part(evidence, "threshold").get("value")) or 0.0
    wanted = max(0.3, 3 * (share(evidence) or 1.0), 2 * at)
    return next((row[0] for row in known[1:] if row[0] >= wanted), known[-1][0])


def _in_hundred(threshold: float) -> str:
    return f"{words.number(round(threshold * 100, 2))} in 100"


_AT_THRESHOLD = (
    ("Sensitivity", "sensitivity", "of those to whom it happens, found"),
    ("Specificity", "specificity", "of those to whom it does not, left alone"),
    ("Positive predictive value", "ppv", "of alerts, right"),
    ("Negative predictive value", "npv", "of those left alone, rightly"),
)


def threshold(evidence: Part) -> Section:
    """What its alerts cost: how many, how many in vain, how many missed, under which cost ratio."""
    found = part(evidence, "threshold")
    shares = [(says, in_hundred(estimate(found.get(key))), means) for says, key, means in _AT_THRESHOLD]
    table = [row for row in shares if row[1] != NOT_MEASURED] + list(_burden(found))
    at, misses = alert_from(evidence), real(found.get("misses"))
    says = [f"It alerts from {at} on. {found.get('chosen') or ''}"] if at else []
    if misses is not None and misses > 0:
        says.append(weighed(misses))
    if at:
        says.append("The threshold is a property of the model and its card: this run did not choose it.")
    return Section(
        "threshold",
        "What do its alerts cost, and what do its misses?",
        tuple(one.strip() for one in says),
        (Table("At this threshold", ("Measure", "Value", "What it is"), tuple(table)),) if table else (),
        "No threshold was judged in this run, so neither alerts nor misses can be counted.",
    )


def _burden(found: Part) -> Iterable[tuple[str, str, str]]:
    evaluated, days = (
        real(found.get(key)) for key in ("number_needed_to_evaluate", "alerts_per_100_patient_days")
    )
    if evaluated is not None:
        yield (
            "Number needed to evaluate",
            decimal(evaluated, 1),
            "alerts to look at, to find one to whom it happens",
        )
    if days is not None:
        yield (
            "Alerts per 100 patient-days",
            decimal(days, 1),
            "of the days that were looked at; a stay goes on after its moment of asking",
        )
    elif found:
        yield "Alerts per 100 patient-days", NOT_MEASURED, "asked once a case in these data, not once a day"
    if real(found.get("flagged")) is not None:
        yield "Alerts", _flagged(found["flagged"]), "in all"


def _flagged(value: float) -> str:
    """Return how many got an alert: a share where it is one, else a count."""
    return in_hundred(Estimate(value, "")) if 0 < value < 1 else count(value)


def conformal(evidence: Part) -> Section:
    """How sure it is of each answer."""
    found = part(evidence, "conformal")
    alpha, covered = real(found.get("alpha")), part(found, "coverage")
    promised = "" if alpha is None else f"{decimal(100 * (1 - alpha), 0)} in 100"
    table = tuple(
        (says, count(part(covered, key).get("n")), in_hundred(estimate(covered.get(key))), promised)
        for says, key in ((f"With {outcome(evidence)}", "yes"), (f"Without {outcome(evidence)}", "no"))
        if estimate(covered.get(key))
    )
    says = f"It may answer “yes”, “no” or both: so that the truth is among them in {promised}, in each class."
    sets = _sets(part(found, "sets"))
    heads = ("Class", "Cases", "Truth among the answers", "Promised")
    return Section(
        "conformal",
        "Does it know when it is not sure?",
        (says,) if promised and table else (),
        (*((Table("Coverage, by class", heads, table),) if table else ()), *((sets,) if sets else ())),
        "Conformal sets were not part of this run.",
    )


def _sets(found: Part) -> Table | None:
    named = (
        ("one answer: sure", "one"),
        ("both answers: not sure", "both"),
        ("no answer fits: unlike any", "none"),
    )
    read = [(says, real(found.get(key))) for says, key in named]
    whole = sum(n or 0.0 for _, n in read)
    if not whole:
        return None
    cells = tuple(
        (says, count(n) if whole > 1.5 else "", in_hundred(Estimate(n / whole, "")))
        for says, n in read
        if n is not None
    )
    return Table("What it answered", ("Answers", "Cases", "Share"), cells)
