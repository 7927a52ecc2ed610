"""The second half of the evidence report: whether the model holds for everyone, and what was done about gaps.

Also what doctor and machine know together, whether it is stable over seeds and sites, and range scores by
their ends.

A group that is too small says so and shows no number; many groups looked at once are said to be many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from salus.core.insight import Estimate
from salus.delivery import evidence_charts as charts
from salus.delivery.evidence_parts import Cell, Section, Table
from salus.delivery.evidence_words import (
    NOT_MEASURED,
    TOO_FEW,
    Part,
    count,
    decimal,
    estimate,
    holds,
    in_hundred,
    outcome,
    part,
    real,
    rows,
    told,
)
from salus.delivery.web import words


def groups(evidence: Part) -> Section:
    """How it does by sex, age and whatever else is known, and where these meet."""
    found = rows(evidence, "groups")
    overall = estimate(evidence.get("auroc"))
    kinds = dict.fromkeys(str(row.get("by") or "group") for row in found)
    single = [by for by in kinds if not _meet(by)]
    order = [*single, *(by for by in kinds if _meet(by))]
    auroc = _column(found, "auroc", overall.value if overall and overall.value else 0.5, ratio=False)
    happened = _column(found, "observed_expected", 1.0, ratio=True)
    rated = any(estimate(row.get("true_positive_rate")) for row in found)
    tables = [
        _by(
            by,
            [each for each in zip(found, auroc, happened, strict=True) if _named(each[0]) == by],
            rated,
            evidence,
        )
        for by in order
    ]
    says = (
        *_departing(found),
        "Bars are 95 % intervals on one scale for all tables; the dotted line is the AUROC of all, or 1.",
    )
    return Section(
        "groups",
        "Does it hold for everyone?",
        says if found else (),
        tuple(tables),
        "No groups were judged in this run: whether it is fair cannot be told from this page.",
    )


def _named(row: Part) -> str:
    return str(row.get("by") or "group")


def _meet(by: str) -> bool:
    return " and " in by


def _few(row: Part) -> bool:
    return not estimate(row.get("auroc")) and not estimate(row.get("observed_expected"))


def _column(found: Sequence[Part], key: str, reference: float, ratio: bool) -> list[Cell]:
    read = [estimate(row.get(key)) for row in found]
    absent = [str(row.get("note") or TOO_FEW) if _few(row) else NOT_MEASURED for row in found]
    says = [told(one, 2, text) for one, text in zip(read, absent, strict=True)]
    return list(charts.strips(read, says, reference, ratio))


def _by(by: str, found: list[tuple[Part, Cell, Cell]], rated: bool, evidence: Part) -> Table:
    heads = ("Group", "Cases", f"With {outcome(evidence)}", "Ranks rightly (AUROC)", "Happened over said")
    made = [
        (str(row.get("group") or "not named"), count(row.get("n")), count(row.get("events")), auroc, happened)
        + ((_rate(row),) if rated else ())
        for row, auroc, happened in found
    ]
    caption = f"By {by}, where these meet" if _meet(by) else f"By {by}"
    noted = [f"{row.get('group')}: {row['note']}." for row, *_ in found if row.get("note") and not _few(row)]
    return Table(
        caption, (*heads, "Found, of those to whom it happens")[: 5 + rated], tuple(made), " ".join(noted)
    )


def _rate(row: Part) -> str:
    return in_hundred(estimate(row.get("true_positive_rate")), TOO_FEW if _few(row) else NOT_MEASURED)


def _departing(found: Sequence[Part]) -> Iterable[str]:
    """Name the groups in which more or less happened than was said, and say what chance would do."""
    judged = [row for row in found if not _few(row)]
    few = len(found) - len(judged)
    read = [(row, estimate(row.get("observed_expected"))) for row in judged]
    off = [
        f"{row.get('group')}, {told(ratio)}, {'more' if (ratio.value or 0) > 1 else 'less'} than it says"
        for row, ratio in read
        if ratio and holds(ratio, 1.0) is False
    ]
    left = f" {words.plural(few, 'group is', 'groups are')} too small to judge." if few else ""
    yield f"{words.plural(len(judged), 'group was', 'groups were')} judged.{left}"
    known = sum(holds(ratio, 1.0) is not None for _, ratio in read)
    if off:
        which = "; ".join(off)
        yield f"In {len(off)} of {known} the interval of happened over said does not hold 1: {which}."
    elif known:
        yield "In each of them the interval of happened over said holds 1."
    if known:
        yield "By chance alone about 1 in 20 would not: the more groups are looked at, the more stand out."


def mitigation(evidence: Part) -> Section:
    """What can be switched on against gaps, and what each does to gap and ranking."""
    found = rows(evidence, "mitigation")
    table = tuple(
        (
            str(row.get("name") or "not named"),
            str(row.get("how") or ""),
            str(row.get("by") or ""),
            _change(row, "gap"),
            _change(row, "auroc"),
        )
        for row in found
    )
    heads = ("What", "How", "Between groups by", "Largest gap", "AUROC")
    before = [made for row in found if (made := _before_after(row))]
    return Section(
        "mitigation",
        "What can be done about gaps, and at what price?",
        ("None of these is on unless the card says so. A smaller gap can cost ranking or more alerts.",)
        if found
        else (),
        (*((Table("Before and after", heads, table),) if found else ()), *before),
        "No mitigation was tried in this run.",
    )


def _change(row: Part, key: str) -> str:
    """Return a measure before and after, or after alone where that is all there is."""
    ends = [estimate(part(row, side).get(key)) for side in ("before", "after")]
    if all(ends):
        return f"{told(ends[0], 3)} before, {told(ends[1], 3)} after"
    return told(estimate(row.get(key)), 3)


def _before_after(row: Part) -> Table | None:
    """Return whatever else was measured before and after, by its own names."""
    before, after = (_flat(part(row, side)) for side in ("before", "after"))
    names = [name for name in dict.fromkeys((*before, *after)) if name not in ("auroc", "gap")]
    made = tuple((name, told(before.get(name), 3), told(after.get(name), 3)) for name in names)
    return Table(str(row.get("name") or "not named"), ("Measure", "Before", "After"), made) if made else None


def _flat(found: Mapping[str, Any], above: str = "") -> dict[str, Estimate]:
    """Return measures by name; those of a group under the group's name."""
    flat: dict[str, Estimate] = {}
    for key, value in found.items():
        name = f"{above}{key.replace('_', ' ')}"
        if one := estimate(value):
            flat[name] = one
        elif isinstance(value, Mapping):
            flat |= _flat(value, f"{name}: ")
    return flat


def together(evidence: Part) -> Section:
    """What the physician knows, what the model knows, and what they know together."""
    named = (
        ("The physician's own estimate", "physician"),
        ("The model", "auroc"),
        ("Both together", "together"),
    )
    read = [(says, estimate(evidence.get(key))) for says, key in named]
    measured = bool(estimate(evidence.get("physician")) or estimate(evidence.get("together")))
    known = [(says, one) for says, one in read if one] if measured else []
    values = [one for _, one in known]
    first = values[0].value if values else None
    cells = charts.strips(values, [told(one, 3) for one in values], first or 0.5, ratio=False)
    table = Table(
        "How well each ranks people (AUROC)",
        ("Who", "AUROC"),
        tuple((says, cell) for (says, _), cell in zip(known, cells, strict=True)),
        "The line is the first of them.",
    )
    return Section(
        "together",
        "What do doctor and machine know together?",
        tuple(filter(None, (_difference(estimate(evidence.get("difference"))),))) if known else (),
        (table,) if known else (),
        "No clinician's estimate is in these data, so nobody can say from them what the model adds.",
    )


def _difference(found: Estimate | None) -> str:
    if found is None or found.value is None:
        return ""
    says = f"Together less the physician alone, on the same people: {told(found, 3)}."
    if found.low is not None and found.low > 0:
        return f"{says} The interval lies above 0: the model adds something to the physician."
    if found.high is not None and found.high < 0:
        return f"{says} The interval lies below 0: the model takes something away."
    return f"{says} The interval holds 0: that the model adds anything is not shown."


def stability(evidence: Part) -> Section:
    """Whether another seed or another site gives another model."""
    found = part(evidence, "stability")
    seeds, sites = rows(found, "seeds"), rows(found, "sites")
    parts = [table for table in (_seeds(seeds), _sites(sites)) if table]
    drawn = [
        value for row in seeds if (one := estimate(row.get("auroc"))) and (value := one.value) is not None
    ]
    says = []
    if len(drawn) > 1:
        low, high = (decimal(end, 3) for end in (min(drawn), max(drawn)))
        says.append(f"Over {len(drawn)} seeds the AUROC lies between {low} and {high}.")
    return Section(
        "stability",
        "Would another seed or another site give another answer?",
        tuple(says),
        tuple(parts),
        "Neither seeds nor sites were compared in this run.",
    )


def _seeds(found: Sequence[Part]) -> Table | None:
    cells = tuple(
        (str(row.get("seed")), told(estimate(row.get("auroc")), 3), told(estimate(row.get("slope"))))
        for row in found
    )
    return Table("By seed", ("Seed", "AUROC", "Slope of calibration"), cells) if cells else None


def _sites(found: Sequence[Part]) -> Table | None:
    auroc = _column(found, "auroc", 0.5, ratio=False)
    happened = _column(found, "observed_expected", 1.0, ratio=True)
    cells = tuple(
        (str(row.get("site") or "not named"), count(row.get("n")), count(row.get("events")), one, other)
        for row, one, other in zip(found, auroc, happened, strict=True)
    )
    heads = ("Site", "Cases", "Events", "Ranks rightly (AUROC)", "Happened over said")
    return Table("By site", heads, cells) if cells else None


_OF_ENDS = (
    ("Cases", "n", count),
    ("Events", "events", count),
    ("AUROC", "auroc", None),
    ("AUPRC", "auprc", None),
    ("Sensitivity", "sensitivity", None),
    ("Specificity", "specificity", None),
    ("Positive predictive value", "ppv", None),
    ("Negative predictive value", "npv", None),
    ("Flagged", "flagged", count),
)


def ends(evidence: Part) -> Section:
    """A score that may be a range, judged by its lower and its upper ends."""
    lower, upper = (_end(part(part(evidence, "ends"), side)) for side in ("lower", "upper"))
    table = tuple(
        (says, _shown(lower.get(key), how), _shown(upper.get(key), how))
        for says, key, how in _OF_ENDS
        if lower.get(key) is not None or upper.get(key) is not None
    )
    says = (
        "Where an input is not known this model answers with a range. Judged by the lower end, what is "
        "unknown is taken for harmless; judged by the upper, for the worst. The truth lies between."
    )
    return Section(
        "ends",
        "What if what is not known were harmless, or the worst?",
        (says,) if table else (),
        (Table("By both ends of the range", ("Measure", "Lower end", "Upper end"), table),) if table else (),
        "This model answers with one number, not with a range, or its ends were not judged apart.",
    )


def _end(found: Part) -> dict[str, Any]:
    """Return the measures of one end, those at its threshold beside the others."""
    return {**part(found, "threshold"), **found}


def _shown(value: Any, how: Any) -> str:
    if how is not None and real(value) is not None:
        return str(how(value))
    return told(estimate(value), 3)
