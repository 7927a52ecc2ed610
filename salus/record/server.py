"""A live FHIR R4 server in: every patient's evidence by `$everything` where it is offered, else by searches.

Source: HL7 FHIR R4 RESTful API, search (paging by Bundle.link next) and Patient/$everything. A page link
is followed only to the server that was named. What cannot be had now is asked for again, with growing pauses.
Which patients are asked about, and how, is `server_patients`.
"""

from __future__ import annotations

import time
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from salus.core import codes
from salus.core.card import Need
from salus.core.errors import AwayError, EvidenceError, RefusedError, UserError
from salus.record import fhir_types as t
from salus.record.account import Account
from salus.record.bulk import into
from salus.record.fhir_bundle import entries, loosened
from salus.record.fhir_kinds import OF_PATIENTS
from salus.record.fhir_types import MALFORMED
from salus.record.server_patients import CANNOT, Forbidden, Page, Unable, everybody, is_error

if TYPE_CHECKING:
    import httpx

    from salus.record.intake import Intake

_PAGE = 200
_TRIES = 6
_LONGEST_PAUSE_S = 30.0
# RFC 9110 4.1 asks of servers 8,000 octets; proxies and older servers take 2,048.
_LONGEST_URL = 1_900
# What stands in a search beside its codes: the type, a patient's id, `_include` and `_count`.
_BESIDE_CODES = 300
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class _Set(msgspec.Struct):
    resourceType: str = ""
    link: list[t.Link] | None = None


_bundle = msgspec.json.Decoder(_Set).decode


class _Operation(msgspec.Struct):
    name: str = ""


class _Kind(msgspec.Struct):
    type: str = ""
    operation: list[_Operation] = msgspec.field(default_factory=list)


class _Rest(msgspec.Struct):
    resource: list[_Kind] = msgspec.field(default_factory=list)
    operation: list[_Operation] = msgspec.field(default_factory=list)


class _Capability(msgspec.Struct):
    resourceType: str = ""
    rest: list[_Rest] = msgspec.field(default_factory=list)


def read_server(
    url: str,
    archive: Path,
    needs: Iterable[Need] = (),
    progress: Callable[..., Any] | None = None,
    headers: dict[str, str] | None = None,
    *,
    same_ids: bool = False,
    caller: str = "",
) -> Account:
    """Read every patient of the FHIR server at `url` into the archive; return the account.

    needs: what models ask for; where the server has no `$everything`, only that is searched for (every
    patient type when it is empty). headers: for authorization. All of it arrives or nothing changes, but for
    a type or a patient that the server cannot answer for: these are passed over and noted. same_ids: this
    server gives the archive's patients the ids that they have there. caller: the server of an EHR whose ids
    are used beside the archive.
    Raises AwayError when the server does not answer, RefusedError when it refuses or its ids may be other
    people's, EvidenceError when what it says is no FHIR.
    """

    def fill(intake: Intake) -> None:
        intake.homes.live(server.base)
        everybody(intake, server, tuple(needs), progress)

    with Server.at(url, headers) as server:
        return into(archive, 0, fill, same_ids=same_ids, caller=caller)


@dataclass(slots=True)
class Server:
    """One FHIR server; `pause` waits between tries."""

    base: str
    client: httpx.Client
    pause: Callable[[float], None] = time.sleep
    everything: bool = False
    kinds: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def at(
        cls, url: str, headers: dict[str, str] | None = None, pause: Callable[[float], None] = time.sleep
    ) -> Server:
        """Return the server at base `url`, after asking it what it can do."""
        import httpx

        base, login = _base(url)
        client = httpx.Client(
            headers={"Accept": "application/fhir+json", **(headers or {})},
            auth=login,
            timeout=httpx.Timeout(60.0, connect=10.0),
            follow_redirects=False,
        )
        server = cls(base, client, pause)
        try:
            server._ask()
        except BaseException:
            client.close()
            raise
        return server

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def _ask(self) -> None:
        raw = self._get(f"{self.base}/metadata")
        try:
            said = msgspec.json.decode(raw, type=_Capability)
        except MALFORMED:
            raise EvidenceError(
                f"'{self.base}' answers, but not as a FHIR server: name its base URL."
            ) from None
        if said.resourceType != "CapabilityStatement":
            raise EvidenceError(f"'{self.base}' has no CapabilityStatement: name the server's FHIR base URL.")
        kinds = [kind for rest in said.rest for kind in rest.resource]
        self.kinds = frozenset(kind.type for kind in kinds)
        offered = [one.name for kind in kinds if kind.type == "Patient" for one in kind.operation]
        offered += [one.name for rest in said.rest for one in rest.operation]
        self.everything = any(
            name.lower().lstrip("$") in ("everything", "patient-everything") for name in offered
        )

    def search(self, kind: str, params: dict[str, str]) -> Iterator[Page]:
        """Yield the pages of a search."""
        import httpx

        query = httpx.QueryParams({**params, "_count": str(_PAGE)})
        return self._pages(f"{self.base}/{kind}?{query}")

    def about(self, patient: str) -> Iterator[Page]:
        """Yield the pages of Patient/`patient`/$everything."""
        return self._pages(f"{self.base}/Patient/{quote(patient, safe='')}/$everything?_count={_PAGE}")

    def found(
        self, patient: str, searches: Sequence[tuple[str, str]], more: Mapping[str, str] | None = None
    ) -> Iterator[Page]:
        """Yield the pages of `searches` (type, code list) about one patient; `more` parameters of each."""
        for kind, wanted in searches:
            params = {"patient": patient} | ({"code": wanted} if wanted else {})
            yield from self.search(kind, {**params, **(more or {})})

    def one(self, name: str) -> Page:
        """Return the resource ``Type/id``."""
        url = f"{self.base}/{quote(name)}"
        return Page([self._get(url)], [url])

    def searches(self, needs: Sequence[Need]) -> list[tuple[str, str]]:
        """Return (type, code list) of each search that `needs` come down to; "" is every code.

        What the server lists bounds them, where it lists anything. Where the codes of a type make too long a
        URL, they are asked for in several searches.
        """
        if not needs:
            return [(kind, "") for kind in sorted(self.kinds & OF_PATIENTS - {"Patient"})]
        wanted: dict[str, set[str]] = {}
        whole = {need.resource for need in needs if not need.codes}
        for need in needs:
            tokens = {"|".join(codes.uri(code)) for code in need.codes}
            wanted.setdefault(need.resource, set()).update(tokens)
        kinds = sorted(set(wanted) - {"Patient"} - set(self.unlisted(needs)))
        room = max(_LONGEST_URL - len(self.base) - _BESIDE_CODES, _LONGEST_URL // 4)
        lists = {kind: [""] if kind in whole else _lists(sorted(wanted[kind]), room) for kind in kinds}
        return [(kind, some) for kind in kinds for some in lists[kind]]

    def unlisted(self, needs: Sequence[Need]) -> list[str]:
        """Return the types that are needed and that the server does not list among those it has."""
        return sorted({need.resource for need in needs} - self.kinds) if self.kinds else []

    def _pages(self, url: str) -> Iterator[Page]:
        seen: set[str] = set()
        following: str | None = url
        while following:
            if following in seen:
                raise EvidenceError(f"'{self.base}' sends its pages in a circle: tell whoever runs it.")
            try:
                page, link = self._page(following)
            except Unable as error:
                if not seen:
                    raise
                raise EvidenceError(
                    f"'{self.base}' answered HTTP {error.status} to its own link to the next page: read "
                    "again, and tell whoever runs it; nothing of this read was kept."
                ) from None
            seen.add(following)
            following = link
            yield page

    def _page(self, url: str) -> tuple[Page, str | None]:
        try:
            raw = self._get(url)
            said, _ = loosened(_bundle, raw)
        except MALFORMED:
            raise EvidenceError(
                f"'{self.base}' sent a page that is no Bundle: tell whoever runs it."
            ) from None
        if is_error(raw):
            return Page([raw], [""]), None
        if said.resourceType != "Bundle":
            raise EvidenceError(f"'{self.base}' sent a page that is no Bundle: tell whoever runs it.")
        found = entries(raw) or []
        page = Page([bytes(resource) for resource, _ in found], [name for _, name in found])
        links = [link.url for link in said.link or () if link.relation == "next" and link.url]
        return page, self._same_server(url, links[0]) if links else None

    def _same_server(self, page: str, link: str) -> str:
        """Return a page link as a whole URL; credentials go to no other server."""
        import httpx

        base = httpx.URL(self.base + "/")
        url = httpx.URL(page).join(link)
        if (url.scheme, url.host, url.port) != (base.scheme, base.host, base.port):
            raise EvidenceError(
                f"'{self.base}' says that its next page is on another server ({url.host}), which is not "
                "followed: correct the server's own base URL."
            )
        return str(url)

    def _get(self, url: str) -> bytes:
        import httpx

        pause = 0.5
        for left in reversed(range(_TRIES)):
            try:
                answer = self.client.get(url)
            except httpx.HTTPError as error:
                problem, wait = type(error).__name__, pause
            else:
                if answer.status_code not in _AGAIN:
                    return self._content(answer)
                problem, wait = f"HTTP {answer.status_code}", _retry_after(answer.headers, pause)
            if left:
                self.pause(min(wait, _LONGEST_PAUSE_S))
                pause *= 2
        raise AwayError(f"'{self.base}' does not answer ({problem}): try again later; nothing was changed.")

    def _content(self, answer: httpx.Response) -> bytes:
        status = answer.status_code
        if status == 200:
            # RFC 8259 8.1: a byte order mark may be ignored.
            return answer.content.removeprefix(BOM_UTF8)
        if status in (401, 403):
            refused = RefusedError if status == 401 else Forbidden
            raise refused(f"'{self.base}' refuses (HTTP {status}): ask whoever runs it for access.")
        told = f"'{self.base}' answered HTTP {status} to a FHIR request: name its FHIR base URL."
        if status not in CANNOT:
            raise EvidenceError(told)
        unable = Unable(told)
        unable.status = status
        raise unable


def _lists(tokens: Sequence[str], room: int) -> list[str]:
    """Return `tokens` as comma-separated lists that take at most `room` characters each in a URL."""
    found: list[list[str]] = [[]]
    taken = 0
    for token in tokens:
        long = len(quote(f",{token}", safe=""))
        if found[-1] and taken + long > room:
            found.append([])
            taken = 0
        found[-1].append(token)
        taken += long
    return [",".join(some) for some in found]


def _base(url: str) -> tuple[str, tuple[str, str] | None]:
    """Return the base URL without credentials, which must not stand in any message, and the credentials."""
    import httpx

    try:
        given = httpx.URL(url)
    except httpx.InvalidURL:
        raise UserError("That is no URL: write https://HOST/FHIR-BASE.") from None
    if given.query or given.fragment:
        raise UserError(f"A FHIR base URL ends before any '?' or '#': write https://{given.host}/FHIR-BASE.")
    login = (given.username, given.password) if given.username else None
    return str(given.copy_with(userinfo=b"")).rstrip("/"), login


def _retry_after(headers: httpx.Headers, otherwise: float) -> float:
    """Return the seconds that the server asks to wait (RFC 9110 10.2.3), else `otherwise`."""
    said = headers.get("Retry-After", "")
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return otherwise
