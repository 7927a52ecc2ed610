"""Parts of the ledger's tree that are kept, so that a proof among millions of entries reads a few of them.

After C2SP's tlog-tiles: a tile holds 256 neighbouring hashes of one level in eight, and is kept once it is
full. A cache: what it says is held against a signed head before anybody relies on it, it is made anew from
the entries where it does not fit, and the audit reads the entries alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from salus.core.errors import RefusedError
from salus.core.review import Entry
from salus.store import ledger
from salus.store.merkle import HASH_BYTES, Frontier, frontier, leaf_hash, whole_root

if TYPE_CHECKING:
    from salus.store.store import Store

HEIGHT = 8
WIDTH = 1 << HEIGHT
# So many full tiles wait in memory before they are kept: 2 MB.
_WAITING = 256


@dataclass(frozen=True, slots=True)
class Tile:
    """`hashes` of 256 neighbours, one after another: number `n` of its level, and the root above them."""

    level: int
    n: int
    root: bytes
    hashes: bytes


def leaf_of(digest: object) -> bytes:
    """Return the hash of the leaf that stands for an entry with this digest.

    What is no digest gets a hash that no entry of ours has.
    """
    try:
        return leaf_hash(bytes.fromhex(str(digest)))
    except ValueError:
        return leaf_hash(repr(digest).encode(errors="replace"))


class Tiles:
    """The whole subtrees of the first `size` entries, out of what is kept or, where that lacks, the entries.

    cached: off, nothing that is kept is believed.
    """

    def __init__(self, store: Store, size: int, *, cached: bool = True) -> None:
        self._store, self._size, self._cached = store, size, cached
        self._rows: dict[tuple[int, int], list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the root of the whole subtree number `index` of 2**level entries."""
        height, above = divmod(level, HEIGHT)
        first = index << above
        n, at = divmod(first, WIDTH)
        return whole_root(self._row(height, n)[at : at + (1 << above)])

    def unfinished(self, size: int) -> list[list[bytes]]:
        """Return, for each level, the hashes of the tile in which the next leaf's way up goes on."""
        rows: list[list[bytes]] = []
        while size >> (HEIGHT * len(rows)):
            many = size >> (HEIGHT * len(rows))
            rows.append(self._row(len(rows), many // WIDTH)[: many % WIDTH] if many % WIDTH else [])
        return rows

    def _row(self, height: int, n: int) -> list[bytes]:
        row = self._rows.get((height, n))
        if row is None:
            row = self._kept(height, n) or list(self._made(height, n))
            if height == 0:
                # Leaves are many, and read in order where all of them are needed.
                self._rows.pop(next((key for key in self._rows if key[0] == 0), (0, -1)), None)
            self._rows[height, n] = row
        return row

    def _kept(self, height: int, n: int) -> list[bytes]:
        hashes = self._store.tile(height, n) if self._cached else None
        if not isinstance(hashes, bytes) or len(hashes) != WIDTH * HASH_BYTES:
            return []
        return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]

    def _made(self, height: int, n: int) -> Iterator[bytes]:
        start = n * WIDTH
        if height == 0:
            yield from map(leaf_of, self._store.digests(start, min(WIDTH, self._size - start)))
            return
        end = min(start + WIDTH, self._size >> (HEIGHT * height))
        roots = self._store.tile_roots(height - 1, start, end) if self._cached else {}
        for child in range(start, end):
            root = roots.get(child)
            whole = isinstance(root, bytes) and len(root) == HASH_BYTES
            yield root if whole and root else whole_root(self._row(height - 1, child))


class Growing:
    """A tree while leaves are added to it; `full` takes each tile that becomes full."""

    def __init__(self, begun: Tiles | None = None, size: int = 0) -> None:
        self.tree = frontier(begun.node, size) if begun else Frontier()
        self.full: list[Tile] = []
        # By level, the hashes of the tile that is not full yet.
        self._rows: list[list[bytes]] = begun.unfinished(size) if begun else []

    def add(self, leaf: bytes) -> None:
        """Add one leaf by its hash."""
        self.tree.add(leaf)
        self._put(0, leaf)

    def _put(self, level: int, one: bytes) -> None:
        if level == len(self._rows):
            self._rows.append([])
        row = self._rows[level]
        row.append(one)
        if len(row) == WIDTH:
            n = (self.tree.size >> (HEIGHT * (level + 1))) - 1
            tile = Tile(level, n, whole_root(row), b"".join(row))
            self.full.append(tile)
            self._rows[level] = []
            self._put(level + 1, tile.root)


def grown(store: Store, size: int, known: tuple[int, bytes]) -> bytes | None:
    """Return the root of the first `size` entries, read from `known` (a size and its root) on.

    None where the entries up to there do not give that root: nothing that is kept is believed before they do,
    and nothing is kept before. Keeps the tiles that became full.
    Raises RefusedError where the entries do not follow each other.
    """
    root = _grown(store, size, known, cached=True)
    return root if root is not None else _grown(store, size, known, cached=False)


def remade(store: Store, size: int, root: bytes) -> Tiles | None:
    """Return the subtrees of the first `size` entries from the entries alone, and keep them so.

    None where these do not give `root`.
    """
    return Tiles(store, size, cached=False) if _grown(store, size, (size, root), cached=False) else None


def _grown(store: Store, size: int, known: tuple[int, bytes], *, cached: bool) -> bytes | None:
    begin = min(known[0] // WIDTH, store.tiles() if cached else 0) * WIDTH
    growing = Growing(Tiles(store, begin), begin)
    if growing.tree.size == known[0] and growing.tree.root() != known[1]:
        return None
    for entry in _following(store, begin, size):
        growing.add(leaf_of(entry.digest))
        if growing.tree.size == known[0] and growing.tree.root() != known[1]:
            return None
        if len(growing.full) >= _WAITING and growing.tree.size >= known[0]:
            _keep(store, growing)
    _keep(store, growing)
    return growing.tree.root() if growing.tree.size == size else None


def _keep(store: Store, growing: Growing) -> None:
    if growing.full and not store.read_only:
        store.keep_tiles(growing.full)
    growing.full.clear()


def _following(store: Store, begin: int, size: int) -> Iterator[Entry]:
    """Yield the entries after number `begin`, up to number `size`, each held against the one before."""
    seq, last = begin, next(iter(store.digests(begin - 1, 1)), "") if begin else ledger.GENESIS
    for entry in store.entries(after=begin, limit=size - begin):
        if not ledger.verify((entry,), after=(seq, last)).intact:
            raise RefusedError(
                f"Entry {seq + 1} of the ledger does not follow the one before it, so nothing is signed or "
                "proven of it. See what else is wrong with 'salus audit verify'."
            )
        yield entry
        seq, last = entry.seq, entry.digest


class Compared:
    """The tree as the entries give it, and whether each tile that was kept when the reading began is so."""

    def __init__(self, store: Store) -> None:
        self._growing = Growing()
        self._kept = {(level, n): _print_of(root, hashes) for level, n, root, hashes in store.all_tiles()}
        self.problems: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether no tile is left to compare."""
        return not self._kept

    @property
    def tree(self) -> Frontier:
        """The tree of all leaves so far."""
        return self._growing.tree

    def add(self, leaf: bytes) -> None:
        """Add one leaf by its hash."""
        self._growing.add(leaf)
        for tile in self._growing.full:
            kept = self._kept.pop((tile.level, tile.n), None)
            if kept is not None and kept != _print_of(tile.root, tile.hashes):
                self.problems.append(_strange(tile.level, tile.n))
        self._growing.full.clear()

    def end(self) -> None:
        """Name the tiles that are kept of entries that are not there."""
        self.problems.extend(_strange(level, n) for level, n in self._kept)


def _strange(level: object, n: object) -> str:
    return (
        f"The part {level}/{n} of the tree that is kept for proofs is not what the entries give: it was "
        "changed. No proof rests on it: one that would makes it anew from the entries."
    )


def _print_of(root: object, hashes: object) -> bytes:
    """Return what tells one tile from another, in little memory."""
    return sha256(repr((root, hashes)).encode()).digest()
