"""How the bytes of an export come: packed, damaged, in other encodings, through pipes; and from where not."""

from __future__ import annotations

import gzip
import json
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from salus.core.errors import UserError
from salus.record.archive import Archive
from salus.record.bulk import read_place


def patients(count: int, first: int = 0) -> bytes:
    """Return lines that do not shrink to nothing when packed."""
    draw = random.Random(first)
    made = [
        {"resourceType": "Patient", "id": f"p{number}", "gender": "female", "language": f"{draw.random()}"}
        for number in range(first, first + count)
    ]
    return b"".join(json.dumps(one).encode() + b"\n" for one in made)


def zst(raw: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(raw)


def read(tmp_path: Path, raw: bytes, name: str = "Patient.ndjson") -> tuple[int, list[tuple[str, int, str]]]:
    (tmp_path / name).write_bytes(raw)
    account = read_place(str(tmp_path / name), tmp_path / "a")
    assert account.unaccounted() == 0
    return account.as_events["Patient"], [tuple(one) for one in account.rejected]


@pytest.mark.parametrize("pack", [gzip.compress, zst])
@pytest.mark.parametrize("count", [3, 4_000])
def test_a_checksum_that_fails_is_counted_and_costs_no_line(
    tmp_path: Path, pack: Callable[[bytes], bytes], count: int
) -> None:
    packed = bytearray(pack(patients(count)))
    packed[-1 if pack is zst else -6] ^= 1
    kept, rejected = read(tmp_path, bytes(packed))
    assert kept == count
    ((file, line, reason),) = rejected
    assert (file, line) == ("Patient.ndjson", count + 1)
    assert "damaged" in reason
    assert "fetch the file anew" in reason


@pytest.mark.parametrize("pack", [gzip.compress, zst])
def test_a_file_without_its_trailer_is_counted_and_costs_no_line(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    kept, rejected = read(tmp_path, pack(patients(50))[:-2])
    assert kept == 50
    ((_, line, reason),) = rejected
    assert line == 51
    assert "breaks off here; fetch the file anew" in reason


@pytest.mark.parametrize("pack", [gzip.compress, zst])
def test_packed_files_that_were_joined(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    joined = pack(patients(2_000)) + pack(b"") + pack(patients(3, 2_000)) + b"\0" * 70_000
    assert read(tmp_path, joined) == (2_003, [])


def test_what_follows_a_packed_file_and_is_not_packed_is_counted(tmp_path: Path) -> None:
    kept, rejected = read(tmp_path, gzip.compress(patients(5)) + b"more")
    assert kept == 5
    assert [line for _, line, _ in rejected] == [6]


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["Patient.ndjson", "Patient.json.gz"])
def test_encodings_that_say_so(tmp_path: Path, coding: str, name: str) -> None:
    text = '{"resourceType":"Patient","id":"p","name":[{"text":"Ærøskøbing 😀"}]}\n'
    raw = text.encode(coding)
    assert read(tmp_path, gzip.compress(raw) if name.endswith("gz") else raw, name) == (1, [])
    assert Archive.open(tmp_path / "a").person("p").name == "Ærøskøbing 😀"


def test_utf_16_that_breaks_off_says_how_to_convert(tmp_path: Path) -> None:
    _, rejected = read(tmp_path, patients(3).decode().encode("utf-16")[:-1])
    assert [reason for _, _, reason in rejected] == ["not UTF-16 here: send the file as UTF-8, as FHIR asks"]


def test_lines_that_end_in_cr_alone(tmp_path: Path) -> None:
    raw = patients(3).replace(b"\n", b"\r") + b"{broken\r" + patients(1, 3)[:-1]
    assert read(tmp_path, raw) == (4, [("Patient.ndjson", 4, "not JSON")])


def test_a_pipe_is_read_as_a_stream(tmp_path: Path, run_salus: Callable[..., Any]) -> None:
    pipe = tmp_path / "63"
    os.mkfifo(pipe)
    raw = patients(2_000) + b"{broken\n"
    writer = threading.Thread(target=lambda: pipe.write_bytes(gzip.compress(raw)), daemon=True)
    writer.start()
    said = run_salus("read", pipe, "--archive", tmp_path / "a", "--json").json()
    assert said["as_events"] == {"Patient": 2_000}
    assert said["rejected"] == [{"file": str(pipe), "line": 2_001, "reason": "not JSON"}]
    said = run_salus(
        "read", "/dev/stdin", "--archive", tmp_path / "b", "--json", stdin=patients(2).decode()
    ).json()
    assert said["as_events"] == {"Patient": 2}


def test_an_archive_is_not_read_into_itself(tmp_path: Path) -> None:
    assert read(tmp_path, patients(2)) == (2, [])
    archive = tmp_path / "a"
    for place in (archive, archive / "raw", next((archive / "raw").iterdir()), tmp_path, tmp_path / "x/../a"):
        with pytest.raises(UserError, match="put the archive elsewhere"):
            read_place(str(place), archive)
    (tmp_path / "b").symlink_to(archive)
    with pytest.raises(UserError, match="put the archive elsewhere"):
        read_place(str(tmp_path / "b"), archive)
    assert Archive.open(archive).generation == 1


def test_a_zstandard_file_may_begin_with_a_frame_to_be_skipped(tmp_path: Path) -> None:
    """RFC 8878 section 3.1.2; pzstd writes one before each of its pieces."""
    skipped = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"any"
    assert read(tmp_path, skipped + zst(patients(5))) == (5, [])


@pytest.mark.parametrize("start", [b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"\x28\xb5"])
def test_a_broken_first_line_that_looks_like_a_mark_costs_itself_alone(tmp_path: Path, start: bytes) -> None:
    kept, rejected = read(tmp_path, start + patients(3))
    assert kept == 2
    assert [(file, line) for file, line, _ in rejected] == [("Patient.ndjson", 1)]
