"""A row or an entry that somebody changed behind the store's back is found, in both back ends."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from salus.core.review import Review
from salus.store.ledger import commitment, digest, moment, verify
from salus.store.store import Store, open_store
from tests.store_fixtures import NOW, change, put, store_fixture, url_fixture  # noqa: F401


def problems(store: Store, head: str | None = None) -> list[str]:
    return [*verify(store.entries(), head).problems, *store.check_records()]


def fill(store: Store) -> Store:
    """Three insights (entries 1 to 3), a review (4), a status (5)."""
    with store.begin() as tx:
        for name in ("i1", "i2", "i3"):
            put(tx, name)
        tx.put_review(Review("i1", "Practitioner/7", "overridden", "other", "note", NOW, id="r1"))
        tx.append(NOW, "Practitioner/7", "review", {"id": "r1"})
        said = {
            "model": "news2",
            "version": "1",
            "status": "live",
            "by": "m",
            "because": "b",
            "signature": "01",
        }
        entry = tx.append(NOW, "m", "status", said)
        tx.set_status("news2", "1", "live", "m", "b", NOW, b"\1", entry.seq)
    assert problems(store) == []
    return store


@pytest.fixture(name="full")
def full_fixture(store: Store) -> Store:
    return fill(store)


CHANGED_ROWS = {
    "an insight's words": ("UPDATE insight SET document = 'other' WHERE id = 'i2'", "insight i2 was changed"),
    "an insight's subject": ("UPDATE insight SET subject = 'P' WHERE id = 'i2'", "insight i2 was changed"),
    "an insight's model": ("UPDATE insight SET model = 'ckd' WHERE id = 'i2'", "insight i2 was changed"),
    "an insight's version": ("UPDATE insight SET version = '2' WHERE id = 'i2'", "insight i2 was changed"),
    "an insight's time": (
        "UPDATE insight SET as_of = '2024-01-01T00:00:00.000000+00:00' WHERE id = 'i2'",
        "insight i2 was changed",
    ),
    "what an insight leans on": (
        "DELETE FROM insight_source WHERE insight = 'i2' AND source = 'Observation/1'",
        "insight i2 was changed",
    ),
    "an insight's time, spelt otherwise": (
        "UPDATE insight SET as_of = '2024-05-06T07:08:09.123456Z' WHERE id = 'i2'",
        "insight i2 was changed",
    ),
    "an insight's time in another zone": (
        "UPDATE insight SET as_of = '2024-05-06T09:08:09.123456+02:00' WHERE id = 'i2'",
        "insight i2 was changed",
    ),
    "a review's time, spelt otherwise": (
        "UPDATE review SET at = '2024-05-06T07:08:09.123456Z'",
        "review r1 was changed",
    ),
    "a review's time in another zone": (
        "UPDATE review SET at = '2024-05-06T05:08:09.123456-02:00'",
        "review r1 was changed",
    ),
    "a status's time, spelt otherwise": (
        "UPDATE status SET at = '2024-05-06 07:08:09.123456+00:00'",
        "status of model news2 was changed",
    ),
    "an insight's time to none": ("UPDATE insight SET as_of = 'x' WHERE id = 'i2'", "insight i2 was changed"),
    "an insight removed": ("DELETE FROM insight WHERE id = 'i2'", "recorded insight i2, which is no longer"),
    "an insight slipped in": (
        "INSERT INTO insight (id, subject, model, version, as_of, document) "
        "SELECT 'i9', subject, model, version, as_of, document FROM insight WHERE id = 'i1'",
        "insight i9 is in no ledger entry",
    ),
    "an insight under another id": (
        "UPDATE insight SET id = 'i9' WHERE id = 'i2'",
        "insight i9 is in no ledger entry",
    ),
    "a decision": ("UPDATE review SET decision = 'accepted'", "review r1 was changed"),
    "a note": ("UPDATE review SET note = ''", "review r1 was changed"),
    "a reviewer": ("UPDATE review SET \"by\" = 'x'", "review r1 was changed"),
    "a review moved": ("UPDATE review SET insight = 'i2'", "review r1 was changed"),
    "a review removed": ("DELETE FROM review", "Entry 4 recorded review r1, which is no longer"),
    "a status": ("UPDATE status SET status = 'validated'", "status of model news2 was changed"),
    "a status's model": ("UPDATE status SET model = 'ckd'", "status of model ckd was changed"),
    "a status's time": (
        "UPDATE status SET at = '2020-01-01T00:00:00.000000+00:00'",
        "status of model news2 was changed",
    ),
    "a status removed": ("DELETE FROM status", "Entry 5 recorded status news2, which is no longer"),
    "an opening removed": ("DELETE FROM opening WHERE seq = 2", "Entry 2 (insight) has lost its opening"),
    "an opening renamed": ("UPDATE opening SET kind = 'look' WHERE seq = 2", "has lost its opening"),
    "a salt": ("UPDATE opening SET salt = 'xxxx' WHERE seq = 2", "insight i2 was changed"),
    "a salt erased, its row kept": (
        "UPDATE opening SET salt = NULL WHERE seq = 2",
        "Entry 2's opening was erased",
    ),
    "a review hidden below the first": (
        "UPDATE review SET n = -1, decision = 'accepted'",
        "review r1 was changed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGED_ROWS)
def test_a_changed_row_is_found(full: Store, what: str) -> None:
    statement, says = CHANGED_ROWS[what]
    head = full.head()[1]
    change(full, statement)
    assert any(says in problem for problem in problems(full)), problems(full)
    assert verify(full.entries(), head).intact, "the chain itself is whole"


OTHER_KINDS = [
    "UPDATE opening SET record_id = CAST(record_id AS BLOB) WHERE seq = 1",
    "UPDATE review SET id = CAST(id AS BLOB)",
    "UPDATE insight SET id = CAST(id AS BLOB) WHERE id = 'i2'",
    "UPDATE status SET model = CAST(model AS BLOB)",
    "UPDATE setting SET key = CAST(key AS BLOB)",
]


@pytest.mark.parametrize("statement", OTHER_KINDS)
def test_a_value_of_another_kind_is_told_of_and_ends_no_audit(tmp_path: Path, statement: str) -> None:
    with closing(open_store(f"sqlite:///{tmp_path / 'salus.db'}")) as store:
        fill(store)
        with store.begin() as tx:
            tx.put_setting("site-id", "a")
        assert problems(store) == []
        change(store, statement)
        assert problems(store) != []


CHANGED_ENTRIES = {
    "its time": "UPDATE entry SET at = '2020-01-01T00:00:00.000000+00:00' WHERE seq = 2",
    "its time, to none": "UPDATE entry SET at = 'x' WHERE seq = 2",
    "its time's zone": "UPDATE entry SET at = '2024-05-06T07:08:09.123456' WHERE seq = 2",
    "its time, spelt otherwise": "UPDATE entry SET at = '2024-05-06T07:08:09.123456Z' WHERE seq = 2",
    "its time in another zone": "UPDATE entry SET at = '2024-05-06T09:08:09.123456+02:00' WHERE seq = 2",
    "its time, with a space": "UPDATE entry SET at = '2024-05-06 07:08:09.123456+00:00' WHERE seq = 2",
    "its actor": "UPDATE entry SET who = 'x' WHERE seq = 2",
    "its deed": "UPDATE entry SET did = 'look' WHERE seq = 2",
    "its commitment": "UPDATE entry SET what = 'x' WHERE seq = 2",
    "its predecessor": "UPDATE entry SET previous = 'x' WHERE seq = 2",
    "its digest": "UPDATE entry SET digest = 'x' WHERE seq = 2",
    "removed": "DELETE FROM entry WHERE seq = 2",
    "removed first": "DELETE FROM entry WHERE seq = 1",
}


@pytest.mark.parametrize("what", CHANGED_ENTRIES)
def test_a_changed_entry_is_found(full: Store, what: str) -> None:
    if "removed" in what:
        change(full, CHANGED_ENTRIES[what].replace("entry", "opening"), CHANGED_ENTRIES[what])
    else:
        change(full, CHANGED_ENTRIES[what])
    assert not verify(full.entries()).intact


def test_two_entries_that_changed_places_are_found(full: Store) -> None:
    change(
        full,
        "UPDATE entry SET seq = -2 WHERE seq = 2",
        "UPDATE entry SET seq = 2 WHERE seq = 3",
        "UPDATE entry SET seq = 3 WHERE seq = -2",
    )
    assert not verify(full.entries()).intact


def test_a_cut_tail_needs_a_head_kept_elsewhere(full: Store) -> None:
    head = full.head()[1]
    change(full, "DELETE FROM status", "DELETE FROM opening WHERE seq = 5", "DELETE FROM entry WHERE seq = 5")
    assert problems(full) == []
    assert problems(full, head) == [
        "The head that was kept elsewhere is not in this ledger: it was cut short or rewritten."
    ]


def test_a_head_kept_earlier_still_holds_later(full: Store) -> None:
    head = full.head()[1]
    with full.begin() as tx:
        tx.append(NOW, "maria", "look", {})
    assert problems(full, head) == []


def test_a_full_rewrite_needs_a_head_kept_elsewhere(full: Store) -> None:
    """Somebody with the whole database rewrites an insight, its commitment and every digest after it."""
    head = full.head()[1]
    entries = list(full.entries())
    entries[1] = replace(entries[1], at=NOW - timedelta(days=1), what=commitment(b"", {}))
    statements = []
    set_all = "UPDATE entry SET at = '{}', what = '{}', previous = '{}', digest = '{}' WHERE seq = {}"
    for number, entry in enumerate(entries):
        linked = replace(entry, previous=entries[number - 1].digest if number else entry.previous)
        entries[number] = linked = replace(linked, digest=digest(linked))
        columns = (moment(linked.at), linked.what, linked.previous, linked.digest, linked.seq)
        statements.append(set_all.format(*columns))
    change(full, *statements)
    assert verify(full.entries()).intact
    assert not verify(full.entries(), head).intact


CARDS, LOOK = "cards that entry 12 recorded were changed", "What entry 14 (look) was about was changed"
NOTHING_BESIDE = {1: "insight", 4: "review", 5: "status", 8: "stale", 12: "card"}
STATE = {
    "a setting": ("UPDATE setting SET value = 'other'", "setting demonstration was changed after entry 7"),
    "a setting removed": ("DELETE FROM setting", "Entry 7 recorded setting demonstration, which is no"),
    "what a setting was before": (
        "UPDATE opening SET content = replace(content, 'first', 'other') WHERE seq = 6",
        "What entry 6 (setting) was about",
    ),
    "the salt of a setting of before": (
        "UPDATE opening SET salt = 'x' WHERE seq = 6",
        "What entry 6 (setting)",
    ),
    "which setting it was before": (
        "UPDATE opening SET record_id = 'site-id' WHERE seq = 6",
        "What entry 6 (setting)",
    ),
    "a setting slipped in": ("INSERT INTO setting VALUES ('x', 'y')", "setting x is in no ledger entry"),
    "whose a review is": (
        "UPDATE review SET subject = 'Patient/2'",
        "review r1 was given to another subject",
    ),
    "a mark removed": (
        "UPDATE insight SET stale_since = NULL, stale_seq = NULL WHERE id = 'i2'",
        "What entry 8 marked",
    ),
    "a mark's time": (
        "UPDATE insight SET stale_since = '2024-01-01T00:00:00.000000+00:00'",
        "What entry 8 marked",
    ),
    "a mark moved to another entry": (
        "UPDATE insight SET stale_seq = 11 WHERE id = 'i2'",
        "What entry 11 marked",
    ),
    "a mark slipped in": (
        "UPDATE insight SET stale_since = '2024-01-01T00:00:00.000000+00:00' WHERE id = 'i4'",
        "1 insights are marked as out of date, and no entry says so",
    ),
    "all marks of an entry removed": (
        "UPDATE insight SET stale_since = NULL, stale_seq = NULL WHERE stale_seq = 11",
        "What entry 11 marked",
    ),
    "which insight a card showed": ("UPDATE hook_card SET insight = 'i2' WHERE uuid = 'c1'", CARDS),
    "to whom a card was shown": ("UPDATE hook_card SET \"user\" = 'x' WHERE uuid = 'c1'", CARDS),
    "when a card was shown": (
        "UPDATE hook_card SET at = '2024-01-01T00:00:00.000000+00:00' WHERE uuid = 'c1'",
        CARDS,
    ),
    "when a card was shown, to none": ("UPDATE hook_card SET at = 'x' WHERE uuid = 'c1'", CARDS),
    "through whom a card was shown": ("UPDATE hook_card SET client = 'x' WHERE uuid = 'c1'", CARDS),
    "through whom a card was shown, taken out": (
        "UPDATE hook_card SET client = NULL WHERE uuid = 'c3'",
        "cards that entry 13 recorded were changed",
    ),
    "a card's name": ("UPDATE hook_card SET uuid = 'c9' WHERE uuid = 'c1'", CARDS),
    "a card removed": ("DELETE FROM hook_card WHERE uuid = 'c1'", CARDS),
    "all cards of a call removed": ("DELETE FROM hook_card WHERE seq = 12", CARDS),
    "two cards that changed places": (
        "UPDATE hook_card SET insight = CASE uuid WHEN 'c1' THEN 'i2' ELSE 'i1' END WHERE seq = 12",
        CARDS,
    ),
    "a card moved to another call": ("UPDATE hook_card SET seq = 13 WHERE uuid = 'c1'", CARDS),
    "a card slipped in": (
        "INSERT INTO hook_card (uuid, insight, \"user\", at) SELECT 'c9', insight, \"user\", at "
        "FROM hook_card WHERE uuid = 'c1'",
        "1 cards of hooks are in no ledger entry",
    ),
    "a card of an entry that records none": (
        "UPDATE hook_card SET seq = 1 WHERE uuid = 'c3'",
        "1 cards of hooks are in no ledger entry",
    ),
    "whom a look was at": ("UPDATE opening SET record_id = 'Patient/2' WHERE seq = 14", LOOK),
    "what a look was for": (
        "UPDATE opening SET content = replace(content, 'care', 'fun') WHERE seq = 14",
        LOOK,
    ),
    "what a look was about, removed": ("UPDATE opening SET content = NULL WHERE seq = 14", LOOK),
    "a look's salt": ("UPDATE opening SET salt = 'x' WHERE seq = 14", LOOK),
    **{
        f"something beside {kind}": (
            f"UPDATE opening SET content = '{{}}' WHERE seq = {seq}",
            f"Entry {seq} ({kind}) has something beside it that was not recorded",
        )
        for seq, kind in NOTHING_BESIDE.items()
    },
    "something beside them all": ("UPDATE opening SET content = '{}'", "Entry 1 (insight) has something"),
    "whom a card is said to be about": (
        "UPDATE opening SET record_id = 'Patient/1' WHERE seq = 12",
        "Entry 12 (card) has something beside it that was not recorded",
    ),
    "what a read was about": ("UPDATE opening SET content = '[]' WHERE seq = 15", "What entry 15 (read)"),
}  # fmt: skip


@pytest.mark.parametrize("what", STATE)
def test_changed_state_beside_the_records_is_found(full: Store, what: str) -> None:
    with full.begin() as tx:
        tx.put_setting("demonstration", "first")
        tx.put_setting("demonstration", "second")
        # Two marks of one microsecond (entries 8 and 11), two calls (12 and 13), a look (14), a read (15).
        tx.mark_stale(["Observation/1"], NOW, "maria")
        put(tx, "i4", sources=["Observation/4"])
        put(tx, "i5", sources=["Observation/5"])
        tx.mark_stale(["Observation/5"], NOW, "maria")
        tx.put_hook_cards({"c1": "i1", "c2": "i2"}, "Practitioner/7", NOW)
        tx.put_hook_cards({"c3": "i1"}, "Practitioner/7", NOW, "https://ehr.example/")
        tx.append(NOW, "Practitioner/7", "look", {"subject": "Patient/1", "purpose": "care"})
        tx.append(NOW, "maria", "read", {"place": "x"})
    assert problems(full) == []
    statement, says = STATE[what]
    change(full, statement)
    assert any(says in problem for problem in problems(full)), problems(full)


@pytest.mark.parametrize("table", ["insight", "review"])
def test_rows_that_changed_places_are_found(full: Store, table: str) -> None:
    """The last review is the word that counts, so its place is part of what was recorded."""
    with full.begin() as tx:
        tx.put_review(Review("i1", "Practitioner/8", "accepted", "", "", NOW, id="r2"))
        tx.append(NOW, "Practitioner/8", "review", {"id": "r2"})
    assert problems(full) == []
    change(
        full,
        f"UPDATE {table} SET n = -n WHERE n < 3",
        f"UPDATE {table} SET n = 3 + n WHERE n < 0",
    )
    first = table[0]
    assert any(f"The {table} {first}1 was moved" in found for found in problems(full)), problems(full)


def test_an_entry_below_the_first_proves_nothing(full: Store) -> None:
    change(
        full,
        "INSERT INTO entry (seq, at, who, did, what, previous, digest) "
        "SELECT 0, at, who, did, what, previous, 'x' FROM entry WHERE seq = 1",
        "INSERT INTO opening (seq, salt, kind, record_id) "
        "SELECT 0, salt, kind, 'x' FROM opening WHERE seq = 1",
    )
    assert "Entry 0 stands before the first entry: it was slipped in." in problems(full)


def test_a_review_erased_with_its_salt_is_found(full: Store) -> None:
    change(full, "UPDATE opening SET salt = NULL WHERE seq = 4", "DELETE FROM review")
    assert problems(full) == ["Entry 4's opening was erased, and no entry records an erasure."]


def test_an_erased_salt_and_row_leave_the_chain_whole(full: Store) -> None:
    """Nothing erases yet; when a verb does, the chain itself will hold."""
    head = full.head()[1]
    change(
        full,
        "UPDATE opening SET salt = NULL WHERE seq = 2",
        "DELETE FROM insight_source WHERE insight = 'i2'",
        "DELETE FROM insight WHERE id = 'i2'",
    )
    assert verify(full.entries(), head).intact


@pytest.mark.parametrize("statement", ["UPDATE entry SET who = 'x'", "DELETE FROM entry"])
def test_the_database_itself_refuses_to_change_an_entry(full: Store, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), full._engine.connect() as connection:
        connection.exec_driver_sql(statement)
    assert problems(full) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET who = x'00ff' WHERE seq = 2",
        "UPDATE entry SET at = 7.5 WHERE seq = 2",
        "UPDATE insight SET document = 7 WHERE id = 'i2'",
        "UPDATE insight SET subject = x'00ff' WHERE id = 'i2'",
        "UPDATE review SET told_patient = 'perhaps'",
    ],
)
def test_a_value_of_another_type_is_found_too(tmp_path: Path, statement: str) -> None:
    """SQLite lets a column hold any type; an audit must not fall over it."""
    store = fill(open_store(f"sqlite:///{tmp_path / 'salus.db'}"))
    change(store, statement)
    assert problems(store) != []
    store.close()
