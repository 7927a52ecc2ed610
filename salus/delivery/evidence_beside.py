"""Beside the model, in the evidence report: the physician, other seeds and sites, and both ends of a range.

What was not compared is said to be so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from salus.core.insight import Estimate
from salus.delivery import evidence_charts as charts
from salus.delivery.evidence_groups import column, moved
from salus.delivery.evidence_parts import Section, Table
from salus.delivery.evidence_words import Part, count, decimal, estimate, part, real, rows, told


def together(evidence: Part) -> Section:
    """What the physician knows, what the model knows, and what they know together."""
    named = (
        ("The physician's own estimate", "physician"),
        ("The model", "auroc"),
        ("Both together", "together"),
    )
    # On those alone of whom there is a physician's estimate, where that was measured.
    alone = evidence.get("model_alone") or evidence.get("auroc")
    read = [(says, estimate(alone if key == "auroc" else evidence.get(key))) for says, key in named]
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
        tuple(filter(None, (_of_whom(evidence), _difference(estimate(evidence.get("difference"))))))
        if known
        else (),
        (*((table,) if known else ()), *_others(rows(evidence, "beside"), 1 if measured else 0)),
        "No clinician's estimate is in these data, so nobody can say from them what the model adds.",
    )


def _others(found: Sequence[Part], shown: int) -> tuple[Table, ...]:
    """Return everybody whose estimates the model was compared with, each on those of whom there is one;
    nothing where they are no more than are `shown` already.
    """
    if len(found) <= shown:
        return ()
    cells = tuple(
        (
            f"{str(row.get('by'))[:1].upper()}{str(row.get('by'))[1:]}",
            count(part(row, "alone").get("n")),
            *(told(estimate(row.get(key)), 3) for key in ("alone", "model_alone", "together", "difference")),
        )
        for row in found
    )
    heads = ("Whose estimate", "Cases", "Alone", "The model there", "Both", "Both less it alone")
    return (Table("Beside everybody who said what would happen (AUROC)", heads, cells),)


def _of_whom(evidence: Part) -> str:
    n = real(part(evidence, "physician").get("n"))
    return "" if n is None else f"Compared on the {count(n)} cases of whom there is a physician's estimate."


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
    trained = moved(rows(found, "mitigated"), "What was switched on in training, on cases held out")
    parts = [table for table in (_seeds(seeds), *trained, _sites(sites)) if table]
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
        (str(row.get("seed")), told(estimate(row.get("auroc")), 3), told(estimate(row.get("ece")), 3))
        for row in found
    )
    return Table("By seed", ("Seed", "AUROC", "ECE"), cells) if cells else None


def _sites(found: Sequence[Part]) -> Table | None:
    auroc = column(found, "auroc", 0.5, ratio=False)
    happened = column(found, "observed_expected", 1.0, ratio=True)
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
        "unknown is taken for harmless; judged by the upper, for the worst. The truth lies between. The "
        "figures above are of the upper end."
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
