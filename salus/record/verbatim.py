"""Resources exactly as they came, decimals and all: blocks of lines as Zstandard frames in one file a read.

The file is plain ``.zst``: any tool unpacks it to the lines that were read. A resource is found by the
place of its frame, and its offset and length inside.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from salus.core.errors import EvidenceError
from salus.record import rest

# Level 1: the copy must not cost more than the reading.
_LEVEL = 1
_FRAMES_KEPT = 8


class Copy:
    """Writes what is read, block by block, to `path`."""

    def __init__(self, path: Path) -> None:
        import zstandard

        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = rest.create(path)
        self._packer = zstandard.ZstdCompressor(level=_LEVEL)
        self.at = 0

    def add(self, block: bytes) -> int:
        """Write one block and return the place of its frame."""
        at = self.at
        self.at += self._file.write(self._packer.compress(block))
        return at

    def close(self) -> None:
        """Bring everything to the disk; once is enough."""
        if self._file.closed:
            return
        rest.end(self._file)


@dataclass(slots=True)
class Original:
    """Reads resources back out of the copies in `folder`; a few unpacked frames are kept."""

    folder: Path
    _frames: OrderedDict[tuple[int, int], bytes] = field(default_factory=OrderedDict)
    _files: dict[int, Any] = field(default_factory=dict)

    def get(self, read: int, frame: int, offset: int, length: int) -> bytes:
        """Return the bytes of one resource.

        Raises EvidenceError when the copy is missing or damaged.
        """
        return self.frame(read, frame)[offset : offset + length]

    def frame(self, read: int, frame: int) -> bytes:
        """Return the lines of one frame; raises as `get` does."""
        found = self._frames.get((read, frame))
        if found is None:
            found = self._frames[read, frame] = self._unpack(read, frame)
            if len(self._frames) > _FRAMES_KEPT:
                self._frames.popitem(last=False)
        return found

    def _unpack(self, read: int, frame: int) -> bytes:
        import zstandard

        path = self.folder / name(read)
        try:
            inflate, parts = zstandard.ZstdDecompressor().decompressobj(), []
            for piece in rest.pieces(path, frame):
                parts.append(inflate.decompress(piece))
                if inflate.eof:
                    break
        except (OSError, zstandard.ZstdError) as error:
            raise EvidenceError(
                f"The verbatim copy '{path}' cannot be read ({type(error).__name__}): restore it from a "
                "backup, or read the export again."
            ) from None
        return b"".join(parts)


def name(read: int) -> str:
    """Return the file name of the copy of read number `read`."""
    return f"read-{read:04d}.ndjson.zst"
