"""Any edit of any entry, and any other order, breaks the chain; what was written as it stands verifies."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from salus.core.review import Entry
from salus.store.ledger import DEEDS, GENESIS, SALT_BYTES, canonical, commitment, follow, opens, verify

texts = st.text(st.characters(codec="utf-8"), max_size=20)
moments = st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1))
salts = st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
contents = st.dictionaries(texts, plain, max_size=4)
lines = st.tuples(moments, texts.filter(str.strip), st.sampled_from(sorted(DEEDS)), salts, contents)


def chained(said: list[tuple[Any, ...]]) -> list[Entry]:
    entries, last = [], (0, GENESIS)
    for at, who, did, salt, content in said:
        entries.append(follow(last, at, who, did, commitment(salt, content)))
        last = (entries[-1].seq, entries[-1].digest)
    return entries


chains = st.lists(lines, min_size=1, max_size=8).map(chained)
OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "seq": st.integers(-3, 20),
    "at": moments,
    "who": texts,
    "did": st.sampled_from(sorted(DEEDS)),
    "what": texts | salts.map(bytes.hex),
    "previous": texts | salts.map(bytes.hex),
    "digest": texts | salts.map(bytes.hex),
}


@given(chains)
def test_a_chain_as_written_is_intact(chain: list[Entry]) -> None:
    verdict = verify(chain)
    assert (verdict.entries, verdict.head, verdict.intact) == (len(chain), chain[-1].digest, True)
    for entry in chain:
        assert verify(chain, entry.digest).intact


@given(chains, st.data(), st.sampled_from(sorted(OTHERS)))
def test_any_edit_of_any_field_is_found(chain: list[Entry], data: st.DataObject, field: str) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    changed = replace(chain[place], **{field: data.draw(OTHERS[field])})
    assume(changed != chain[place])
    assert not verify([*chain[:place], changed, *chain[place + 1 :]]).intact


@given(chains, st.randoms(use_true_random=False))
def test_any_other_order_is_found(chain: list[Entry], random: Any) -> None:
    shuffled = random.sample(chain, len(chain))
    assume(shuffled != chain)
    assert not verify(shuffled).intact


@given(chains, st.data())
def test_any_entry_removed_before_the_last_is_found(chain: list[Entry], data: st.DataObject) -> None:
    assume(len(chain) > 1)
    place = data.draw(st.integers(0, len(chain) - 2))
    assert not verify(chain[:place] + chain[place + 1 :]).intact


@given(chains, chains, st.data())
def test_any_entry_inserted_is_found(chain: list[Entry], other: list[Entry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    assert not verify([*chain[:place], data.draw(st.sampled_from(other + chain)), *chain[place:]]).intact


@given(chains, st.data())
def test_a_cut_tail_is_found_with_the_head(chain: list[Entry], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(chain) - 1))
    assert verify(chain[:kept]).intact
    assert not verify(chain[:kept], chain[-1].digest).intact


@given(chains, chains)
def test_a_full_rewrite_is_found_with_the_head(chain: list[Entry], other: list[Entry]) -> None:
    assume(chain[-1] not in other)
    assert verify(other).intact
    assert not verify(other, chain[-1].digest).intact


@given(contents, contents, salts, salts)
def test_a_commitment_opens_with_its_own_salt_and_content_alone(
    content: dict[str, Any], other: dict[str, Any], salt: bytes, wrong: bytes
) -> None:
    entry = follow((0, GENESIS), datetime(2024, 1, 1, tzinfo=UTC), "maria", "look", commitment(salt, content))
    assert opens(entry, salt, content)
    assert opens(entry, salt, dict(reversed(content.items())))
    assert opens(entry, wrong, content) == (wrong == salt)
    assert opens(entry, salt, other) == (canonical(other) == canonical(content))


@given(chains, st.integers(-14, 14))
def test_the_zone_in_which_a_time_is_told_does_not_matter(chain: list[Entry], hours: int) -> None:
    from datetime import timezone

    zone = timezone(timedelta(hours=hours))
    assert verify([replace(entry, at=entry.at.astimezone(zone)) for entry in chain]).intact


def test_an_empty_ledger_is_intact_and_holds_no_head() -> None:
    assert verify([]).intact
    assert verify([], GENESIS).intact
    assert not verify([], "f" * 64).intact


def test_reading_on_from_an_entry_that_is_trusted() -> None:
    chain = chained([(datetime(2024, 1, 1, tzinfo=UTC), "m", "look", b"", {"n": n}) for n in range(5)])
    assert verify(chain[3:], after=(3, chain[2].digest)).intact
    assert not verify(chain[4:], after=(3, chain[2].digest)).intact


def test_a_ruined_ledger_does_not_fill_the_screen() -> None:
    chain = chained([(datetime(2024, 1, 1, tzinfo=UTC), "m", "look", b"", {"n": n}) for n in range(500)])
    found = verify(replace(entry, who="x") for entry in chain).problems
    assert len(found) == 101
    assert "reading stopped" in found[-1]


@pytest.mark.parametrize("content", [{"a": {1, 2}}, {"a": b"x"}, {"a": float("inf")}])
def test_content_that_json_cannot_hold_is_refused(content: dict[str, Any]) -> None:
    from salus.core.errors import UserError

    with pytest.raises(UserError, match="plain JSON"):
        commitment(b"", content)
