"""Bring: evidence that a caller carries along (a CDS Hooks prefetch), decoded as everything that is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from salus.core.evidence import UNREADABLE, Absence, Event, Timeline

if TYPE_CHECKING:
    from salus.record.account import Account

T = TypeVar("T")

__all__ = ["Account", "bring", "fields", "in_part", "loosened", "plural"]


def fields(raw: bytes) -> dict[str, Any]:
    """Return the values of a JSON object by name, each as it came, whatever stands in their strings.

    Raises msgspec.DecodeError when it is none.
    """
    from salus.record import fhir_bundle

    return dict(fhir_bundle.fields(raw))


def loosened(decode: Callable[[bytes], T], raw: bytes) -> T:
    """Return what `decode` finds in `raw`; where JSON forbids something in a string, with dots in its place.

    Raises what `decode` does where neither can be read.
    """
    from salus.record import fhir_bundle

    return fhir_bundle.loosened(decode, raw)[0]


def bring(
    raw: bytes | Mapping[str, bytes],
    subject: str,
    place: str,
    *,
    ordering: tuple[bytes, datetime] | None = None,
    servers: tuple[str, ...] = (),
) -> tuple[Timeline, Account]:
    """Return the Timeline of `subject` in `raw`, and what became of every resource; nothing is kept.

    raw: a CDS Hooks prefetch, its values by key, or one whole Bundle. ordering: the draft orders of the call,
    and its moment: they count as drafts. servers: the base URLs under which `subject` is that patient.
    Raises EvidenceError when it is none.
    """
    from salus.record.fhir import Drafts, prefetch

    return prefetch(raw, subject, place, Drafts(*ordering) if ordering else None, servers)


def plural(kind: str) -> str:
    """Return ``MedicationRequest`` as "medication requests"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def in_part(timeline: Timeline, kinds: Iterable[str]) -> Timeline:
    """Return `timeline` with a sign of each list (by resource type) of which only a part came.

    What is not on such a list may be on the rest of it: no model may take it for "no". A sign names its type
    alone, since there is no resource to point at.
    """
    came = {event.kind for event in timeline}
    # Of measurements none at all may be what came.
    short = [kind for kind in kinds if kind in came or kind == "Observation"]
    signs = [Event((kind,), value=Absence.NOT_SENT, status=UNREADABLE, source=kind) for kind in short]
    return Timeline.of(timeline.subject, [*timeline, *signs]) if signs else timeline
