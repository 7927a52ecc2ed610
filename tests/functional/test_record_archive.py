"""An archive end to end: the account, later copies, breaks, kills, merges, and the way back."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from salus.core.errors import AwayError, EvidenceError, UserError
from salus.record import manifest
from salus.record.archive import Archive
from salus.record.bulk import read_place
from tests import doors

ROOT = Path(__file__).resolve().parents[2]


def observation(number: int, patient: str = "p", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": f"2026-01-{number % 28 + 1:02d}T08:00:00Z",
        "valueQuantity": {
            "value": number,
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
        **more,
    }


def ndjson(*resources: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in resources)


def write(folder: Path, name: str, raw: bytes) -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(raw)
    return folder


def test_a_broken_line_costs_that_line(tmp_path: Path) -> None:
    lines = ndjson(*(observation(number) for number in range(5_000))).splitlines(keepends=True)
    lines[1_233] = lines[1_233][:70] + b"\n"
    lines[2_000] = b'{"resourceType":"Observation","id":"\xff"}\n'
    lines.insert(3_000, b"   \r\n")
    place = write(tmp_path / "in", "Observation.ndjson", b"".join(lines))
    account = read_place(str(place), tmp_path / "a")
    assert account.resources == 5_000
    assert account.as_events == {"Observation": 4_998}
    assert [tuple(one) for one in account.rejected] == [
        ("Observation.ndjson", 1_234, "not JSON"),
        ("Observation.ndjson", 2_001, "not UTF-8"),
    ]
    assert account.unaccounted() == 0
    archive = Archive.open(tmp_path / "a")
    assert [tuple(one) for one in archive.rejects()] == [tuple(one) for one in account.rejected]
    assert len(archive.timeline("p")) == account.events == 4_998


@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress, zstandard.compress])
@pytest.mark.parametrize("cut", [1.0, 0.5])
def test_a_file_that_breaks_off_keeps_what_came_before(
    tmp_path: Path, pack: Callable[[bytes], bytes], cut: float
) -> None:
    # Values drawn so that packing does not shrink the file to nothing.
    draw = random.Random(5)
    raw = ndjson(*(observation(number, note=[{"text": f"{draw.random()}"}]) for number in range(4_000)))
    packed = pack(raw)
    place = write(tmp_path / "in", "x.ndjson", packed[: int(len(packed) * cut)])
    account = read_place(str(place), tmp_path / "a")
    assert account.unaccounted() == 0
    if cut == 1.0:
        assert account.resources == 4_000
        assert not account.rejected
    else:
        assert len(account.rejected) == 1
        assert 1_000 < account.as_events["Observation"] < 3_000
        assert account.rejected[0].line == account.resources


def test_bundles_documents_streams_and_what_is_no_fhir(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": observation(n)} for n in (1, 2)],
    }
    write(folder, "pretty.json", json.dumps(bundle, indent=2).encode())
    write(folder, "one.json", b"\xef\xbb\xbf" + json.dumps(observation(3)).encode())
    write(folder, "deep/more.jsonl", b"\r\n".join(ndjson(observation(4), bundle).splitlines()))
    write(folder, "broken.json", b'{"resourceType": "Bundle", "entry": [{"resource": {')
    write(folder, "LICENSE.txt", b"words")
    write(folder, "empty.ndjson", b"")
    account = read_place(str(folder), tmp_path / "a")
    assert account.resources == 7
    assert account.as_events == {"Observation": 6}
    assert [(one.file, one.line) for one in account.rejected] == [("broken.json", 1)]
    assert account.notes == ["passed over: LICENSE.txt"]
    assert len(Archive.open(tmp_path / "a").timeline("p")) == 4


def test_standard_input(tmp_path: Path, run_salus: Callable[..., Any]) -> None:
    said = run_salus(
        "read",
        "-",
        "--archive",
        tmp_path / "a",
        "--json",
        stdin=ndjson(observation(1), observation(2)).decode(),
    ).json()
    assert said["resources"] == 2
    assert said["as_events"] == {"Observation": 2}


def test_nothing_there_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not there"):
        read_place(str(tmp_path / "nowhere"), tmp_path / "a")
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="holds no FHIR"):
        read_place(str(tmp_path / "in"), tmp_path / "a")
    with pytest.raises(UserError, match="No records"):
        Archive.open(tmp_path / "a")


def test_the_later_copy_stands_and_the_earlier_is_kept(tmp_path: Path) -> None:
    first = write(tmp_path / "1", "x.ndjson", ndjson(observation(1), observation(2), observation(3)))
    read_place(str(first), tmp_path / "a")
    old = Archive.open(tmp_path / "a")
    corrected = observation(2, valueQuantity={"value": 99.50, "unit": "/min"}, status="corrected")
    withdrawn = observation(3, status="entered-in-error")
    second = write(tmp_path / "2", "x.ndjson", ndjson(observation(1), corrected, withdrawn, observation(4)))
    account = read_place(str(second), tmp_path / "a")
    assert sorted(account.changed) == ["Observation/o2", "Observation/o3"]
    archive = Archive.open(tmp_path / "a")
    assert archive.generation == 2
    found = {event.source: event for event in archive.timeline("p")}
    assert set(found) == {"Observation/o1", "Observation/o2", "Observation/o4"}
    assert (found["Observation/o2"].value, found["Observation/o2"].status) == (99.5, "corrected")
    assert json.loads(archive.raw("Observation/o2")) == corrected
    assert [json.loads(raw)["status"] for raw in archive.history("Observation/o2")] == ["final", "corrected"]
    assert old.is_old()
    assert len(old.timeline("p")) == 3, "who opened the archive before still sees what was there"


def test_a_result_that_moves_to_another_patient_leaves_the_first(tmp_path: Path) -> None:
    one = write(tmp_path / "1", "x.ndjson", ndjson(observation(1, "wrong"), observation(2, "wrong")))
    two = write(tmp_path / "2", "x.ndjson", ndjson(observation(1, "right")))
    read_place(str(one), tmp_path / "a")
    account = read_place(str(two), tmp_path / "a")
    archive = Archive.open(tmp_path / "a")
    assert account.changed == ["Observation/o1"]
    assert [event.source for event in archive.timeline("wrong")] == ["Observation/o2"]
    assert [event.source for event in archive.timeline("right")] == ["Observation/o1"]


def test_a_drug_that_comes_later_names_earlier_orders(tmp_path: Path) -> None:
    order = {
        "resourceType": "MedicationRequest", "id": "r", "status": "active", "authoredOn": "2026-01-01",
        "subject": {"reference": "Patient/p"},
        "medicationReference": {"reference": "Medication/m"},
    }  # fmt: skip
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    code = {"coding": [{"system": rxnorm, "code": "11289"}]}
    drug = {"resourceType": "Medication", "id": "m", "code": code}
    read_place(str(write(tmp_path / "1", "x.ndjson", ndjson(order))), tmp_path / "a")
    assert Archive.open(tmp_path / "a").timeline("p").events[0].code == "Medication/m"
    read_place(str(write(tmp_path / "2", "x.ndjson", ndjson(drug))), tmp_path / "a")
    assert Archive.open(tmp_path / "a").timeline("p").events[0].code == "RxNorm/11289"
    read_place(str(write(tmp_path / "3", "x.ndjson", ndjson(order | {"id": "s"}))), tmp_path / "a")
    assert {event.code for event in Archive.open(tmp_path / "a").timeline("p")} == {"RxNorm/11289"}


def test_written_back_as_it_came_decimals_and_all(tmp_path: Path) -> None:
    raw = (
        b'{"resourceType":"Observation","id":"d","status":"final","code":{"text":"x"},"subject":{"reference":'
        b'"Patient/p"},"valueQuantity":{"value":7.00,"unit":"mmol/L"},"x":1e2,"\\u0041":12345678901234567890.10}'
    )
    place = write(tmp_path / "in", "x.ndjson", raw + b"\n" + b"{broken\n" + ndjson(observation(1)))
    bundle = {"resourceType": "Bundle", "entry": [{"resource": observation(2)}]}
    write(tmp_path / "in", "b.json", json.dumps(bundle, indent=1).encode())
    read_place(str(place), tmp_path / "a")
    archive = Archive.open(tmp_path / "a")
    assert archive.raw("Observation/d") == raw
    counts = archive.write_back(tmp_path / "out")
    assert counts == {"Observation.ndjson": 3, "refused.txt": 1}
    lines = (tmp_path / "out" / "Observation.ndjson").read_bytes().splitlines()
    assert raw in lines
    assert observation(2) in [json.loads(line) for line in lines]
    assert (tmp_path / "out" / "refused.txt").read_bytes() == b"{broken\n"


def test_merge_and_unmerge_lose_neither_history(tmp_path: Path) -> None:
    def patient(name: str, *links: tuple[str, str]) -> dict[str, Any]:
        return {
            "resourceType": "Patient", "id": name, "gender": "female",
            "identifier": [{"system": "urn:mrn", "value": f"MRN-{name}"}],
            "name": [{"use": "old", "text": "Maiden"}, {"use": "official", "family": "Ng", "given": ["Mei"]}],
            "link": [{"other": {"reference": f"Patient/{other}"}, "type": how} for how, other in links],
        }  # fmt: skip

    apart = ndjson(patient("a"), patient("b"), observation(1, "a"), observation(2, "b"))
    read_place(str(write(tmp_path / "1", "x.ndjson", apart)), tmp_path / "r")
    assert Archive.open(tmp_path / "r").subjects() == ["Patient/a", "Patient/b"]
    merged = ndjson(patient("a", ("replaced-by", "b")), patient("b", ("replaces", "a")))
    read_place(str(write(tmp_path / "2", "x.ndjson", merged)), tmp_path / "r")
    archive = Archive.open(tmp_path / "r")
    assert archive.subjects() == ["Patient/b"]
    assert archive.timeline("a") == archive.timeline("Patient/b")
    assert {event.source for event in archive.timeline("a")} >= {"Observation/o1", "Observation/o2"}
    assert archive.find("urn:mrn|MRN-a") == archive.find("MRN-b") == ["Patient/b"]
    assert archive.person("a").name == "Mei Ng"
    read_place(str(write(tmp_path / "3", "x.ndjson", ndjson(patient("a"), patient("b")))), tmp_path / "r")
    archive = Archive.open(tmp_path / "r")
    assert archive.subjects() == ["Patient/a", "Patient/b"]
    assert "Observation/o2" not in {event.source for event in archive.timeline("a")}
    assert "Observation/o2" in {event.source for event in archive.timeline("b")}


def test_two_reads_at_once_are_refused(tmp_path: Path) -> None:
    place = write(tmp_path / "in", "x.ndjson", ndjson(observation(1)))
    (tmp_path / "a").mkdir()
    with manifest.Lock(tmp_path / "a"), pytest.raises(AwayError, match="under way"):
        read_place(str(place), tmp_path / "a")


_CHILD = """
import sys
from pathlib import Path
from salus.record.bulk import read_place
from tests import doors
read_place(sys.argv[1], Path(sys.argv[2]))
"""


def test_a_read_that_is_killed_is_never_half_visible(tmp_path: Path) -> None:
    before = write(tmp_path / "1", "x.ndjson", ndjson(*(observation(number) for number in range(50))))
    after = write(tmp_path / "2", "x.ndjson", ndjson(*(observation(number, "q") for number in range(30_000))))
    read_place(str(before), tmp_path / "a")
    draw = random.Random(11)
    killed = 0
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", _CHILD, str(after), str(tmp_path / "a")], cwd=ROOT)
        # Wait until it has begun to write, then a drawn while more.
        while child.poll() is None and not (tmp_path / "a" / "work").exists():
            time.sleep(0.005)
        time.sleep(draw.random() * 0.2)
        child.send_signal(signal.SIGKILL)
        killed += child.wait() == -signal.SIGKILL
        archive = Archive.open(tmp_path / "a")
        whole = ("p", 50) if archive.generation == 1 else ("q", 30_000)
        assert len(archive.timeline(whole[0])) == whole[1]
    assert killed, "no kill came in time"
    read_place(str(after), tmp_path / "a")
    archive = Archive.open(tmp_path / "a")
    assert len(archive.timeline("q")) == 30_000
    left = {path.name for path in (tmp_path / "a").glob("gen-*")}
    assert left == {archive.manifest.folder, archive.manifest.previous}
    assert not (tmp_path / "a" / "work").exists()


@pytest.mark.parametrize(
    ("name", "resources", "subjects"),
    [
        ("mimic-iv-fhir-demo", 152_346, 100),
        ("synthea-r4-617-clinical", 148_203, 615),
        ("us-core-examples", 236, 4),
    ],
)
def test_every_resource_of_the_public_sets_is_accounted_for(
    tmp_path: Path, data_set: Callable[[str], Path], name: str, resources: int, subjects: int
) -> None:
    account = read_place(str(data_set(name)), tmp_path / "a")
    assert account.resources == resources
    assert account.unaccounted() == 0
    assert account.subjects == subjects
    assert not account.rejected
    archive = Archive.open(tmp_path / "a")
    import polars as pl

    assert archive.scan().select(pl.len()).collect().item() == account.events


def test_a_stream_whose_first_line_is_broken_loses_that_line_only(tmp_path: Path) -> None:
    good = [
        json.dumps({"resourceType": "Patient", "id": f"p{number}", "gender": "female"})
        for number in range(100)
    ]
    path = tmp_path / "export"
    path.write_text('{"resourceType":"Patient","id":"x\n' + "\n".join(good) + "\n")
    account = read_place(str(path), tmp_path / "a")
    assert account.resources == 101
    assert [(reject.line, reject.reason) for reject in account.rejected] == [(1, "not JSON")]


def test_a_damaged_file_of_the_archive_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "p.ndjson"
    path.write_text(json.dumps({"resourceType": "Patient", "id": "p1", "gender": "female"}) + "\n")
    read_place(str(path), tmp_path / "a")
    for shard in (tmp_path / "a").glob("gen-*/data/*.parquet"):
        shard.write_bytes(b"PAR1 not")
    with pytest.raises(EvidenceError, match="restore it from a backup"):
        Archive.open(tmp_path / "a").timeline("p1")


PRACTITIONER = {"resourceType": "Practitioner", "id": "d"}


@pytest.mark.parametrize("first", [[], [PRACTITIONER], [{"resourceType": "?"}]])
def test_a_first_read_without_evidence_stands_in_nobodys_way(
    tmp_path: Path, first: list[dict[str, Any]]
) -> None:
    archive = tmp_path / "ward[1]"
    read_place(str(write(tmp_path / "a", "x.ndjson", ndjson(*first))), archive)
    empty = Archive.open(archive)
    assert empty.subjects() == []
    assert empty.scan().collect().height == 0
    assert len(empty.rejects()) == len([one for one in first if one["resourceType"] == "?"])
    assert sum(empty.write_back(tmp_path / "out").values()) == len(first)
    read_place(str(write(tmp_path / "b", "x.ndjson", ndjson(observation(1)))), archive)
    full = Archive.open(archive)
    assert full.scan().collect().schema == empty.scan().collect().schema
    assert [event.value for event in full.timeline("p")] == [1.0]
    with doors.served(doors.live_site(archive)) as client:
        assert client.get("/ward").status_code == 200


def test_columns_that_are_gone_are_missed(tmp_path: Path) -> None:
    read_place(str(write(tmp_path / "a", "x.ndjson", ndjson(observation(1)))), tmp_path / "archive")
    next(tmp_path.glob("archive/gen-0001/data/*.parquet")).unlink()
    with pytest.raises(EvidenceError, match="no columns in"):
        Archive.open(tmp_path / "archive").scan()
