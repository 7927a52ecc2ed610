"""Learn: a task and a place full of evidence become a model that is data, with how it did on people held out.

Opened through the gate, on the licence of a published set or on the basis that is stated; what was done is
written into the ledger of the archive that it was done with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from salus import __version__
from salus.core.consent import TRAINING, Actor
from salus.core.errors import AwayError, EvidenceError, UserError
from salus.core.files import put
from salus.core.registry import task as find_task
from salus.spine.cases import Cases, gather, population
from salus.spine.opening import Opening
from salus.spine.overlap import ARTEFACT, TRAINED, written

if TYPE_CHECKING:
    from salus.learning.artefact import Artefact, Made
    from salus.learning.fit import Fitted
    from salus.learning.mitigated import Wanted
    from salus.learning.task import Task

# What stands in an artefact for the citation of a site's own records.
NOT_PUBLISHED = "not published"
_LIBRARIES = ("interpret-core", "lightgbm", "numpy", "scikit-learn", "polars")
_NEEDS = "Training and testing need more than the base: pip install 'salus-clinical[learn]'."
# Of either outcome, fewer teach nothing (`salus.learning.select`).
FEWEST = 20
# Samples by which an interval is drawn of those held out.
_DRAWS = 200
Told = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Trained:
    """What was learnt. path: of the artefact. summary: what a person is told, ready for JSON."""

    artefact: Artefact
    path: Path
    summary: dict[str, Any]


def train(
    name: str, place: str, out: str, *, actor: Actor, basis: str = "", part: str = "", seed: int = 1,
    seeds: int = 1, reweigh: str = "", mitigate: str = "", store: str | None = None,
    told: Told = lambda _: None,
) -> Trained:  # fmt: skip
    """Learn the task `name` from the evidence at `place`, and write its artefact into the folder `out`.

    part: of a published set that lies in parts, the one to learn from. seeds: how many times it is learnt,
    each with the next seed, to see whether that matters; the first is kept. reweigh: by which of the task's
    groups the cases are drawn so that group and outcome are independent ("": not at all). mitigate: what is
    switched on beside, and by what (`salus.learning.mitigated.wanted`). store: where the state of an archive
    is, if elsewhere. told: hears what is being done.
    Raises UserError for an unknown task or one that nothing can be learnt for, RefusedError where the gate
    does, EvidenceError where too little is there to learn from.
    """
    need_libraries()
    began, task = process_time(), find_task(name)
    if not task.features:
        raise UserError(f"'{name}' is a guideline's score: nothing is learnt for it; 'salus test' judges it.")
    asked = _wanted(task, reweigh, mitigate)
    folder = folder_for(out)
    write_down(place, store, actor, "train", {"task": name, "basis": basis, "purpose": TRAINING})
    told(f"reading {place}")
    found = population(task, place, part, Opening(actor, TRAINING, basis, store))
    cases = gather(task, found, actor=actor, purpose=TRAINING, basis=basis or found.licence_basis)
    told(f"learning from {len(cases.asked):,} cases, {sum(cases.outcomes):,} with the outcome")
    known = _known(task, cases)
    rows = [row for row in reweighed(cases, reweigh, seed) if row in known] if reweigh else sorted(known)
    learnt = _fitted(task, cases, seed, rows)
    measured = _measured(learnt, cases, seed)
    artefact = _artefact(task, learnt, cases, measured, seed)
    mitigation = []
    if reweigh:
        artefact, row = _reweighed(
            artefact, reweigh, (_fitted(task, cases, seed, sorted(known)), learnt), cases
        )
        mitigation.append(row)
    if asked:
        artefact, row = _mitigated(artefact, asked, learnt, cases, seed)
        mitigation.append(row)
    every = [_fitted(task, cases, seed + more, rows) for more in range(1, seeds)]
    again = [_measured(one, cases, seed + more) for more, one in enumerate(every, 1)]
    path = put(folder / ARTEFACT, artefact.dumps())
    summary = _summary(task, cases, learnt, artefact, len(cases.asked) - len(known)) | {
        "seed": seed,
        "out_of_fold": measured,
        "seeds": [measured, *again],
        "reweighed": reweigh,
        "mitigation": mitigation,
        "apart": None if artefact.apart is None else artefact.apart.as_json(),
        "cpu_seconds": round(process_time() - began, 1),
    }
    kept = {**summary, "cases": written(artefact, cases.values)}
    put(folder / TRAINED, json.dumps(kept, ensure_ascii=False, indent=2).encode() + b"\n")
    return Trained(artefact, path, {**summary, "artefact": str(path)})


def _wanted(task: Task, reweigh: str, mitigate: str) -> Wanted | None:
    """Return the mitigation that is asked for; raises UserError where the task has no such groups."""
    from salus.learning.mitigated import groups_by, wanted

    known = {group.by: group for group in task.groups}
    asked = wanted(mitigate) if mitigate else None
    for by in (reweigh, asked.by if asked else ""):
        if by:
            groups_by(by, known)
    return asked


def _reweighed(
    artefact: Artefact, by: str, fits: tuple[Fitted, Fitted], cases: Cases
) -> tuple[Artefact, dict[str, Any]]:
    """Return the artefact with what was done said in it, and what that did to those held out: the same cases,
    fitted as they are and as they were drawn.
    """
    from salus.learning import fair, mitigate

    how = f"Drawn anew by {by}, so that it is independent of the outcome (Kamiran and Calders 2012)."
    before, after = (
        fair.judged(one.y, one.risks, one.risks >= artefact.threshold, one.persons) for one in fits
    )
    drawing = {"draws": _DRAWS, "seed": artefact.made.seed}
    row = mitigate.compared(
        mitigate.REWEIGHED[0], cases.groups[by], before, after, how=mitigate.REWEIGHED[1], by=by, **drawing
    )
    return replace(artefact, shapes_of=f"{artefact.shapes_of} {how}"), row


def _mitigated(
    artefact: Artefact, asked: Wanted, learnt: Fitted, cases: Cases, seed: int
) -> tuple[Artefact, dict[str, Any]]:
    """Return the artefact with a mitigation switched on, learnt from what was said of each case out of fold,
    and what it does to those held out.
    """
    from salus.learning import conformal, fair, mitigate, mitigated
    from salus.learning.bins import LOOKED_AT
    from salus.learning.recalibrate import measures

    known = mitigate.Known(learnt.y, learnt.logits, cases.groups[asked.by], learnt.persons)
    data = artefact.made.data
    whom = f"{data.n:,} cases of {data.title or data.name}, each held out once"
    done = mitigated.switched_on(artefact, known, asked, whom, seed=seed, draws=_DRAWS)
    # Of hundreds of thousands a part tells as much.
    step = max(1, len(learnt.y) // LOOKED_AT)
    some = fair.judged(learnt.y, done.risk, done.flags, learnt.persons).of(slice(None, None, step))
    groups = {by: each[::step] for by, each in cases.groups.items()}
    changed = replace(
        done.artefact,
        quantiles=conformal.quantiles(learnt.y, done.risk)["quantiles"],
        measures=tuple(measures(fair.judged(some.y, some.risk, some.flags, some.persons), groups)),
    )
    return changed, done.row


def _known(task: Task, cases: Cases) -> frozenset[int]:
    """Return the rows of the cases of which nothing that is asked for is kept back.

    That something is withheld, or cannot be read, may go with the outcome, and is no sign of it: the shapes
    are learnt from the others, while all are calibrated for and measured. Raises EvidenceError where too few
    of either outcome are left.
    """
    import polars as pl

    shut = cases.hidden.filter(pl.col("kept_back"))["row"].unique().to_list()
    known = frozenset(range(len(cases.asked))).difference(shut)
    had = sum(cases.outcomes[row] for row in known) if shut else 0
    if shut and min(had, len(known) - had) < FEWEST:
        raise EvidenceError(
            f"Of {len(cases.asked):,} cases {len(shut):,} have something that is withheld or cannot be read: "
            f"too few are left to learn from ({had} with the outcome). See how their fields are written."
        )
    return known


def _summary(task: Task, cases: Cases, learnt: Fitted, artefact: Artefact, shut: int) -> dict[str, Any]:
    """Return what a person is told of what was learnt, and of whom; shut: from how many not."""
    kept_back = [f"{shut:,} cases taught no shape: something of theirs is withheld or cannot be read."]
    return {
        "task": task.name,
        "n": len(cases.asked),
        "events": sum(cases.outcomes),
        "terms": len(artefact.terms) - len(artefact.pairs),
        "pairs": len(artefact.pairs),
        "threshold": {"value": artefact.threshold, "misses": artefact.misses},
        "flow": cases.flow,
        "notes": [*cases.population.notes, *cases.unused(), *(kept_back if shut else ()), *learnt.notes],
    }


def reweighed(cases: Cases, by: str, seed: int) -> tuple[int, ...]:
    """Return rows drawn so that the group and the outcome are independent; about as many as there are cases.

    Each case is drawn as often as its weight says, the rest by chance: Kamiran F, Calders T. Knowl Inf Syst
    2012;33:1-33, sampling in place of weights. Raises UserError where people are not told apart by `by`.
    """
    import numpy as np

    from salus.learning.mitigate import weights
    from salus.learning.mitigated import groups_by

    each = weights(cases.outcomes, groups_by(by, cases.groups))
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


def _fitted(task: Task, cases: Cases, seed: int, rows: Sequence[int] | None = None) -> Fitted:
    from salus.learning.fit import fitted

    rows = None if rows is not None and len(rows) == len(cases.asked) == len(set(rows)) else rows
    return fitted(
        task, cases.values, cases.outcomes, cases.persons, rows=rows, hidden=cases.hidden, seed=seed
    )


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
    auroc = auroc_told(y, logit, persons_of(cases.persons, len(y)), draws=_DRAWS, seed=seed)
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
