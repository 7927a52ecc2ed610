"""Where a model stands in one archive, and whether the approval that put it there holds.

An approval holds for the files of one version of one model in one archive: their digest and the archive's id
are among what is signed, so a model that was changed under its version speaks nowhere, a copied row is worth
nothing, and a demonstration's approval holds in no archive but its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from salus.core.card import Card
from salus.core.consent import names_somebody
from salus.core.digest import Origin
from salus.core.errors import RefusedError, UserError, printable

VALIDATED, LIVE = "validated", "live"
# The one who approves in a demonstration: no person.
DEMONSTRATOR = "demonstration"
# What is kept of an approval: the SHA-256 of the model's files, then the signature.
_DIGEST, _SIGNATURE = 32, 64
_AGAIN = "approve it again, once it was looked at"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What a model is called, what it asks, and where it stands; `at` is None until somebody decided.

    note: why an approval on record does not hold; "" when there is none or it holds. digest: of the files
    that were loaded here, as hex; package: which outside package they are from, "" for the house's own.
    artefact: SHA-256 of the artefact that was adopted here, "" where it answers by what ships; adopted: what
    it was learnt from and who adopted it, in words.
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
    digest: str = ""
    package: str = ""
    artefact: str = ""
    adopted: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The archive in which a model stands: its id, how signatures are checked, whether it is a demo."""

    id: str
    verify: Callable[[bytes, bytes], bool]
    demonstration: bool


def shipped(card: Card, origin: Origin) -> ModelStatus:
    """Return the status that a model ships with; no card makes its own model live."""
    status = VALIDATED if card.status == LIVE else card.status
    note = f"{origin.why}, so nobody can approve it here" if origin.why else ""
    told = ModelStatus(card.name, card.version, card.asks, status, card.title, note=note)
    return replace(told, digest=origin.digest, package=origin.package)


def overtaken(ships: ModelStatus) -> ModelStatus:
    """Return where a model stands that was approved before somebody chose another artefact for it."""
    return replace(ships, note=f"it was approved before what it answers by was chosen anew: {_AGAIN}")


def statement(place_id: str, told: ModelStatus) -> bytes:
    """Return the bytes that are signed for `told` in the archive `place_id`."""
    assert told.at is not None
    parts = [place_id, told.name, told.version, told.status, told.by, told.because, told.at.timestamp()]
    return json.dumps([*parts, told.digest], ensure_ascii=False).encode()


def seal(told: ModelStatus, place_id: str, sign: Callable[[bytes], bytes]) -> bytes:
    """Return what is kept of the approval `told`: the digest of the files that were approved, signed."""
    return bytes.fromhex(told.digest) + sign(statement(place_id, told))


def standing(ships: ModelStatus, told: ModelStatus, kept: bytes, place: Place) -> ModelStatus:
    """Return `told` where it holds here for what is loaded and `ships`, else what ships and why."""
    told = replace(told, digest=kept[:_DIGEST].hex(), package=ships.package)
    told = replace(told, artefact=ships.artefact, adopted=ships.adopted)
    note = _why_not(ships, told, kept, place)
    return replace(ships, note=note) if note else told


def _why_not(ships: ModelStatus, told: ModelStatus, kept: bytes, place: Place) -> str:
    """Return why the approval `told` does not hold, "" where it does."""
    if told.version != ships.version:
        return f"was approved in version {told.version}; this version was not"
    if len(kept) == _SIGNATURE:
        return f"its approval is older than the digest of its files: {_AGAIN}"
    if not place.verify(statement(place.id, told), kept[_DIGEST:]):
        return "its approval is not signed for this archive and does not hold"
    if told.by == DEMONSTRATOR and not place.demonstration:
        return "its approval is a demonstration's and does not hold here"
    if told.digest != ships.digest:
        return ships.note or f"its files are not those that were approved: {_AGAIN}"
    return ""


def approval(ships: ModelStatus, by: str, because: str, at: datetime, place: Place) -> ModelStatus:
    """Return the status that makes the model that `ships` live, to be signed.

    Raises UserError when nobody answers for it or no reason is given, RefusedError for a
    demonstration's approval outside a demonstration, or of files that cannot be read.
    """
    answered_for("An approval", by, because)
    if by.strip().lower() == DEMONSTRATOR and not place.demonstration:
        raise RefusedError("A demonstration's approval holds in its own archive only. Name a person.")
    if not ships.digest:
        raise RefusedError(f"Model '{ships.name}' cannot be approved: {ships.note}. An approval is of files.")
    return replace(ships, status=LIVE, by=by.strip(), because=because.strip(), at=at)


def answered_for(what: str, by: str, because: str) -> None:
    """Raise UserError where nobody answers for `what`, or no reason is given."""
    if not names_somebody(by.strip()) or not printable(because, None):
        raise UserError(
            f"{what} needs who (--by, on one line and without hidden characters) and why (--because): a "
            "person answers for it."
        )
