"""A server's evidence, patient by patient: what it is asked, and what is said where it cannot answer.

One type or one patient that a server cannot give costs that type or patient, and a note; what it sends half
of (a page that does not come) costs the whole read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from salus.core.addresses import is_id
from salus.core.card import Need
from salus.core.errors import EvidenceError, RefusedError
from salus.record.fhir_decode import named
from salus.record.fhir_kinds import MEDICATED
from salus.record.fhir_types import MALFORMED
from salus.record.intake import Intake

if TYPE_CHECKING:
    from salus.record.server import Server

# Statuses of an answer to one request that say nothing of the server as a whole.
CANNOT = frozenset({400, 404, 405, 410, 414, 422, 501})
_EVERYTHING = "Patient/$everything"
_ERROR = "OperationOutcome: the server answers with an error; ask whoever runs it"


class Unable(EvidenceError):
    """The server cannot answer one request."""

    status: int = 0


class Forbidden(RefusedError):
    """The server may not answer one request."""

    status: int = 403


class Page(NamedTuple):
    """One page: its resources as they came, with full URLs."""

    resources: list[bytes]
    urls: list[str]


class _Issue(msgspec.Struct):
    severity: str | None = None


class _Outcome(msgspec.Struct):
    resourceType: str = ""
    issue: list[_Issue] = msgspec.field(default_factory=list)


_outcome = msgspec.json.Decoder(_Outcome).decode


def everybody(
    intake: Intake, server: Server, needs: Sequence[Need], progress: Callable[..., Any] | None
) -> None:
    """Take in what `server` has of every patient, and say in the account's notes what it did not give."""
    asked = _Asked(intake, server, needs)
    patients = asked.patients()
    for patient in progress(patients, desc="Reading", unit="patient") if progress else patients:
        asked.about(patient)
    asked.drugs()
    intake.account.notes += asked.notes()


class _Asked:
    """What one server was asked, and what it passed over, by type."""

    def __init__(self, intake: Intake, server: Server, needs: Sequence[Need]) -> None:
        self.intake, self.server = intake, server
        self.searches, self.unlisted = server.searches(needs), server.unlisted(needs)
        self.everything, self.worked = server.everything, False
        self.searched = not server.everything
        self.passed: Counter[tuple[str, str]] = Counter()
        # Types whose drugs cannot be asked for with them.
        self.alone: set[str] = set()

    def patients(self) -> list[str]:
        """Take in every Patient; return their ids."""
        found: list[str] = []
        for number, page in enumerate(self.server.search("Patient", {}), 1):
            if page.resources and all(map(is_error, page.resources)):
                base = self.server.base
                raise EvidenceError(f"'{base}' finds no patients but an error: ask whoever runs it.")
            self._keep(page, f"Patient page {number}", "Patient")
            found += [one for one in map(_patient, page.resources) if one]
        usable = [one for one in found if one.strip(".")]
        if len(usable) < len(found):
            # RFC 3986 5.2.4: a path takes them for steps up, and asks for everybody.
            self.passed["Patient", "an id of dots cannot stand in a URL"] += len(found) - len(usable)
        return usable

    def about(self, patient: str) -> None:
        """Take in what the server has about one patient."""
        if self.everything and self._everything(patient):
            return
        self.searched = True
        for kind, wanted in self.searches:
            try:
                pages = self._found(patient, kind, wanted)
            except (Unable, Forbidden) as error:
                self.passed[kind, f"HTTP {error.status}"] += 1
            else:
                self._keep_all(pages, patient, kind)

    def _everything(self, patient: str) -> bool:
        """Take in what `$everything` gives; return whether that is all, so that nothing is to be searched."""
        try:
            pages = _begun(self.server.about(patient))
        except (Unable, Forbidden) as error:
            # Before it has worked once, nobody knows whether it is the patient or the operation that is away.
            gone = error.status == 410 or (error.status == 404 and self.worked)
            self.everything = gone or error.status == 404
            self.passed[_EVERYTHING, f"HTTP {error.status}"] += 1
            return gone
        self.worked = True
        self._keep_all(pages, patient, _EVERYTHING)
        return True

    def _found(self, patient: str, kind: str, wanted: str) -> Iterator[Page]:
        """Return the pages of one search, with the drugs that are referred to where the server can."""
        searches = [(kind, wanted)]
        if kind in MEDICATED and kind not in self.alone:
            try:
                return _begun(self.server.found(patient, searches, {"_include": f"{kind}:medication"}))
            except Unable:
                self.alone.add(kind)
        return _begun(self.server.found(patient, searches))

    def drugs(self) -> None:
        """Take in the Medications that were referred to and did not come along."""
        self.intake.pour()
        known = self.intake.near.medications
        for name in dict.fromkeys(codes[0] for codes in self.intake.words if codes[0] not in known):
            kind, _, given = name.partition("/")
            if kind != "Medication" or not is_id(given) or not given.strip("."):
                continue
            try:
                self._keep(self.server.one(name), name, kind)
            except (Unable, Forbidden) as error:
                self.passed[kind, f"HTTP {error.status}"] += 1

    def _keep_all(self, pages: Iterator[Page], patient: str, what: str) -> None:
        for number, page in enumerate(pages, 1):
            self._keep(page, f"Patient/{patient} page {number}", what)

    def _keep(self, page: Page, place: str, what: str) -> None:
        """Take in one page; an error that stands there in place of evidence is refused, and noted."""
        intake, file = self.intake, self.intake.file(place)
        intake.announce(list(zip(page.resources, page.urls, strict=True)))
        good = [at for at, raw in enumerate(page.resources) if not is_error(raw)]
        if good:
            found = [page.resources[at] for at in good]
            intake.resources(found, file, 1, [page.urls[at] for at in good])
        for at in sorted(set(range(len(page.resources))).difference(good)):
            intake.refuse(page.resources[at], file, at + 1, _ERROR)
            self.passed[what, "an error in place of an answer"] += 1

    def notes(self) -> list[str]:
        """Return in words what was passed over."""
        unlisted = self.unlisted if self.searched else []
        return [
            *(f"passed over: {kind} (the server does not list it)" for kind in unlisted),
            *(
                f"passed over: {what} ({why}; requests: {count})"
                for (what, why), count in self.passed.items()
            ),
        ]


def _begun(pages: Iterator[Page]) -> Iterator[Page]:
    """Return the pages after asking for the first: only that one may be refused without loss."""
    return chain((next(pages),), pages)


def is_error(raw: bytes) -> bool:
    """Whether a resource tells of an error (FHIR R4 OperationOutcome.issue.severity)."""
    if b'"OperationOutcome"' not in raw:
        return False
    try:
        said = _outcome(raw)
    except MALFORMED:
        return False
    grave = any(issue.severity in ("error", "fatal") for issue in said.issue)
    return said.resourceType == "OperationOutcome" and grave


def _patient(raw: bytes) -> str:
    """Return the id of a Patient; "" of anything else that a page may hold."""
    try:
        found = named(raw)
    except MALFORMED:
        return ""
    usable = found.resourceType == "Patient" and found.id is not None and is_id(found.id)
    return found.id or "" if usable else ""
