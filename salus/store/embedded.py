"""How an embedded database is reached: by Python's SQLite, or by SQLCipher where its archive is sealed."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from salus.core.errors import UserError
from salus.store.sealed import vault_of


def driver(file: Path) -> Any:
    """Return the module (DB-API 2) that reads and writes the embedded database `file`."""
    if vault_of(file) is None:
        return sqlite3
    try:
        from sqlcipher3 import dbapi2
    except ImportError:
        raise UserError("A sealed archive needs SQLCipher: pip install 'salus-clinical[sealed]'.") from None
    return dbapi2


def opened(file: Path, **how: Any) -> Any:
    """Return a plain connection to the embedded database `file`, which is made where there is none."""
    raw = driver(file).connect(file, **how)
    keyed(file, raw)
    return raw


def keyed(file: Path, raw: Any, _record: object = None) -> None:
    """Say the key of a sealed database: the first word to it. Nothing of it goes into temporary files."""
    vault = vault_of(file)
    if vault is not None:
        raw.execute(f"PRAGMA key = \"x'{vault.database_key.hex()}'\"").close()
        raw.execute("PRAGMA temp_store = MEMORY").close()
