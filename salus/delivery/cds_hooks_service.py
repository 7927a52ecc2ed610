"""One CDS Hooks call: is it sound, is the evidence there, what do the live models say, and what is sent back?

For the CDS Hooks door. A hook must never hold up an EHR: whatever is wrong on our side is answered at once,
in a form that the EHR can pass over (docs/decisions/0005-delivery.md).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import msgspec

from salus.core.addresses import is_among, tidy
from salus.core.card import Card
from salus.core.consent import Actor
from salus.core.errors import AwayError, SalusError, UserError, choices
from salus.core.evidence import Timeline
from salus.core.insight import Insight
from salus.core.registry import models
from salus.delivery.answers import Answer, log_away
from salus.delivery.cds_hooks_cards import READING_HOOKS, Look, Sent, away_card, cards, orders_drugs
from salus.delivery.cds_hooks_check import HOOKS, check_request
from salus.delivery.cds_hooks_fetch import Fetched, obstacle
from salus.delivery.cds_hooks_gaps import Cut, Gaps, cuts, types_in, unused
from salus.delivery.cds_hooks_prefetch import Query, missing, nothing_to_go_on, queries
from salus.delivery.fhir_outcome import Issue, one, outcome
from salus.delivery.settings import Settings
from salus.delivery.tally import Tally
from salus.spine.bring import bring, fields, in_part, loosened
from salus.spine.consult import consult
from salus.spine.models import LIVE, statuses
from salus.spine.moment import at_bedside

if TYPE_CHECKING:
    from salus.spine.bring import Account
    from salus.spine.site import Site

_SERVICE = "salus-{}"
_PURPOSE = {
    "patient-view": "Says who needs attention, why and how sure, when a record is opened.",
    "encounter-start": "Says what stands out when an encounter starts.",
    "order-select": "Says what cannot wait while orders are chosen; beside a drug, what is due this week.",
    "order-sign": "Says what cannot wait before orders are signed; beside a drug, what is due this week.",
}


class _Call(msgspec.Struct):
    """A service call, its prefetch left as bytes: it is decoded once, by the record."""

    hook: Any = None
    hookInstance: Any = None
    fhirServer: Any = None
    fhirAuthorization: Any = None
    context: Any = None
    prefetch: msgspec.Raw = msgspec.Raw(b"null")

    def envelope(self) -> dict[str, Any]:
        """Return all but the prefetch, as plain values."""
        names = ("hook", "hookInstance", "fhirServer", "fhirAuthorization", "context")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class _Head(msgspec.Struct):
    resourceType: str | None = None


@dataclass(frozen=True, slots=True)
class _Sent:
    """What came as prefetch. bundle: one Bundle stands in place of the keys. cut: lists sent in part.

    alone: keys under which one resource came, and no Bundle.
    """

    parts: Mapping[str, Any]
    usable: Mapping[str, bool]
    bundle: bool
    cut: Mapping[str, Cut] = field(default_factory=dict)
    alone: frozenset[str] = frozenset()

    def as_asked(self, asked: tuple[Query, ...]) -> _Sent:
        """Return it with each list of which only one resource came, as no list, among those in part."""
        single = {query.key: Cut(1, None) for query in asked if query.searches and query.key in self.alone}
        return replace(self, cut={**self.cut, **single}) if single else self

    def lacking(self, asked: tuple[Query, ...]) -> tuple[Query, ...]:
        """Return what was asked for and did not come.

        A client that sends one Bundle, or resources under keys of its own, sends what it has: nothing is
        missing by name then. Beside our keys, what came under its own is not missing.
        """
        if not self.parts_by_key(asked):
            return ()
        lacking, own = missing(asked, self.usable), self._own(asked)
        came = frozenset[str]().union(*(types_in(self.parts[key]) for key in own)) if lacking else ()
        return tuple(query for query in lacking if query.resource not in came)

    def parts_by_key(self, asked: tuple[Query, ...]) -> bool:
        """Whether what came is named by the keys that were asked for, or nothing came at all."""
        own_way = any(self.usable.values()) and not any(query.key in self.parts for query in asked)
        return not self.bundle and not own_way

    def _own(self, asked: tuple[Query, ...]) -> list[str]:
        """Return the keys of the client's own under which something came."""
        keys = {query.key for query in asked}
        return [key for key, usable in self.usable.items() if usable and key not in keys]


_decode_call = msgspec.json.Decoder(_Call).decode
_decode_head = msgspec.json.Decoder(_Head).decode


def _is_null(raw: msgspec.Raw) -> bool:
    """Whether it is null; Raw itself compares by identity."""
    return len(raw) == 4 and bytes(raw) == b"null"


def at_hook(site: Site, hook: str) -> tuple[Card, ...]:
    """Return the cards of the models that are live here and speak at `hook`."""
    known = models()
    live = [name for name, row in statuses(site).items() if row.status == LIVE]
    return tuple(known[name].card for name in live if hook in known[name].card.hooks)


def services(site: Site) -> dict[str, object]:
    """Return the discovery document: one service for each hook at which a live model has something to say."""
    found = [(hook, at_hook(site, hook)) for hook in HOOKS]
    standing = "Demonstration, not for care. " if site.demonstration else ""
    return {"services": [_service(hook, speaking, standing) for hook, speaking in found if speaking]}


def _service(hook: str, speaking: tuple[Card, ...], standing: str) -> dict[str, object]:
    titles = ", ".join(card.title or card.name for card in speaking)
    return {
        "id": _SERVICE.format(hook),
        "hook": hook,
        "title": f"Salus at {hook}",
        "description": f"{standing}{_PURPOSE[hook]} Asks: {titles}.",
        "usageRequirements": "Prefetch is enough: no call-back to the FHIR server is needed.",
        "prefetch": {query.key: query.template for query in queries(speaking)},
    }


def hook_of(service: str) -> str | None:
    """Return the hook that `service` answers at, or None when there is no such service."""
    return next((hook for hook in HOOKS if _SERVICE.format(hook) == service), None)


def unknown_service(site: Site, service: str) -> Answer:
    """Return the answer to a call for a service that is not in discovery."""
    known = choices(service[:64], [_SERVICE.format(hook) for hook in HOOKS if at_hook(site, hook)])
    return Answer(404, one("not-found", f"No such service is offered here. Offered: {known}."))


@dataclass(frozen=True, slots=True)
class Pending:
    """A sound call for which `wanted` is still to be fetched from the server that it names."""

    call: _Call
    sent: _Sent
    speaking: tuple[Card, ...]
    wanted: tuple[Query, ...]
    until: float
    client: str = ""

    @property
    def patient(self) -> str:
        """Return the id of the patient in context."""
        return str(self.call.context["patientId"])


def begin(
    site: Site,
    settings: Settings,
    service: str,
    body: bytes,
    *,
    tally: Tally | None = None,
    until: float = inf,
    client: str = "",
) -> Answer | Pending:
    """Return the answer of `service` to the call in `body`, or what is to be fetched before `finish`.

    until: the reading of time.monotonic() after which nobody waits for cards, and none is kept as shown.
    client: the issuer that signed the call; the ledger names it beside the user.
    An AwayError is the caller's (see `away`).
    """
    hook = hook_of(service)
    if hook is None:
        return unknown_service(site, service)
    try:
        call, sent = _sound(body, hook)
    except Refused as error:
        return Answer(400, outcome(error.issues))
    speaking = at_hook(site, hook)
    if not speaking:
        return Answer(200, {"cards": []})
    pending = replace(_pending(call, sent, speaking, until), client=client)
    problem = obstacle(pending.wanted, call.fhirServer, settings)
    return finish(site, settings, pending, Fetched(problem=problem), tally) if problem else pending


def _pending(call: _Call, sent: _Sent, speaking: tuple[Card, ...], until: float) -> Pending:
    asked = queries(speaking)
    sent = sent.as_asked(asked)
    cut = (query for query in asked if query.key in sent.cut)
    return Pending(call, sent, speaking, (*sent.lacking(asked), *cut), until)


def finish(
    site: Site, settings: Settings, pending: Pending, fetched: Fetched, tally: Tally | None = None
) -> Answer:
    """Return the answer to a call after what it lacks was fetched, or was not."""
    call, sent, speaking = pending.call, pending.sent, pending.speaking
    asked, subject = queries(speaking), f"Patient/{pending.patient}"
    lacking = missing(sent.lacking(asked), dict.fromkeys(fetched.parts, True))
    timeline, account = _timeline(site, pending, fetched, subject)
    if all(event.status == "draft" for event in timeline) or nothing_to_go_on(
        asked, lacking, [card.name for card in speaking]
    ):
        return _precondition(lacking, fetched)
    gaps = Gaps.of(asked, lacking, sent.cut, fetched, None if sent.parts_by_key(asked) else account)
    note = " ".join(text for text in (unused(account), gaps.note()) if text)
    timeline = in_part(timeline, gaps.in_part())
    timeline = replace(timeline, subject=site.name(subject, call.fhirServer))
    page, drugs = _page(site, settings, timeline.subject), orders_drugs(call.context)
    look = Look(call.hook, settings, page, note, gaps.partial(), drugs, site.demonstration, gaps.came)
    tally = tally or Tally()
    actor = Actor(site.name(str(call.context["userId"]), call.fhirServer), client=pending.client)
    return _answer(site, look, actor, speaking=speaking, timeline=timeline, tally=tally, until=pending.until)


def away(service: str, settings: Settings, refused: Answer) -> Answer:
    """Where a clinician reads, silence would look like safety: say so. Where one orders, step aside."""
    if hook_of(service) in READING_HOOKS:
        return Answer(200, {"cards": [away_card(settings)]}, {"X-Salus-Away": "true"})
    return refused


class Refused(UserError):
    """The call is not what CDS Hooks asks for; holds every issue."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        super().__init__("The call is not a sound CDS Hooks request.")
        self.issues = tuple(issues)


def _sound(body: bytes, hook: str) -> tuple[_Call, _Sent]:
    """Return the call and its prefetch; all of it is looked through only where something is wrong."""
    try:
        call = _decode_call(body)
    except (msgspec.ValidationError, RecursionError):
        raise Refused(_every(body)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        call = _as_it_came(body)
    bad = [issue for issue in check_request(call.envelope()) if not issue.tolerated]
    sent = _received(call.prefetch)
    if bad or sent is None:
        raise Refused(_every(body) or bad)
    if call.hook != hook:
        text = f"This service answers at the hook '{hook}': call the service of the hook that was triggered."
        raise Refused([Issue("error", "invalid", "CDSHooksRequest.hook", text)])
    return call, sent


def _as_it_came(body: bytes) -> _Call:
    """Return a call in whose prefetch a string holds what JSON forbids: the record refuses that resource."""
    try:
        found = fields(body)
        prefetch = found.pop("prefetch", msgspec.Raw(b"null"))
        return msgspec.structs.replace(_decode_call(msgspec.json.encode(found)), prefetch=prefetch)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused([Issue("fatal", "structure", "CDSHooksRequest", "The body is not JSON.")]) from None


def _every(body: bytes) -> list[Issue]:
    try:
        return check_request(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [Issue("fatal", "structure", "CDSHooksRequest", "The body is not JSON that can be read.")]


def _received(raw: msgspec.Raw) -> _Sent | None:
    """Return what came; None where a value is neither a resource nor null.

    What is inside a resource is the record's matter.
    """
    if _is_null(raw):
        return _Sent({}, {}, bundle=False)
    try:
        parts = fields(bytes(raw))
        if "resourceType" in parts:
            bundle = msgspec.json.decode(parts["resourceType"]) == "Bundle"
            return _Sent({}, {}, bundle=True, cut=cuts({"": raw})) if bundle else None
        kinds = {key: None if _is_null(part) else _kind(part) for key, part in parts.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    usable = {key: kind not in (None, "OperationOutcome") for key, kind in kinds.items()}
    lists = {key: parts[key] for key, kind in kinds.items() if kind == "Bundle"}
    alone = frozenset(key for key in parts if usable[key] and key not in lists)
    return None if "" in kinds.values() else _Sent(parts, usable, False, cuts(lists), alone)


def _kind(part: msgspec.Raw) -> str:
    return loosened(_decode_head, bytes(part)).resourceType or ""


def _timeline(site: Site, pending: Pending, fetched: Fetched, subject: str) -> tuple[Timeline, Account]:
    """Return the subject's Timeline, and what became of every resource that came."""
    call, sent = pending.call, pending.sent
    # A list in part that was fetched takes nothing away from the part that was sent.
    more = {key: part for key, part in fetched.parts.items() if not (key in fetched.cut and key in sent.cut)}
    whole: Any = bytes(call.prefetch) if sent.bundle else {**sent.parts, **more}
    drafts = call.context.get("draftOrders")
    ordering = (msgspec.json.encode(drafts), site.now()) if drafts else None
    return bring(whole, subject, "prefetch", ordering=ordering, servers=_servers(site, call.fhirServer))


def _servers(site: Site, server: str | None) -> tuple[str, ...]:
    """Return the base URLs under which an id is of the caller's patient; () where it names no server."""
    if not server:
        return ()
    known = site.servers
    return (server, *known) if is_among(tidy(server), known) else (server,)


def _precondition(lacking: tuple[Query, ...], fetched: Fetched) -> Answer:
    keys = ", ".join(query.key for query in lacking) or "resources of the patient in context"
    text = f"Prefetch lacks {keys}, and {fetched.problem}. Send it, as the discovery document asks."
    return Answer(412, one("required", text, "CDSHooksRequest.prefetch"))


def _answer(
    site: Site,
    look: Look,
    actor: Actor,
    *,
    speaking: tuple[Card, ...],
    timeline: Timeline,
    tally: Tally,
    until: float,
) -> Answer:
    sent: list[Sent] = []

    def shown(insights: list[Insight]) -> dict[str, str]:
        if time.monotonic() > until:
            # The EHR was told that nothing was computed: then nothing may be on record as shown.
            raise AwayError("The EHR waits no longer: nothing was kept of this call.")
        sent.extend(cards(insights, look))
        return keys(look.hook, sent)

    insights = consult(
        site,
        actor=actor,
        evidence=timeline,
        asks=[card.name for card in speaking],
        as_of=at_bedside(timeline, site.now()),
        shown=shown,
    )
    tally.note(insights)
    return Answer(200, {"cards": [one.card for one in sent]})


def keys(hook: str, sent: list[Sent]) -> dict[str, str]:
    """Return which insight each card shows, so that feedback finds it."""
    return {
        card_key(hook, str(one.card["uuid"]), place): insight
        for one in sent
        for place, insight in enumerate(one.insights)
    }


def card_key(hook: str, card: str, place: int) -> str:
    """Return the key under which the insight at `place` of a card that was sent at `hook` is kept.

    Made of the hook too: so feedback finds a card only at the service that sent it.
    """
    return str(uuid5(UUID(card), f"{hook}/{place}"))


def _page(site: Site, settings: Settings, subject: str) -> str | None:
    """Return the patient's page where the record is here; a patient known from prefetch alone has none."""
    from salus.delivery.web.app import patient_path

    try:
        path = patient_path(site, subject)
    except (SalusError, OSError) as error:
        # The evidence came with the call: records that are away cost the link to their page, and no more.
        log_away("records", error)
        return None
    return settings.url(path) if path else None
