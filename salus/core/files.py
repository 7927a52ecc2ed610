"""Files: written whole or not at all, so that what was there before is never lost to half of what comes."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex


def put(path: Path, raw: bytes) -> Path:
    """Write `raw` to `path` under another name, and give it its own once it is whole.

    What is there and is no plain file (a pipe, a link) is written through: it is never put out of its place.
    Raises OSError where that cannot be done; what was at `path` is there then as it was.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(raw)
        return path
    draft = path.with_name(f".{path.name}.{token_hex(4)}.new")
    try:
        with draft.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return path
