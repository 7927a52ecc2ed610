"""The manifest of an archive: which generation of files is the record now; replaced in one rename."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex

import msgspec

from salus.core.errors import AwayError, EvidenceError

NAME = "archive.json"
_LOCK = "read.lock"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the record is made of. parts: shards of events and of the index. reads: numbers of reads kept.

    id: which archive this is, whatever is read into it later; "" in one of before there were ids. servers:
    the base URLs of the servers whose ids it holds; "" stands for exports that do not say.
    """

    format: int = FORMAT
    generation: int = 0
    folder: str = ""
    previous: str = ""
    parts: int = 1
    events: int = 0
    subjects: int = 0
    reads: list[int] = field(default_factory=list)
    id: str = ""
    servers: list[str] = field(default_factory=list)

    @property
    def server(self) -> str:
        """The one server that every id here is of; "" where that is not known."""
        return self.servers[0] if len(self.servers) == 1 else ""


def load(root: Path) -> Manifest | None:
    """Return the manifest in `root`, None when nothing was ever read there.

    Raises EvidenceError when it is damaged or from a newer Salus.
    """
    try:
        raw = (root / NAME).read_bytes()
    except FileNotFoundError:
        return None
    try:
        found = msgspec.json.decode(raw, type=Manifest)
    except msgspec.MsgspecError:
        raise EvidenceError(f"'{root / NAME}' is damaged: restore it from a backup.") from None
    if found.format != FORMAT:
        raise EvidenceError(
            f"'{root / NAME}' has format {found.format}; this Salus reads {FORMAT}: update it."
        )
    return found


def publish(root: Path, manifest: Manifest) -> None:
    """Make `manifest` the record: everything it names is on disk first, then one rename.

    It keeps the id of the generation before; the first one gets a fresh one.
    """
    base = load(root)
    manifest = replace(manifest, id=base.id if base and base.id else token_hex(16))
    sync(root / manifest.folder)
    sync(root / "raw", deep=False)
    draft = root / f"{NAME}.new"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    sync(draft)
    draft.replace(root / NAME)
    sync(root, deep=False)


def sync(path: Path, deep: bool = True) -> None:
    """Bring a file, or a folder with all that is in it, to the disk."""
    if deep and path.is_dir():
        for inside in path.iterdir():
            sync(inside)
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(root: Path, manifest: Manifest | None) -> None:
    """Remove what a read that was killed left behind, and generations that nobody reads any more."""
    kept = {manifest.folder, manifest.previous} if manifest else set()
    for folder in root.glob("gen-*"):
        if folder.name not in kept and not is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(root / "work", ignore_errors=True)
    reads = set(manifest.reads) if manifest else set()
    for copy in (root / "raw").glob("read-*.ndjson.zst"):
        if int(copy.name[5:9]) not in reads:
            copy.unlink(missing_ok=True)


def hold(folder: Path) -> int:
    """Keep a generation from being swept while somebody has it open; return the descriptor to close after.

    Where a file system knows no locks nothing is held: the generation before the last stays in any case.
    """
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return handle


def is_held(folder: Path) -> bool:
    """Whether somebody holds `folder`, in this process or another."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


class Lock:
    """Lets one read at a time change an archive; the lock dies with its process.

    name: the file that is locked; whoever also keeps the ledger of a read holds one of its own around it.
    Raises AwayError when another holds it.
    """

    def __init__(self, root: Path, name: str = _LOCK) -> None:
        import fcntl

        self._file = (root / name).open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise AwayError(f"Another read into '{root}' is under way: try again when it is done.") from None

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
