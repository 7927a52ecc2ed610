"""The evidence report of a model: one page that a clinician, an ethics board and a regulator can read.

The page stands alone: no script, no network, its style inside it. The same is written as JSON beside it.
What was not measured is said to be so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from salus.core.errors import UserError
from salus.core.files import put
from salus.delivery import evidence_acting as acting
from salus.delivery import evidence_beside as beside
from salus.delivery import evidence_groups as groups
from salus.delivery import evidence_items as items
from salus.delivery import evidence_sections as sections
from salus.delivery import evidence_shapes as shapes
from salus.delivery.evidence_parts import Section
from salus.delivery.evidence_words import (
    Part,
    alert_from,
    count,
    estimate,
    moment,
    named,
    natural,
    outcome,
    part,
    plain,
    real,
    rows,
    seen,
    share,
    texts,
    told,
    whose,
)
from salus.delivery.web import words

REPORT, DATA = "report.html", "report.json"
# In the order in which people ask.
ASKED: tuple[Callable[[Part], Section], ...] = (
    sections.asks,
    sections.answer,
    sections.flow,
    sections.discrimination,
    sections.calibration,
    acting.decision,
    acting.threshold,
    acting.conformal,
    groups.groups,
    groups.mitigation,
    beside.together,
    beside.stability,
    shapes.reading,
    shapes.examples,
    beside.ends,
    sections.limits,
)


def page(evidence: Mapping[str, Any]) -> str:
    """Return the report as one HTML page that needs nothing beside itself."""
    from salus.delivery.web.render import style, written

    found = plain(evidence)
    return written(
        "report.html",
        title=f"{named(found)}: the evidence",
        heading=f"How well does {named(found)} answer: {found.get('asks') or 'a question that is not named'}",
        lede=_lede(found),
        warns=seen(found),
        sections=_sections(found),
        style=style("salus.css", "report.css"),
    )


def _lede(evidence: Part) -> str:
    at = moment(part(evidence, "ran").get("at"))
    return f"Judged on {whose(evidence)}{f', {at}' if at else ''}. {_one_line(evidence)}"


def _sections(evidence: Part) -> list[Section]:
    made = [make(evidence) for make in ASKED]
    sources = items.provenance(evidence)
    asked = {one.key: one.asks for one in (*made, sources)}
    filled = {one.key for one in (*made, sources) if not one.empty}
    return [*made, items.tripod(evidence, asked, filled), sources]


def write(evidence: Mapping[str, Any], folder: Path) -> tuple[Path, Path]:
    """Write the page and the JSON into `folder`; each is there whole or not at all. Returns both paths.

    In the JSON the items of TRIPOD+AI say where each is answered.
    """
    found = plain(evidence)
    filled = {one.key for one in _sections(found) if not one.empty}
    whole = {**found, "tripod": items.answered(found, filled)}
    text = json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return put(folder / REPORT, page(found).encode()), put(folder / DATA, text.encode())
    except OSError as error:
        says = f"The report cannot be written to {folder}: {error.strerror}."
        raise UserError(f"{says} Name a folder that you may write to.") from None


def _one_line(evidence: Part) -> str:
    often = share(evidence)
    if often is None:
        return "How many cases, and how often it happened, is not in this evidence."
    happened = f"{outcome(evidence)} in {count(evidence['events'])}"
    return f"{count(evidence['n'])} cases, {happened} ({words.number(round(often * 100, 1))} in 100)."


def summary(evidence: Mapping[str, Any]) -> list[str]:
    """Return what the command line says of a test to a person: one line for each thing that counts."""
    found = plain(evidence)
    lines = [f"{named(found)} on {whose(found)}: {_one_line(found)}"]
    lines += [f"  {warning}"] if (warning := seen(found)) else []
    lines += [f"  {says}" for says in texts(found, "unused")]
    if ends := part(found, "ends"):
        low = told(estimate(part(ends, "lower").get("auroc")), 3)
        lines.append(f"  Ranges are judged by their upper ends, which flag most; by the lower AUROC {low}")
    lines += _ranking(found)
    lines += _calibrated(found)
    lines += _alerts(found)
    lines += _fair(found)
    on = part(found, "mitigation_on")
    lines += [f"  {line}" for line in groups.switched(on)] if on else []
    lines += _added(found)
    if real(found.get("abstained")) is not None:
        cases = count(found["abstained"])
        scored = "" if part(found, "ends") else "; they were scored and count in every measure"
        lines.append(f"  Could not judge: {cases} cases{scored}")
    return lines


def _ranking(found: Part) -> list[str]:
    named_so = (("AUROC", "auroc"), ("AUPRC", "auprc"), ("event 1", "event1"), ("event 2", "event2"))
    read = [(says, estimate(found.get(key))) for says, key in named_so]
    says = ", ".join(f"{name} {told(one, 3)}" for name, one in read if one)
    return [f"  Ranking: {says}"] if says else []


def _calibrated(found: Part) -> list[str]:
    says = ", ".join(f"{name} {value}" for name, value, _ in sections.calibration_measures(found))
    return [f"  Calibration: {says}"] if says else []


def _alerts(found: Part) -> list[str]:
    at, counts = alert_from(found), natural(found)
    if not at:
        return []
    says = f"  Alert from {at} on"
    if counts is None:
        return [says]
    alerts = counts["true"] + counts["false"]
    return [
        f"{says}: of {counts['of']:,} people, {alerts:,} alerts, {counts['true']:,} right and "
        f"{counts['false']:,} false; {counts['missed']:,} missed"
    ]


def _fair(found: Part) -> list[str]:
    every = rows(found, "groups")
    judged = [(one, row) for row in every if (one := estimate(row.get("auroc"))) and one.value is not None]
    if not every:
        return []
    says = f"  Groups: {len(judged)} judged, {len(every) - len(judged)} too few to judge"
    if judged:
        worst, row = min(judged, key=lambda each: each[0].value or 0.0)
        says += f"; the lowest AUROC is that of {row.get('group')}, {told(worst)}"
    return [says]


def _added(found: Part) -> list[str]:
    difference = estimate(found.get("difference"))
    if difference is None:
        return []
    alone, both = (told(estimate(found.get(key)), 3) for key in ("physician", "together"))
    others = [
        f"  {row.get('by')}: {told(estimate(row.get('alone')), 3)}, this model on the same people "
        f"{told(estimate(row.get('model_alone')), 3)}"
        for row in rows(found, "beside")[1:]
    ]
    says = f"  Physician {alone}, with the model {both}: difference {told(difference, 3)}"
    return [says, *(f"{line[:2]}{line[2:3].upper()}{line[3:]}" for line in others)]
