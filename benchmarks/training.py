"""What training costs against the number of cases: CPU time and memory, at the shape of readmission-30d.

The published encounters are drawn with replacement up to each size, each copy a person of its own; every
number is moved by a tenth of its spread, and one level in fifty is another case's. Each size is learnt in a
process of its own; what is timed is the whole of learning: from the table of features to the artefact.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks._peak import peak_mb
from benchmarks.real import DATA

ROOT = Path(__file__).resolve().parents[1]
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
RUNS = 3
_ONE = "from benchmarks.training import one; one({size}, {table!r})"


def main() -> dict[str, object]:
    """Return, by size, the median CPU seconds and the most memory, and how cost grows with cases."""
    with tempfile.TemporaryDirectory() as folder:
        table = f"{folder}/table.parquet"
        published(table)
        rows = {size: [_alone(size, table) for _ in range(RUNS)] for size in SIZES}
    told = {
        size: {
            "cpu_s": round(statistics.median(run["cpu_s"] for run in runs), 1),
            "peak_mb": round(statistics.median(run["peak_mb"] for run in runs)),
            "table_mb": runs[0]["table_mb"],
            "auroc_held_out": runs[0]["auroc"],
        }
        for size, runs in rows.items()
    }
    steepness, _ = np.polyfit(np.log(SIZES), np.log([told[size]["cpu_s"] for size in SIZES]), 1)
    return {"runs": RUNS, "sizes": told, "exponent": round(float(steepness), 2)}


def published(path: str) -> None:
    """Write the features of the published encounters, with outcome and person, to `path`."""
    from salus.core.consent import Actor
    from salus.risk.readmission_30d import TASK
    from salus.spine import cases

    found = cases.gather(
        TASK,
        cases.population(TASK, str(DATA / "diabetes130")),
        actor=Actor("benchmark"),
        purpose="model-training",
        basis="CC BY 4.0",
    )
    outcome, person = pl.Series("_y", found.outcomes), pl.Series("_person", found.persons)
    found.values.with_columns(outcome, person).write_parquet(path)


def _alone(size: int, table: str) -> dict[str, Any]:
    code = _ONE.format(size=size, table=table)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def one(size: int, table: str) -> None:
    """Learn from `size` cases made of those in `table`, and print what it cost."""
    from salus.learning.fit import artefact_of, fitted
    from salus.learning.measure import auroc
    from salus.risk.readmission_30d import TASK

    frame, y, persons = enlarged(pl.read_parquet(table), size)
    groups = {"sex": frame["sex"].to_list()}
    began = time.process_time()
    learnt = fitted(TASK, frame, y, persons)
    artefact_of(TASK, learnt, frame, _made(), groups)
    cpu = time.process_time() - began
    told = {"cpu_s": cpu, "peak_mb": peak_mb(), "table_mb": round(frame.estimated_size() / 1e6)}
    print(json.dumps({**told, "auroc": round(float(auroc(y, learnt.logits)), 4)}))


def enlarged(frame: pl.DataFrame, size: int) -> tuple[pl.DataFrame, Any, Any]:
    """Return features, outcomes and persons of `size` cases drawn from `frame`, moved a little."""
    chance = np.random.default_rng(1)
    at = chance.integers(0, frame.height, size)
    copy = np.zeros(size, np.intp) if size <= frame.height else np.arange(size) // frame.height
    drawn = frame[at]
    columns = []
    for name in frame.columns:
        if name.startswith("_"):
            continue
        if frame[name].dtype == pl.String:
            other = np.where(chance.random(size) < 0.02, chance.integers(0, frame.height, size), at)
            columns.append(frame[name][other])
        else:
            spread = float(frame[name].fill_nan(None).std() or 0.0)
            columns.append(drawn[name] + pl.Series(chance.normal(0, 0.1 * spread, size)))
    codes = np.unique(drawn["_person"].to_numpy(), return_inverse=True)[1]
    persons = codes + copy * (int(codes.max()) + 1)
    return pl.DataFrame(columns), drawn["_y"].to_numpy(), persons


def _made() -> Any:
    from salus.learning.artefact import Made, TrainedOn

    data = TrainedOn(
        "enlarged", "Published encounters, enlarged", "0" * 64, "CC BY 4.0", "see SOURCE", 1, 0, 0
    )
    return Made("2000-01-01T00:00:00Z", "benchmark", 1, {}, data)


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
