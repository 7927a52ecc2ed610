"""Adopted: the models as they answer at one site, by the artefacts that it trained itself.

Such an artefact lies in the store under its SHA-256, and the newest ledger entry about a model says which
one it answers by. Whatever cannot be used is no reason to answer by another one: the model abstains, and says
why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from salus.core.digest import Origin
from salus.core.errors import EvidenceError
from salus.core.insight import ModelRef, Urgency
from salus.core.registry import model as find_model
from salus.core.registry import models as known_models
from salus.core.registry import origin as find_origin
from salus.core.seams import Model

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.rows import ToldRow

# Between the version of an artefact and the beginning of its SHA-256, in the version of a model that answers
# by what a site trained (Semantic Versioning 2.0.0, clause 10: build metadata).
OWN = "+"
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Here:
    """A model as it answers at a site. origin: what an approval is of. row: who chose its artefact, if
    anybody ever did.
    """

    model: Model
    origin: Origin
    row: ToldRow | None = None

    @property
    def artefact(self) -> str:
        """The SHA-256 of the artefact that was adopted; "" where it answers by what ships."""
        return "" if self.row is None else named(self.row)


def here(site: Site | None) -> dict[str, Here]:
    """Return every model by name as it answers at `site`; without one, as it ships."""
    rows = {} if site is None else site.store.adoptions()
    found = {}
    for name, model in known_models().items():
        row, origin = rows.get(name), find_origin(name)
        if site is not None and row is not None and named(row):
            found[name] = Here(_own(site, model, row), origin.with_artefact(named(row)), row)
        else:
            found[name] = Here(model, origin, row)
    return found


def models_of(site: Site | None) -> dict[str, Model]:
    """Return every model by name as it answers at `site`."""
    return {name: each.model for name, each in here(site).items()}


def named(row: ToldRow) -> str:
    """Return the SHA-256 that an entry names, "" for what ships; what Salus did not write names none that
    is there.
    """
    told = row.told.get("artefact")
    return told if isinstance(told, str) else "unknown"


def version_of(version: str, digest: str) -> str:
    """Return what a model is called that answers by the artefact `digest` of a site's own."""
    return f"{version}{OWN}{digest[:_SHOWN]}"


def actions(ref: ModelRef) -> Iterable[Urgency]:
    """Return how urgent an answer of a model may be, as the version that gave it.

    One that ships without an artefact asks for nothing by itself, and may where a site trained it.
    """
    from salus.learning.learnt import Learnt

    model = find_model(ref.name)
    if OWN in ref.version and isinstance(model, Learnt):
        return (Urgency.ROUTINE, model.parts.urgency)
    return [row.urgency for row in model.card.actions if row.urgency]


def _own(site: Site, model: Model, row: ToldRow) -> Model:
    """Return `model` as it answers by what was adopted; remembered, since a hook has no time to read it."""
    from salus.learning.learnt import Learnt

    digest = named(row)
    known: Model | None = site.memory.get(("adopted", model.card.name, digest))
    if known is not None or not isinstance(model, Learnt):
        return known or model
    version = version_of(str(row.told.get("version", model.card.version)), digest)
    try:
        own = model.with_artefact(kept(site, digest), f"artefact {digest[:_SHOWN]} in the store", version)
    except EvidenceError as error:
        # Not remembered: once it was put back from a backup, the model answers again.
        return model.without_artefact(error, version)
    site.memory["adopted", model.card.name, digest] = own
    return own


def kept(site: Site, digest: str) -> bytes:
    """Return the artefact with that SHA-256; raises EvidenceError where it is gone or was changed."""
    raw = site.store.artefact(digest)
    if isinstance(raw, bytes) and sha256(raw).hexdigest() == digest:
        return raw
    how = "was changed in the store" if raw is not None else "is no longer in the store"
    raise EvidenceError(
        f"the artefact {digest[:_SHOWN]} that was adopted here {how}. See what else is with 'salus audit "
        "verify', and adopt its file again, or restore from a backup."
    )


def unusable(model: Model) -> EvidenceError | None:
    """Return why a learnt model has nothing to answer by; None where it has."""
    from salus.learning.learnt import Learnt

    found = model.artefact() if isinstance(model, Learnt) else None
    return found if isinstance(found, EvidenceError) else None


def words(row: ToldRow) -> str:
    """Say by what a model answers here, and who decided that."""
    told, n = row.told, row.told.get("n")
    cases = f" ({n:,} cases)" if isinstance(n, int) else ""
    return (
        f"answers by artefact {named(row)[:_SHOWN]}, learnt from {told.get('data')}{cases}; adopted by "
        f"{told.get('by')}, {row.at:%Y-%m-%d}: {told.get('because')}"
    )
