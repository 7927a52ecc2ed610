"""Audit: whether the ledger, and everything that it speaks of, is still what was written down.

With a head that was kept elsewhere, a ledger that was cut short or written anew is found too; the heads that
were published beside the archive are held against it each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from salus.core.errors import SalusError, UserError

if TYPE_CHECKING:
    from salus.core.review import Entry
    from salus.spine.site import Site
    from salus.store.ledger import Verdict
    from salus.store.store import Store

OF_NOTHING = (
    "A head of zeros is that of an empty ledger and says nothing of one with entries: nothing was compared. "
    "Give a head that was kept later."
)
# Where a file of heads is ruined, its first few say so.
_MOST = 20
_BESIDE, _ELSEWHERE = "beside the archive", "kept elsewhere"


def verify(
    site: Site, head: str | None = None, *, notes: bytes | None = None, key: bytes | None = None
) -> Verdict:
    """Check every entry, and every insight, review and approval against its entry.

    head, notes: what was kept elsewhere, a digest or signed heads; with one of them a cut tail or a full
    rewrite is found too. key: the public key of who signed them, by default the site's own.
    Raises UserError when `head` is no digest (64 hex digits), or that of an empty ledger and this one is not;
    or when `notes` holds no head.
    """
    from salus.spine.read import finish_reads
    from salus.store.ledger import GENESIS
    from salus.store.ledger import verify as verify_chain

    finish_reads(site)
    kept = _digest(head)
    if kept == GENESIS and site.store.head() != (0, GENESIS):
        raise UserError(OF_NOTHING)
    heads = _heads(site, notes, key)
    watched = _Watched(site.store, heads.roots)
    verdict = verify_chain(watched.entries(), kept)
    problems = (
        *heads.problems, *watched.end(verdict.entries), *_missing(site), *site.store.check_records()
    )  # fmt: skip
    found = replace(verdict, heads=heads.count, notes=tuple(heads.unsaid))
    if not problems:
        return found
    return replace(found, intact=False, problems=(*verdict.problems, *problems))


def _digest(head: str | None) -> str | None:
    """Return `head` as the ledger spells it; a mistyped one is no broken chain."""
    if head is None:
        return None
    if re.fullmatch(r"[0-9a-fA-F]{64}", head.strip()) is None:
        raise UserError(
            "A head is 64 hex digits, as 'salus audit verify' prints it, or a file of signed heads. Give the "
            "one that you kept."
        )
    return head.strip().lower()


@dataclass(slots=True)
class _Heads:
    """The signed heads that the ledger must bear out: by size, the root and whose head says so."""

    roots: dict[int, dict[bytes, str]] = field(default_factory=dict)
    count: int = 0
    problems: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)


def _heads(site: Site, notes: bytes | None, key: bytes | None) -> _Heads:
    from salus.store.heads import heads_in

    found, own = _Heads(), getattr(site.key, "public", None)
    public = key if key is not None else own
    if key is not None and own is not None and key != own:
        found.problems.append("The site's key is another than the public key that was given.")
    if notes is not None and not _taken(found, site, notes, _ELSEWHERE, public):
        raise UserError("There is no head in the file that was given. Give the one that you kept.")
    try:
        _taken(found, site, heads_in(site.heads), _BESIDE, public)
    except SalusError as error:
        found.problems.append(str(error))
    if found.count and public is None:
        found.unsaid.append(
            "Whether the site signed its heads was not looked at, since its key is not here: give --key."
        )
    return found


def _taken(found: _Heads, site: Site, notes: bytes, where: str, public: bytes | None) -> bool:
    """Take in the heads of one file, and say whether there was anything in it."""
    from salus.store.checkpoint import is_unfinished, split

    each, rest = split(notes)
    problems: list[str] = []
    last = -1
    for number, note in enumerate(each, 1):
        size, wrong = _one(found, site, note, where, public)
        if not wrong and where == _BESIDE and size <= last:
            wrong = "stands behind one of as many entries or more: they were moved"
        problems.extend([f"Head {number} {where} {wrong}."] if wrong else [])
        last = max(last, size)
    if rest and (where != _BESIDE or not is_unfinished(rest, site.id)):
        problems.append(f"What stands behind head {len(each)} {where} is no head.")
    found.problems.extend(problems[:_MOST])
    if len(problems) > _MOST:
        found.problems.append(f"So do {len(problems) - _MOST} more heads {where}: their file is ruined.")
    return bool(each or rest)


def _one(found: _Heads, site: Site, note: bytes, where: str, public: bytes | None) -> tuple[int, str]:
    """Take in one head; return its size and what is wrong with it."""
    from salus.store.checkpoint import fault, parse

    try:
        head = parse(note)
    except SalusError as error:
        return -1, f"cannot be read ({str(error).rstrip('.')})"
    wrong = fault(head, site.id, public) if public is not None else ""
    if head.origin != site.id:
        wrong = "is of another ledger"
    if not wrong:
        found.count += 1
        found.roots.setdefault(head.size, {}).setdefault(head.root, where)
    return head.size, wrong


class _Watched:
    """The entries on their way through the chain's check, held against the signed heads and the kept tree."""

    def __init__(self, store: Store, roots: dict[int, dict[bytes, str]]) -> None:
        from salus.store.tiles import Compared

        self._store, self._roots = store, roots
        self._compared = Compared(store)
        self._problems: list[str] = []
        self._ended = False

    def entries(self) -> Iterator[Entry]:
        """Yield every entry in order."""
        from salus.store.tiles import leaf_of

        self._hold()
        if not self._roots and self._compared.is_empty:
            yield from self._store.entries()
            self._ended = True
            return
        for entry in self._store.entries():
            self._compared.add(leaf_of(entry.digest))
            self._hold()
            yield entry
        self._ended = True

    def _hold(self) -> None:
        """Compare the root with the heads of this size."""
        here = self._roots.get(self._compared.tree.size)
        if here is None:
            return
        root = self._compared.tree.root()
        self._problems.extend(
            f"The head of {self._compared.tree.size} entries {where} is not of this ledger: what it stands "
            "for was changed or written anew."
            for other, where in here.items()
            if other != root
        )

    def end(self, entries: int) -> Iterable[str]:
        """Say what did not fit, once `entries` were read."""
        if not self._ended:
            # The chain's check stopped at a ruined ledger: what follows was not read.
            return self._problems[:_MOST]
        self._compared.end()
        cut = [
            f"The head of {size} entries {where} stands for more than the {entries} that are here: the "
            "ledger was cut short."
            for size, here in sorted(self._roots.items())
            if size > entries
            for where in here.values()
        ]
        return [*self._problems[:_MOST], *cut[-_MOST:], *self._compared.problems[:_MOST]]


def _missing(site: Site) -> Iterator[str]:
    """Say so when the archive was read into and this ledger knows nothing of it, or knows of a later read."""
    from salus.record.manifest import load

    record, told = load(site.path), site.store.newest("read")
    last = site.store.newest("begin", "read", "abandon")
    here = record.generation if record else 0
    there = told[1].get("generation") if told else 0
    there = there if type(there) is int else here
    if last and last[0].did == "begin" and last[1].get("generation") == here == there + 1:
        # Published by a read that is under way, or was killed: whoever writes next tells the ledger.
        return
    if record and not told:
        yield (
            "Records were read into this archive, and no entry says so: the ledger was removed or emptied, "
            "or is another's. Put salus.db back from a backup."
        )
    elif here != there:
        yield (
            f"The archive is at its read {here}, and the ledger's last is {there}: one of them was put back "
            "alone. Put salus.db and the archive back from the same backup."
        )
