"""The first half of the evidence report: what is asked and of whom, and the answer in one paragraph.

Then whether the model ranks people rightly, and whether its numbers can be taken at their word.

Each function takes the Evidence and returns one Section; what was not measured is said to be so.
"""

from __future__ import annotations

from collections.abc import Iterable

from salus.core.insight import Estimate
from salus.delivery import evidence_charts as charts
from salus.delivery.evidence_parts import Figure, Lines, People, Section, Table
from salus.delivery.evidence_words import (
    PEOPLE,
    Part,
    beside,
    count,
    decimal,
    estimate,
    holds,
    in_hundred,
    named,
    natural,
    outcome,
    part,
    real,
    rows,
    share,
    texts,
    told,
    whose,
)
from salus.delivery.web import words


def asks(evidence: Part) -> Section:
    """What the model asks, of whom, and what it was judged on."""
    horizon = str(evidence.get("horizon") or "")
    facts = (
        ("The question", str(evidence.get("asks") or "not named in this evidence")),
        ("What may happen", outcome(evidence)),
        ("Within", horizon or "as the question says"),
        ("Of whom it is asked", str(evidence.get("eligible") or "those whom the flow below counts")),
        ("Model", named(evidence)),
        ("Judged on", whose(evidence)),
    )
    says = "A person reviews every answer; the model decides nothing. Whom it is not for is on its card."
    return Section(
        "asks", "What does the model ask, and of whom?", (says,), (Table("", ("What", ""), facts),)
    )


def answer(evidence: Part) -> Section:
    """The answer in one paragraph, and as a thousand people."""
    counts = natural(evidence)
    says = [_whom(evidence), _alerts(evidence), _trust(evidence)]
    shown = (People(charts.crowd(counts)),) if counts else ()
    return Section(
        "answer",
        f"What would it do for {PEOPLE:,} people like these?",
        tuple(one for one in (" ".join(filter(None, says)),) if one),
        shown,
        "Neither cases nor alerts were counted in this run, so there is no answer to give.",
    )


def _whom(evidence: Part) -> str:
    often = share(evidence)
    if often is None:
        return ""
    of_all = words.frequency(Estimate(often))
    return f"Judged on {count(evidence['n'])} cases of {whose(evidence)}: {outcome(evidence)} in {of_all}."


def _alerts(evidence: Part) -> str:
    counts = natural(evidence)
    if counts is None:
        return ""
    alerts, happens = counts["true"] + counts["false"], counts["true"] + counts["missed"]
    return (
        f"Of {counts['of']:,} people like these it alerts for {alerts:,}: {counts['true']:,} of these "
        f"alerts are right and {counts['false']:,} are false. It finds {counts['true']:,} of the "
        f"{happens:,} to whom it happens and misses {counts['missed']:,}."
    )


def _trust(evidence: Part) -> str:
    """Whether its numbers can be taken at their word, in one sentence."""
    slope = _part_of_calibration(evidence, "slope")
    inside = holds(slope, 1.0)
    if slope is None or inside is None:
        return ""
    if inside:
        return "As far as these numbers can tell, its risks are neither too extreme nor too timid."
    if slope.low is not None and slope.low > 1:
        return "Its risks are too timid here: high ones are higher than it says, low ones lower."
    return "Its risks are too extreme here: high ones are lower than it says, low ones higher."


def _part_of_calibration(evidence: Part, key: str) -> Estimate | None:
    found = part(evidence, "calibration")
    return beside(found.get(key), part(found, "intervals").get(key))


_SILENCE = ("Nobody is left out in silence: what was refused or excluded is a step of its own.",)


def flow(evidence: Part) -> Section:
    """From all who were read to those who were judged."""
    found = [
        (str(row.get("step") or "a step without a name"), real(row.get("n")))
        for row in rows(evidence, "flow")
    ]
    steps = tuple((step, count(n)) for step, n in found)
    ends = [] if ("judged", real(evidence.get("n"))) in found else [("Judged", evidence.get("n"))]
    ends.append((f"With {outcome(evidence)}", evidence.get("events")))
    scored = "" if part(evidence, "ends") else "; they are scored and counted all the same"
    ends.append((f"Could not be judged{scored}", evidence.get("abstained")))
    last = tuple((says, count(n)) for says, n in ends if real(n) is not None)
    table = Table("Every step, in order", ("Step", "How many"), (*steps, *last))
    return Section(
        "flow",
        "Who was asked about, and who was not?",
        (*_SILENCE, *texts(evidence, "unused")) if steps else (),
        (table,) if steps else (),
        "The flow of cases was not recorded in this run: who was left out, and why, cannot be told.",
    )


_DISCRIMINATION = (
    (
        "AUROC",
        "auroc",
        "of two people, one to whom it happens: how often that one has the higher risk; 0.5 is chance",
    ),
    ("AUPRC", "auprc", "the precision over all thresholds; chance is how often it happens"),
    ("Brier score", "brier", "the mean square of said less happened; 0 is right, less is better"),
    (
        "Event 1",
        "event1",
        "the lesser of sensitivity and precision at the threshold (PhysioNet/CinC Challenge 2012)",
    ),
    (
        "Event 2",
        "event2",
        "how far said and happened lie apart over tenths (the same challenge); less is better",
    ),
)


def discrimination(evidence: Part) -> Section:
    """Whether those to whom it happens get the higher risks."""
    found = [(says, estimate(evidence.get(key)), means) for says, key, means in _DISCRIMINATION]
    table = tuple((says, told(one, 3), means) for says, one, means in found if one)
    ranks = found[0][1]
    says = []
    if ranks and ranks.value is not None:
        pairs = words.frequency(Estimate(ranks.value))
        says.append(
            f"Of pairs of people, one to whom it happens and one to whom not, it ranks {pairs} rightly."
        )
    often = share(evidence)
    if often is not None and found[1][1]:
        says.append(f"Chance alone would give an AUPRC of {decimal(often, 3)}.")
    return Section(
        "discrimination",
        "Does it rank people rightly?",
        tuple(says),
        (Table("With 95 % intervals", ("Measure", "Value", "What it is"), table),) if table else (),
        "Ranking was not measured in this run.",
    )


_CALIBRATION = (
    ("slope", "slope", 2, "1: below 1 its risks are too extreme, above 1 too timid"),
    ("intercept", "intercept", 2, "0: below 0 it says too much, above 0 too little"),
    ("mean gap between said and happened (ECE)", "ece", 3, "0"),
)


def calibration_measures(evidence: Part) -> list[tuple[str, str, str]]:
    """Return the measures of calibration that there are: name, value with its interval, what is right."""
    read = [
        (says, _part_of_calibration(evidence, key), digits, right)
        for says, key, digits, right in _CALIBRATION
    ]
    return [(says, told(one, digits), right) for says, one, digits, right in read if one]


def _by_chance(evidence: Part) -> str:
    found = part(part(evidence, "calibration"), "ece_by_chance")
    mean, high = real(found.get("value")), real(found.get("high"))
    if mean is None or high is None:
        return ""
    return (
        f"A model without any fault would show a mean gap of {decimal(mean, 3)} on as many cases by chance, "
        f"and {decimal(high, 3)} or more in 1 of 40 tests."
    )


def calibration(evidence: Part) -> Section:
    """Whether its numbers can be taken at their word."""
    bands = rows(part(evidence, "calibration"), "table")
    measures = tuple((says[:1].upper() + says[1:], *rest) for says, *rest in calibration_measures(evidence))
    table = Table("With 95 % intervals", ("Measure", "Value", "Right is"), measures)
    picture = _calibration_figure(evidence, bands)
    note = str(part(evidence, "calibration").get("note") or "")
    return Section(
        "calibration",
        "When it says 20 in 100, is it 20 in 100?",
        tuple(filter(None, (_on_the_whole(bands), _trust(evidence), _by_chance(evidence), note))),
        (*((picture,) if picture else ()), *((table,) if measures else ())),
        "Its points say no risk, so there is nothing to compare with what happened."
        if part(evidence, "ends")
        else "Calibration was not measured in this run: its numbers may be too high or too low.",
    )


def _on_the_whole(table: Iterable[Part]) -> str:
    """Compare what was said and what happened over all."""
    read = [[real(row.get(key)) for key in ("n", "predicted", "observed")] for row in table]
    known = [[one or 0.0 for one in row] for row in read if None not in row]
    people = sum(n for n, _, _ in known)
    if not people:
        return ""
    said, happened = (sum(row[0] * row[which] for row in known) / people for which in (1, 2))
    return f"On the whole it said {_hundred(said)}, and {_hundred(happened)} happened."


def _calibration_figure(evidence: Part, table: list[Part]) -> Figure | None:
    read = [(row, real(row.get("predicted")), _observed(row)) for row in table]
    known = [(row, said, happened) for row, said, happened in read if said is not None and happened]
    if not known:
        return None
    cells = tuple(
        (_band(row), count(row.get("n")), _hundred(said), in_hundred(happened))
        for row, said, happened in known
    )
    heads = ("Risk as said", "Cases", "Said, on average", f"Happened: {outcome(evidence)}")
    first, last = known[0], known[-1]
    says = (
        f"Said against happened in {len(known)} bands, from {_hundred(first[1])} said and "
        f"{in_hundred(first[2])} happened to {_hundred(last[1])} said and {in_hundred(last[2])} happened."
    )
    plot = charts.calibration([(said, happened) for _, said, happened in known], says)
    how = "On the dashed line what was said happened just as often. Whiskers are 95 % intervals."
    return Figure("Said and happened", plot, Table("Said and happened, by band of risk", heads, cells), how)


def _observed(row: Part) -> Estimate | None:
    return beside(row.get("observed"), [row.get("observed_low"), row.get("observed_high")])


def _hundred(value: float) -> str:
    return f"{decimal(value * 100, 1)} in 100"


def _band(row: Part) -> str:
    low, high = real(row.get("low")), real(row.get("high"))
    if low is None or high is None:
        return "a band without ends"
    return f"{decimal(low * 100, 1)} to {decimal(high * 100, 1)} in 100"


def limits(evidence: Part) -> Section:
    """What this page cannot tell."""
    limited, noted = texts(evidence, "limits"), texts(evidence, "notes")
    parts = [Lines(tuple(limited))] if limited else []
    return Section(
        "limits",
        "What are its limits?",
        (),
        (*parts, *((Lines(tuple(noted), "Notes on this run"),) if noted else ())),
        "No limits are named in this evidence. That is no proof that there are none.",
    )
