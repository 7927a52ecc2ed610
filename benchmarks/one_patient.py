"""One patient from an archive of more than 24,000: how long `Archive.timeline` takes, each asked once.

The archive is made by replication of Synthea's 615 patients, every copy of other people, through the same
intake as any read. Wall-clock time, in one process that has just opened the archive; the first call, which
loads Polars and the list of subjects, is given by itself.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from salus.record.bulk import into
from salus.record.intake import Intake
from salus.record.places import blocks, chunks, files

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SALUS_DATA_DIR", ROOT.parent / "shared" / "data"))
COPIES = 40
ASKED = 500

_ASK = """
import sys, json, time, random
from pathlib import Path
from salus.record.archive import Archive
archive = Archive.open(Path(sys.argv[1]))
subjects = json.loads(Path(sys.argv[2]).read_text())
times, events = [], 0
for subject in subjects:
    at = time.perf_counter()
    timeline = archive.timeline(subject)
    times.append(1000 * (time.perf_counter() - at))
    events += len(timeline)
first, rest = times[0], sorted(times[1:])
cut = lambda share: round(rest[min(int(share * len(rest)), len(rest) - 1)], 2)
print(json.dumps({"first_ms": round(first, 1), "p50_ms": cut(0.5), "p95_ms": cut(0.95), "p99_ms": cut(0.99),
                  "events_each": round(events / len(times))}))
"""


def main(copies: int = COPIES) -> dict[str, Any]:
    """Return every figure."""
    place = DATA / "synthea-r4-617-clinical"
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "a"
        account = into(archive, 126_000_000 * copies, lambda intake: _replicate(intake, place, copies))
        asked = Path(folder) / "asked.json"
        asked.write_text(json.dumps(_drawn(archive)))
        done = subprocess.run(
            [sys.executable, "-c", _ASK, str(archive), str(asked)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        size = sum(path.stat().st_size for path in archive.rglob("*.parquet"))
    assert account.unaccounted() == 0
    return {
        "patients": account.subjects,
        "events": account.events,
        "archive_mb": round(size / 1e6),
        "made_in_cpu_s": round(account.cpu_seconds),
        **found,
    }


def _replicate(intake: Intake, place: Path, copies: int) -> None:
    for path in files(str(place))[0]:
        held = list(blocks(chunks(path)))
        for copy in range(copies):
            file, line, hint = intake.file(f"{copy}/{path.name}"), 1, ""
            for block in held:
                own = block.replace(b'"Patient/', b'"Patient/%d-' % copy).replace(
                    b'"id":"', b'"id":"%d-' % copy
                )
                count, hint = intake.block(own, file, line, hint)
                line += count


def _drawn(archive: Path) -> list[str]:
    from salus.record.archive import Archive

    return random.Random(24).sample(Archive.open(archive).subjects(), ASKED)


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:])), indent=2))
