"""Judge: how good is a model on people whose outcome is known? The evidence of its card, and what it said of
each.

A learnt model is scored over columns; a guideline's is asked case by case. A case from which the model
abstains is scored all the same and counts in every measure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from salus import __version__
from salus.core.consent import QUALITY, Actor
from salus.core.errors import EvidenceError
from salus.core.registry import model as find_model
from salus.core.registry import task as find_task
from salus.core.seams import Model
from salus.learning.task import Task
from salus.spine.adopt import is_a_file, learnt_at
from salus.spine.cases import Cases, gather, population, taken
from salus.spine.learn import Told, need_libraries, write_down
from salus.spine.opening import Opening, rules_at
from salus.spine.overlap import found_again, mitigated, seeds, trained

if TYPE_CHECKING:
    from salus.learning.artefact import Artefact
    from salus.learning.learnt import Learnt
    from salus.record.population import Population


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a test. evidence: as the report tells it, ready for JSON. ids: the set's own keys of the
    cases; probabilities (None: a guideline's score says none) and abstained: what was said of each.
    """

    evidence: dict[str, Any]
    ids: list[str]
    probabilities: list[float] | None
    abstained: list[bool]


def judge(
    name: str,
    place: str,
    *,
    actor: Actor,
    basis: str = "",
    part: str = "",
    seed: int = 1,
    store: str | None = None,
    told: Told = lambda _: None,
) -> Judged:
    """Test the model `name` (or the artefact in a file or folder of that name) on what lies at `place`.

    basis: on which a site's own records are opened for it; a published set has its licence. part: of a set
    that lies in parts, the one to judge on. store: where the state of an archive is. told: hears what is
    being done. Raises UserError for an unknown model or place, RefusedError where the gate does,
    EvidenceError where nothing can be judged there.
    """
    from salus.learning.learnt import Learnt

    need_libraries()
    model, task = _asked(name)
    opening = Opening(actor, QUALITY, basis, store)
    write_down(place, store, actor, "test", {"model": name, "basis": basis, "purpose": QUALITY})
    if isinstance(model, Learnt):
        artefact = model.artefact()
        if isinstance(artefact, EvidenceError):
            raise artefact
        asked = replace(task, features=tuple(one.feature for one in artefact.inputs))
        told(f"reading {place}")
        found = population(task, place, part, opening)
        told("judging")
        on = basis or found.licence_basis
        cases = gather(asked, found, actor=actor, purpose=QUALITY, basis=on, unknown=True)
        return _of_learnt(model, artefact, task, cases, seed)
    return _of_guideline(model, task, place, part, opening, seed)


def _asked(name: str) -> tuple[Model, Task]:
    if is_a_file(name):
        trained, _ = learnt_at(name)
        return trained, trained.task
    return find_model(name), find_task(name)


# --- learnt --------------------------------------------------------------------------------------


def _of_learnt(model: Learnt, artefact: Artefact, task: Task, every: Cases, seed: int) -> Judged:
    import numpy as np

    from salus.learning import apart, evidence, score
    from salus.spine.judge_parts import (
        columns_of,
        examples,
        mitigation,
        reading,
        said,
        shapes,
        sites,
        switched_on,
    )

    # Everybody is answered; only of whom the outcome is known is the model judged.
    answers, strange = said(artefact, every), columns_of(artefact, every, apart.told_by(artefact, task))
    rows = every.rows_with_outcome()
    cases, (risk, logit, limits), unlike = taken(every, rows), (one[rows] for one in answers), strange[rows]
    _need_both(every.population.name, task, cases.outcomes)
    beside, moved = trained(model.path), score.weights(artefact, cases.values)
    told = evidence.evidence(
        np.array(cases.outcomes),
        logit,
        threshold=artefact.threshold,
        misses=artefact.misses,
        persons=cases.persons,
        groups=cases.groups,
        share=task.settings.get("share"),
        flags=None if artefact.apart is None or artefact.apart.how == apart.RECALIBRATION else risk >= limits,
        quantiles={"alpha": artefact.alpha, "quantiles": artefact.quantiles},
        abstained=unlike,
        risk=risk,
        # A question asked at one moment of a life (an onset) has no days of care to count alerts by.
        patient_days=cases.patient_days or None,
        challenge=bool(task.settings.get("challenge")),
        seed=seed,
    )
    told |= {
        **_about(model, task, every, seed),
        "flow": cases.flow,
        "stability": {
            "seeds": seeds(beside),
            "sites": sites(cases, risk, seed),
            "mitigated": mitigated(beside),
        },
        "mitigation": mitigation(task, cases, logit, risk >= limits, seed),
        "mitigation_on": switched_on(artefact, cases, (risk, risk >= limits), seed),
        "reading": reading(artefact, moved),
        "shapes": shapes(artefact, moved),
        "examples": examples(artefact, cases, risk),
        "made": artefact.as_json()["made"],
    }
    again = found_again(beside, artefact, every.values)
    told["limits"] = [again, *told["limits"]] if again else told["limits"]
    if task.beside:
        told |= _beside(task, cases, logit, seed)
    return Judged(told, [case.id for case in every.asked], answers[0].tolist(), strange.tolist())


def _beside(task: Task, cases: Cases, logit: Any, seed: int) -> dict[str, Any]:
    """Return what others said of these people, and each together with the model: the mean of their log-odds.

    Nothing is fitted for it, so nothing of these cases can have leaked into the weights. Of the first, the
    physicians', under keys of its own; of each that said anything under "beside".
    """
    found = {one.by: _with(cases, logit, cases.beside[one.by], seed) for one in task.beside}
    first = next(iter(found.values())) or dict.fromkeys(
        ("physician", "model_alone", "together", "difference")
    )
    named = {"physician": "alone"}
    rows = [
        {"by": by, **{named.get(key, key): value for key, value in (told or {}).items()}}
        for by, told in found.items()
        if told
    ]
    return {**first, "beside": rows}


def _with(cases: Cases, logit: Any, said: list[float], seed: int) -> dict[str, Any] | None:
    """Return how somebody's estimates rank people, beside the model's; None where there are none."""
    import numpy as np

    from salus.learning.calibrate import logit_of
    from salus.learning.evidence import beside_physician

    if not np.isfinite(said).any():
        return None
    own = logit_of(np.clip(np.array(said, dtype=float), 0.01, 0.99))
    return beside_physician(np.array(cases.outcomes), logit, own, (own + logit) / 2, cases.persons, seed=seed)


def _about(model: Model, task: Task, cases: Cases, seed: int) -> dict[str, Any]:
    card, found = model.card, cases.population
    return {
        "model": card.name,
        "version": card.version,
        "task": task.name,
        "asks": task.asks,
        "outcome": task.outcome,
        "horizon": task.horizon,
        "eligible": card.meant_for,
        "on": {name: getattr(found, name) for name in ("name", "title", "digest", "licence", "cite")},
        "ran": {"at": datetime.now(UTC).isoformat(timespec="seconds"), "code": __version__, "seed": seed},
        "limits": [*_seen(model, found), *task.limits, card.not_for],
        "notes": list(found.notes),
        "unused": list(cases.unused()),
    }


def _seen(model: Model, found: Population) -> Iterable[str]:
    """Say where a model may have learnt from the very people that it is judged on."""
    from salus.learning.learnt import Learnt

    artefact = model.artefact() if isinstance(model, Learnt) else None
    if artefact is None or isinstance(artefact, EvidenceError):
        return
    # Of a model that was recalibrated: the people that it learnt from, and those that it was calibrated by.
    told = artefact.made.data.digest.split()
    if found.digest in told:
        yield "These are the very people that it learnt from: the figures flatter it, and prove nothing."
    elif any(
        _whole(each) == _whole(found.digest) and not ("#" in each and "#" in found.digest) for each in told
    ):
        yield "Among these people are those that it learnt from: see the parts of the set one by one."


def _whole(digest: str) -> str:
    return digest.partition("#")[0]


# --- guidelines ----------------------------------------------------------------------------------


def _need_both(place: str, task: Task, outcomes: list[bool]) -> None:
    """Raise EvidenceError where all cases ended alike: nothing can be compared."""
    if len(set(outcomes)) < 2:
        which = "every one" if outcomes[:1] == [True] else "none"
        raise EvidenceError(
            f"'{place}': of {len(outcomes)} cases {which} had the outcome ({task.outcome}), and a model is "
            "judged by cases with it and without. See how the outcomes are told there, or name another place."
        )


def _of_guideline(  # noqa: PLR0917 (a model, on what it is judged, and how)
    model: Model, task: Task, place: str, part: str, opening: Opening, seed: int
) -> Judged:
    from salus.learning import evidence
    from salus.spine.asked import answers, records
    from salus.spine.judge_parts import of_groups

    record, found = records(place), population(task, place, part, opening)
    opened: Any = {"actor": opening.actor, "purpose": QUALITY, "basis": opening.basis or found.licence_basis}
    cases = gather(task, found, **opened)
    rules = rules_at(place, found.subjects["subject"], opening)
    said = answers(model, cases.asked, record, rules, **opened)
    told = [(row, one.low, one.high) for row, one in enumerate(said) if None not in (one.low, one.high)]
    if not told:
        raise EvidenceError(f"{model.card.name} gave no score for any of {len(said)} cases at '{place}'.")
    rows, low, high = (list(each) for each in zip(*told, strict=True))
    y, persons = [cases.outcomes[row] for row in rows], [cases.persons[row] for row in rows]
    _need_both(place, task, y)
    at = task.settings["threshold"]
    ends = {
        side: evidence.of_score(y, points, at, persons, seed=seed)
        for side, points in (("lower", low), ("upper", high))
    }
    groups = {by: [each[row] for row in rows] for by, each in cases.groups.items()}
    abstained = [one.abstained for one in said]
    whole = {
        **ends["upper"],
        **_about(model, task, cases, seed),
        "ends": ends,
        "calibration": dict.fromkeys(("slope", "intercept", "ece")),
        "groups": of_groups(y, high, groups, persons, seed),
        "abstained": sum(abstained),
        "flow": [*cases.flow, {"step": "no score given", "n": len(said) - len(told)}],
    }
    return Judged(whole, [case.id for case in cases.asked], None, abstained)
