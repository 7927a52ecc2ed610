"""Every bit of a backup matters: a byte that is another, a cut, an addition, another file are all found."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.core.errors import EvidenceError
from salus.store.pack import Contents, Member, Pack, members, write

SIZES = (0, 1, 511, 512, 513, 3_000, 20_000)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of files whose ends lie on, before and behind the border of a block."""
    folder, draw = tmp_path_factory.mktemp("pack"), Random(1)
    (folder / "in" / "sub").mkdir(parents=True)
    names = [f"sub/file-{size}" for size in SIZES]
    for name, size in zip(names, SIZES, strict=True):
        (folder / "in" / name).write_bytes(draw.randbytes(size))
    write(folder / "pack", Contents(members(folder / "in", names), {"n": 1}), folder / "in")
    return folder / "pack"


def is_taken(path: Path) -> bool:
    try:
        with Pack(path) as pack:
            pack.read()
    except EvidenceError:
        return False
    return True


def test_every_single_byte_that_is_another_is_found(packed: Path) -> None:
    whole, path, draw = packed.read_bytes(), packed.with_name("flipped"), Random(2)
    assert is_taken(packed)
    path.write_bytes(whole)
    missed = []
    with path.open("r+b", buffering=0) as file:
        for at in range(len(whole)):
            file.seek(at)
            file.write(bytes([whole[at] ^ (1 << draw.randrange(8))]))
            if is_taken(path):
                missed.append(at)
            file.seek(at)
            file.write(whole[at : at + 1])
    assert missed == []
    assert is_taken(path)


def test_every_cut_and_every_addition_is_found(packed: Path) -> None:
    whole, path = packed.read_bytes(), packed.with_name("cut")
    path.write_bytes(whole)
    with path.open("r+b") as file:
        for length in range(len(whole) - 1, -1, -97):
            file.truncate(length)
            assert not is_taken(path)
    for more in (b"\0", bytes(512), bytes(10_240)):
        path.write_bytes(whole + more)
        assert not is_taken(path)


@given(st.data())
def test_parts_that_change_places_are_found(packed: Path, data: st.DataObject) -> None:
    whole = packed.read_bytes()
    blocks = [whole[at : at + 512] for at in range(0, len(whole), 512)]
    one, two = (data.draw(st.integers(0, len(blocks) - 1)) for _ in range(2))
    same = blocks[one] == blocks[two]
    blocks[one], blocks[two] = blocks[two], blocks[one]
    path = packed.with_name("swapped")
    path.write_bytes(b"".join(blocks))
    assert is_taken(path) is same


def test_another_file_is_none(packed: Path, tmp_path: Path) -> None:
    for raw in (b"", b"x", bytes(10_000), Random(3).randbytes(10_000), b"PK\3\4" * 300):
        (tmp_path / "foreign").write_bytes(raw)
        with pytest.raises(EvidenceError, match="is no backup that Salus wrote"):
            Pack(tmp_path / "foreign")
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(packed, "pack")
    with pytest.raises(EvidenceError, match="is no backup that Salus wrote"):
        Pack(tmp_path / "other.tar")


@pytest.mark.parametrize(
    "name", ["../out", "/etc/x", "a/../../b", ".hidden", "a//b", "a\nb", "x" * 100, "a/"]
)
def test_no_member_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """Somebody who makes a pack by hand, with all digests right, gets nothing written elsewhere."""
    contents = Contents([Member(name[:99] if len(name) < 100 else name, 0, sha256(b"").hexdigest())])
    raw = contents.raw
    first = tarfile.TarInfo(f"salus-backup-{sha256(raw).hexdigest()}.json")
    first.size, first.mode = len(raw), 0o600
    head = first.tobuf(tarfile.GNU_FORMAT) + raw + bytes(-len(raw) % 512)
    (tmp_path / "pack").write_bytes(head + bytes(contents.size - len(head)))
    with pytest.raises(EvidenceError, match="names files that no archive has"):
        Pack(tmp_path / "pack")


def test_a_newer_form_is_said_to_be_newer(tmp_path: Path) -> None:
    raw = json.dumps({"format": 2}).encode()
    first = tarfile.TarInfo(f"salus-backup-{sha256(raw).hexdigest()}.json")
    first.size, first.mode = len(raw), 0o600
    (tmp_path / "pack").write_bytes(first.tobuf(tarfile.GNU_FORMAT) + raw + bytes(2_000))
    with pytest.raises(EvidenceError, match="has format 2; this Salus reads 1"):
        Pack(tmp_path / "pack")


def test_any_tool_unpacks_it(packed: Path, tmp_path: Path) -> None:
    tool = shutil.which("tar")
    assert tool is not None
    done = subprocess.run([tool, "xf", packed, "-C", tmp_path], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found = {path.name: path.read_bytes() for path in (tmp_path / "sub").iterdir()}
    assert found == {path.name: path.read_bytes() for path in (packed.parent / "in" / "sub").iterdir()}


def test_a_file_that_changes_while_it_is_packed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before")
    contents = Contents(members(tmp_path, ["a"]))
    for raw in (b"beford", b"before and more", b"bef"):
        (tmp_path / "a").write_bytes(raw)
        with pytest.raises(EvidenceError, match="was changed while it was packed"):
            write(tmp_path / f"pack-{len(raw)}", contents, tmp_path)
