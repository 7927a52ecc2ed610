"""Fairness in the evidence report: whether the model holds for everyone, and what can be done about gaps.

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

# A table of where groups meet that is longer than this is folded away.
MANY = 12
_GAPS = {
    "true_positive_rate": "found, of those to whom it happens",
    "auroc": "ranks rightly (AUROC)",
    "observed_expected": "happened over said",
    "flagged": "alerts",
}


def groups(evidence: Part) -> Section:
    """How it does by sex, age and whatever else is known, and where these meet."""
    found = rows(evidence, "groups")
    heads, cells = _columns(evidence, found)
    kinds = dict.fromkeys(map(_named, found))
    order = [*(by for by in kinds if not _meet(by)), *(by for by in kinds if _meet(by))]
    of_kind = {
        by: [cell for row, cell in zip(found, cells, strict=True) if _named(row) == by] for by in order
    }
    tables = [
        Table(_caption(by), heads, tuple(made), folded=_meet(by) and len(made) > MANY)
        for by, made in of_kind.items()
    ]
    gaps = _gaps(rows(evidence, "gaps"))
    bars = "Bars are 95 % intervals on one scale for all tables; the dotted line is the AUROC of all, or 1."
    return Section(
        "groups",
        "Does it hold for everyone?",
        (*_departing(found), bars) if found else (),
        (*tables, *((gaps,) if gaps else ())),
        "No groups were judged in this run: whether it is fair cannot be told from this page.",
    )


def _named(row: Part) -> str:
    return str(row.get("by") or "group")


def _meet(by: str) -> bool:
    return " and " in by


def _caption(by: str) -> str:
    return f"By {by}, where these meet" if _meet(by) else f"By {by}"


def _few(row: Part) -> bool:
    return not estimate(row.get("auroc")) and not estimate(row.get("observed_expected"))


def _columns(evidence: Part, found: Sequence[Part]) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
    """Return the heads, and the cells of each group; a measure that no group has is no column."""
    overall = estimate(evidence.get("auroc"))
    columns: list[tuple[str, list[Cell]]] = [
        ("Group", [str(row.get("group") or "not named") for row in found]),
        ("Cases", [count(row.get("n")) for row in found]),
        (f"With {outcome(evidence)}", [count(row.get("events")) for row in found]),
        ("Ranks rightly (AUROC)", column(found, "auroc", (overall and overall.value) or 0.5, ratio=False)),
    ]
    if any(estimate(row.get("observed_expected")) for row in found):
        columns.append(("Happened over said", column(found, "observed_expected", 1.0, ratio=True)))
    if any(estimate(row.get("true_positive_rate")) for row in found):
        columns.append(
            (f"Found, of those to whom it happens{_alerting(evidence)}", [_rate(row) for row in found])
        )
    return tuple(head for head, _ in columns), list(zip(*(cells for _, cells in columns), strict=True))


def _alerting(evidence: Part) -> str:
    """Say when the alert is at a share of the highest risks, and not at the model's threshold."""
    top = real(part(evidence, "flag").get("share"))
    return f" (alert for the top {words.number(round(top * 100, 1))} in 100)" if top else ""


def column(found: Sequence[Part], key: str, reference: float, ratio: bool) -> list[Cell]:
    """Return a measure of each row as a strip; in words where there is none, or too few to judge."""
    read = [estimate(row.get(key)) for row in found]
    absent = [str(row.get("note") or TOO_FEW) if _few(row) else NOT_MEASURED for row in found]
    says = [told(one, 2, text) for one, text in zip(read, absent, strict=True)]
    return list(charts.strips(read, says, reference, ratio))


def _rate(row: Part) -> str:
    absent = TOO_FEW if _few(row) else NOT_MEASURED
    return in_hundred(estimate(row.get("true_positive_rate")), str(row.get("note") or absent))


def _gaps(found: Sequence[Part]) -> Table | None:
    """Return the largest gap of each measure by each way to tell people apart."""
    read = [(row, estimate(row)) for row in found]
    cells = tuple(
        (
            _named(row),
            _GAPS.get(str(row.get("measure")), str(row.get("measure") or "not named")),
            str(row.get("highest") or "not named"),
            str(row.get("lowest") or "not named"),
            told(one, 3),
        )
        for row, one in read
        if one
    )
    heads = ("By", "Measure", "Most", "Least", "Gap")
    note = "Each two were chosen for lying farthest apart: a gap leans high, the more so with many groups."
    return Table("The largest gaps", heads, cells, note) if cells else None


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


_TABLED = (_GAPS["auroc"], "gap", "ece", "calibration gap")
# What is said of a mitigation before and after, in this order.
_MOVED = (
    ("gap", "gap in the true-positive rate"),
    ("calibration_gap", "gap in happened over said"),
    ("auroc", "AUROC"),
    ("ece", "ECE"),
)


def switched(row: Part) -> list[str]:
    """Say on lines what a mitigation that is on does, before and after."""
    name = str(row.get("name") or "not named")
    made = [f"{name[:1].upper()}{name[1:]} by {row.get('by')}, before and after:"]
    return [*made, *(f"  {says}: {_change(row, key)}" for key, says in _MOVED)]


def mitigation(evidence: Part) -> Section:
    """What is switched on against gaps, what could be, and what each does to gap and ranking."""
    found, on = rows(evidence, "mitigation"), part(evidence, "mitigation_on")
    heads = ("What", "How", "Between groups by", "Largest gap", "AUROC")
    table = tuple((*_words(row), _change(row, "gap"), _change(row, "auroc")) for row in found)
    before = [made for row in found if (made := _before_after(row))]
    could = "None of these is on unless the card says so." if not on else "None of the others is on."
    return Section(
        "mitigation",
        "What can be done about gaps, and at what price?",
        (*_on(on), *((f"{could} A smaller gap can cost ranking or more alerts.",) if found else ())),
        (
            *moved([on] if on else [], "What is on, before and after"),
            *(made for made in (_before_after(on),) if made),
            *((Table("Before and after", heads, table),) if found else ()),
            *before,
        ),
        "No mitigation was tried in this run.",
    )


def _words(row: Part) -> tuple[str, str, str]:
    return str(row.get("name") or "not named"), str(row.get("how") or ""), str(row.get("by") or "")


def _on(row: Part) -> Iterable[str]:
    """Say which mitigation is on, and for whom not."""
    if not row:
        return
    name, how, by = _words(row)
    yield f"Switched on in this model: {name} by {by}, {how}. Every figure on this page is with it."
    kept = ", ".join(str(one) for one in row.get("kept") or ())
    if kept:
        yield f"Too few were known of these, so that they are judged as all people are: {kept}."
    limits = part(row, "thresholds")
    if limits and len(set(limits.values())) > 1:
        each = "; ".join(
            f"{group} from {words.number(round(100 * value, 1))} in 100 on" for group, value in limits.items()
        )
        yield f"It flags by group: {each}."


def moved(found: Sequence[Part], caption: str) -> tuple[Table, ...]:
    """Return what mitigations that were switched on do: each measure before, after, and its change."""
    cells = tuple(
        (
            f"{_words(row)[0]} by {_words(row)[2]}: {says}",
            *(told(each, 3, _absent(key)) for each in _sides(row, key)),
        )
        for row in found
        for key, says in _MOVED
    )
    note = "Each gap is of the two groups that lie farthest apart, before and after; it leans high."
    return (Table(caption, ("Measure", "Before", "After", "Change"), cells, note),) if cells else ()


def _absent(key: str) -> str:
    return TOO_FEW if "gap" in key else NOT_MEASURED


def _sides(row: Part, key: str) -> list[Estimate | None]:
    return [estimate(part(row, side).get(key)) for side in ("before", "after", "change")]


def _change(row: Part, key: str) -> str:
    """Return a measure before and after, or after alone where that is all there is."""
    ends = [estimate(part(row, side).get(key)) for side in ("before", "after")]
    if not all(ends):
        return told(estimate(row.get(key)), 3, _absent(key))
    moved = estimate(part(row, "change").get(key))
    change = f"; change {told(moved, 3)}" if moved else ""
    return f"{told(ends[0], 3)} before, {told(ends[1], 3)} after{change}"


def _before_after(row: Part) -> Table | None:
    """Return whatever else was measured before and after, by its own names."""
    before, after = (_flat(part(row, side)) for side in ("before", "after"))
    # How it ranks people and the gap stand in the table of all.
    names = [name for name in dict.fromkeys((*before, *after)) if name not in _TABLED]
    made = tuple((name, *(_counted(name, end.get(name)) for end in (before, after))) for name in names)
    by = f", by {row['by']}" if row.get("by") else ""
    name = str(row.get("name") or "not named")
    caption = f"{name[:1].upper()}{name[1:]}{by}"
    return Table(caption, ("Measure", "Before", "After"), made, folded=True) if made else None


def _counted(name: str, found: Estimate | None) -> str:
    return count(found.value) if found and name.endswith(_GAPS["flagged"]) else told(found, 3)


def _flat(found: Mapping[str, Any], above: str = "") -> dict[str, Estimate]:
    """Return measures by name; those of a group under the group's name."""
    flat: dict[str, Estimate] = {}
    for key, value in found.items():
        name = f"{above}{_GAPS.get(key, key.replace('_', ' '))}"
        if one := estimate(value):
            flat[name] = one
        elif isinstance(value, Mapping):
            flat |= _flat(value, f"{name}: ")
    return flat
