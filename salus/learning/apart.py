"""Apart: a part of an artefact by which groups of people have a calibration or a threshold of their own.

For whoever asks a model whose mitigation is on. For a person of a listed group everything goes on as with an
artefact whose calibration and threshold are the group's; for anybody else the whole model's hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from salus.core.errors import EvidenceError, choices
from salus.learning.parameters import Category

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from salus.learning.artefact import Artefact
    from salus.learning.score_plan import Value
    from salus.learning.task import Group, Task

RECALIBRATION, THRESHOLD, BOTH = "recalibration", "threshold", "both"
HOW = (RECALIBRATION, THRESHOLD, BOTH)


@dataclass(frozen=True, slots=True)
class OfGroup:
    """What holds for one group in place of the whole model's: the calibration of its logit, its threshold.

    how: what was estimated, and by how many cases, in words.
    """

    group: str
    slope: float
    shift: float
    threshold: float
    how: str

    def as_json(self) -> dict[str, object]:
        """Return it as the file has it."""
        calibration = {"slope": self.slope, "intercept": self.shift}
        return {"group": self.group, "calibration": calibration, "threshold": self.threshold, "how": self.how}


@dataclass(frozen=True, slots=True)
class Apart:
    """By which of the task's groups people are told apart, and what each group has of its own.

    how: one of HOW. chosen: by which criterion and from which cases, in words that follow a comma. kept: the
    groups of which too few were known, so that the whole model's hold for them.
    """

    by: str
    how: str
    chosen: str
    groups: tuple[OfGroup, ...]
    kept: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it as the file has it."""
        return {"by": self.by, "how": self.how, "chosen": self.chosen,
                "groups": [one.as_json() for one in self.groups], "kept": list(self.kept)}  # fmt: skip

    @property
    def listed(self) -> tuple[str, ...]:
        """The groups that have something of their own."""
        return tuple(one.group for one in self.groups)

    @property
    def what(self) -> str:
        """What each group has of its own, in words."""
        named = {RECALIBRATION: "calibration", THRESHOLD: "threshold", BOTH: "calibration and threshold"}
        return named[self.how]


def of_group(artefact: Artefact, group: str | None) -> Artefact:
    """Return what answers for a person of `group`: an artefact with that group's calibration and threshold,
    and the whole model's where it has none, or the group is not known (None).
    """
    known: dict[str | None, Artefact] = artefact.worked_out.setdefault("of group", {})
    if not known:
        known[None] = replace(artefact, apart=None) if artefact.apart else artefact
        for one in artefact.apart.groups if artefact.apart else ():
            known[one.group] = replace(
                artefact, slope=one.slope, shift=one.shift, threshold=one.threshold, apart=None
            )
    return known.get(group, known[None])


def variants(artefact: Artefact) -> tuple[Artefact, ...]:
    """Return what may answer for a person whose group is hidden: the whole model, and each group's."""
    listed = artefact.apart.listed if artefact.apart else ()
    return tuple(of_group(artefact, group) for group in (None, *listed))


def spans(artefact: Artefact, values: Mapping[str, Value], hidden: Set[str]) -> tuple[float, float]:
    """Return from which to which probability the answer may lie where the group is hidden too, as
    `score.spans` does where it is not.
    """
    from salus.learning import score

    found = [score.spans(one, values, hidden) for one in variants(artefact)]
    return min(low for low, _ in found), max(high for _, high in found)


def table(
    artefact: Artefact, frame: Any, groups: Sequence[str | None]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the probabilities, the logits and the thresholds of a table of cases, each as of its group.

    frame: as `score.table` takes it. groups: of each case, by what the artefact tells people apart; None: not
    known.
    """
    import numpy as np

    from salus.learning import score

    risk, logit = score.table(of_group(artefact, None), frame)
    limit = np.full(len(risk), artefact.threshold)
    names = np.array([None, *groups], dtype=object)[1:]
    for one in artefact.apart.groups if artefact.apart else ():
        mine = names == one.group
        if mine.any():
            own = of_group(artefact, one.group)
            said = score.table(own, frame)
            risk[mine], logit[mine], limit[mine] = said[0][mine], said[1][mine], own.threshold
    return risk, logit, limit


def group_of(task: Task, by: str) -> Group:
    """Return how `task` tells people apart `by` something; raises EvidenceError where it does not."""
    for group in task.groups:
        if group.by == by:
            return group
    raise EvidenceError(f"nobody is told apart by '{by}': {choices(by, [one.by for one in task.groups])}")


def told_by(artefact: Artefact, task: Task) -> str:
    """Return the parameter by which the artefact tells groups apart; "" where it does not."""
    return group_of(task, artefact.apart.by).parameter if artefact.apart else ""


def named_in(task: Task, group: Group) -> frozenset[str] | None:
    """Return every name that `group` can give; None where it gives whatever is on record."""
    (parameter,) = (one for one in task.parameters if one.name == group.parameter)
    if isinstance(parameter, Category):
        return None if parameter.group is not None else frozenset(parameter.levels.values())
    if not group.bands:
        return None
    inside = [group.named(bound) for bound in group.bands]
    return frozenset({group.named(group.bands[0] - 1.0), *inside} - {None})  # type: ignore[arg-type]


def misfit(apart: Apart, task: Task) -> str:
    """Say what of the part is not as the task tells people apart; "" where all is."""
    try:
        known = named_in(task, group_of(task, apart.by))
    except EvidenceError as error:
        return f"apart.by: {error}"
    for at, name in enumerate(apart.listed):
        if known is not None and name not in known:
            return f"apart.groups[{at}].group: the task has no group '{name}': {choices(name, sorted(known))}"
    return ""
