"""How the bytes of an export come: packed, damaged, in other encodings, through pipes; and from where not."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from salus.core.errors import AwayError, UserError
from salus.record.archive import Archive
from salus.record.bulk import read_place

ROOT = Path(__file__).resolve().parents[2]


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


def into(folder: Path, name: str, first: int) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(patients(1, first))
    return path


def test_linked_folders_are_read_once_and_nothing_vanishes(tmp_path: Path) -> None:
    folder, away = tmp_path / "in", tmp_path / "away"
    into(folder, "sub/a.ndjson", 1)
    into(away, "b.ndjson", 2)
    into(folder, ".hidden.ndjson", 3)
    (folder / ".DS_Store").write_bytes(b"x")
    (away / "loop").symlink_to(folder)
    (away / "up").symlink_to(tmp_path)
    (folder / "0-again").symlink_to("sub")
    (folder / "linked").symlink_to(away)
    (folder / "linked-twice").symlink_to(away)
    (folder / "self").symlink_to("self")
    (folder / "gone.ndjson").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.ndjson")
    account = read_place(str(folder), tmp_path / "a")
    assert account.as_events == {"Patient": 2}
    assert account.notes == [
        "passed over: .hidden.ndjson (hidden)",
        "passed over: 0-again (a link to what is read already)",
        "passed over: gone.ndjson (a link to nothing)",
        "passed over: linked/loop (a link to what is read already)",
        "passed over: linked/up (a link to what holds this folder)",
        "passed over: linked-twice (a link to what is read already)",
        "passed over: pipe.ndjson (no file)",
        "passed over: self (a link to nothing)",
    ]


def test_a_folder_that_cannot_be_listed_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    into(tmp_path / "in", "a.ndjson", 1)
    into(tmp_path / "in", "closed/b.ndjson", 2)
    listed = Path.iterdir

    def refused(self: Path) -> Iterator[Path]:
        if self.name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", refused)
    account = read_place(str(tmp_path / "in"), tmp_path / "a")
    assert account.as_events == {"Patient": 1}
    assert account.notes == ["passed over: closed (Permission denied)"]


def test_a_link_into_the_archive_is_not_read(tmp_path: Path) -> None:
    into(tmp_path / "in", "a.ndjson", 1)
    read_place(str(tmp_path / "in"), tmp_path / "a")
    (tmp_path / "in" / "back").symlink_to(tmp_path / "a" / "gen-0001" / "metadata")
    with pytest.raises(UserError, match="put the archive elsewhere"):
        read_place(str(tmp_path / "in"), tmp_path / "a")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    into(tmp_path / "in", "a.ndjson", 1)
    bad = into(tmp_path / "in", "sub/b.ndjson", 2)
    opened = Path.open

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(
        Path, "open", lambda self, *how, **more: Failing() if self == bad else opened(self, *how, **more)
    )
    with pytest.raises(AwayError, match=r"'sub/b.ndjson' cannot be read \(Input/output error\)"):
        read_place(str(tmp_path / "in"), tmp_path / "a")
    assert not (tmp_path / "a" / "archive.json").exists()


_SMALL = """
import resource, sys
from pathlib import Path
from salus.core.errors import AwayError
from salus.record.bulk import read_place
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    read_place(sys.argv[1], Path(sys.argv[2]))
except AwayError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [0, 1_000, 100_000])
def test_what_does_not_fit_is_said_in_words_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    """A limit on the size of a file stands for a full disk: the system's answer comes by the same ways."""
    into(tmp_path / "1", "a.ndjson", 1)
    read_place(str(tmp_path / "1"), tmp_path / "a")
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "b.ndjson").write_bytes(patients(8_000, 2))
    arguments = [sys.executable, "-c", _SMALL, str(tmp_path / "2"), str(tmp_path / "a"), str(limit)]
    said = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "cannot be written (File too large): make room there" in said
    assert "nothing of this read was kept" in said
    assert Archive.open(tmp_path / "a").subjects() == ["Patient/p1"]
    assert not (tmp_path / "a" / "work").exists()
    assert len(list((tmp_path / "a" / "raw").iterdir())) == 1


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        pl.exceptions.ComputeError("No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(AwayError, match="make room there"):
        read(tmp_path, patients(3))
    assert not list((tmp_path / "a").glob("gen-*"))


def _ward() -> list[dict[str, Any]]:
    """A patient and three observations, one of them told inside a report that is in error."""
    return [
        {"resourceType": "Patient", "id": "p"},
        *(
            {"resourceType": "Observation", "id": f"o{number}", "status": "final", "code": {"text": "pulse"},
             "subject": {"reference": "Patient/p"}, "valueInteger": number}
            for number in range(3)
        ),
    ]  # fmt: skip


def _line_by_line(opens: str, between: str, closes: str) -> str:
    return opens + between.join(f"\n{json.dumps(one)}\n" for one in _ward()) + closes + "\n"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(_ward()),
        json.dumps(_ward(), indent=1),
        _line_by_line("[", ",", "]"),
        _line_by_line('{"resourceType":"Bundle","type":"collection","entry":[{"resource":',
                      '},{"resource":', "}]}"),
        _line_by_line('{"resourceType":"Bundle",\n"type":"collection","entry":[\n{"resource":',
                      '},\n{"resource":', "}\n]}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["export.json", "export.json.gz"])
def test_one_document_is_read_as_one_whatever_its_lines(tmp_path: Path, text: str, name: str) -> None:
    """An array of resources, a Bundle; a resource that has a line for itself is an entry like the others."""
    raw = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    account = read_place(str(tmp_path / name), tmp_path / "a")
    assert account.resources == 4
    assert account.as_events == {"Patient": 1, "Observation": 3}
    assert account.rejected == []


def test_what_a_report_in_error_contains_is_no_evidence_though_it_has_a_line(tmp_path: Path) -> None:
    report = (
        '{"resourceType":"DiagnosticReport","id":"d","status":"entered-in-error",'
        '"subject":{"reference":"Patient/p"},"contained":['
    )
    (tmp_path / "d.json").write_text(f"{report}\n{json.dumps(_ward()[1])}\n]}}\n")
    account = read_place(str(tmp_path / "d.json"), tmp_path / "a")
    assert (account.resources, account.events) == (1, 0)
    assert [one.reason for one in account.rejected] == ["entered-in-error"]


@pytest.mark.parametrize("broken", ['{"resourceType":"Patient","id":"x', '{"a":[', "{broken\n" * 59 + "{"])
@pytest.mark.parametrize("name", ["export.json", "export.ndjson"])
def test_a_first_line_that_is_broken_makes_lines_no_document(tmp_path: Path, broken: str, name: str) -> None:
    raw = f"{broken}\n".encode() + patients(3)
    kept, rejected = read(tmp_path, raw, name)
    assert kept == 3
    assert [line for _, line, _ in rejected] == [*range(1, broken.count("\n") + 2)]


@pytest.mark.parametrize("odd", [r"\ud83d", r"\q", "\t", r"\u12"])
@pytest.mark.parametrize("form", ['{"resourceType":"Bundle","entry":[%s]}', "[%s]"])
def test_an_entry_that_is_no_json_costs_itself_alone(tmp_path: Path, odd: str, form: str) -> None:
    """A text that was cut in the middle of a character, say; the others are kept as they came."""
    lines = [json.dumps(one) for one in _ward()]
    lines[1] = lines[1].replace("pulse", f"pulse {odd}")
    lines[2] = lines[2].replace("pulse", r"\ud83d\ude00")
    wrap = '{"resource":%s}' if "Bundle" in form else "%s"
    (tmp_path / "b.json").write_text(form % ",\n".join(wrap % line for line in lines))
    account = read_place(str(tmp_path / "b.json"), tmp_path / "a")
    assert (account.resources, account.as_events) == (4, {"Patient": 1, "Observation": 2})
    assert [one.reason for one in account.rejected] == ["not JSON"]
    kept = {bytes(raw).decode() for _, raw in Archive.open(tmp_path / "a").standing("Observation")}
    assert kept == {lines[2], lines[3]}
