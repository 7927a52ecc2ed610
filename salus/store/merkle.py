"""The ledger's Merkle tree: roots, proofs that an entry is in it, proofs that one head follows another.

RFC 6962 2.1 (hashes, roots, paths) and RFC 9162 2.1.3.2 and 2.1.4.2 (how a proof is checked). For whoever
holds one head and must trust nobody for the rest. Pure functions on hashlib; a tree is never held whole: a
root is streamed through `Frontier`, a path asks `Node` for a few whole subtrees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
# RFC 6962 2.1: the hash of an empty list is the hash of an empty string.
EMPTY_ROOT = sha256(b"").digest()
# No tree of more than 2**63 leaves is ever written, and no path is longer than its tree is high.
_HIGHEST = 63

# The root of the whole subtree number `index` of 2**level leaves.
Node = Callable[[int, int], bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf; its first byte keeps a leaf from passing for a node."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two subtrees."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that leaves are added to, in O(log n) memory: the roots of its largest whole subtrees."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)

    def add(self, leaf: bytes) -> None:
        """Add one leaf by its hash."""
        self._peaks.append(leaf)
        self.size += 1
        size = self.size
        while size % 2 == 0:
            right = self._peaks.pop()
            self._peaks[-1] = node_hash(self._peaks[-1], right)
            size //= 2

    def root(self) -> bytes:
        """Return the root of all leaves so far."""
        return _joined(self._peaks)


def _joined(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for left in reversed(peaks[:-1]):
        root = node_hash(left, root)
    return root


def whole_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over `hashes`, which are 1, 2, 4, 8 … roots of subtrees of one height."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(*row[at : at + 2]) for at in range(0, len(row), 2)]
    return row[0]


def frontier(node: Node, size: int) -> Frontier:
    """Return the tree of the first `size` leaves, out of whole subtrees."""
    return Frontier(size, _peaks(node, 0, size))


def _peaks(node: Node, start: int, end: int) -> list[bytes]:
    """Return the roots of the largest whole subtrees of leaves `start` to `end`, left to right.

    `start` is a multiple of the largest power of two that is not above ``end - start``.
    """
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append(node(level, start >> level))
        start += 1 << level
    return found


def _span(node: Node, start: int, end: int) -> bytes:
    """Return the root of leaves `start` to `end`, the subtree that the RFC calls MTH(D[start:end])."""
    return _joined(_peaks(node, start, end))


def _split(count: int) -> int:
    """Return the largest power of two below `count`; the RFC's k."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_path(node: Node, index: int, size: int) -> list[bytes]:
    """Return PATH(index, D[size]) of RFC 6962 2.1.1, leaf to root.

    Raises ValueError where there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_span(node, middle, end))
            end = middle
        else:
            path.append(_span(node, start, middle))
            start = middle
    return path[::-1]


def consistency_path(node: Node, first: int, second: int) -> list[bytes]:
    """Return PROOF(first, D[second]) of RFC 6962 2.1.2; empty where the first tree is empty or the same.

    Raises ValueError where the first tree is the larger one.
    """
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} does not follow one of {first}")
    if first in (0, second):
        return []
    start, end, path = 0, second, []
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_span(node, middle, end))
            end = middle
        else:
            path.append(_span(node, start, middle))
            start = middle
    if start:
        # Not the whole first tree, whose root whoever checks holds already.
        path.append(_span(node, start, end))
    return path[::-1]


def _is_path(path: Sequence[bytes], *roots: bytes) -> bool:
    return len(path) <= _HIGHEST and all(len(one) == HASH_BYTES for one in (*path, *roots))


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` proves the leaf with hash `leaf` to be number `index` of the tree (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size or not _is_path(path, leaf, root):
        return False
    at, last, found = index, size - 1, leaf
    for other in path:
        if last == 0:
            return False
        if at % 2 or at == last:
            found = node_hash(other, found)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, other)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether `path` proves that the second tree begins with the first one (RFC 9162 2.1.4.2).

    Every tree begins with the empty one, which needs no path.
    """
    if not 0 <= first <= second or not _is_path(path, first_root, second_root):
        return False
    if first == second:
        return not path and first_root == second_root
    if first == 0:
        return not path and first_root == EMPTY_ROOT
    rest = list(path) if first & (first - 1) else [first_root, *path]
    if not rest:
        return False
    at, last = first - 1, second - 1
    while at % 2:
        at, last = at >> 1, last >> 1
    return _walked(rest, at, last) == (first_root, second_root)


def _walked(rest: list[bytes], at: int, last: int) -> tuple[bytes, bytes] | None:
    """Return both roots that a consistency path leads to; None where it is too long or too short."""
    old = new = rest[0]
    for other in rest[1:]:
        if last == 0:
            return None
        if at % 2 or at == last:
            old, new = node_hash(other, old), node_hash(other, new)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, other)
        at, last = at >> 1, last >> 1
    return (old, new) if last == 0 else None
