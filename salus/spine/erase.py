"""Erase: what is kept of a person goes, everywhere here, and what is proved of the rest stays proved.

The order: first the store, in one transaction with the entry that says so; then the records; then the free
space of the database. Killed in between, the same command goes on where it stopped. A legal hold outranks an
erasure. Backups cannot be changed: whoever restores one gives the list of erasures of the archive that it is
of (``erased.json``), and they are done again. The list names nobody: it holds keyed hashes, by which the site
knows whom it meets again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.core.errors import RefusedError, UserError

if TYPE_CHECKING:
    from salus.record.erase import Erased, Traces
    from salus.spine.site import Site

LIST = "erased.json"
_LOCK = "ledger.lock"
Seen = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Gone:
    """What was erased: entries whose opening went, resources, events, and others' resources that named them.

    acted: entries in which they themselves are who did it; these are the chain's, and stay.
    """

    entries: int
    resources: int
    events: int
    named: int
    acted: int

    def as_json(self) -> dict[str, int]:
        """Return it as ``--json`` prints it."""
        return {name: getattr(self, name) for name in ("entries", "resources", "events", "named", "acted")}


def hold(site: Site, subject: str, *, by: str, because: str, release: bool = False) -> str:
    """Put `subject` under legal hold, or `release` them; return whom that is.

    Raises UserError where nothing is kept of them, or where they are (not) held already.
    """
    whose = _known(site, subject)
    who = whose.subjects[0]
    if bool(held(site, whose)) is not release:
        raise UserError(
            f"'{who}' is under {'no' if release else 'a'} legal hold{'' if release else ' already'}."
        )
    with site.store.begin() as tx:
        for one in whose.subjects:
            tx.append(site.now(), by, "release" if release else "hold", {"subject": one, "because": because})
    return who


def held(site: Site, whose: Traces) -> list[str]:
    """Return which of the ids of a person are under legal hold."""
    return [one for one in whose.subjects if _last(site, one, "hold") > _last(site, one, "release")]


def _last(site: Site, subject: str, did: str) -> int:
    return max((entry.seq for entry in site.store.entries_about(subject, did)), default=0)


def erase(site: Site, subject: str, *, by: str, because: str, seen: Seen | None = None) -> Gone:
    """Erase all that is kept of `subject`, under every id that is joined to theirs.

    because: goes into the ledger and stays; it names nobody. Raises RefusedError where they are under legal
    hold, UserError where nothing is kept of them, AwayError while a read is under way.
    """
    from salus.record.manifest import Lock
    from salus.spine.read import finish_reads

    finish_reads(site)
    with Lock(site.path, _LOCK):
        whose = _known(site, subject)
        if held(site, whose):
            raise RefusedError(
                f"'{whose.subjects[0]}' is under legal hold, which outranks an erasure: see who put it there "
                "on the Audit page, and end it with 'salus archive release'."
            )
        return _erased(site, whose, by, because, seen)


def _erased(site: Site, whose: Traces, by: str, because: str, seen: Seen | None = None) -> Gone:
    from salus.record.erase import Erased
    from salus.record.erase import erase as from_records

    acted = sum(entry.who in whose.subjects for entry in site.store.entries())
    entries = _from_store(site, whose, by, because)
    found: Erased = from_records(site.path, whose, seen) if site.has_archive else Erased()
    _keep_list(site)
    site.store.scrub()
    site.memory.clear()
    return Gone(entries, found.resources, found.events, found.named, acted)


def _from_store(site: Site, whose: Traces, by: str, because: str) -> int:
    """Erase rows and openings, and say so; where a killed run did that already, nothing is said twice."""
    from salus.store.erasure import erased

    names = [_pseudonym(site, one) for one in whose.subjects]
    told = {name for _, content in site.store.erasures() for name in content.get("who", ())}
    with site.store.begin() as tx:
        seqs = erased(tx, whose.subjects, whose.pattern)
        if seqs or not told.issuperset(names):
            said = {"id": names[0], "who": names, "by": by, "because": because, "openings": seqs}
            tx.append(site.now(), by, "erase", said)
    return len(seqs)


def _pseudonym(site: Site, subject: str) -> str:
    return site.insight_id(b"erased\0" + subject.encode())


def _known(site: Site, subject: str) -> Traces:
    """Return by what a person is named here; raises UserError where nothing is kept of them."""
    from salus.record.erase import Traces, traces

    whose = traces(site.archive, subject) if site.has_archive else Traces((_plain(subject),))
    kept = {*site.store.named(), *(site.archive.subjects() if site.has_archive else ())}
    named = [one for one in whose.subjects if one in kept]
    told = {name for _, content in site.store.erasures() for name in content.get("who", ())}
    if (
        not named
        and not whose.words
        and not told.intersection(_pseudonym(site, one) for one in whose.subjects)
    ):
        raise UserError(f"Nothing is kept of '{whose.subjects[0]}' here.")
    return whose


def _plain(subject: str) -> str:
    return subject if "/" in subject else f"Patient/{subject}"


# --- what a restore does again -------------------------------------------------------------------


def _keep_list(site: Site, more: set[str] | None = None) -> None:
    """Write whom this site knows no more: those of its ledger, and of lists that it was given before."""
    from salus.core.files import put

    file = site.path / LIST
    before = _listed(site, file) if file.exists() else set()
    who = {name for _, content in site.store.erasures() for name in content.get("who", ())}
    told = {"site": site.id, "who": sorted(who | before | (more or set()))}
    put(file, json.dumps(told, indent=1).encode() + b"\n").chmod(0o600)


def again(site: Site, erasures: Path) -> int:
    """Erase whoever the list in the file `erasures` names and is here again; return how many that were.

    Raises UserError where it is no such list, or another site's.
    """
    who = _listed(site, erasures)
    known = {*site.store.named(), *(site.archive.subjects() if site.has_archive else ())}
    found = [one for one in sorted(known) if _pseudonym(site, one) in who]
    for one in found:
        _erased(site, _known(site, one), "salus", "erased before, and brought back by a backup")
    _keep_list(site, who)
    return len(found)


def _listed(site: Site, erasures: Path) -> set[str]:
    try:
        told: Any = json.loads(erasures.read_bytes())
        owner, who = told["site"], {str(name) for name in told["who"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"'{erasures}' is no list of erasures: name the archive's own '{LIST}'.") from None
    if owner != site.id:
        raise UserError(f"'{erasures}' is another site's list of erasures: name this archive's own.")
    return who
