"""Every root and proof is what RFC 6962 says, for every size and place; nothing else is taken for one."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.store import merkle
from salus.store.merkle import HASH_BYTES, Frontier, leaf_hash, node_hash

ALL = 40


def leaf(index: int) -> bytes:
    return index.to_bytes(8, "big")


# The slow reference: RFC 6962 2.1, 2.1.1 and 2.1.2 word by word, on slices of the list D.


@cache
def mth(start: int, end: int) -> bytes:
    if start == end:
        return merkle.EMPTY_ROOT
    if end - start == 1:
        return leaf_hash(leaf(start))
    k = largest_power_below(end - start)
    return node_hash(mth(start, start + k), mth(start + k, end))


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m: int, start: int, end: int) -> list[bytes]:
    n = end - start
    if n == 1:
        return []
    k = largest_power_below(n)
    if m < k:
        return [*path(m, start, start + k), mth(start + k, end)]
    return [*path(m - k, start + k, end), mth(start, start + k)]


def proof(m: int, n: int) -> list[bytes]:
    return subproof(m, 0, n, True)


def subproof(m: int, start: int, end: int, b: bool) -> list[bytes]:
    n = end - start
    if m == n:
        return [] if b else [mth(start, end)]
    k = largest_power_below(n)
    if m <= k:
        return [*subproof(m, start, start + k, b), mth(start + k, end)]
    return [*subproof(m - k, start + k, end, False), mth(start, start + k)]


def node(level: int, index: int) -> bytes:
    return mth(index << level, (index + 1) << level)


def whole(size: int):
    """A reader of whole subtrees that refuses to read past the tree's end."""

    def read(level: int, index: int) -> bytes:
        assert (index + 1) << level <= size, "a subtree that is not whole was asked for"
        return node(level, index)

    return read


@pytest.mark.parametrize("size", range(ALL))
def test_every_size_and_every_place(size: int) -> None:
    growing = Frontier()
    for index in range(size):
        growing.add(leaf_hash(leaf(index)))
    root = mth(0, size)
    assert (growing.size, growing.root(), merkle.frontier(whole(size), size).root()) == (size, root, root)
    for index in range(size):
        made = merkle.inclusion_path(whole(size), index, size)
        assert made == path(index, 0, size)
        assert merkle.verify_inclusion(leaf_hash(leaf(index)), index, size, made, root)
    for first in range(1, size + 1):
        made = merkle.consistency_path(whole(size), first, size)
        assert made == proof(first, size)
        assert merkle.verify_consistency(first, size, mth(0, first), root, made)


@pytest.mark.parametrize("size", range(1, 20))
def test_a_proof_holds_for_its_own_place_and_size_alone(size: int) -> None:
    for index in range(size):
        made = path(index, 0, size)
        for other_size in range(size + 4):
            for other in range(-1, other_size + 2):
                right = (other, other_size) == (index, size)
                hashed = leaf_hash(leaf(index))
                found = merkle.verify_inclusion(hashed, other, other_size, made, mth(0, other_size))
                assert found == right


@pytest.mark.parametrize("second", range(1, 20))
def test_a_consistency_proof_holds_for_its_own_sizes_alone(second: int) -> None:
    for first in range(1, second):
        made = proof(first, second)
        for a in range(second + 3):
            for b in range(second + 3):
                found = merkle.verify_consistency(a, b, mth(0, a), mth(0, b), made)
                assert found == ((a, b) == (first, second)), (a, b, first, second)


sizes = st.integers(1, 3000)


@given(sizes, st.data())
def test_large_trees_and_any_change_of_a_proof(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    made = merkle.inclusion_path(whole(size), index, size)
    assert made == path(index, 0, size)
    root, hashed = mth(0, size), leaf_hash(leaf(index))
    assert merkle.verify_inclusion(hashed, index, size, made, root)
    other = data.draw(changed([hashed, *made, root]))
    assert not merkle.verify_inclusion(other[0], index, size, other[1:-1], other[-1])


@given(sizes, st.data())
def test_large_trees_and_any_change_of_a_consistency_proof(second: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, second))
    made = merkle.consistency_path(whole(second), first, second)
    assert made == proof(first, second)
    old, new = mth(0, first), mth(0, second)
    assert merkle.verify_consistency(first, second, old, new, made)
    other = data.draw(changed([old, *made, new]))
    assert not merkle.verify_consistency(first, second, other[0], other[-1], other[1:-1])


@st.composite
def changed(draw: st.DrawFn, hashes: list[bytes]) -> list[bytes]:
    """One byte changed, one hash lost, put in, cut short or in another's place."""
    how = draw(st.sampled_from(["byte", "short", "lost", "more"]))
    at = draw(st.integers(0, len(hashes) - 1))
    one = hashes[at]
    if how == "byte":
        place = draw(st.integers(0, HASH_BYTES - 1))
        flipped = one[place] ^ draw(st.integers(1, 255))
        return [*hashes[:at], one[:place] + bytes([flipped]) + one[place + 1 :], *hashes[at + 1 :]]
    if how == "short":
        return [*hashes[:at], one[:-1], *hashes[at + 1 :]]
    if how == "lost" and 0 < at < len(hashes) - 1:
        return [*hashes[:at], *hashes[at + 1 :]]
    return [*hashes[: max(at, 1)], draw(st.sampled_from(hashes)), *hashes[max(at, 1) :]]


def test_what_is_no_place_of_a_tree_is_refused() -> None:
    for index, size in ((0, 0), (1, 1), (-1, 1)):
        with pytest.raises(ValueError, match="no leaf"):
            merkle.inclusion_path(node, index, size)
    with pytest.raises(ValueError, match="does not follow"):
        merkle.consistency_path(node, 2, 1)


def test_every_tree_begins_with_the_empty_one() -> None:
    assert merkle.consistency_path(node, 0, 5) == []
    assert merkle.verify_consistency(0, 5, merkle.EMPTY_ROOT, mth(0, 5), [])
    assert not merkle.verify_consistency(0, 5, mth(0, 5), mth(0, 5), [])
    assert not merkle.verify_consistency(0, 5, merkle.EMPTY_ROOT, mth(0, 5), [mth(0, 5)])


def test_a_path_longer_than_any_tree_is_not_even_walked() -> None:
    assert not merkle.verify_inclusion(mth(0, 1), 0, 2**64, [mth(0, 1)] * 64, mth(0, 1))
