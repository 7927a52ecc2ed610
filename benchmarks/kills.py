"""`kill -9` at random moments during writes: is anything lost that was acknowledged, does the store open?

A child writes insights, reviews and their ledger entries, and says the digest of each acknowledged
transaction; it is killed after a random delay, from while it still makes the store to long into the writing.
After each kill the store is opened, the chain verified from the last head that is known to be good, and the
last acknowledged digest looked for in it; every row is held against its entry at the end of each store.

Usage: python -m benchmarks.kills [1000] [--seed 1] [--each 50]; prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from random import Random

from salus.core.review import Review
from salus.store.ledger import GENESIS, verify
from salus.store.store import Store, open_store

NOW = datetime(2024, 1, 1, tzinfo=UTC)
DIGEST = 64
LONGEST_S = 0.12


@dataclass
class Result:
    """What the kills did. lost: acknowledged digests that were not there afterwards."""

    kills: int = 0
    during_making: int = 0
    acknowledged: int = 0
    entries: int = 0
    lost: int = 0
    broken: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def write_for_ever(url: str, say: int, seed: int) -> None:
    """The child: one transaction after another, each said aloud once it is acknowledged."""
    draw, store = Random(seed), open_store(url)
    for number in range(10**9):
        name = f"{seed}-{number}"
        with store.begin() as tx:
            for part in range(draw.randint(1, 6)):
                insight = f"{name}-{part}"
                tx.put_insight(
                    insight, "Patient/1", "news2", "1", NOW, draw.randbytes(2000), ("Observation/1",)
                )
                last = tx.append(NOW, "maria", "insight", {"id": insight})
            tx.put_review(Review(insight, "maria", "accepted", at=NOW, id=name))
            last = tx.append(NOW, "maria", "review", {"id": name})
        os.write(say, last.digest.encode())


def killed(url: str, seed: int, delay: float) -> list[str]:
    """Let a child write, kill it after `delay` seconds, and return the digests that it acknowledged."""
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(hear)
            write_for_ever(url, say, seed)
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
    return [said[at : at + DIGEST].decode() for at in range(0, len(said) - DIGEST + 1, DIGEST)]


def look(result: Result, store: Store, trusted: tuple[int, str], said: list[str]) -> tuple[int, str]:
    """Count what is lost or broken since `trusted`; return the new head."""
    entries = list(store.entries(after=trusted[0]))
    verdict = verify(entries, after=trusted)
    there = {entry.digest for entry in entries}
    result.lost += sum(digest not in there for digest in said)
    result.broken += not verdict.intact
    result.problems.extend(verdict.problems[:3])
    result.acknowledged += len(said)
    result.entries += len(entries)
    return (entries[-1].seq, entries[-1].digest) if entries else trusted


def rounds(kills: int, each: int) -> Iterator[int]:
    """Split `kills` over stores, `each` at most on one: so new stores are killed too."""
    for start in range(0, kills, each):
        yield min(each, kills - start)


def one_store(result: Result, file: Path, kills: int, draw: Random) -> None:
    """Kill `kills` writers of one store, the first of them often while it is made."""
    url, trusted = f"sqlite:///{file}", (0, GENESIS)
    for number in range(kills):
        delay = draw.uniform(0.0, LONGEST_S * (2 if number == 0 else 1))
        said = killed(url, draw.getrandbits(32), delay)
        store = open_store(url)
        result.kills += 1
        result.during_making += number == 0 and not store.head()[0]
        trusted = look(result, store, trusted, said)
        store.close()
    store = open_store(url)
    whole = [*verify(store.entries(), trusted[1]).problems, *store.check_records()]
    result.broken += bool(whole)
    result.problems.extend(whole[:3])
    store.close()


def run(kills: int, seed: int, each: int = 50) -> Result:
    """Kill `kills` writers at moments drawn by `seed`, and say what was found."""
    # Read now, so that every child need not: Alembic, which makes the first store.
    for module in ("alembic.command", "alembic.config"):
        import_module(module)
    result, draw, began = Result(), Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for number, share in enumerate(rounds(kills, each)):
            one_store(result, Path(folder) / f"{number}.db", share, draw)
    result.seconds = round(time.monotonic() - began, 1)
    return result


def main(arguments: list[str] | None = None) -> int:
    """Print the result as JSON; exit code 1 when anything was lost or broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kills", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=50)
    asked = parser.parse_args(arguments)
    result = run(asked.kills, asked.seed, asked.each)
    print(json.dumps(asdict(result)))
    return 1 if result.lost or result.broken else 0


if __name__ == "__main__":
    sys.exit(main())
