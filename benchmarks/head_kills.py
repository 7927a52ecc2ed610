"""`kill -9` at random moments while heads are published: is a head lost that was told, is one half written?

A child writes entries, publishes the head of them and says it; it is killed after a random delay. After each
kill every head that was said must be in the file, in its place, whatever stands behind the last whole head
must be the beginning of one, and the audit must find ledger and heads intact.

Usage: python -m benchmarks.head_kills [1000] [--seed 1] [--each 20]; prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from random import Random

from benchmarks.kills import rounds
from salus.spine.audit import verify
from salus.spine.heads import publish_head
from salus.spine.site import open_site
from salus.store.checkpoint import is_unfinished, split

NOW = datetime(2024, 1, 1, tzinfo=UTC)
LONGEST_S = 0.3


@dataclass
class Result:
    """What the kills did. lost: heads that were told and were not there. unfinished: left half written."""

    kills: int = 0
    told: int = 0
    heads: int = 0
    unfinished: int = 0
    lost: int = 0
    broken: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def publish_for_ever(place: Path, say: int, seed: int) -> None:
    """The child: entries and a head of them, one after another, each said aloud once it is kept."""
    draw, site = Random(seed), open_site(place)
    while True:
        with site.store.begin() as tx:
            for number in range(draw.randint(1, 40)):
                tx.append(NOW, "maria", "look", {"subject": "Patient/1", "n": number})
        head = publish_head(site)
        os.write(say, head.note if head else b"")


def killed(place: Path, seed: int, delay: float) -> list[bytes]:
    """Let a child publish, kill it after `delay` seconds, and return the heads that it told."""
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(hear)
            publish_for_ever(place, say, seed)
        finally:
            os._exit(1)
    os.close(say)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    with os.fdopen(hear, "rb") as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit(f"The child ended by itself (status {status}): nothing was tested.")
    return split(said)[0]


def look(result: Result, place: Path, said: list[bytes]) -> None:
    """Count what is lost, half written or broken."""
    with closing(open_site(place)) as site:
        notes, rest = split(site.heads.read_bytes() if site.heads.exists() else b"")
        found = verify(site)
        result.unfinished += bool(rest)
        wrong = list(found.problems)
        if rest and not is_unfinished(rest, site.id):
            wrong.append("what stands behind the last head is no beginning of one")
    there = iter(notes)
    result.lost += sum(head not in there for head in said)
    result.broken += bool(wrong)
    result.problems.extend(wrong[:3])
    result.told += len(said)


def one_site(result: Result, place: Path, kills: int, draw: Random) -> None:
    """Kill `kills` publishers of one site."""
    for _ in range(kills):
        said = killed(place, draw.getrandbits(32), draw.uniform(0.0, LONGEST_S))
        result.kills += 1
        look(result, place, said)
    result.heads += len(split((place / "heads").read_bytes())[0]) if (place / "heads").exists() else 0


def run(kills: int, seed: int, each: int = 20) -> Result:
    """Kill `kills` publishers at moments drawn by `seed`, and say what was found."""
    # Read now, so that every child need not.
    for module in ("alembic.command", "alembic.config", "salus.store.heads", "salus.store.tiles"):
        import_module(module)
    result, draw, began = Result(), Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for number, share in enumerate(rounds(kills, each)):
            place = Path(folder) / str(number)
            # Made whole first: how a store is made is what benchmarks.kills kills.
            open_site(place).close()
            one_site(result, place, share, draw)
    result.seconds = round(time.monotonic() - began, 1)
    return result


def main(arguments: list[str] | None = None) -> int:
    """Print the result as JSON; exit code 1 when anything was lost or broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kills", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=20)
    asked = parser.parse_args(arguments)
    result = run(asked.kills, asked.seed, asked.each)
    print(json.dumps(asdict(result)))
    return 1 if result.lost or result.broken else 0


if __name__ == "__main__":
    sys.exit(main())
