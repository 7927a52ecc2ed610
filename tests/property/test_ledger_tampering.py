"""Every byte of every column of every table of the ledger counts: changed, removed or moved, it is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from salus.core.errors import SalusError
from salus.spine.audit import verify
from salus.spine.heads import publish_head
from salus.spine.site import Site, open_site
from salus.store.ledger import verify as verify_chain
from tests.conftest import IN_SOAK
from tests.ledgers import GUARDS, as_written, change, fill, looks, rewritten

TABLES = (
    "entry", "opening", "insight", "insight_source", "review", "hook_card", "status", "setting", "artefact",
    "tile",
)  # fmt: skip
# In a long run every bit of every byte; else one bit of each, which one goes by its place.
BITS = range(8)


@pytest.fixture(name="site", scope="module")
def site_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = fill(open_site(tmp_path_factory.mktemp("ledger") / "archive"))
    publish_head(site)
    yield site
    site.close()


@pytest.fixture(name="raw")
def raw_fixture(site: Site) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(site.path / "salus.db", isolation_level=None)) as raw:
        for guard in GUARDS:
            raw.execute(f"DROP TRIGGER IF EXISTS {guard}")
        yield raw
    assert verify(site).intact, "each change was taken back"


def is_found(site: Site) -> bool:
    """Whether an audit says that something is wrong; that the store is damaged says so too."""
    try:
        # In the order of cost: most is found by the first part, and all of it costs ten times that.
        chain = verify_chain(site.store.entries())
        return not (chain.intact and next(site.store.check_records(), "") == "" and verify(site).intact)
    except SalusError:
        return True


def columns(raw: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]


def rows(raw: sqlite3.Connection, table: str) -> list[int]:
    return [row[0] for row in raw.execute(f"SELECT rowid FROM {table}")]


def flipped(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield SQL and a parameter for `value` with one bit changed, for each byte that it has."""
    if value is None:
        yield from (("?", 1), ("?", "x"), ("?", b"x"))
        return
    if isinstance(value, int):
        yield from (("?", value ^ (1 << bit)) for bit in BITS)
        return
    whole = value.encode() if isinstance(value, str) else value
    form = "CAST(? AS TEXT)" if isinstance(value, str) else "?"
    for place, byte in enumerate(whole):
        for bit in BITS if IN_SOAK else (place % 8,):
            yield form, whole[:place] + bytes([byte ^ (1 << bit)]) + whole[place + 1 :]


def order(raw: sqlite3.Connection, table: str) -> list[Any]:
    return raw.execute(f"SELECT id FROM {table} ORDER BY n").fetchall()


@pytest.mark.parametrize("table", TABLES[:-1])
def test_every_byte_that_is_changed_is_found(site: Site, raw: sqlite3.Connection, table: str) -> None:
    missed, tried = [], 0
    for column in columns(raw, table):
        for row in rows(raw, table):
            (value,) = raw.execute(f'SELECT "{column}" FROM {table} WHERE rowid = ?', (row,)).fetchone()
            for form, other in flipped(value):
                raw.execute("BEGIN IMMEDIATE")
                before = order(raw, table) if column == "n" else None
                try:
                    raw.execute(f'UPDATE {table} SET "{column}" = {form} WHERE rowid = ?', (other, row))
                except sqlite3.IntegrityError:
                    # No two rows can have it: the database itself refuses that.
                    raw.execute("ROLLBACK")
                    continue
                moved = raw.execute("SELECT changes()").fetchone()[0]
                raw.execute("COMMIT")
                tried += moved
                # A row's number counts by the order that it gives, and by nothing else.
                same = before is not None and order(raw, table) == before
                if not (same or is_found(site)):
                    missed.append((column, row, value, other))
                at = other if column in ("seq", "n") and table != "hook_card" else row
                back = "?" if not isinstance(value, str) else "CAST(? AS TEXT)"
                was = value.encode() if isinstance(value, str) else value
                raw.execute(f'UPDATE {table} SET "{column}" = {back} WHERE rowid = ?', (was, at))
    assert missed == []
    assert tried > 0


@pytest.mark.parametrize("table", TABLES[:-1])
def test_every_row_that_is_removed_is_found(site: Site, raw: sqlite3.Connection, table: str) -> None:
    names = ", ".join(f'"{column}"' for column in columns(raw, table))
    for row in rows(raw, table):
        kept = raw.execute(f"SELECT rowid, {names} FROM {table} WHERE rowid = ?", (row,)).fetchone()
        raw.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
        assert is_found(site), (table, kept)
        marks = ", ".join("?" * len(kept))
        has_own = table in ("entry", "opening", "insight", "review", "status")
        if has_own:
            raw.execute(f"INSERT INTO {table} ({names}) VALUES ({marks[3:]})", kept[1:])
        else:
            raw.execute(f"INSERT INTO {table} (rowid, {names}) VALUES ({marks})", kept)


@pytest.mark.parametrize("table", TABLES[:-1])
def test_every_two_rows_that_change_places_are_found(site: Site, raw: sqlite3.Connection, table: str) -> None:
    """Neighbours change all that they hold, and in turn each of their columns."""
    here = rows(raw, table)
    for one, two in pairwise(here):
        for column in columns(raw, table):
            values = [
                raw.execute(f'SELECT "{column}" FROM {table} WHERE rowid = ?', (row,)).fetchone()[0]
                for row in (one, two)
            ]
            if values[0] == values[1] or not swapped(raw, table, column, (one, two), values):
                continue
            assert is_found(site), (table, column, values)
            swapped(raw, table, column, (one, two), values[::-1])


def swapped(
    raw: sqlite3.Connection, table: str, column: str, places: tuple[int, int], values: list[Any]
) -> bool:
    """Give each row the other's value; False where it cannot be, since the column is a row's own name."""
    if column in ("seq", "n") and table != "hook_card":
        return False
    unique = {"entry": "digest", "insight": "id", "review": "id", "setting": "key", "artefact": "digest"}
    if unique.get(table) == column or table == "insight_source" or (table, column) == ("hook_card", "uuid"):
        raw.execute(f'UPDATE {table} SET "{column}" = "{column}" || \'~\' WHERE rowid = ?', (places[0],))
    try:
        for place, value in zip(places, values[::-1], strict=True):
            raw.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (value, place))
    except sqlite3.IntegrityError:
        raw.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (values[0], places[0]))
        return False
    return True


def test_every_byte_of_the_kept_tree_counts(tmp_path: Path) -> None:
    site = open_site(tmp_path / "archive")
    looks(site, 300)
    publish_head(site)
    with closing(sqlite3.connect(site.path / "salus.db", isolation_level=None)) as raw:
        ((root, hashes),) = raw.execute("SELECT root, hashes FROM tile").fetchall()
        step = 1 if IN_SOAK else 211
        for column, whole, places in (("root", root, range(32)), ("hashes", hashes, range(0, 8192, step))):
            for place in places:
                changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
                raw.execute(f"UPDATE tile SET {column} = ?", (changed,))
                assert is_found(site)
            raw.execute(f"UPDATE tile SET {column} = ?", (whole,))
        for statement in (
            "UPDATE tile SET n = 1",
            "UPDATE tile SET level = 1",
            "UPDATE tile SET level = 'x'",
        ):
            raw.execute("BEGIN")
            raw.execute(statement)
            raw.execute("COMMIT")
            assert is_found(site)
            raw.execute("UPDATE tile SET n = 0, level = 0")
    assert verify(site).intact
    site.close()


def test_every_byte_of_the_heads_counts(site: Site) -> None:
    whole = site.heads.read_bytes()
    for place in range(len(whole)):
        for bit in BITS if IN_SOAK else (place % 8,):
            site.heads.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :])
            assert is_found(site), (place, bit)
    site.heads.write_bytes(whole)
    assert verify(site).intact


def kept(site: Site) -> bytes:
    head = publish_head(site)
    assert head is not None
    site.heads.unlink()
    return head.note


def test_every_truncation_is_found_with_a_head_that_was_kept_elsewhere(tmp_path: Path) -> None:
    site = open_site(tmp_path / "archive")
    looks(site, 30)
    head, last = kept(site), site.store.head()[0]
    for size in range(last - 1, -1, -1):
        tables = ("DELETE FROM opening WHERE seq > {}", "DELETE FROM entry WHERE seq > {}")
        change(site.path, *(table.format(size) for table in tables))
        assert site.store.head()[0] == size
        assert verify_chain(site.store.entries()).intact, "the chain alone cannot show it"
        assert any("was cut short" in one for one in verify(site, notes=head).problems)
    site.close()


def test_every_rewrite_is_found_with_a_head_that_was_kept_elsewhere(tmp_path: Path) -> None:
    site = open_site(tmp_path / "archive")
    looks(site, 30)
    head, entries = kept(site), list(site.store.entries())
    for first in range(1, len(entries) + 1):
        change(site.path, *rewritten(entries, first))
        assert verify_chain(site.store.entries()).intact, "the chain alone cannot show it"
        assert any("changed or written anew" in one for one in verify(site, notes=head).problems)
        change(site.path, *as_written(entries))
    assert verify(site, notes=head).intact
    site.close()
