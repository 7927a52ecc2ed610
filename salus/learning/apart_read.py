"""Reading what groups have of their own in an artefact: as the format has it, or refused with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salus.learning.apart import HOW, RECALIBRATION, THRESHOLD, Apart, OfGroup

if TYPE_CHECKING:
    from salus.learning.artefact import Artefact
    from salus.learning.places import At

_APART = ("by", "how", "chosen", "groups", "kept")


def apart_of(found: object, whole: Artefact, at: At) -> Apart:
    """Return the part in `found` of an artefact that is `whole` without it; raises EvidenceError."""
    told = at.keys(found, _APART)
    words = {name: at.of(name).words(told[name]) for name in ("by", "how", "chosen")}
    if words["how"] not in HOW:
        at.of("how").refuse(f"it has to be {', '.join(HOW[:-1])} or {HOW[-1]}")
    groups = tuple(
        _of_group(one, at.of("groups").of(place))
        for place, one in enumerate(at.of("groups").sequence(told["groups"]))
    )
    names = at.of("groups").names([one.group for one in groups])
    if not groups:
        at.of("groups").refuse("no group has anything of its own: leave the part out")
    for place, one in enumerate(groups):
        _as_said(words["how"], one, whole, at.of("groups").of(place))
    kept = at.of("kept").names(told["kept"])
    if set(kept).intersection(names):
        at.of("kept").refuse("a group cannot keep the whole model's and have its own")
    return Apart(**words, groups=groups, kept=kept)


def _of_group(found: object, at: At) -> OfGroup:
    told = at.keys(found, ("group", "calibration", "threshold", "how"))
    line, inside = (
        at.of("calibration").keys(told["calibration"], ("slope", "intercept")),
        at.of("calibration"),
    )
    return OfGroup(
        at.of("group").words(told["group"]), inside.of("slope").above_zero(line["slope"]),
        inside.of("intercept").number(line["intercept"]), at.of("threshold").share(told["threshold"]),
        at.of("how").text(told["how"]),
    )  # fmt: skip


def _as_said(how: str, one: OfGroup, whole: Artefact, at: At) -> None:
    """Refuse what differs from the whole model's where the part says that it does not."""
    if how == RECALIBRATION and one.threshold != whole.threshold:
        at.of("threshold").refuse(f"'{RECALIBRATION}' leaves the whole model's as it is")
    if how == THRESHOLD and (one.slope, one.shift) != (whole.slope, whole.shift):
        at.of("calibration").refuse(f"'{THRESHOLD}' leaves the whole model's as it is")
