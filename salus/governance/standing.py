"""Where a model stands in one archive, and whether the approval that put it there holds.

An approval holds for one version of one model in one archive: the archive's id is among what is signed,
so a copied row is worth nothing, and a demonstration's approval holds in no archive but its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from salus.core.card import Card
from salus.core.errors import RefusedError, UserError

VALIDATED, LIVE = "validated", "live"
# The one who approves in a demonstration: no person.
DEMONSTRATOR = "demonstration"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What a model is called, what it asks, and where it stands; `at` is None until somebody decided.

    note: why an approval on record does not hold; "" when there is none or it holds.
    """

    name: str
    version: str
    asks: str
    status: str
    title: str = ""
    by: str = ""
    because: str = ""
    at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The archive in which a model stands: its id, how signatures are checked, whether it is a demo."""

    id: str
    verify: Callable[[bytes, bytes], bool]
    demonstration: bool


def shipped(card: Card) -> ModelStatus:
    """Return the status that a model ships with."""
    return ModelStatus(card.name, card.version, card.asks, card.status, card.title)


def statement(place_id: str, told: ModelStatus) -> bytes:
    """Return the bytes that are signed for `told` in the archive `place_id`."""
    assert told.at is not None
    parts = [place_id, told.name, told.version, told.status, told.by, told.because, told.at.timestamp()]
    return json.dumps(parts, ensure_ascii=False).encode()


def standing(card: Card, told: ModelStatus, signature: bytes, place: Place) -> ModelStatus:
    """Return `told` where it holds for this card in this place, else the shipped status and why."""
    base = shipped(card)
    if told.version != card.version:
        return replace(base, note=f"was approved in version {told.version}; this version was not")
    if not place.verify(statement(place.id, told), signature):
        return replace(base, note="its approval is not signed for this archive and does not hold")
    if told.by == DEMONSTRATOR and not place.demonstration:
        return replace(base, note="its approval is a demonstration's and does not hold here")
    return told


def approval(card: Card, by: str, because: str, at: datetime, place: Place) -> ModelStatus:
    """Return the status that makes `card`'s model live, to be signed.

    Raises UserError when nobody answers for it or no reason is given, RefusedError for a
    demonstration's approval outside a demonstration.
    """
    if not by.strip() or not because.strip():
        raise UserError("An approval needs who (--by) and why (--because): a person answers for it.")
    if by.strip().lower() == DEMONSTRATOR and not place.demonstration:
        raise RefusedError("A demonstration's approval holds in its own archive only. Name a person.")
    return replace(shipped(card), status=LIVE, by=by.strip(), because=because.strip(), at=at)
