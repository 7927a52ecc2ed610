"""What of a prefetch did not come whole, and how to say so: a list in part is no list that ends there.

For the CDS Hooks door. Source: FHIR R4 3.1.1 (a searchset's `total` and its link `next`), CDS Hooks 2.0
"Prefetch Template" (a client may leave out, or send null for, what it does not want to send).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from salus.delivery.cds_hooks_prefetch import MEASURED, MEASUREMENTS, Query
from salus.spine.bring import loosened, plural

if TYPE_CHECKING:
    from salus.delivery.cds_hooks_fetch import Fetched
    from salus.spine.bring import Account

# As record.fhir gives it as the reason of a reject.
_ANOTHERS = "another patient's"
# How the place of a draft order ends in the account.
_DRAFTS = ".draftOrders"
_MAYBE = "what is taken as “no” may be there."


class _Mode(msgspec.Struct):
    mode: Any = None


class _Entry(msgspec.Struct):
    search: _Mode | None = None
    resource: msgspec.Raw = msgspec.Raw(b"null")

    def is_there(self) -> bool:
        """Whether it holds a resource, as every entry of a searchset must (FHIR R4 bdl-5, 3.1.1.1)."""
        return len(self.resource) != 4 or bytes(self.resource) != b"null"

    def is_match(self) -> bool:
        """Whether it counts in the total: what was included, or is said of the search, does not (3.1.1.5)."""
        return self.search is None or self.search.mode in (None, "match")


class _Set(msgspec.Struct):
    total: Any = None
    link: Any = None
    entry: list[_Entry] = []


class _Issue(msgspec.Struct):
    severity: Any = None


class _Outcome(msgspec.Struct):
    resourceType: Any = None
    issue: list[_Issue] = []


class _Page(msgspec.Struct):
    entry: list[msgspec.Raw] = []


_decode = msgspec.json.Decoder(_Set).decode
_decode_outcome = msgspec.json.Decoder(_Outcome).decode
_decode_page = msgspec.json.Decoder(_Page).decode


@dataclass(frozen=True, slots=True)
class Cut:
    """A list that came in part: how many of how many (None: the list does not say)."""

    came: int
    total: int | None

    def says(self) -> str:
        """Return it in words."""
        return f"{self.came} of {self.total if self.total is not None else 'more'}"


def cuts(lists: Mapping[str, Any]) -> dict[str, Cut]:
    """Return which of `lists` (Bundles as bytes, by key) are parts of longer ones, by their own saying.

    They say so by a next page, a higher total, an entry without its resource, or a server's complaint.
    """
    found = {key: _cut(raw) for key, raw in lists.items()}
    return {key: cut for key, cut in found.items() if cut is not None}


def _cut(raw: Any) -> Cut | None:
    try:
        read = loosened(_decode, bytes(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # No list that can be read: the record refuses it, and says so.
        return None
    held = [entry for entry in read.entry if entry.is_there()]
    # Looked for by its name first: a call is not held up by going through every resource twice.
    told = [one for one in held if is_outcome(one.resource)] if b"OperationOutcome" in bytes(raw) else []
    came = sum(one.is_match() for one in held) - sum(one.is_match() for one in told)
    counted = isinstance(read.total, int) and not isinstance(read.total, bool)
    lost = len(held) < len(read.entry) or any(_complains(one.resource) for one in told)
    if not lost and not _next(read.link) and not (counted and read.total > came):
        return None
    return Cut(came, read.total if counted and read.total > came else None)


def is_outcome(raw: Any) -> bool:
    """Whether it is an OperationOutcome: the server's word on a search, in place of what was searched for."""
    try:
        return bool(_decode_outcome(raw).resourceType == "OperationOutcome")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _complains(raw: Any) -> bool:
    """Whether an OperationOutcome says more than information: then the server did not answer in full."""
    issues = _decode_outcome(raw).issue
    return not issues or any(issue.severity != "information" for issue in issues)


def next_page(raw: Any) -> str:
    """Return the address of a search's next page; "" where there is none."""
    try:
        return _next(_decode(raw).link)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _next(links: Any) -> str:
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next":
            return str(link.get("url") or "next")
    return ""


def joined(pages: list[bytes], following: str) -> bytes:
    """Return the pages of one search as one Bundle; following: the page that could not be had, or ""."""
    entries: list[Any] = [entry for page in pages for entry in _decode_page(page).entry]
    links = [{"relation": "next", "url": following}] if following else []
    total = _decode(pages[0]).total
    told = {"total": total} if isinstance(total, int) else {}
    return msgspec.json.encode(
        {"resourceType": "Bundle", "type": "searchset", **told, "link": links, "entry": entries}
    )


def types_in(raw: Any) -> frozenset[str]:
    """Return the types of the resources in `raw`: its own, or those of all that a Bundle holds."""
    try:
        kind = loosened(_decode_outcome, bytes(raw)).resourceType
        if kind != "Bundle":
            return frozenset({kind} if isinstance(kind, str) else ())
        held = [types_in(entry.resource) for entry in loosened(_decode, bytes(raw)).entry if entry.is_there()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return frozenset()
    return frozenset[str]().union(*held)


@dataclass(frozen=True, slots=True)
class Gaps:
    """What did not come: keys that were not sent, lists in part by key, list types of which nothing came.

    types: key → resource type, of what was asked for. came: of each model that reads measurements of which
    some did not come, or may not have, the names of those that came whole.
    """

    unsent: tuple[str, ...]
    cut: Mapping[str, Cut]
    none_of: tuple[str, ...]
    types: Mapping[str, str]
    came: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        asked: Iterable[Query],
        lacking: Iterable[Query],
        sent: Mapping[str, Cut],
        fetched: Fetched,
        account: Account | None,
    ) -> Gaps:
        """Return the gaps after fetching. account: where the client sent in its own way, without our keys."""
        asked, lacking = tuple(asked), tuple(lacking)
        types = {query.key: query.resource for query in asked}
        kept = {key: cut for key, cut in sent.items() if key not in fetched.parts or key in fetched.cut}
        cut = {**{key: one for key, one in fetched.cut.items() if key not in sent}, **kept}
        seen = account.as_events if account is not None else {}
        lists = [kind for kind in dict.fromkeys(types.values()) if kind not in ("Patient", "Observation")]
        none_of = tuple(kind for kind in lists if account is not None and not seen.get(kind))
        any_cut = any(key not in types for key in cut)
        absent = [query for query in asked if any_cut or query in lacking or query.key in cut]
        found = _found([query for query in asked if query.resource not in lists], absent)
        return cls(tuple(query.key for query in lacking), cut, none_of, types, found)

    def note(self) -> str:
        """Return what every card says."""
        said = [f"{_named(key)} was not sent completely: {cut.says()}." for key, cut in self.cut.items()]
        if self.unsent:
            said.append(f"Not sent by the EHR: {', '.join(key.replace('-', ' ') for key in self.unsent)}.")
        return " ".join(said)

    def partial(self) -> dict[str, str]:
        """Return, by resource type, what to say where a model reads that list: absent proves nothing."""
        found = {kind: f"No {plural(kind)} were sent: {_MAYBE}" for kind in self.none_of}
        for key in self.unsent:
            kind = self.types.get(key, "")
            found[kind] = f"The list of {plural(kind)} was not sent: {_MAYBE}"
        for key, cut in self.cut.items():
            for kind in self._kinds(key):
                said = f"The list of {plural(kind)} was sent in part ({cut.says()}): "
                found[kind] = f"{said}what is not on it is not known."
        return {kind: text for kind, text in found.items() if kind not in ("Patient", "Observation")}

    def in_part(self) -> tuple[str, ...]:
        """Return the resource types whose lists came in part.

        Measurements are one where a model learnt from their absence too: what it was not sent is not known.
        """
        kinds = dict.fromkeys(kind for key in self.cut for kind in self._kinds(key))
        found = tuple(kind for kind in kinds if kind not in ("Patient", MEASURED))
        lost = MEASUREMENTS in self.unsent or any(
            key == MEASUREMENTS or key not in self.types for key in self.cut
        )
        return (*found, MEASURED) if lost and MEASUREMENTS in self.types else found

    def _kinds(self, key: str) -> Iterable[str]:
        # Under a key of the client's own, or in one Bundle, any list may be the one that was cut.
        return [self.types[key]] if key in self.types else dict.fromkeys(self.types.values())


def _found(asked: Iterable[Query], absent: Iterable[Query]) -> dict[str, tuple[str, ...]]:
    """Return, by model that lacks something of `asked`, what of it came whole."""
    lost = frozenset[tuple[str, str]]().union(*(query.reads for query in absent))
    every = frozenset[tuple[str, str]]().union(*(query.reads for query in asked))
    return {
        model: tuple(name for reader, name in sorted(every - lost) if reader == model)
        for model in {model for model, _ in every & lost}
    }


def _named(key: str) -> str:
    return key.replace("-", " ")[:64].capitalize() or "The Bundle"


def unused(account: Account) -> str:
    """Return in words what of prefetch and draft orders could not be used, or was another patient's."""
    drafts = [one.reason for one in account.rejected if one.file.endswith(_DRAFTS)]
    sent = [one.reason for one in account.rejected if not one.file.endswith(_DRAFTS)]
    many = sum(
        count for kind, count in (account.as_events + account.as_context).items() if kind[:6] != "draft "
    )
    said = [
        *_left_out(sent, len(sent) + many, "resource"),
        *_left_out(drafts, account.resources - len(sent) - many, "draft order"),
        *account.notes,
    ]
    return " ".join(said)


def _left_out(reasons: list[str], of: int, noun: str) -> Iterator[str]:
    others = sum(_ANOTHERS in reason for reason in reasons)
    bad = len(reasons) - others
    if bad:
        yield f"{bad} of {of} {noun}s that were sent could not be used."
    if others:
        were = f"{noun} of another patient was" if others == 1 else f"{noun}s of another patient were"
        yield f"{others} {were} left out."
