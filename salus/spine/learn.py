"""Learn: a task and a place full of evidence become a model that is data, with how it did on people held out.

Opened through the gate, on the licence of a published set or on the basis that is stated; what was done is
written into the ledger of the archive that it was done with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from salus import __version__
from salus.core.consent import TRAINING, Actor
from salus.core.errors import AwayError, UserError, choices
from salus.core.files import put
from salus.core.registry import task as find_task
from salus.spine.cases import Cases, gather, population, taken
from salus.spine.overlap import ARTEFACT, TRAINED, written
from salus.spine.permits import Opening

if TYPE_CHECKING:
    from salus.learning.artefact import Artefact, Made
    from salus.learning.fit import Fitted
    from salus.learning.task import Task

# What stands in an artefact for the citation of a site's own records.
NOT_PUBLISHED = "not published"
_LIBRARIES = ("interpret-core", "lightgbm", "numpy", "scikit-learn", "polars")
_NEEDS = "Training and testing need more than the base: pip install 'salus-clinical[learn]'."
Told = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Trained:
    """What was learnt. path: of the artefact. summary: what a person is told, ready for JSON."""

    artefact: Artefact
    path: Path
    summary: dict[str, Any]


def train(
    name: str, place: str, out: str, *, actor: Actor, basis: str = "", part: str = "", seed: int = 1,
    seeds: int = 1, reweigh: str = "", store: str | None = None,
    told: Told = lambda _: None,
) -> Trained:  # fmt: skip
    """Learn the task `name` from the evidence at `place`, and write its artefact into the folder `out`.

    part: of a published set that lies in parts, the one to learn from. seeds: how many times it is learnt,
    each with the next seed, to see whether that matters; the first is kept. reweigh: by which of the task's
    groups the cases are drawn so that group and outcome are independent ("": not at all). store: where the
    state of an archive is, if elsewhere. told: hears what is being done.
    Raises UserError for an unknown task or one that nothing can be learnt for, RefusedError where the gate
    does, EvidenceError where too little is there to learn from.
    """
    need_libraries()
    began, task = process_time(), find_task(name)
    if not task.features:
        raise UserError(f"'{name}' is a guideline's score: nothing is learnt for it; 'salus test' judges it.")
    folder = folder_for(out)
    write_down(place, store, actor, "train", {"task": name, "basis": basis, "purpose": TRAINING})
    told(f"reading {place}")
    found = population(task, place, part, Opening(actor, TRAINING, basis, store))
    cases = gather(task, found, actor=actor, purpose=TRAINING, basis=basis or found.licence_basis)
    drawn = reweighed(cases, reweigh, seed) if reweigh else ()
    cases = taken(cases, list(drawn)) if drawn else cases
    told(f"learning from {len(cases.asked):,} cases, {sum(cases.outcomes):,} with the outcome")
    learnt = _fitted(task, cases, seed)
    measured = _measured(learnt, cases, seed)
    artefact = _artefact(task, learnt, cases, measured, seed)
    if reweigh:
        how = f"Drawn anew by {reweigh}, so that it is independent of the outcome (Kamiran and Calders 2012)."
        artefact = replace(artefact, shapes_of=f"{artefact.shapes_of} {how}")
    again = [_measured(_fitted(task, cases, seed + more), cases, seed + more) for more in range(1, seeds)]
    path = put(folder / ARTEFACT, artefact.dumps())
    summary = _summary(task, cases, learnt, artefact) | {
        "seed": seed,
        "out_of_fold": measured,
        "seeds": [measured, *again],
        "reweighed": reweigh,
        "cpu_seconds": round(process_time() - began, 1),
    }
    kept = {**summary, "cases": written(artefact, cases.values)}
    put(folder / TRAINED, json.dumps(kept, ensure_ascii=False, indent=2).encode() + b"\n")
    return Trained(artefact, path, {**summary, "artefact": str(path)})


def _summary(task: Task, cases: Cases, learnt: Fitted, artefact: Artefact) -> dict[str, Any]:
    """Return what a person is told of what was learnt, and of whom."""
    return {
        "task": task.name,
        "n": len(cases.asked),
        "events": sum(cases.outcomes),
        "terms": len(artefact.terms) - len(artefact.pairs),
        "pairs": len(artefact.pairs),
        "threshold": {"value": artefact.threshold, "misses": artefact.misses},
        "flow": cases.flow,
        "notes": [*cases.population.notes, *cases.unused(), *learnt.notes],
    }


def reweighed(cases: Cases, by: str, seed: int) -> tuple[int, ...]:
    """Return rows drawn so that the group and the outcome are independent; about as many as there are cases.

    Each case is drawn as often as its weight says, the rest by chance: Kamiran F, Calders T. Knowl Inf Syst
    2012;33:1-33, sampling in place of weights. Raises UserError where people are not told apart by `by`.
    """
    import numpy as np

    from salus.learning.mitigate import weights

    if by not in cases.groups:
        raise UserError(f"Nobody is told apart by '{by}': {choices(by, cases.groups)}.")
    each = weights(cases.outcomes, cases.groups[by])
    each *= len(each) / each.sum()
    chance = np.random.default_rng([seed, 4])
    times = np.floor(each).astype(int) + (chance.random(len(each)) < each % 1)
    return tuple(int(row) for row in np.repeat(np.arange(len(each)), times))


def write_down(place: str, store: str | None, actor: Actor, did: str, content: dict[str, str]) -> None:
    """Write into the ledger of the archive at `place`, if it is one, that its records are opened for this.

    Before they are: what cannot be written down is not done. Raises RefusedError without a basis or a name.
    """
    from salus.privacy.gate import refuse_population
    from salus.spine.site import holds_records, open_site

    if not holds_records(Path(place)):
        return
    refuse_population(actor, content["purpose"], content["basis"])
    site = open_site(Path(place), store, create=False)
    with site.store.begin() as tx:
        tx.append(site.now(), actor.id, did, content)


def need_libraries() -> None:
    """Raise AwayError where the libraries of training and testing are not installed."""
    try:
        for name in _LIBRARIES:
            version(name)
    except PackageNotFoundError:
        raise AwayError(_NEEDS) from None


def _fitted(task: Task, cases: Cases, seed: int) -> Fitted:
    from salus.learning.fit import fitted

    return fitted(task, cases.values, cases.outcomes, cases.persons, seed=seed)


def _artefact(task: Task, learnt: Fitted, cases: Cases, measured: dict[str, Any], seed: int) -> Artefact:
    from salus.learning.fit import artefact_of
    from salus.learning.recalibrate import of_everyone

    artefact = artefact_of(task, learnt, cases.values, provenance(cases, seed), cases.groups)
    # Observed by expected says nothing of all of them: the calibration was fitted on what the folds said.
    whole = of_everyone(learnt.y, measured["auroc"])
    return replace(artefact, measures=(whole, *artefact.measures))


def _measured(learnt: Fitted, cases: Cases, seed: int) -> dict[str, Any]:
    """Return how those held out were ranked, and how far said and happened lie apart."""
    from salus.learning import calibrate
    from salus.learning.intervals import auroc_told, persons_of

    y, logit = learnt.y, learnt.logits
    auroc = auroc_told(y, logit, persons_of(cases.persons, len(y)), draws=200, seed=seed)
    # No slope: the calibration was fitted to these very logits, so that it is 1 whatever the model is worth.
    return {"seed": seed, "auroc": auroc, "ece": calibrate.ece(y, calibrate.expit(logit))}


def provenance(cases: Cases, seed: int) -> Made:
    """Return on what, by which code and libraries, and from which seed something is learnt."""
    from salus.learning.artefact import Made, TrainedOn

    found = cases.population
    steps = {step["step"]: step["n"] for step in cases.flow}
    data = TrainedOn(
        name=found.name,
        title=found.title,
        digest=found.digest,
        licence=found.licence,
        cite=found.cite or NOT_PUBLISHED,
        n=len(cases.asked),
        events=sum(cases.outcomes),
        excluded=steps["looked at"] - steps["judged"],
    )
    libraries = {name: version(name) for name in _LIBRARIES}
    return Made(datetime.now(UTC).isoformat(timespec="seconds"), __version__, seed, libraries, data)


def folder_for(out: str) -> Path:
    """Return the folder `out`, made where it is not there; raises UserError where it is a file."""
    folder = Path(out)
    if folder.is_file():
        raise UserError(f"'{folder}' is a file: name a folder for what is learnt.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
