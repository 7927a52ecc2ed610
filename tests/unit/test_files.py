"""A file is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from salus.core.files import put


def test_it_is_written_and_written_anew(tmp_path: Path) -> None:
    assert put(tmp_path / "a.json", b"one").read_bytes() == b"one"
    assert put(tmp_path / "a.json", b"two").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_was_there_is_there_where_it_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "kept").write_bytes(b"one")
    with pytest.raises(OSError):
        put(tmp_path / "a", b"two")
    assert (tmp_path / "a" / "kept").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "far").write_bytes(b"one")
    (tmp_path / "link").symlink_to(tmp_path / "far")
    put(tmp_path / "link", b"two")
    assert ((tmp_path / "link").is_symlink(), (tmp_path / "far").read_bytes()) == (True, b"two")
    os.mkfifo(tmp_path / "pipe")
    end = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        put(tmp_path / "pipe", b"three")
        assert (os.read(end, 10), (tmp_path / "pipe").is_fifo()) == (b"three", True)
    finally:
        os.close(end)
