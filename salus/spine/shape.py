"""Insights and wards as JSON, as the command line, the pages and outside checks share them, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from salus.core.insight import (
    Abstention,
    Advice,
    Body,
    Draft,
    Estimate,
    Finding,
    Insight,
    ModelRef,
    Outcome,
    Reason,
    Risk,
    Signal,
    Urgency,
)
from salus.spine.called import leading_reason

_BODIES: dict[str, type[Any]] = {
    "risk": Risk,
    "finding": Finding,
    "advice": Advice,
    "signal": Signal,
    "draft": Draft,
    "abstention": Abstention,
}


def instant(moment: datetime) -> str:
    """Return `moment` as FHIR writes an instant, in UTC."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def as_json(insight: Insight) -> dict[str, Any]:
    """Return `insight` as plain JSON values; absent numbers are null, instants are UTC."""
    body = asdict(insight.body)
    return {
        "id": insight.id,
        "subject": insight.subject,
        "model": {"name": insight.model.name, "version": insight.model.version},
        "asks": insight.asks,
        "as_of": instant(insight.as_of),
        "urgency": insight.urgency.value if insight.urgency else None,
        "body": {"kind": body.pop("kind"), **body},
        "reasons": [_reason(reason) for reason in insight.reasons],
        "limits": list(insight.limits),
        "permit": insight.permit,
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "evidence": list(reason.evidence),
        "weight": reason.weight,
        "unit": reason.unit,
        "says": reason.says,
        "absent": reason.absent,
    }


def from_json(shape: dict[str, Any]) -> Insight:
    """Return the Insight that `as_json` wrote."""
    return Insight(
        subject=shape["subject"],
        model=ModelRef(**shape["model"]),
        asks=shape["asks"],
        as_of=datetime.fromisoformat(shape["as_of"]),
        body=_body(dict(shape["body"])),
        urgency=Urgency(shape["urgency"]) if shape["urgency"] else None,
        reasons=tuple(
            Reason(**{**reason, "evidence": tuple(reason["evidence"])}) for reason in shape["reasons"]
        ),
        limits=tuple(shape["limits"]),
        permit=shape["permit"],
        id=shape["id"],
    )


def _outcome(shape: dict[str, Any]) -> Outcome:
    return Outcome(**{**shape, "estimate": Estimate(**shape["estimate"])})


def _body(shape: dict[str, Any]) -> Body:
    kind = _BODIES[shape.pop("kind")]
    for name in ("outcomes", "parts"):
        if name in shape:
            shape[name] = tuple(_outcome(part) for part in shape[name])
    for name in ("missing", "alternatives"):
        if name in shape:
            shape[name] = tuple(shape[name])
    if shape.get("estimate"):
        shape["estimate"] = Estimate(**shape["estimate"])
    body: Body = kind(**shape)
    return body


def ward_shape(rows: Sequence[Any], seconds: float) -> dict[str, Any]:
    """Return a ward as ``salus demo --json`` prints it."""
    insights = [insight for row in rows for insight in row.insights]
    return {
        "patients": len(rows),
        "insights": len(insights),
        "abstentions": sum(isinstance(insight.body, Abstention) for insight in insights),
        "seconds": round(seconds, 3),
        "ward": [_ward_row(row) for row in rows],
    }


def _ward_row(row: Any) -> dict[str, Any]:
    first = row.first
    return {
        "subject": row.subject,
        "urgency": row.urgency.value if row.urgency else None,
        "cannot_judge": bool(first and first.applies and not first.judged),
        "model": first.model.name if first else None,
        "says": _says_first(row),
        "reason": reason.says if first and (reason := leading_reason(first)) else None,
    }


def _says_first(row: Any) -> str:
    if row.first is None:
        return "no live model was asked"
    last = f"{row.first.model.name} failed; it last said, as of {row.first.as_of:%Y-%m-%d %H:%M %Z}: "
    return f"{last if row.first in row.kept else ''}{row.first.body.says}"
