"""What a learnt model says beside its number: why, by parameter; how sure; how it does in people like this.

In words that a clinician and a patient can read, out of the same scores that gave the number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import exp

from salus.core.codes import BIRTH
from salus.core.insight import Abstention, Estimate, Reason
from salus.core.measures import ago
from salus.core.seams import View
from salus.learning import score
from salus.learning.apart import RECALIBRATION, Apart, OfGroup
from salus.learning.artefact import Artefact, GroupMeasure, Input, Interval, Levels
from salus.learning.features import AGE, EVER, Vector, whole_years
from salus.learning.novelty import Strange
from salus.learning.task import GROUP, Case, Task

LOG_ODDS = "log-odds"
# A person reads so many reasons, so many values of each, so many sources, and groups that are too small.
_REASONS, _VALUES, _SOURCES, _ASKED, _FEW = 9, 2, 5, 3, 3
# What is read as it was measured; a spread or a trend is told beside it.
_PLAIN = frozenset({"last", "first", "lowest", "highest", "mean", "sum", "level"})
_MINUTE = timedelta(minutes=1)
# An age that was noted before the last birthday, or is a year's middle, is no contradiction.
_BIRTHDAY = 2
_UNITS = {
    "mm[Hg]": "mmHg", "Cel": "°C", "a": "years", "[pH]": "", "{score}": "", "1": "", "{ratio}": "",
    "10*3/uL": "×10³/µL", "10*6/uL": "×10⁶/µL", "10*9/L": "×10⁹/L", "10*12/L": "×10¹²/L", "kg/m2": "kg/m²",
    "ug/L": "µg/L", "ug/dL": "µg/dL", "umol/L": "µmol/L", "u[IU]/mL": "µIU/mL",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that was worked out for a case: its features, what is hidden, the score and its range.

    artefact: with the calibration and the threshold of this person's `group`; whole: as it was made.
    any_group: the group is hidden, and the range covers every group's answer. may_rest, may_flag: whether an
    answer that cannot be ruled out lies below its threshold, and whether one reaches it. unlearnt: those of
    the hidden of which so few training cases lacked a value, or had this one, that nothing was learnt of it.
    """

    view: View
    artefact: Artefact
    case: Case
    vector: Vector
    hidden: frozenset[str]
    unlearnt: frozenset[str]
    scored: score.Score
    low: float
    high: float
    may_rest: bool
    may_flag: bool
    strange: Strange
    whole: Artefact
    group: str | None
    any_group: bool


def frequency(estimate: Estimate) -> str:
    """Say a probability as people count: "about 12 in 100", "between 3 and 8 in 100"."""
    low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
    assert low is not None and high is not None
    of = 100 if high >= 0.01 else 1000
    first, last = (f"{round(end * of):,}" for end in (low, high))
    if last == "0":
        return f"fewer than 1 in {of:,}"
    if first == f"{of:,}":
        return f"more than {of - 1} in {of:,}"
    if first == last:
        return f"about {first} in {of:,}"
    least = "fewer than 1" if first == "0" else first
    most = f"more than {of - 1}" if last == f"{of:,}" else last
    return f"between {least} and {most} in {of:,}"


def not_yet(case: Case, view: View) -> Abstention:
    """Return that it is too early, and from when on it can be judged: nothing is amiss until then."""
    says = f"It can be judged from {_clock(case.moment, view)} on: it looks at all that is known by then."
    return Abstention("not-eligible", says, (f"what is known by {_clock(case.moment, view)}",))


def _clock(moment: datetime, view: View) -> str:
    return moment.astimezone(view.as_of.tzinfo).strftime("%Y-%m-%d %H:%M")


def reasons(judged: Judged) -> tuple[Reason, ...]:
    """Return why, the weightiest parameter first; what is hidden last; the weights add up to what moved the
    logit, where nothing is hidden.
    """
    found = score.by_parameter(judged.artefact, _known(judged))
    told = [(name, weight) for name, weight in found if weight]
    made = [_reason(judged, name, weight) for name, weight in told[:_REASONS]]
    rest = [_others(judged, told[_REASONS:])] if told[_REASONS:] else []
    hidden = [Reason((), 0.0, f"{_capital(name)} is not available: it may be anything", LOG_ODDS, absent=name)
              for name in sorted(judged.hidden)]  # fmt: skip
    return (*made, *rest, *hidden)


def _known(judged: Judged) -> score.Score:
    """Return the score without the terms that look at anything hidden."""
    inputs = judged.artefact.inputs
    open_terms = {
        place
        for place, term in enumerate(judged.artefact.terms)
        if all(judged.hidden.isdisjoint(inputs[at].parameters) for at in term.features)
    }
    kept = tuple(one for one in judged.scored.contributions if one[0] in open_terms)
    return replace(judged.scored, contributions=kept)


def _reason(judged: Judged, name: str, weight: float) -> Reason:
    evidence = _few(judged.vector.sources.get(name, ()))
    said = _values(judged, name)
    if not said:
        # Measured outside every window of the model is not measured inside any.
        levels = any(one.is_level for one in judged.artefact.inputs if name in one.parameters)
        says = f"{_capital(name)} {'is not on record' if levels else 'was not recorded'}"
        return Reason(evidence, weight, says, LOG_ODDS, absent=name)
    absent = None if evidence else f"{name}, by its own entry"
    return Reason(evidence, weight, f"{_capital(name)}: {', '.join(said)}", LOG_ODDS, absent)


def _others(judged: Judged, told: list[tuple[str, float]]) -> Reason:
    """Return all others together, so that what is shown adds up."""
    names = [name for name, _ in told]
    many = "1 other parameter" if len(names) == 1 else f"{len(names)} other parameters together"
    evidence = _few(tuple(source for name in names for source in judged.vector.sources.get(name, ())))
    absent = None if evidence else ", ".join(names)
    return Reason(evidence, sum(weight for _, weight in told), _capital(many), LOG_ODDS, absent)


def _few(sources: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first source, and the latest few, of what may be thousands."""
    every = tuple(dict.fromkeys(sources))
    return every if len(every) <= _SOURCES else (every[0], *every[1 - _SOURCES :])


def _values(judged: Judged, name: str) -> list[str]:
    """Say the values of a parameter's features that moved the answer most; those of its own first."""
    moved: dict[int, float] = {}
    for place, added in judged.scored.contributions:
        for at in judged.artefact.terms[place].features:
            moved[at] = moved.get(at, 0.0) + abs(added)
    inputs = judged.artefact.inputs
    mine = sorted(
        (at for at in moved if name in inputs[at].parameters and _is_told(judged, inputs[at])),
        key=lambda at: (len(inputs[at].parameters), -moved[at], at),
    )
    plain = [at for at in mine if inputs[at].parameters == (name,) and inputs[at].feature.how in _PLAIN]
    parts: dict[str, list[str]] = {}
    # What was measured comes first, and what moved the answer most is among what is told.
    for at in list(dict.fromkeys((*plain[:1], *mine)))[:_VALUES]:
        said, of = _value(judged, inputs[at], name)
        parts.setdefault(said, []).extend(of)
    return [f"{said} ({'; '.join(of)})" if of else said for said, of in parts.items()]


def _is_told(judged: Judged, one: Input) -> bool:
    value = judged.vector.values[one.name]
    return value is not None and value == value and not (one.feature.how == "count" and value == 0)  # noqa: PLR0124


def _value(judged: Judged, one: Input, name: str) -> tuple[str, list[str]]:
    """Say a value, and what of the parameter it is ("45 mg/dL", "last")."""
    value = judged.vector.values[one.name]
    said = value if isinstance(value, str) else f"{value:.3g}" if abs(value or 0) < 100 else f"{value:.0f}"
    feature = one.feature
    whole = one.name == name or (feature.how, feature.window) == ("last", EVER)
    of = [] if whole else [one.name.removeprefix(f"{name}, ")]
    return f"{said} {_UNITS.get(one.unit, one.unit)}".rstrip(), of


def limits(task: Task, judged: Judged) -> tuple[str, ...]:
    """Return what is not known, how sure it is, and how it does in people like this one."""
    found = (
        *_gaps(judged),
        *_unlearnt(judged),
        *_impossible(judged),
        *_two_ages(judged),
        *_when(judged),
        _set(task, judged),
        *_own_group(judged),
        *_alike(task, judged),
        _learnt_from(judged),
    )
    return (*found, *task.limits)


def _gaps(judged: Judged) -> Iterator[str]:
    found = score.would_change(judged.artefact, judged.vector.values)
    listed = frozenset(_lists(judged.artefact))
    missing = [(name, moved) for name, moved in found if name not in judged.hidden | listed]
    if missing:
        told = ", ".join(f"{name} (×{exp(moved):.2g})" for name, moved in missing[:_ASKED])
        yield f"Not recorded, and would change the odds most, on average: {told}."


def _unlearnt(judged: Judged) -> Iterator[str]:
    named = ", ".join(sorted(judged.unlearnt))
    if named:
        yield f"Nearly everybody whom it learnt from had it otherwise, so it may mean anything: {named}."


def _impossible(judged: Judged) -> Iterator[str]:
    """Say of what a number was passed over: it counts as not recorded, and may hide what matters most."""
    named = sorted(judged.vector.impossible.intersection(judged.artefact.parameters()))
    if named:
        yield f"Passed over as impossible: {', '.join(named)}. Check the value and its unit."


def _two_ages(judged: Judged) -> Iterator[str]:
    """Say that an entry of age and the date of birth contradict each other: one may be another person's."""
    born = [one.time for one in judged.view.timeline.where((BIRTH,)) if one.time is not None]
    for one in judged.view.timeline.where((AGE,)) if born else ():
        years = whole_years(min(born), one.time or judged.case.start)
        if one.unit == "a" and isinstance(one.value, float | int) and abs(one.value - years) > _BIRTHDAY:
            yield "The date of birth and an entry of age contradict each other: see whose evidence this is."
            return


def _lists(artefact: Artefact) -> Iterator[str]:
    """Yield the parameters that are on a list or not: a diagnosis that is not there is no gap."""
    for term in artefact.terms:
        if isinstance(term, Levels) and len(term.levels) == 1:
            yield from artefact.inputs[term.feature].parameters


def _when(judged: Judged) -> Iterator[str]:
    case, view = judged.case, judged.view
    since = view.as_of - case.moment
    ended = f"ended {ago(since)} ago" if since >= _MINUTE else "ends now"
    span = f"{_clock(case.start, view)} to {_clock(case.moment, view)}"
    yield f"It looks at {span}, which {ended}; nothing later counts."


def _set(task: Task, judged: Judged) -> str:
    """Say which outcomes cannot be ruled out; of a range, those that its ends leave."""
    made = judged.artefact
    left = {name for chance in (judged.low, judged.high) for name in score.conformal(made, chance)}
    most = f"at most about {100 * made.alpha:.3g} in 100 of them are given one"
    if left == {"yes"}:
        return f"So high a risk is rare in people without this outcome ({task.outcome}): {most}."
    if left == {"no"}:
        return f"So low a risk is rare in people with this outcome ({task.outcome}): {most}."
    if left:
        return f"Neither this outcome ({task.outcome}) nor its absence can be ruled out."
    return f"Such a risk is rare in people with this outcome ({task.outcome}) and without it: be wary of it."


def own_of_groups(apart: Apart) -> str:
    """Say what each group has of its own, for the card."""
    own = "; ".join(_own(apart, one) for one in apart.groups)
    kept = f" As for all people: {', '.join(apart.kept)}." if apart.kept else ""
    return f"By {apart.by} each group has its own {apart.what}, {apart.chosen}: {own}.{kept}"


def _own(apart: Apart, one: OfGroup) -> str:
    at = "" if apart.how == RECALIBRATION else f", flagged from {100 * one.threshold:.3g} % on"
    return f"{one.group} ({one.how}{at})"


def _own_group(judged: Judged) -> Iterator[str]:
    """Say by which group's calibration and threshold this person was judged, and why."""
    apart = judged.whole.apart
    if apart is None:
        return
    if judged.any_group:
        yield f"Each group by {apart.by} has its own {apart.what}; of which this person is, cannot be seen."
    elif judged.group in apart.listed:
        own = f"{apart.what} of this person's own group ({apart.by}: {judged.group})"
        yield f"The {own} is used, {apart.chosen}."
    else:
        why = "is not known" if judged.group is None else f"({judged.group}) has none of its own"
        yield f"The {apart.what} of all people is used: this person's group by {apart.by} {why}."


def _alike(task: Task, judged: Judged) -> Iterator[str]:
    """Say how the model does in each group that this person is of, and in the smallest where two meet."""
    mine = [one for one in judged.artefact.measures if _is_mine(task, judged, one)]
    single = [one for one in mine if one.by in {group.by for group in task.groups}]
    both = sorted((one for one in mine if one not in single and one.auroc), key=lambda one: (one.n, one.by))
    told = (*single, *both[:1])
    areas = [f"{_group(one)}: {_share(one.auroc)}" for one in told if one.auroc]
    if areas:
        yield (
            "In people like this one, of two of whom one had the outcome, it gave that one the higher risk "
            f"so many times in 100: {'; '.join(areas)}."
        )
    ratios = [f"{_group(one)}: {_share(one.observed_expected)}" for one in told if one.observed_expected]
    if ratios:
        yield f"For each 100 with the outcome that it expected among them there were: {'; '.join(ratios)}."
    few = [f"{_group(one)} ({one.n:,} cases)" for one in mine if one.auroc is None][:_FEW]
    if few:
        yield f"Too few to judge in people like this one: {'; '.join(few)}."


def _is_mine(task: Task, judged: Judged, one: GroupMeasure) -> bool:
    """Whether this person is of a group, or of both that meet in it ("female, 65 and over")."""
    mine: dict[str, str] = {}
    for group in task.groups:
        named = group.named(judged.vector.values[GROUP + group.by])
        if named is not None and group.parameter not in judged.hidden:
            mine[group.by] = named
    parts = [mine.get(by) for by in one.by.split(" and ")]
    met = None if None in parts else ", ".join(map(str, parts))
    return one.group in (mine.get(one.by), met)


def _group(one: GroupMeasure) -> str:
    return f"{one.by} {one.group}"


def _share(found: Interval) -> str:
    return f"{100 * found.value:.0f} ({100 * found.low:.0f} to {100 * found.high:.0f})"


def _learnt_from(judged: Judged) -> str:
    data = judged.artefact.made.data
    years = f", {data.years}" if data.years else ""
    return f"Learnt from {data.title} ({data.n:,} cases{years}): elsewhere and today it may do worse."


def _capital(words: str) -> str:
    # "pH", "eGFR" and "pO2" begin as they are written.
    return words if any(one.isupper() for one in words[1:3]) else words[:1].upper() + words[1:]
