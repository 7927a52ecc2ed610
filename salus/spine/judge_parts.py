"""What the evidence of a model tells beside its measures: how it reads, where it was right and wrong, by
site.

No value of a patient is among it: reasons are told by parameter and weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from salus.core.errors import SalusError

if TYPE_CHECKING:
    from salus.learning.artefact import Artefact, Term
    from salus.learning.task import Task
    from salus.spine.cases import Cases

# How many shapes, and how many answers of each kind, a reader takes in.
_SHAPES, _EXAMPLES, _REASONS = 12, 2, 6
# What of a term is in log-odds.
_SCORES = frozenset({"scores", "missing", "other", "heights"})


def said(artefact: Artefact, cases: Cases) -> tuple[Any, Any, Any]:
    """Return the probabilities, the logits and the thresholds of cases, each as of its group."""
    from salus.learning import apart

    return apart.table(artefact, cases.values, cases.groups[artefact.apart.by] if artefact.apart else ())


def columns_of(artefact: Artefact, cases: Cases, told_by: str = "") -> Any:
    """Return which cases the model abstains from: unlike those it learnt from, or with something hidden.

    told_by: the parameter by which the artefact tells groups apart that have something of their own.
    """
    import numpy as np
    import polars as pl

    from salus.learning import novelty, score

    names = {*artefact.novelty["features"], *artefact.novelty["levels"]}
    names |= {one for among in artefact.novelty["parameters"].values() for one in among}
    columns = {name: _column(cases.values[name]) for name in sorted(names)}
    # An artefact that looks at no bound abstains from nobody by one.
    none = np.zeros(len(cases.asked), dtype=bool)
    found = np.array(novelty.abstained(artefact.novelty, columns), dtype=bool) if columns else none
    asked = {*artefact.parameters(), *([told_by] if told_by else [])}
    hidden = cases.hidden.filter(pl.col("parameter").is_in(sorted(asked)))
    found[hidden["row"].unique().to_list()] = True
    return found | score.unlearnt_rows(artefact, cases.values)


def _column(series: Any) -> Any:
    import numpy as np
    import polars as pl

    if series.dtype == pl.String:
        return np.array(series.to_list(), dtype=object)
    return series.to_numpy()


def sites(cases: Cases, risk: Any, seed: int) -> list[dict[str, Any]]:
    """Return how the model does at each site, where there are several."""
    import numpy as np

    from salus.learning import fair

    if len(set(cases.sites)) < 2:
        return []
    y = np.array(cases.outcomes)
    judged = fair.judged(y, risk, np.zeros(len(y), dtype=bool), cases.persons)
    rows = fair.by_group(judged, {"site": cases.sites}, [], seed=seed)
    return [
        {"site": row["group"], **{k: row[k] for k in ("n", "events", "auroc", "observed_expected")}}
        for row in rows
    ]


def switched_on(artefact: Artefact, cases: Cases, after: tuple[Any, Any], seed: int) -> dict[str, Any] | None:
    """Return what the mitigation that is on in an artefact does to these people; None where none is.

    after: the risks and who is flagged, as the artefact says; before: by the whole model's calibration and
    threshold, whoever somebody is.
    """
    import numpy as np

    from salus.learning import apart, fair, mitigate, mitigated, score

    part = artefact.apart
    if part is None:
        return None
    y, groups = np.array(cases.outcomes), cases.groups[part.by]
    risk, _ = score.table(apart.of_group(artefact, None), cases.values)
    ends = [(risk, risk >= artefact.threshold), after]
    before, now = (fair.judged(y, *each, cases.persons) for each in ends)
    name = mitigated.Wanted(part.how, part.by).name
    row = mitigate.compared(name, groups, before, now, how=part.chosen, by=part.by, seed=seed)
    thresholds = {one.group: one.threshold for one in part.groups}
    return {**row, "thresholds": thresholds, "kept": list(part.kept)}


def mitigation(task: Task, cases: Cases, logit: Any, flags: Any, seed: int) -> list[dict[str, Any]]:
    """Return what each means against a gap between groups would do, by what they are told apart.

    Nothing is switched on by it. As many are flagged before and after: those at the threshold, or the share
    that the task plans for.
    """
    import numpy as np

    from salus.learning import mitigate

    y, persons = np.array(cases.outcomes), cases.persons
    share = task.settings.get("share", float(flags.mean()))
    if not 0 < share < 1:
        return []
    rows = []
    for by, groups in cases.groups.items():
        rows += mitigate.crossed(by, mitigate.Known(y, logit, groups, persons), share, seed=seed)
    return rows


def of_groups(
    y: Sequence[bool], score: Sequence[float], groups: Mapping[str, Any], persons: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    """Return how a score ranks people in each group; of points no share is expected, so none is compared."""
    import numpy as np

    from salus.learning import fair

    points = np.array(score, dtype=float)
    risk = points / max(points.max(), 1.0)
    judged = fair.judged(y, risk, np.zeros(len(points), dtype=bool), persons)
    rows = fair.by_group(judged, groups, None, seed=seed)
    return [{**row, "observed_expected": None, "true_positive_rate": None} for row in rows]


Moved = tuple[Sequence[float], Mapping[str, float]]


def reading(artefact: Artefact, moved: Moved) -> dict[str, Any]:
    """Return how much there is to read, and which parameters move the answer most.

    moved: by how much each term and each parameter moves the answers, as `score.weights` gives it.
    """
    largest = sorted(moved[1].items(), key=lambda one: (-one[1], one[0]))
    return {
        "terms": len(artefact.terms) - len(artefact.pairs),
        "pairs": len(artefact.pairs),
        "largest": [{"parameter": name, "importance": round(value, 6)} for name, value in largest[:20]],
    }


def shapes(artefact: Artefact, moved: Moved) -> list[dict[str, Any]]:
    """Return the single terms that move the answer most, as they are read; moved: as for `reading`."""
    single = [place for place, term in enumerate(artefact.terms) if len(term.features) == 1]
    largest = sorted(single, key=lambda place: -moved[0][place])[:_SHAPES]
    return [dict(_shape(artefact, artefact.terms[place])) for place in largest]


def _shape(artefact: Artefact, term: Term) -> Iterator[tuple[str, Any]]:
    one = artefact.inputs[term.features[0]]
    yield from {"feature": one.name, "unit": one.unit, "kind": "level" if one.is_level else "number"}.items()
    told: dict[str, Any] = term.as_json()
    for name, value in told.items():
        if name in _SCORES:
            # As it counts in the answer: after calibration.
            many = isinstance(value, list | tuple)
            yield name, [artefact.slope * one for one in value] if many else artefact.slope * value
        elif name != "feature":
            yield name, value


def examples(artefact: Artefact, cases: Cases, risk: Any) -> list[dict[str, Any]]:
    """Return answers that were right and answers that were wrong, most clearly so, with their reasons."""
    order = sorted(range(len(cases.asked)), key=lambda row: float(risk[row]))
    found: list[dict[str, Any]] = []
    for outcome in (True, False):
        mine = [row for row in order if cases.outcomes[row] is outcome]
        right, wrong = (mine[::-1], mine) if outcome else (mine, mine[::-1])
        for kind, among in (("right", right), ("wrong", wrong)):
            found += [_example(artefact, cases, row, kind, float(risk[row])) for row in among[:_EXAMPLES]]
    return found


def _example(artefact: Artefact, cases: Cases, row: int, kind: str, risk: float) -> dict[str, Any]:
    reasons = [{"says": name, "weight": round(weight, 6)} for name, weight in _reasons(artefact, cases, row)]
    return {
        "kind": kind,
        "probability": risk,
        "outcome": cases.outcomes[row],
        "reasons": reasons,
    }


def _reasons(artefact: Artefact, cases: Cases, row: int) -> Iterable[tuple[str, float]]:
    from salus.learning import apart, score

    group = cases.groups[artefact.apart.by][row] if artefact.apart else None
    own = apart.of_group(artefact, group)
    try:
        scored = score.score(own, cases.values.row(row, named=True))
    except SalusError:
        return ()
    return score.by_parameter(own, scored)[:_REASONS]
