"""Learning against its peers, side by side in one run: how well they rank, how sure they are, what they cost.

Each task's peers see the same table of features, split by person; LightGBM is tuned by cross-validation on
the training part alone. Intervals and paired differences are bootstraps by person. CPU time is of one thread.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time, thread_time
from typing import Any

for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402

from benchmarks import _learners as learners  # noqa: E402
from salus.core.consent import TRAINING, Actor  # noqa: E402
from salus.core.registry import task as find_task  # noqa: E402
from salus.learning import calibrate, mitigate, score  # noqa: E402
from salus.learning.evidence import beside_physician  # noqa: E402
from salus.learning.fit import artefact_of, fitted  # noqa: E402
from salus.learning.intervals import auroc_told, difference, persons_of  # noqa: E402
from salus.spine.cases import Cases, gather, population  # noqa: E402
from salus.spine.learn import provenance, reweighed  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SALUS_DATA_DIR", ROOT.parent / "shared" / "data"))
SPLITS = {
    "icu-mortality": ("physionet2012", "a", "b"),
    "readmission-30d": ("diabetes130", "train", "test"),
    "survival-180d": ("support2", "train", "test"),
    "survival-180d-scores": ("support2", "train", "test"),
}
ROWS = 500
# A model fitted anew costs as much as the first: only by what the model itself never looks at.
REFITTED = ("race",)


def main() -> dict[str, Any]:
    """Return every figure."""
    tasks = {name: compared(name, *split) for name, split in SPLITS.items()}
    return {"tasks": tasks, "features": features()}


def compared(name: str, place: str, train: str, test: str) -> dict[str, Any]:
    """Return how Salus and its peers do on one task."""
    print(f"  {name} ...", file=sys.stderr, flush=True)
    task = find_task(name)
    learn, held = (_cases(task, place, part) for part in (train, test))
    y, persons = np.array(held.outcomes), persons_of(held.persons, len(held.outcomes))
    logits, figures, made = {}, {}, {}
    for peer, fit in {"salus": _salus(task, learn), **learners.peers(learn, task)}.items():
        began = process_time()
        made[peer] = fit()
        spent = process_time() - began
        logits[peer] = np.asarray(made[peer].logits(held.values), dtype=float)
        figures[peer] = {**_measured(y, logits[peer], persons), "training_cpu_s": round(spent, 1)}
        print(f"    {peer} {figures[peer]}", file=sys.stderr, flush=True)
    for peer, each in logits.items():
        if peer != "salus":
            figures[peer]["salus_less_it"] = _rounded(difference(y, logits["salus"], each, persons))
    figures["salus"] |= _read(made["salus"], held)
    figures["lightgbm"]["predict_and_explain_ms"] = _timed(made["lightgbm"].explained(held.values))
    told = {"n": len(y), "events": int(y.sum()), "trained_on": len(learn.outcomes), "models": figures}
    return told | _beside(task, held, logits["salus"], persons) | _mitigated(task, learn, held, made["salus"])


def _mitigated(task: Any, learn: Cases, held: Cases, made: learners.Salus) -> dict[str, Any]:
    """Return what each mitigation does to the gap and to the ranking, where a share of people is flagged."""
    share = task.settings.get("share")
    if share is None:
        return {}
    shown = _known(held, made.logits(held.values))
    told = {}
    for by in (group.by for group in task.groups):
        logit = _refitted(task, learn, held, by) if by in REFITTED else None
        groups = {"learnt": learn.groups[by], "shown": held.groups[by]}
        told[by] = [
            {name: row[name] for name in ("name", "how", "change", "before", "after")}
            for row in mitigate.tried(
                by,
                replace(_known(learn, made.out_of_fold), groups=groups["learnt"]),
                replace(shown, groups=groups["shown"]),
                float(share),
                logit,
            )
        ]
        print(f"    {by} {[(row['name'], row['change']) for row in told[by]]}", file=sys.stderr, flush=True)
    return {"mitigation": told}


def _refitted(task: Any, learn: Cases, held: Cases, by: str) -> Any:
    """Return the log-odds of a model of cases drawn so that group and outcome are independent."""
    rows = list(reweighed(learn, by, 1))
    again = fitted(task, learn.values[rows], _at(learn.outcomes, rows), _at(learn.persons, rows))
    artefact = artefact_of(task, again, learn.values[rows], provenance(learn, 1))
    return np.asarray(score.table(artefact, held.values)[1])


def _known(cases: Cases, logit: Any) -> mitigate.Known:
    y, persons = np.array(cases.outcomes), persons_of(cases.persons, len(cases.outcomes))
    return mitigate.Known(y, np.asarray(logit), None, persons)


def _at(every: Sequence[Any], rows: Sequence[int]) -> list[Any]:
    return [every[row] for row in rows]


def _beside(task: Any, held: Cases, logit: Any, persons: Any) -> dict[str, Any]:
    """Return what the physicians said, and both together: the mean of their log-odds, nothing fitted."""
    if not task.beside:
        return {}
    said = held.beside[task.beside[0].by]
    own = calibrate.logit_of(np.clip(np.array(said, dtype=float), 0.01, 0.99))
    both = (own + logit) / 2
    found = beside_physician(np.array(held.outcomes), logit, own, both, persons)
    return {"beside": {name: _rounded(each) for name, each in found.items()}}


def _cases(task: Any, place: str, part: str) -> Cases:
    found = population(task, str(DATA / place), part)
    return gather(task, found, actor=Actor("benchmark"), purpose=TRAINING, basis=found.licence_basis)


def _salus(task: Any, learn: Cases) -> Callable[[], Any]:
    def fit() -> learners.Salus:
        learnt = fitted(task, learn.values, learn.outcomes, learn.persons)
        artefact = artefact_of(task, learnt, learn.values, provenance(learn, 1), learn.groups)
        return learners.Salus(artefact, learnt.logits)

    return fit


def _measured(y: Any, logit: Any, persons: Any) -> dict[str, Any]:
    risk = calibrate.expit(logit)
    return {
        "auroc": _rounded(auroc_told(y, logit, persons)),
        "slope": round(float(calibrate.slope_and_intercept(y, logit)[0]), 3),
        "intercept": round(float(calibrate.in_the_large(y, logit)), 3),
        "ece": round(calibrate.ece(y, risk), 4),
    }


def _rounded(told: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in told.items()}


def _read(made: learners.Salus, held: Cases) -> dict[str, Any]:
    """Return what one patient costs: predict and explain from the vector, and the load of the artefact."""
    artefact = made.artefact
    rows = held.values.head(ROWS).rows(named=True)

    def one(row: dict[str, Any]) -> Callable[[], Any]:
        return lambda: score.by_parameter(artefact, score.score(artefact, row))

    raw = artefact.dumps()
    return {
        "terms": len(artefact.terms) - len(artefact.pairs),
        "pairs": len(artefact.pairs),
        "artefact_kb": round(len(raw) / 1000),
        "predict_and_explain_ms": _timed([one(row) for row in rows]),
        "load_ms": _loaded(raw),
    }


def _loaded(raw: bytes) -> float:
    """Return the median time to load the artefact in a process where nothing heavy is."""
    code = (
        "import sys, time\nfrom salus.learning.artefact import loads\nraw = sys.stdin.buffer.read()\n"
        "loads(raw)\nat = time.process_time(); loads(raw); print(1000 * (time.process_time() - at))\n"
        "assert not {'numpy', 'polars', 'sklearn', 'interpret'} & set(sys.modules)"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", code], input=raw, capture_output=True, check=True).stdout)
        for _ in range(7)
    ]
    return round(statistics.median(runs), 1)


def _timed(asked: list[Callable[[], Any]]) -> dict[str, float]:
    asked[0]()
    times = []
    for one in asked:
        at = thread_time()
        one()
        times.append(1000 * (thread_time() - at))
    times.sort()
    return {"p50": round(times[len(times) // 2], 3), "p99": round(times[int(0.99 * len(times))], 3)}


def features() -> dict[str, Any]:
    """Return how many events a second one core turns into the features of intensive care."""
    from salus.learning.columns import table
    from salus.spine.cases import Opening, framed, opened

    task = find_task("icu-mortality")
    found = population(task, str(DATA / "physionet2012"))
    cases = gather(task, found, actor=Actor("benchmark"), purpose=TRAINING, basis=found.licence_basis)
    placed = framed(cases.asked, found)
    events = opened(task, found, placed, Opening(Actor("benchmark"), TRAINING, "benchmark"))
    spent = []
    for _ in range(3):
        began = process_time()
        made = table(events, placed, task.parameters, task.features)
        spent.append(process_time() - began)
    assert made.values.height == len(cases.asked)
    middle = statistics.median(spent)
    return {
        "events": events.height,
        "features": len(task.features),
        "cpu_s": round(middle, 2),
        "events_per_cpu_second": round(events.height / middle),
        "threads": pl.thread_pool_size(),
    }


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
