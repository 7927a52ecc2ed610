"""Bulk FHIR to events: CPU speed against parse-only orjson on the same files, the PyPI peer, and flat memory.

Each run is a process of its own, in turns with the peer, since the machine may be busy; medians. `orjson` is
given three times: the script that anyone would write (open the packed file, a line at a time to
`orjson.loads`), the same parsing behind Salus' own reader of blocks, and lines that are in memory already.
Salus always reads, unpacks, decodes and writes its archive; with and without the verbatim copy.

fhir2meds 0.1.0: its wheel lacks its YAML files and its console script does not start; they are written here
(`_PEER`, after the mapping that its documentation describes) and it is run as a module over unpacked files.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SALUS_DATA_DIR", ROOT.parent / "shared" / "data"))
SETS = ("mimic-iv-fhir-demo", "synthea-r4-617-clinical")
TURNS = 5
TIMES = (1, 4, 16)

_ORJSON = """
import sys, time, json, orjson
from salus.record.places import blocks, chunks, files
began = time.process_time(); parsing = lines = size = 0
for path in files(sys.argv[1])[0]:
    for block in blocks(chunks(path)):
        raws = block.split(b"\\n")
        at = time.process_time()
        for raw in raws:
            if raw:
                orjson.loads(raw)
        parsing += time.process_time() - at
        lines += len(raws) - 1; size += len(block)
whole = time.process_time() - began
print(json.dumps({"parse": parsing, "whole": whole, "lines": lines, "mb": size / 1e6}))
"""
_SCRIPT = """
import gzip, io, json, sys, time, orjson, zstandard
from pathlib import Path
began, lines = time.process_time(), 0
for path in sorted(Path(sys.argv[1]).glob("*.ndjson*")):
    with gzip.open(path) if path.suffix == ".gz" else io.BufferedReader(zstandard.open(path)) as file:
        for line in file:
            orjson.loads(line)
            lines += 1
print(json.dumps({"whole": time.process_time() - began, "lines": lines}))
"""
_SALUS = """
import sys, json
from pathlib import Path
from benchmarks._peak import peak_mb
from salus.record import bulk, verbatim
if sys.argv[3] == "without":
    verbatim.Copy.add = lambda self, block: 0
account = bulk.read_place(sys.argv[1], Path(sys.argv[2]))
print(json.dumps({"cpu": account.cpu_seconds, "counts": account.counts(), "peak_mb": peak_mb(),
                  "unaccounted": account.unaccounted()}))
"""
_PEER = {
    "dataset.yaml": "dataset_name: mimic\n",
    "configs/main.yaml": "raw_input_dir: ???\nroot_output_dir: ???\ndo_download: false\ndo_overwrite: false\n"
    "hydra:\n  run:\n    dir: ${root_output_dir}/.logs\n",
    "configs/event_configs.yaml": """
R4:
  resources: [Condition, Encounter, Location, Medication, MedicationAdministration, MedicationDispense,
    MedicationRequest, MedicationStatement, Observation, Organization, Patient, Procedure, Specimen]
  default:
    code: [const(resourceType), const(//), "vocab(code[coding][0][system])", const(//),
      "col(code[coding][0][code])"]
    time: [col(effectiveDateTime), col(issued), col(authoredOn), col(performedDateTime), col(onsetDateTime)]
    numeric_value: col(valueQuantity.value)
    text_value: col(valueString)
    subject_id: col(subject.reference)
  Patient: {code: [const(MEDS_BIRTH)], time: col(birthDate)}
""",
}


def main() -> dict[str, Any]:
    """Return every figure."""
    return {
        "sets": {name: speed(DATA / name) for name in SETS},
        "peer": peer(DATA / SETS[0]),
        "memory": memory(DATA / SETS[0]),
    }


def _run(code: str, *args: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=ROOT,
        # As the command line sets it.
        env={**os.environ, "POLARS_MAX_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def speed(place: Path) -> dict[str, Any]:
    """Return CPU seconds and the share of orjson's speed that Salus reaches on the files in `place`."""
    script, parse, whole, plain, full = [], [], [], [], []
    for _ in range(TURNS):
        as_anyone = _run(_SCRIPT, str(place))
        script.append(as_anyone["whole"])
        by = _run(_ORJSON, str(place))
        assert as_anyone["lines"] == by["lines"]
        parse.append(by["parse"])
        whole.append(by["whole"])
        for times, way in ((plain, "without"), (full, "with")):
            with tempfile.TemporaryDirectory() as folder:
                said = _run(_SALUS, str(place), folder, way)
            assert said["unaccounted"] == 0
            times.append(said["cpu"])
    return {
        "resources": said["counts"]["resources"],
        "events": said["counts"]["events"],
        "unaccounted": said["unaccounted"],
        "mb": round(by["mb"], 1),
        "orjson_script_cpu_s": _spread(script),
        "orjson_parse_cpu_s": _spread(parse),
        "orjson_read_unpack_parse_cpu_s": _spread(whole),
        "salus_cpu_s": _spread(plain),
        "salus_with_verbatim_copy_cpu_s": _spread(full),
        "percent_of_orjson_on_the_files": _percent(script, plain),
        "percent_of_orjson_on_the_files_with_verbatim_copy": _percent(script, full),
        "percent_of_orjson_behind_our_reader": _percent(whole, plain),
        "percent_of_orjson_parse_alone": _percent(parse, plain),
    }


def _spread(seconds: list[float]) -> dict[str, float]:
    return {
        "median": round(median(seconds), 2),
        "low": round(min(seconds), 2),
        "high": round(max(seconds), 2),
    }


def _percent(theirs: list[float], ours: list[float]) -> int:
    """Return the speed against theirs, turn by turn, as a median: both meet the same noise."""
    return round(100 * median(one / other for one, other in zip(theirs, ours, strict=True)))


def peer(place: Path) -> dict[str, Any]:
    """Return CPU seconds of fhir2meds and of Salus over the same unpacked files."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "in"
        made.mkdir()
        for path in sorted(place.glob("*.ndjson.gz")):
            name = "Patient.ndjson" if path.name.startswith("MimicPatient.") else path.stem
            (made / name).write_bytes(gzip.decompress(path.read_bytes()))
        theirs = _peer_seconds(made, Path(folder) / "out")
        ours = median(_run(_SALUS, str(made), f"{folder}/a{n}", "with")["cpu"] for n in range(TURNS))
    return {
        "fhir2meds_cpu_s": round(theirs, 1),
        "salus_with_verbatim_copy_cpu_s": round(ours, 2),
        "times_faster": round(theirs / ours, 1),
    }


def _peer_seconds(made: Path, out: Path) -> float:
    from tests.conformance.peers import installed

    python = installed("fhir2meds", "fhir2meds==0.1.0") / "python"
    (home,) = python.parent.parent.glob("lib/python3*/site-packages/fhir2meds")
    for name, text in _PEER.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)
    out.mkdir()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(python), "-m", "fhir2meds", f"raw_input_dir={made}", f"root_output_dir={out}"]
    subprocess.run(command, cwd=out, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert any((out / "data").glob("*.parquet")), "the peer wrote nothing"
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def memory(place: Path) -> dict[str, Any]:
    """Return the peak memory as one file grows by replication, every copy of other patients."""
    found = {}
    source = gzip.decompress((place / "MimicMedicationAdministration.ndjson.gz").read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        for times in TIMES:
            path = Path(folder) / "in.ndjson"
            with path.open("wb") as file:
                for copy in range(times):
                    file.write(
                        source.replace(b"Patient/", b"Patient/%d-" % copy).replace(
                            b'{"id": "', b'{"id": "%d-' % copy
                        )
                    )
            said = _run(_SALUS, str(path), f"{folder}/a{times}", "with")
            found[f"{times}x"] = {
                "mb": round(path.stat().st_size / 1e6),
                "events": said["counts"]["events"],
                "peak_mb": round(said["peak_mb"]),
            }
    found["growth_percent"] = round(100 * found["16x"]["peak_mb"] / found["1x"]["peak_mb"] - 100)
    return found


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
