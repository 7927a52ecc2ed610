"""What the ledger's tree costs: a head, a proof and its size, a check, an audit, at many entries.

Usage: python -m benchmarks.proofs [1000000]; prints one JSON object. Each figure is of one process, by the
clock, with the processor's own seconds beside it where other work may run at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from salus.spine.audit import verify
from salus.spine.heads import publish_head, verifier_key
from salus.spine.prove import check_proof, prove, public_key
from salus.spine.site import Site, open_site
from salus.store.merkle import inclusion_path
from salus.store.tiles import Tiles

NOW = datetime(2024, 1, 1, tzinfo=UTC)
_EACH = 10_000


def took(work: Callable[[], object]) -> dict[str, float]:
    """Seconds of the clock and of the processor for one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"s": round(time.perf_counter() - wall, 3), "cpu_s": round(time.process_time() - cpu, 3)}


def spread(work: Callable[[Any], object], over: list[Any]) -> dict[str, float]:
    """Milliseconds for each call: by the clock the middle and the slowest of twenty, the processor's mean."""
    each, before = [], time.process_time()
    for one in over:
        began = time.perf_counter()
        work(one)
        each.append((time.perf_counter() - began) * 1000)
    cpu = (time.process_time() - before) / len(over) * 1000
    middle, slow = statistics.median(each), statistics.quantiles(each, n=20)[-1]
    return {"p50_ms": round(middle, 2), "p95_ms": round(slow, 2), "cpu_ms": round(cpu, 2)}


def append(site: Site, count: int) -> None:
    """Append looks, in large transactions."""
    for start in range(0, count, _EACH):
        with site.store.begin() as tx:
            for number in range(start, min(start + _EACH, count)):
                tx.append(NOW, "Practitioner/7", "look", {"subject": f"Patient/{number % 1000}", "n": number})


def hook(site: Site) -> Callable[[int], object]:
    """Return what appends as a hook does: seven entries in a transaction of their own, on disk."""

    def one(_number: int) -> None:
        with site.store.begin() as tx:
            for number in range(7):
                tx.append(NOW, "Practitioner/7", "look", {"subject": "Patient/1", "n": number})

    return one


def measure(site: Site, entries: int) -> dict[str, Any]:
    """Measure all of it on one site with so many entries."""
    draw, found = Random(1), dict[str, Any](entries=entries)
    append(site, entries - site.store.head()[0])
    found["audit_without_heads"] = took(lambda: verify(site))
    found["first_head"] = took(lambda: publish_head(site))
    append(site, 100)
    found["head_after_100_entries"] = took(lambda: publish_head(site))
    found["head_after_none"] = took(lambda: publish_head(site))
    numbers = [draw.randint(1, entries) for _ in range(200)]
    found["proof"] = spread(lambda number: prove(site, number), numbers)
    proofs = [prove(site, number) for number in numbers]
    sizes = [len(json.dumps(proof, separators=(",", ":"))) for proof in proofs]
    found["proof_bytes"] = round(statistics.median(sizes))
    found["path_hashes"] = max(len(proof["path"]) for proof in proofs)
    key = public_key(verifier_key(site))
    if not all(check_proof(proof, key).holds for proof in proofs):
        raise SystemExit("A proof does not hold.")
    found["check"] = spread(lambda proof: check_proof(proof, key), proofs)
    cold = Tiles(site.store, entries, cached=False)
    found["path_without_kept_tree"] = took(lambda: inclusion_path(cold.node, entries // 3, entries))
    found["audit_with_heads"] = took(lambda: verify(site))
    found["hook_of_7_entries"] = spread(hook(site), list(range(300)))
    found["kept_tree_mb"] = round(sum(len(tile[3]) for tile in site.store.all_tiles()) / 2**20, 1)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("entries", type=int, nargs="?", default=1_000_000)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        site = open_site(Path(folder) / "archive")
        print(json.dumps(measure(site, asked.entries), indent=2))
        site.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
