"""Public sets: licence first, every file held to its checksum, kept, and not taken when it is another."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from salus.core.errors import AwayError, EvidenceError, UserError
from salus.record.sources.published import Published, fetch_published, published

CONTENT = b'{"resourceType":"Patient","id":"1"}\n'
SUM = hashlib.sha256(CONTENT).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    root = tmp_path / "publisher"
    (root / "fhir").mkdir(parents=True)
    (root / "fhir" / "x.ndjson").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield root, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def one(base: str, checksum: str = SUM) -> dict[str, Published]:
    return {"set": Published("A set", base, "Some licence", "Someone", {"fhir/x.ndjson": checksum})}


def test_brought_once_with_its_licence(site: tuple[Path, str], tmp_path: Path) -> None:
    said: list[str] = []
    root, base = site
    folder = fetch_published("set", said.append, sets=one(base), cache=tmp_path / "cache")
    assert (folder / "fhir" / "x.ndjson").read_bytes() == CONTENT
    assert "Some licence" in said[0]
    (root / "fhir" / "x.ndjson").unlink()
    assert fetch_published("set", said.append, sets=one(base), cache=tmp_path / "cache") == folder


def test_what_is_not_what_was_published_is_thrown_away(site: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="not what was published"):
        fetch_published("set", str, sets=one(site[1], "0" * 64), cache=tmp_path / "cache")
    assert not (tmp_path / "cache" / "set" / "fhir" / "x.ndjson").exists()


def test_held_to_the_publishers_own_list(site: tuple[Path, str], tmp_path: Path) -> None:
    root, base = site
    (root / "SHA256SUMS.txt").write_text(f"{SUM}  fhir/x.ndjson\n")
    assert fetch_published("set", str, sets=one(base, ""), cache=tmp_path / "cache").is_dir()
    (root / "SHA256SUMS.txt").write_text(f"{SUM}  other\n")
    with pytest.raises(EvidenceError, match="no checksum"):
        fetch_published("set", str, sets=one(base, ""), cache=tmp_path / "cache")


def test_away_and_unknown(free_port: int, tmp_path: Path) -> None:
    with pytest.raises(AwayError, match="try again later"):
        fetch_published("set", str, sets=one(f"http://127.0.0.1:{free_port}/"), cache=tmp_path)
    with pytest.raises(UserError, match="mimic-iv-fhir-demo"):
        fetch_published("mimic", str, cache=tmp_path)


def test_the_sets_that_are_named() -> None:
    known = published()
    assert set(known) == {"mimic-iv-fhir-demo", "synthea-sample", "physionet2012"}
    for one_set in known.values():
        assert one_set.base.startswith("https://")
        assert one_set.licence
        assert one_set.files
