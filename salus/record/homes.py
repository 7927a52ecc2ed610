"""Whose record is it? The servers whose ids an archive holds, compared before anything of a read is kept.

An id says who somebody is on the server that gave it, and on no other. A server is known from its own URL,
the full URLs of a Bundle's evidence, absolute references to patients, and the request of a bulk export. Where
none is known, the Patient resources are compared (`strangers`).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from salus.core.addresses import is_among, is_same, parted, tidy
from salus.core.errors import RefusedError
from salus.record.fhir_decode import guess
from salus.record.fhir_kinds import OF_PATIENTS
from salus.record.fhir_types import MALFORMED
from salus.record.manifest import Manifest

UNKNOWN = ""
REMEDY = (
    "Read it into an archive of its own with --archive; or, where both give the same person the same id, "
    "with 'salus read --same-ids'. Nothing of this read was kept."
)
_LARGEST_MANIFEST = 1 << 24


@dataclass(slots=True)
class Homes:
    """The base URLs of the servers whose ids one read brings, and those that the archive has.

    held: what earlier reads brought; `UNKNOWN` stands for an export that did not say. same_ids: whoever reads
    says that all of them give the same person the same id. caller: the server of an EHR whose ids are used
    beside the archive.
    """

    held: tuple[str, ...] = ()
    same_ids: bool = False
    caller: str = UNKNOWN
    found: list[str] = field(default_factory=list)
    # Where the evidence of the Bundle at hand lies, while no server is known.
    expected: str = UNKNOWN
    # What a live server calls itself in its own pages; None: no live server is read.
    _aliases: list[str] | None = None

    @classmethod
    def of(cls, base: Manifest | None, same_ids: bool, caller: str = UNKNOWN) -> Homes:
        """Return those of the archive that `base` describes; None: nothing was read yet."""
        if base is None:
            return cls((), same_ids, caller)
        return cls(tuple(base.servers) or ((UNKNOWN,) if base.events else ()), same_ids, caller)

    def live(self, base: str) -> None:
        """Note that the server at `base` itself is read, whatever its pages call it."""
        self.met(base, base)
        self._aliases = []

    def entry(self, url: str, source: str, place: str) -> bool:
        """Note the full URL of a patient's resource ``Type/id`` in a Bundle; whether it may join.

        Raises RefusedError where the archive has another server's: the wrong Bundle for it.
        """
        base, name = parted(url)
        if not base or name != source:
            return True
        if self._aliases is None:
            return self.is_ours(base) or self._is_refused(base, place)
        if not is_among(base, self._aliases):
            self._aliases.append(base)
        return True

    def is_ours(self, base: str) -> bool:
        """Whether ids of the server at `base` may join; where none is known yet, it is taken for the one."""
        known = self._known()
        if not known or self.same_ids or is_among(base, known):
            self.met(base, "")
            return True
        return is_among(base, self._aliases or ())

    def is_elsewhere(self, base: str) -> bool:
        """Whether `base` is of another server than the patients here, as far as is known."""
        if self.same_ids or self._aliases is not None:
            return False
        known = self._known() or ([self.expected] if self.expected else [])
        return bool(known) and not is_among(base, known)

    def expect(self, entries: Iterable[tuple[bytes, str]]) -> None:
        """Learn where the first evidence of a Bundle lies, before anything of it is named."""
        self.expected = UNKNOWN if self._known() else home(entries)

    def _is_refused(self, base: str, place: str) -> bool:
        """Return False, that it may not join, where it differs from entries of this read alone."""
        if any(one != UNKNOWN for one in (*self.held, self.caller)):
            self.met(base, place)
        return False

    def _known(self) -> list[str]:
        return [one for one in (*self.held, self.caller, *self.found) if one != UNKNOWN]

    def met(self, base: str, place: str) -> None:
        """Note that `place` brings ids of the server at `base`.

        Raises RefusedError where the archive, or this read, has those of another one.
        """
        base = tidy(base)
        held, known = (*self.held, self.caller), self._known()
        if not base or is_among(base, known):
            if base and not is_among(base, self.found):
                self.found.append(next(one for one in known if is_same(one, base)))
            return
        if known and not self.same_ids:
            whose = "this archive's" if known[0] in held else "those before it"
            raise RefusedError(
                f"'{place}' brings ids of the server {base}, and {whose} are of {known[0]}: the same id can "
                f"be two people. {REMEDY}"
            )
        self.found.append(base)

    def kept(self, brought_evidence: bool) -> list[str]:
        """Return the servers of the archive after this read."""
        brought = (self.found or [UNKNOWN]) if brought_evidence else []
        return list(dict.fromkeys((*self.held, *brought)))


def home(entries: Iterable[tuple[bytes | msgspec.Raw, str]]) -> str:
    """Return the base URL of the first entry (resource, full URL) that is a patient's evidence, or ""."""
    based = ((raw, parted(url)[0]) for raw, url in entries)
    return next((base for raw, base in based if base and guess(raw) in OF_PATIENTS), UNKNOWN)


class _Export(msgspec.Struct):
    """The manifest of a bulk export (FHIR Bulk Data Access 1.0.0, "Response - Complete Status")."""

    transactionTime: str
    request: str
    output: list[msgspec.Raw]


_export = msgspec.json.Decoder(_Export).decode


def exports(paths: list[Path]) -> dict[Path, str]:
    """Return which of `paths` are manifests of bulk exports, each with the base URL that its request names.

    `output.url` is not asked: files often lie at another address than the server whose ids they hold.
    """
    found: dict[Path, str] = {}
    for path in paths:
        if path.suffix == ".json" and path.stat().st_size <= _LARGEST_MANIFEST:
            with suppress(OSError, *MALFORMED):
                found[path] = _kicked_off_at(_export(path.read_bytes()).request)
    return found


def _kicked_off_at(request: str) -> str:
    """Return the base of ``[base]/$export``, ``[base]/Patient/$export`` or ``[base]/Group/[id]/$export``."""
    address, export, _ = request.partition("/$export")
    if not export:
        return ""
    steps = address.rstrip("/").split("/")
    if steps[-1:] == ["Patient"]:
        steps = steps[:-1]
    elif steps[-2:-1] == ["Group"]:
        steps = steps[:-2]
    return tidy("/".join(steps))
