"""How an insight looks as a CDS Hooks card: one sentence, why, what is not known, and a way into the record.

For clinicians inside their EHR. Source: CDS Hooks 2.0 "Card Attributes". Texts from records are escaped, so
that nothing in a record can act as Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from salus.core.addresses import parted
from salus.core.errors import printable
from salus.core.insight import Abstention, Insight, Reason, Urgency
from salus.core.registry import models
from salus.core.review import OVERRIDE_REASONS, REASON_SYSTEM
from salus.delivery.settings import Settings
from salus.spine.called import called_for, lowers

# CDS Hooks 2.0: "One-sentence, <140-character summary".
SUMMARY_LIMIT = 139
_REASONS_SHOWN = 6
_INDICATOR = {Urgency.NOW: "critical", Urgency.TODAY: "warning"}
# Hooks where a clinician reads; at the others a clinician acts, and only what cannot wait is said.
READING_HOOKS = frozenset({"patient-view", "encounter-start"})
TOPIC_SYSTEM = "urn:salus:model"
# What could act as Markdown inside a line; brackets make links, the rest makes marks. Many readers
# of Markdown turn a bare address into a link as well.
_MARKUP = re.compile(r"([\\`*_\[\]|<>~&#])")
_WWW = re.compile(r"(www)\.", re.IGNORECASE)

# A need may have its short name in brackets: "consciousness (ACVPU)".
_BRACKETS = re.compile(r"[()]")
# How models call what they find nothing of; not the day or hour of something that is there.
_NOT_FOUND = re.compile(r"(?<!hour )(?<!date is )\bnot recorded\b")

OVERRIDES = [
    {"code": code, "system": REASON_SYSTEM, "display": display} for code, display in OVERRIDE_REASONS.items()
]


@dataclass(frozen=True, slots=True)
class Look:
    """What all cards of one answer share.

    page: the absolute URL of the patient's own page, where the record is here. note: what a reader must
    know of the evidence (resources that could not be used, or did not come). partial: resource types whose
    list did not come whole, each with what to say where a model reads it. drugs: whether a drug is being
    ordered. demonstration: nothing here was approved for care. came: of each model of whose measurements some
    did not come, or may not have, the names of those that did: any other one may be recorded all the same.
    """

    hook: str
    settings: Settings
    page: str | None = None
    note: str = ""
    partial: Mapping[str, str] = field(default_factory=dict)
    drugs: bool = False
    demonstration: bool = False
    came: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """A card and the insights that it shows; feedback on it is a review of each."""

    card: dict[str, object]
    insights: tuple[str, ...]


def cards(insights: Sequence[Insight], look: Look) -> list[Sent]:
    """Return the cards: one for each answer that calls for something, at most two for all the rest.

    Answers with nothing to do, and questions that could not be judged, share one quiet card each where
    a clinician reads; where a clinician is ordering they are left out, and what is to be done this week is
    said beside a drug only. A model that failed is named at every hook: its silence would look like safety.
    What could not be judged, and is urgent by what is known already, has a card of its own at every hook.
    """
    reading = look.hook in READING_HOOKS
    said = [one for one in insights if not isinstance(one.body, Abstention)]
    wanted = {Urgency.NOW, Urgency.TODAY} | ({Urgency.THIS_WEEK} if reading or look.drugs else set())
    urgent = [one for one in insights if called_for(one) in wanted]
    urgent.sort(key=lambda one: (called_for(one) or Urgency.ROUTINE).rank)
    found = [Sent(card(one, look), (one.id,)) for one in urgent]
    if reading:
        quiet = [one for one in said if one.urgency not in wanted]
        found += _folded("Nothing that cannot wait", quiet, look)
        found += _folded(
            "Could not judge", [one for one in insights if _worth_saying(one) and one not in urgent], look
        )
    return found + _folded("Could not answer", [one for one in insights if one.failed], look)


def orders_drugs(context: Mapping[str, Any]) -> bool:
    """Whether a drug is being ordered for the patient: of the orders just selected, where it says which."""
    selected = context.get("selections")
    orders = context.get("draftOrders")
    entries = orders.get("entry") if isinstance(orders, dict) else None
    listed = entries if isinstance(entries, list) else []
    drafts = [entry.get("resource") for entry in listed if isinstance(entry, dict)]
    patient = f"Patient/{context.get('patientId')}"
    drugs = [
        one
        for one in drafts
        if isinstance(one, dict) and one.get("resourceType") == "MedicationRequest" and _is_for(patient, one)
    ]
    return any(selected is None or f"MedicationRequest/{one.get('id')}" in selected for one in drugs)


def _is_for(patient: str, order: Mapping[str, Any]) -> bool:
    """Whether an order is for `patient`, or does not say by an id for whom."""
    whose = order.get("subject")
    told = str(whose.get("reference") or "") if isinstance(whose, dict) else ""
    named = parted(told)[1].partition("/_history")[0]
    return not named.startswith("Patient/") or named == patient


def _worth_saying(insight: Insight) -> bool:
    """What could be supplied, or is outside a model's range: that a child has no adult score is no news."""
    return isinstance(insight.body, Abstention) and insight.body.why in (
        "missing-evidence",
        "out-of-distribution",
    )


def card(insight: Insight, look: Look) -> dict[str, object]:
    """Return one insight as a card, with a uuid of its own."""
    shape = _shape(_absent(insight, _summary(insight), look), _detail(insight, look), [insight], look)
    urgency = called_for(insight)
    if urgency in _INDICATOR:
        shape["indicator"] = _INDICATOR[urgency]
    return shape


def _folded(opening: str, insights: Sequence[Insight], look: Look) -> list[Sent]:
    if not insights:
        return []
    named = ", ".join(_title(insight) for insight in insights)
    detail = "\n\n---\n\n".join(f"**{_plain(_title(one))}**\n\n{_detail(one, look)}" for one in insights)
    shape = _shape(f"{opening}: {named}", detail, insights, look)
    return [Sent(shape, tuple(one.id for one in insights))]


def _shape(summary: str, detail: str, insights: Sequence[Insight], look: Look) -> dict[str, object]:
    first = insights[0]
    label = f"Demonstration, not for care · {_source(first)}" if look.demonstration else _source(first)
    source: dict[str, object] = {"label": label, "url": look.settings.url("/models")}
    if len(insights) == 1:
        source["topic"] = {"system": TOPIC_SYSTEM, "code": first.model.name, "display": _title(first)}
    shape: dict[str, object] = {
        "uuid": str(uuid4()),
        "summary": shortened(summary),
        "detail": f"{detail}\n\n{_plain(look.note)}" if look.note else detail,
        "indicator": "info",
        "source": source,
        "overrideReasons": OVERRIDES,
    }
    if look.page:
        shape["links"] = [{"label": "Open in Salus", "url": look.page, "type": "absolute"}]
    return shape


def _source(insight: Insight) -> str:
    return f"Salus · {_title(insight)} {insight.model.version}"


def _title(insight: Insight) -> str:
    model = models().get(insight.model.name)
    return model.card.title or insight.model.name if model else insight.model.name


def _summary(insight: Insight) -> str:
    """Return what is said, and of what, where it does not name that itself."""
    title, says = _title(insight), _says(insight)
    first = says.split(" ", 1)[0].strip(":,.")
    names_itself = bool(first) and first in re.split(r"[^\w-]+", title)
    return says if names_itself else f"{title}: {says}"


def _says(insight: Insight) -> str:
    return " ".join(str(getattr(insight.body, "says", "")).split()) or insight.asks


def _detail(insight: Insight, look: Look) -> str:
    says = _says(insight)
    parts = [_plain(says)]
    if isinstance(insight.body, Abstention):
        parts.append("\n".join(_listed("Would be needed", insight.body.missing)))
    if called_for(insight) or not isinstance(insight.body, Abstention):
        parts.append("\n".join(_listed("Why", map(_reason, insight.reasons[:_REASONS_SHOWN]))))
    parts.append("\n".join(_listed("Not known", (one for one in insight.limits if one not in says))))
    parts = [_absent(insight, part, look) for part in parts] + _doubts(insight, look)
    parts.append(f"As known at {insight.as_of:%Y-%m-%d %H:%M %Z}. Made by a machine: judge for yourself.")
    return "\n\n".join(part for part in parts if part)


def _reason(reason: Reason) -> str:
    """Say a reason; of one that lowers a risk, that it does."""
    return f"{reason.says} (lowers it)" if lowers(reason) else reason.says


def _absent(insight: Insight, text: str, look: Look) -> str:
    """Say of what was not found that it may only not have been sent: of these two only one is a finding."""
    came = look.came.get(insight.model.name)
    if came is None:
        return text

    names = tuple(part.strip().lower() for name in came for part in _BRACKETS.split(name) if part.strip())

    def worded(found: re.Match[str]) -> str:
        whole = text[: found.start()].rstrip().lower().endswith(names)
        return found[0] if whole else "not sent or not recorded"

    return _NOT_FOUND.sub(worded, text)


def _doubts(insight: Insight, look: Look) -> list[str]:
    """Say where a list that this model reads came in part: what is not in it is no "no"."""
    model = models().get(insight.model.name)
    read = dict.fromkeys(need.resource for need in model.card.needs) if model else {}
    return [f"**{_plain(look.partial[resource])}**" for resource in read if resource in look.partial]


def _listed(heading: str, lines: Iterable[str]) -> list[str]:
    found = [f"- {_plain(line)}" for line in lines if line]
    return [f"**{heading}**", "", *found] if found else []


def _plain(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, on one line; addresses stay text too."""
    escaped = _MARKUP.sub(r"\\\1", printable(text, None))
    return _WWW.sub(r"\1\\.", escaped.replace("://", ":\\//"))


def shortened(text: str, limit: int = SUMMARY_LIMIT) -> str:
    """Return `text` on one line of at most `limit` characters, cut between words."""
    line = printable(text, None)
    if len(line) <= limit:
        return line
    return line[: limit - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def away_card(settings: Settings) -> dict[str, object]:
    """Return the one card of a Salus that cannot write down what it would say, and so says nothing."""
    return {
        "uuid": str(uuid4()),
        "summary": "Salus is away: nothing was computed for this patient. Silence is no reassurance.",
        "detail": "Salus could not write down its answers and gives none that are not on record. "
        "Work as you would without it; it will answer again by itself.",
        "indicator": "info",
        "source": {"label": "Salus", "url": settings.url("/healthz")},
    }
