"""What is put into the store comes back as it was, the same from SQLite and from PostgreSQL."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import event

from salus.core.errors import UserError
from salus.core.review import Review
from salus.store.ledger import GENESIS, verify
from salus.store.store import HookCard, StatusRow, Store, StoredInsight
from tests.store_fixtures import NOW, put, store_fixture, url_fixture  # noqa: F401

REVIEW = Review("i1", "Practitioner/7", "overridden", "other", "ünwell — 血", NOW, True, "r1")


def ids(rows: list[StoredInsight]) -> list[str]:
    return [row.id for row in rows]


def test_an_insight_comes_back_as_it_was(store: Store) -> None:
    with store.begin() as tx:
        assert put(tx, "i1", document='{"says":"ünwell"}'.encode())
    kept = store.insight("i1")
    assert kept == StoredInsight(
        1, "i1", "Patient/1", "news2", "1.0.0", NOW, '{"says":"ünwell"}'.encode(), None
    )
    assert store.insight("i2") is None


def test_the_same_insight_twice_is_kept_once(store: Store) -> None:
    with store.begin() as tx:
        assert put(tx, "i1")
        assert not put(tx, "i1", document=b"other")
    with store.begin() as tx:
        assert not put(tx, "i1", document=b"other")
    assert [row.document for row in store.insights()] == [b'{"says":"3 points"}']
    assert store.head()[0] == 1


def test_a_moment_keeps_its_instant_whatever_its_zone(store: Store) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
    with store.begin() as tx:
        put(tx, "i1", as_of=elsewhere)
        tx.put_review(replace(REVIEW, at=elsewhere))
        tx.append(elsewhere, "Practitioner/7", "review", {"id": "r1"})
    kept = store.insight("i1")
    assert kept is not None
    assert kept.as_of == NOW
    assert kept.as_of.tzinfo is UTC
    assert store.reviews()[0].at == NOW
    assert list(store.check_records()) == []


def test_insights_are_found_by_subject_model_and_time(store: Store) -> None:
    later = NOW + timedelta(hours=1)
    with store.begin() as tx:
        put(tx, "a")
        put(tx, "b", model="ckd")
        put(tx, "c", subject="Patient/2", as_of=later)
    assert ids(store.insights()) == ["a", "b", "c"]
    assert ids(store.insights("Patient/1")) == ["a", "b"]
    assert ids(store.insights(model="news2")) == ["a", "c"]
    assert ids(store.insights(subject="Patient/1", model="news2")) == ["a"]
    assert ids(store.insights(since=later)) == ["c"]
    assert ids(store.insights(since=NOW + timedelta(microseconds=1))) == ["c"]


def test_insights_are_paged_both_ways(store: Store) -> None:
    with store.begin() as tx:
        for name in "abcde":
            put(tx, name)
    first = store.insights(limit=2)
    assert ids(first) == ["a", "b"]
    assert ids(store.insights(limit=2, after=first[-1].n)) == ["c", "d"]
    newest = store.insights(limit=2, newest=True)
    assert ids(newest) == ["e", "d"]
    assert ids(store.insights(limit=9, after=newest[-1].n, newest=True)) == ["c", "b", "a"]


def test_a_review_comes_back_as_it_was(store: Store) -> None:
    with store.begin() as tx:
        put(tx, "i1")
        put(tx, "i2", subject="Patient/2")
        tx.put_review(REVIEW)
        tx.put_review(replace(REVIEW, id="r2", insight="i2"))
    assert store.reviews() == [REVIEW, replace(REVIEW, id="r2", insight="i2")]
    assert store.reviews(insight="i1") == [REVIEW]
    assert [review.id for review in store.reviews(subject="Patient/2")] == ["r2"]
    assert store.reviews(subject="Patient/3") == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"insight": "nobody"}, "No insight has the id 'nobody'"),
        ({"id": ""}, "needs an id"),
        ({"at": None}, "without a time"),
        ({"decision": "acepted"}, "Choose one of: accepted"),
        ({"note": "a\0b"}, "NUL"),
        ({"at": datetime(2024, 1, 1)}, "without a zone"),
    ],
)
def test_a_review_that_does_not_fit_is_refused(store: Store, wrong: dict[str, object], says: str) -> None:
    with store.begin() as tx:
        put(tx, "i1")
    with pytest.raises(UserError, match=says), store.begin() as tx:
        tx.put_review(replace(REVIEW, **wrong))
    assert store.reviews() == []


def test_a_review_id_is_used_once(store: Store) -> None:
    with store.begin() as tx:
        put(tx, "i1")
        tx.put_review(REVIEW)
        with pytest.raises(UserError, match="kept already"):
            tx.put_review(REVIEW)
    with pytest.raises(UserError, match="kept already"), store.begin() as tx:
        tx.put_review(REVIEW)


def test_a_hook_card_leads_to_its_insight_and_user(store: Store) -> None:
    with store.begin() as tx:
        put(tx, "i1")
        tx.put_hook_cards({"c1": "i1", "c2": "i1"}, "Practitioner/9", NOW)
        tx.put_hook_cards({"c4": "i1"}, "Practitioner/9", NOW, "https://ehr.example/")
    assert store.hook_card("c4") == HookCard("c4", "i1", "Practitioner/9", NOW, "https://ehr.example/")
    assert store.hook_card("c2") == HookCard("c2", "i1", "Practitioner/9", NOW)
    assert store.hook_card("c3") is None


def said(status: str, signature: bytes) -> dict[str, object]:
    words = {"model": "news2", "version": "1.0.0", "by": "maria", "because": "trial"}
    return {**words, "status": status, "signature": signature.hex()}


def test_the_latest_status_of_a_model_counts(store: Store) -> None:
    for number, status in enumerate(["live", "suspended"]):
        at = NOW + timedelta(days=number)
        with store.begin() as tx:
            entry = tx.append(at, "maria", "status", said(status, b"\1\2"))
            tx.set_status("news2", "1.0.0", status, "maria", "trial", at, b"\1\2", entry.seq)
    last = StatusRow("news2", "1.0.0", "suspended", "maria", "trial", NOW + timedelta(days=1), b"\1\2", 2)
    assert store.statuses() == {"news2": last}
    assert [row.status for row in store.status_history("news2")] == ["live", "suspended"]
    assert list(store.check_records()) == []


def test_a_status_must_be_what_its_entry_says(store: Store) -> None:
    with pytest.raises(UserError, match="does not say that news2"), store.begin() as tx:
        entry = tx.append(NOW, "maria", "status", said("validated", b""))
        tx.set_status("news2", "1.0.0", "live", "maria", "trial", NOW, b"", entry.seq)
    assert store.statuses() == {}
    assert store.head() == (0, GENESIS)


def test_settings_are_replaced(store: Store) -> None:
    assert store.setting("site-id") is None
    for value in ("one", "two"):
        with store.begin() as tx:
            tx.put_setting("site-id", value)
            assert tx.setting("site-id") == value
    assert store.setting("site-id") == "two"


def test_what_leans_on_changed_evidence_becomes_stale_once(store: Store) -> None:
    with store.begin() as tx:
        put(tx, "i1", sources=("Observation/1",))
        put(tx, "i2", sources=("Observation/2", "Observation/3"))
        put(tx, "i3", sources=("Observation/4",))
    many = [f"Condition/{number}" for number in range(1200)]
    with store.begin() as tx:
        put(tx, "i4", sources=("Observation/3",))
        assert tx.mark_stale(["Observation/3", "Observation/2", "Observation/1", *many], NOW, "maria") == [
            "i1",
            "i2",
            "i4",
        ]
    with store.begin() as tx:
        assert tx.mark_stale(["Observation/3"], NOW + timedelta(days=1), "maria") == []
    assert store.stale(["i1", "i3", "i9"]) == {"i1": NOW}
    kept = store.insight("i2")
    assert kept is not None
    assert kept.stale_since == NOW
    assert list(store.check_records()) == []
    assert store.counts() == {"entries": 5, "insight": 4, "review": 0, "stale": 3}


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.begin() as tx:
        put(tx, "i1")
        tx.put_setting("key", "value")
        tx.flush()
        raise ZeroDivisionError
    assert store.head() == (0, GENESIS)
    assert store.insights() == []
    assert store.setting("key") is None


def test_nothing_is_read_before_it_is_acknowledged(store: Store) -> None:
    with store.begin() as tx:
        put(tx, "i1")
        tx.flush()
        assert store.insight("i1") is None
        assert store.head() == (0, GENESIS)
    assert store.insight("i1") is not None


def test_entries_stream_in_order_and_verify(store: Store) -> None:
    with store.begin() as tx:
        for number in range(4500):
            last = tx.append(NOW, "Practitioner/7", "look", {"subject": f"Patient/{number % 2}"})
    assert [entry.seq for entry in store.entries()] == list(range(1, 4501))
    assert [entry.seq for entry in store.entries(after=4498)] == [4499, 4500]
    assert [entry.seq for entry in store.entries(after=10, limit=3)] == [11, 12, 13]
    assert len(list(store.entries(limit=2100))) == 2100
    verdict = verify(store.entries(), last.digest)
    assert (verdict.entries, verdict.head, verdict.intact) == (4500, last.digest, True)
    assert store.head() == (4500, last.digest)


def test_entries_are_found_by_what_they_are_about(store: Store) -> None:
    with store.begin() as tx:
        tx.append(NOW, "Practitioner/7", "look", {"subject": "Patient/1"})
        put(tx, "i1")
    assert [entry.did for entry in store.entries_about("Patient/1")] == ["look"]
    assert [entry.did for entry in store.entries_about("i1", "insight")] == ["insight"]
    assert store.entries_about("i1", "review") == []
    found = store.openings([1, 2, 3])
    assert {seq: (row.kind, row.record_id) for seq, row in found.items()} == {
        1: ("look", "Patient/1"),
        2: ("insight", "i1"),
    }


@pytest.mark.parametrize(
    ("did", "who", "content", "says"),
    [
        ("peek", "maria", {}, "cannot say 'peek'"),
        ("look", "", {}, "who did it"),
        ("look", "maria", {"x": float("nan")}, "plain JSON"),
        ("look", "maria", {"x": "\ud800"}, "plain JSON"),
        ("look", "ma\0ria", {}, "NUL"),
        ("insight", "maria", {"id": "i1"}, "must be put before"),
        ("review", "maria", {}, "must be put before"),
    ],
)
def test_an_entry_that_cannot_be_proven_later_is_refused(
    store: Store, did: str, who: str, content: dict[str, object], says: str
) -> None:
    with pytest.raises(UserError, match=says), store.begin() as tx:
        tx.append(NOW, who, did, content)
    assert store.head() == (0, GENESIS)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_a_database_cannot_hold_is_refused_or_not_found(store: Store, text: str) -> None:
    with pytest.raises(UserError), store.begin() as tx:
        put(tx, text)
    with suppress(UserError):
        assert store.insight(text) is None


def test_the_ledger_holds_no_content(store: Store) -> None:
    with store.begin() as tx:
        entry = tx.append(NOW, "Practitioner/7", "read", {"place": "secret-place", "subject": "Patient/1"})
    assert "secret-place" not in repr([entry, *store.entries(), store.openings([1])])


def test_a_hook_costs_a_message_a_table_however_many_insights_it_holds(store: Store) -> None:
    sent: list[str] = []
    event.listen(store._engine, "do_execute", lambda cursor, statement, *_: sent.append(statement))

    def many(cursor: object, statement: str, rows: list[object], context: Any) -> None:
        # PostgreSQL's driver sends a message a row for these; SQLite has no messages.
        sent.extend([statement] * (len(rows) if context.dialect.name == "postgresql" else 1))

    event.listen(store._engine, "do_executemany", many)
    for start, size in ((0, 2), (2, 40)):
        names = [f"i{number}" for number in range(start, start + size)]
        sent.clear()
        with store.begin() as tx:
            tx.recall(names)
            for name in names:
                put(tx, name)
            tx.put_hook_cards(dict(zip(names, names, strict=True)), "Practitioner/7", NOW)
        assert len(sent) <= 8
    assert list(store.check_records()) == []
