"""Adopt: a model answers here by what the site trained itself, or by what ships again, and who decided that.

What was trained is kept whole in the store, under its SHA-256. An approval that was given before it ends:
nobody approved what now answers.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.core.errors import EvidenceError, UserError
from salus.core.registry import model as find_model
from salus.governance.standing import ModelStatus, answered_for
from salus.spine.adopted import here, kept
from salus.spine.models import statuses
from salus.spine.overlap import ARTEFACT

if TYPE_CHECKING:
    from salus.learning.artefact import Artefact
    from salus.learning.learnt import Learnt
    from salus.spine.site import Site


def adopt(site: Site, file: str, *, by: str, because: str) -> ModelStatus:
    """Let the model that the artefact in `file` (or in a folder of ``salus train``) is of answer by it here.

    Raises UserError where it answers by it already, or nobody answers for it; EvidenceError where the file
    is no artefact that its task can use.
    """
    answered_for("To adopt an artefact", by, because)
    model, raw = learnt_at(file)
    found = model.artefact()
    assert not isinstance(found, EvidenceError)
    name = model.task.name
    if here(site)[name].artefact == sha256(raw).hexdigest() and not _is_damaged(site, raw):
        raise UserError(f"'{name}' answers by this very artefact here: it was adopted already.")
    return _decided(site, name, raw, {**_told(found), "by": by.strip(), "because": because.strip()})


def _is_damaged(site: Site, raw: bytes) -> bool:
    try:
        kept(site, sha256(raw).hexdigest())
    except EvidenceError:
        return True
    return False


def restore(site: Site, name: str, *, by: str, because: str) -> ModelStatus:
    """Let the model `name` answer by what ships again. Raises UserError where it does."""
    answered_for("To go back to what ships", by, because)
    name = find_model(name).card.name
    if not here(site)[name].artefact:
        raise UserError(f"'{name}' answers by what ships here: nothing was adopted for it.")
    return _decided(site, name, b"", {"by": by.strip(), "because": because.strip()})


def is_a_file(name: str) -> bool:
    """Whether a model is named by where its artefact lies, and not by a name of the registry."""
    return name.endswith(".json") or Path(name).is_dir()


def learnt_at(file: str) -> tuple[Learnt, bytes]:
    """Return the model with the artefact in `file`, or in the folder of that name, and its bytes.

    Raises EvidenceError where it cannot be read or used, UserError where no model here learns its task.
    """
    from salus.core.registry import models as known_models
    from salus.learning.artefact import loads
    from salus.learning.learnt import Learnt

    path = Path(file) / ARTEFACT if Path(file).is_dir() else Path(file)
    try:
        raw = path.read_bytes()
    except OSError as error:
        says = f"The artefact '{path}' cannot be read ({error.strerror})"
        raise EvidenceError(f"{says}: name the file that 'salus train' wrote, or its folder.") from None
    task = loads(raw, str(path)).task
    model = known_models().get(task)
    if not isinstance(model, Learnt):
        learn = sorted(name for name, one in known_models().items() if isinstance(one, Learnt))
        raise UserError(f"'{path}' was learnt for '{task}'. What learns here: {', '.join(learn)}.")
    return Learnt(model.task, path, model.parts).with_artefact(raw, str(path)), raw


def _told(found: Artefact) -> dict[str, Any]:
    """Return what the ledger says of an artefact: on what it was learnt, and how it did there, held out."""
    from salus.learning.recalibrate import EVERYONE

    data, whole = found.made.data, [one for one in found.measures if one.by == EVERYONE]
    auroc = whole[0].auroc.as_json() if whole and whole[0].auroc else None
    return {
        "version": found.version,
        "data": data.title or data.name,
        "data_digest": data.digest,
        "n": data.n,
        "events": data.events,
        "auroc": auroc,
    }


def _decided(site: Site, name: str, raw: bytes, told: dict[str, Any]) -> ModelStatus:
    """Write down by what a model answers from now on, with what is told of it."""
    with site.store.begin() as tx:
        digest = tx.put_artefact(raw) if raw else ""
        tx.append(site.now(), told["by"], "adopt", {"model": name, "artefact": digest, **told})
    return statuses(site)[name]
