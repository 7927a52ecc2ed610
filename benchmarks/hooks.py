"""How fast is a CDS hook, end to end, with its ledger entries on disk?

A real uvicorn process with a real SQLite store (WAL, synchronous=FULL) on this machine's disk; each call
carries a prefetch of 1 MB. First ten clients that each send one request a second; then as many as the
machine sustains, by clients that send the next call when the last is answered. The clients run on the same
cores and are counted in. `python -m benchmarks.hooks --seconds 20`; prints JSON.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MEGABYTE = 1_000_000
PATH = "/cds-services/salus-patient-view"
# LOINC code, unit, usual value: what a bedside monitor and a laboratory send.
KINDS = (
    ("8867-4", "/min", 96.0), ("9279-1", "/min", 22.0), ("59408-5", "%", 94.0), ("8310-5", "Cel", 38.2),
    ("8480-6", "mm[Hg]", 108.0), ("8462-4", "mm[Hg]", 64.0), ("2160-0", "mg/dL", 1.4),
    ("2093-3", "mg/dL", 212.0),
    ("2085-9", "mg/dL", 41.0), ("4548-4", "%", 6.9), ("39156-5", "kg/m2", 31.0), ("9318-7", "mg/g", 44.0),
)  # fmt: skip


def observation(patient: str, number: int, now: datetime) -> dict[str, Any]:
    """Return one Observation, as an EHR writes it."""
    code, unit, value = KINDS[number % len(KINDS)]
    return {
        "resourceType": "Observation",
        "id": f"{patient}-{number}",
        "meta": {"versionId": "1", "lastUpdated": now.isoformat(timespec="seconds")},
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                        "display": "Vital Signs",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": code}], "text": code},
        "subject": {"reference": f"Patient/{patient}"},
        "encounter": {"reference": f"Encounter/{patient}-e"},
        "effectiveDateTime": (now - timedelta(minutes=5 * number)).isoformat(timespec="seconds"),
        "issued": (now - timedelta(minutes=5 * number)).isoformat(timespec="milliseconds"),
        "performer": [{"reference": "Practitioner/7"}],
        "valueQuantity": {
            "value": round(value + number % 7 / 10, 1),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }


def body(patient: str) -> bytes:
    """Return a call with a prefetch of one megabyte."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    entries: list[dict[str, Any]] = []
    size = 0
    while size < MEGABYTE:
        resource = observation(patient, len(entries), now)
        url = f"https://ehr.example/fhir/Observation/{resource['id']}"
        entries.append({"fullUrl": url, "resource": resource, "search": {"mode": "match"}})
        size += len(json.dumps(entries[-1]))
    person = {"resourceType": "Patient", "id": patient, "gender": "female", "birthDate": "1961-05-04"}
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    call = {
        "hook": "patient-view",
        "hookInstance": "259cf767-4b52-4e14-a741-04da147a430f",
        "context": {"userId": "Practitioner/7", "patientId": patient},
        "prefetch": {"patient": person, "vital-signs": bundle},
    }
    return json.dumps(call).encode()


def made_live(folder: Path) -> None:
    """Make a site in which every model is live."""
    from salus import spine

    site = spine.open_site(folder)
    for model in spine.models(site):
        spine.approve(site, model.name, by="benchmark", because="benchmark")
    site.close()


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, int]]:
    """Start the server as a process of its own; yield its port and its process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    made_live(folder)
    start = [sys.executable, "-c", "import sys; from salus.cli import main; sys.exit(main())", "serve"]
    command = [*start, "--archive", str(folder), "--port", str(port), "--dev-no-jwt"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers."""
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


class Client:
    """One EHR client with a connection that it keeps."""

    def __init__(self, port: int, call: bytes) -> None:
        self._to = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._call = call
        self.took: list[float] = []
        self.failed = 0

    def ask(self) -> None:
        began = time.perf_counter()
        self._to.request("POST", PATH, self._call, {"Content-Type": "application/json"})
        answer = self._to.getresponse()
        said = answer.read()
        if answer.status == 200 and b'"uuid"' in said and not answer.getheader("x-salus-away"):
            self.took.append(time.perf_counter() - began)
        else:
            self.failed += 1

    def paced(self, until: float, offset: float) -> None:
        """Send one request a second until `until`."""
        due = time.perf_counter() + offset
        while due < until:
            time.sleep(max(due - time.perf_counter(), 0))
            self.ask()
            due += 1.0

    def eager(self, until: float) -> None:
        """Send the next as soon as the last is answered."""
        while time.perf_counter() < until:
            self.ask()


def together(clients: list[Client], work: Callable[[int, Client], None]) -> float:
    """Run `work` for each client in a thread of its own; return the seconds that it took."""
    threads = [threading.Thread(target=work, args=(index, one)) for index, one in enumerate(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def figures(clients: list[Client], seconds: float) -> dict[str, Any]:
    """Return what the clients met, in milliseconds."""
    took = sorted(one * 1000 for client in clients for one in client.took)
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return {
        "clients": len(clients),
        "requests": len(took),
        "failed": sum(client.failed for client in clients),
        "per_second": round(len(took) / seconds, 1),
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "p99_ms": round(cuts[98], 1),
        "max_ms": round(took[-1], 1),
    }


def measure(seconds: float, folder: Path) -> dict[str, Any]:
    """Return both figures and what stands in the ledger afterwards."""
    calls = [body(f"p{number}") for number in range(10)]
    with server(folder) as (port, process):
        for call in calls:
            Client(port, call).ask()
        paced = [Client(port, call) for call in calls]
        until, before = time.perf_counter() + seconds, cpu_seconds(process)
        spent = together(paced, lambda index, one: one.paced(until, index / len(paced)))
        steady = figures(paced, spent)
        steady["server_cpu_ms_each"] = round(1000 * (cpu_seconds(process) - before) / steady["requests"], 1)
        most = [most_of(port, calls, count, seconds / 2) for count in (2, 4)]
    return {
        "request_bytes": len(calls[0]),
        "ten_clients_one_a_second": steady,
        "highest_rate": max(most, key=lambda one: one["per_second"]),
        "ledger": ledger(folder),
    }


def cpu_seconds(process: int) -> float:
    """Return the CPU time that `process` used so far (Linux: /proc/PID/stat, fields 14 and 15)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def most_of(port: int, calls: list[bytes], count: int, seconds: float) -> dict[str, Any]:
    """Return what `count` eager clients get."""
    eager = [Client(port, call) for call in calls[:count]]
    until = time.perf_counter() + seconds
    spent = together(eager, lambda _, one: one.eager(until))
    return figures(eager, spent)


def ledger(folder: Path) -> dict[str, Any]:
    """Return what was written down, and whether it is intact."""
    from salus import spine

    site = spine.open_site(folder)
    verdict = spine.verify(site)
    counts = site.store.counts()
    site.close()
    return {"entries": verdict.entries, "intact": verdict.intact, "insights": counts["insight"]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--folder", type=Path, help="where the store lies (default: a temporary folder)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        found = measure(chosen.seconds, Path(folder) / "site")
    found |= {"cores": os.cpu_count(), "python": platform.python_version()}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
