"""Recalibrate: a learnt model's risks set right by a place's own cases; a new artefact, to be adopted.

Opened through the gate and written into the ledger of an archive as training is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import process_time
from typing import TYPE_CHECKING, Any

from salus.core.consent import TRAINING, Actor
from salus.core.errors import EvidenceError, UserError
from salus.core.files import put
from salus.core.registry import model as find_model
from salus.spine.adopt import is_a_file, learnt_at
from salus.spine.cases import gather, population
from salus.spine.learn import (
    Told,
    Trained,
    folder_for,
    need_libraries,
    provenance,
    write_down,
)
from salus.spine.opening import Opening
from salus.spine.overlap import ARTEFACT, TRAINED

if TYPE_CHECKING:
    from salus.learning.artefact import Artefact
    from salus.learning.learnt import Learnt
    from salus.learning.mitigated import Wanted
    from salus.learning.recalibrate import Recalibrated
    from salus.learning.task import Task
    from salus.spine.cases import Cases


def recalibrate(
    name: str, place: str, out: str, *, actor: Actor, basis: str = "", part: str = "", seed: int = 1,
    store: str | None = None, by: str = "", mitigate: str = "",
    told: Told = lambda _: None,
) -> Trained:  # fmt: skip
    """Recalibrate the model `name` (as it ships, or what lies in a file or folder of that name) by the cases
    at `place`, and write the new artefact into the folder `out`.

    by: by which of the task's groups a mitigation is switched on ("": by none); mitigate: which of
    `salus.learning.apart.HOW` ("": recalibration).
    Cases from which the model abstains are left out: it answers none of them. Raises UserError for a model
    that learns nothing, RefusedError where the gate does, EvidenceError where there are too few cases.
    """
    need_libraries()
    began, (model, artefact) = process_time(), _asked(name)
    switched = _wanted(model, by, mitigate)
    folder = folder_for(out)
    said = {"task": model.task.name, "how": "recalibration", "basis": basis, "purpose": TRAINING}
    write_down(place, store, actor, "train", said)
    told(f"reading {place}")
    found = population(model.task, place, part, Opening(actor, TRAINING, basis, store))
    asked = replace(model.task, features=tuple(one.feature for one in artefact.inputs))
    cases = gather(asked, found, actor=actor, purpose=TRAINING, basis=basis or found.licence_basis)
    told(f"recalibrating by {len(cases.asked):,} cases, {sum(cases.outcomes):,} with the outcome")
    done, answered = _done(model.task, artefact, cases, switched, seed)
    # What the training wrote down beside an artefact is not of the one that takes its place.
    (folder / TRAINED).unlink(missing_ok=True)
    path = put(folder / ARTEFACT, done.artefact.dumps())
    summary = {
        "task": model.task.name,
        "artefact": str(path),
        "on": {"name": found.name, "title": found.title, "digest": found.digest},
        "n": answered,
        "events": done.artefact.measures[0].events,
        "abstained": len(cases.asked) - answered,
        "seed": seed,
        "how": done.line.how,
        "line": {"slope": done.line.slope, "intercept": done.line.intercept},
        "auroc": done.auroc,
        "before": done.before,
        "after": done.after,
        "conformal": {"alpha": done.artefact.alpha, "quantiles": dict(done.artefact.quantiles)},
        "threshold": {"value": done.artefact.threshold, "misses": done.artefact.misses},
        "flow": cases.flow,
        "mitigation": [done.mitigation] if done.mitigation else [],
        "apart": None if (own := done.artefact.apart) is None else own.as_json(),
        "notes": [*found.notes, *cases.unused(), *_seen(artefact, found.digest)],
        "cpu_seconds": round(process_time() - began, 1),
    }
    return Trained(done.artefact, path, summary)


def _asked(name: str) -> tuple[Learnt, Artefact]:
    from salus.learning.learnt import Learnt

    model = learnt_at(name)[0] if is_a_file(name) else find_model(name)
    if not isinstance(model, Learnt):
        raise UserError(f"'{name}' is a guideline's: its numbers are published, and nothing is recalibrated.")
    found = model.artefact()
    if isinstance(found, EvidenceError):
        raise found
    return model, found


def _wanted(model: Learnt, by: str, how: str) -> Wanted | None:
    """Return the mitigation that is asked for; raises UserError where the task has no such groups."""
    from salus.learning.apart import RECALIBRATION
    from salus.learning.mitigated import groups_by, wanted

    if not by and not how:
        return None
    if not by:
        raise UserError(f"'{how}' by what? Say it with --by, such as --by sex.")
    groups_by(by, {group.by: group for group in model.task.groups})
    return wanted(f"{how or RECALIBRATION}:{by}")


def _seen(artefact: Artefact, digest: str) -> Iterator[str]:
    if digest in artefact.made.data.digest.split():
        yield "These are the very people that the model was made from: take others."


def _done(
    task: Task, artefact: Artefact, cases: Cases, switched: Wanted | None, seed: int
) -> tuple[Recalibrated, int]:
    """Return the model recalibrated by the cases that it answers, and how many those are."""
    import numpy as np

    from salus.learning import apart
    from salus.learning.recalibrate import SiteCases, recalibrated
    from salus.spine.judge_parts import columns_of, said

    told_by = apart.group_of(task, switched.by).parameter if switched else apart.told_by(artefact, task)
    # What is made anew takes the place of what groups had of their own before.
    artefact = apart.of_group(artefact, None) if switched else artefact
    _, logit, _ = said(artefact, cases)
    kept = np.flatnonzero(~columns_of(artefact, cases, told_by))
    if not len(kept):
        raise EvidenceError(
            "The model abstains from every case there: none is like those that it learnt from."
        )
    made = provenance(cases, seed)
    y = np.array(cases.outcomes)[kept]
    data = replace(made.data, n=len(kept), events=int(y.sum()))
    groups: dict[str, Any] = {by: [each[at] for at in kept] for by, each in cases.groups.items()}
    persons = [cases.persons[at] for at in kept]
    site = SiteCases(y, logit[kept], persons, groups)
    done = recalibrated(artefact, site, replace(made, data=data), mitigate=switched, seed=seed)
    return done, len(kept)
