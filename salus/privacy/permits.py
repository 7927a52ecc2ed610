"""What a set of Permits means for one request: permit or deny, never a third.

`rule` puts together what a subject said, what somebody opened all the same, and the site's profile, for one
actor, purpose and instant; the Rule that it returns answers for each datum. The words of the answer are in
`docs/decisions/0018-permits.md`; what is denied is absent, and nothing here says why.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from salus.core.codes import TEXT, meant
from salus.core.consent import (
    ACTIVE,
    DENY,
    DIRECT_CARE,
    PERMIT,
    PURPOSES,
    Actor,
    Grant,
    Permit,
)
from salus.core.errors import RefusedError, choices
from salus.core.evidence import Event
from salus.core.roles import CLINICIAN
from salus.privacy.labels import labels_of, value_sets
from salus.privacy.permit_match import Answer, Asked, Conditions, Node, answer, compiled, is_purpose, words_of
from salus.privacy.profiles import Profile

_UNSAID = ("draft", "proposed")
# What a View says of itself when evidence of the patient's own consent opened it.
BY_CONSENT = "the patient's consent (FHIR Consent)"
BY_GRANT = "opened in an emergency, with a reason (break-glass)"
Key = tuple[str, frozenset[str], frozenset[str], tuple[datetime | None, datetime | None], frozenset[str]]


def in_force(permits: Iterable[Permit], now: datetime) -> tuple[Permit, ...]:
    """Return the permits that count at `now`, in the order in which they were said.

    Of the versions of one Consent the last recorded stands alone; what is not active, or outside its valid
    period, does not count. A draft or a proposal takes no version's place: nobody has said it yet.
    """
    listed = sorted((one for one in permits if one.status not in _UNSAID), key=lambda one: one.recorded)
    last = {one.id: place for place, one in enumerate(listed) if one.id}
    stands = [one for place, one in enumerate(listed) if not one.id or last[one.id] == place]
    counted = [one for one in stands if one.status == ACTIVE and _contains(one.valid_period, now)]
    return tuple(sorted(counted, key=_said))


def key(permit: Permit, purpose: str) -> Key:
    """Return what a statement of `permit` for `purpose` is about: a later one of the same key replaces it."""
    return (
        purpose,
        frozenset(permit.actors),
        frozenset(permit.scope),
        permit.data_period,
        # What cannot be evaluated takes nobody's place.
        frozenset(permit.unknown),
    )


def rule(  # noqa: PLR0917 (a request, as the design names its parts)
    permits: Iterable[Permit],
    grants: Iterable[Grant],
    profile: Profile,
    actor: Actor,
    purpose: str,
    now: datetime,
    *,
    born: date | None = None,
) -> Rule:
    """Return what `actor` may see for `purpose` at `now` of the subject of these `permits` and `grants`.

    born: the subject's date of birth, for what a profile closes by age; None where nobody knows it.
    Raises RefusedError for a purpose that is none of `PURPOSES`, and for an instant without a time zone.
    """
    if purpose not in PURPOSES.values():
        raise RefusedError(
            f"There is no purpose '{purpose}'. There are: {choices(purpose, PURPOSES.values())}."
        )
    if now.tzinfo is None:
        raise RefusedError("The instant of a decision needs a time zone: write 2026-01-31T08:00:00Z.")
    asked = Asked(actor, purpose, now)
    closed = profile.closed_to(actor.role, purpose, None if born is None else _age(born, now))
    conditions = Conditions({label for one in closed for label in one.labels})
    nodes = [compiled(permit, word, asked, conditions) for permit, word in _statements(permits, asked)]
    return Rule(
        tuple(node for node in nodes if node is not None),
        tuple((conditions.closed(one.labels), one.by_patient) for one in closed),
        profile.defaults[purpose].effect == PERMIT,
        conditions=conditions,
        broken=purpose == DIRECT_CARE
        and actor.role == CLINICIAN
        and any(grant.actor == actor.id and grant.holds(now) for grant in grants),
        basis=profile.defaults[purpose].basis,
        purpose=purpose,
        actor=actor.id,
    )


def _statements(permits: Iterable[Permit], asked: Asked) -> list[tuple[Permit, str]]:
    """Return the statements in force that may be about this request: of each key the last that was said."""
    last: dict[Key, tuple[Permit, str]] = {}
    for said in in_force(permits, asked.now):
        permit = _as_said(said, asked.now)
        for word in words_of(permit, asked.purpose):
            if is_purpose(word, asked.purpose):
                last[key(permit, word)] = (permit, word)
    return list(last.values())


def _as_said(permit: Permit, now: datetime) -> Permit:
    """Return `permit`; one that is dated ahead with that as a doubt, or nobody could withdraw it."""
    if permit.at is None or permit.at <= now:
        return permit
    return replace(permit, unknown=(*permit.unknown, "dated ahead"))


def _said(permit: Permit) -> tuple[float, int]:
    return (float("-inf") if permit.at is None else permit.at.timestamp(), permit.recorded)


def _contains(period: tuple[datetime | None, datetime | None], at: datetime) -> bool:
    since, until = period
    return (since is None or since <= at) and (until is None or at <= until)


def _age(born: date, now: datetime) -> int:
    today = now.astimezone(UTC).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


class Rule:
    """The answer for one actor, purpose and instant, datum by datum; each distinct one is decided once.

    constant: the answer where it is the same for every datum; None where it is not. sees: what of a datum it
    turns on: class, code, label, data, time. basis: on what it is opened, in words that are the same whether
    or not anything was withheld. purpose, actor: whom and what it was made for; "" in `OPEN` and `SHUT`,
    which are for everybody.
    """

    __slots__ = ("_bounds", "_broken", "_closed", "_codes", "_conditions", "_default", "_memo",
                 "_nodes", "_sources", "_times", "actor", "basis", "constant", "purpose", "sees")  # fmt: skip

    def __init__(
        self,
        nodes: tuple[Node, ...],
        closed: tuple[tuple[int, bool], ...],
        default: bool,
        *,
        conditions: Conditions | None = None,
        broken: bool = False,
        basis: str = "",
        purpose: str = "",
        actor: str = "",
    ) -> None:
        self._nodes, self._closed, self._default, self._broken = nodes, closed, default, broken
        self._conditions = conditions or Conditions(())
        self.purpose, self.actor = purpose, actor
        self.sees, self._bounds = self._conditions.looks_at(), self._conditions.bounds
        self._sources = self._conditions.sources()
        # What holds by codings and type, and by the place of a moment among the bounds; what was decided.
        self._codes: dict[tuple[object, ...], int] = {}
        self._times: dict[int, int] = {}
        self._memo: dict[int, bool] = {}
        self.constant = self._always()
        by_consent = not default and self.constant is not False
        self.basis = BY_GRANT if broken else BY_CONSENT if by_consent else basis

    def _always(self) -> bool | None:
        every = [node for root in self._nodes for node in root.all()]
        permits = any(node.effect == PERMIT for node in every)
        denies = any(node.effect == DENY for node in every)
        if self._broken:
            return None if denies and any(node.standing for node in every) else True
        whole = any(node.effect == DENY and not node.groups and not node.exceptions for node in self._nodes)
        if whole or (not self._default and not permits):
            return False
        if self._default and not denies and not self._closed:
            return True
        return None if self.sees else self._decide(self._conditions.always)

    def allows(
        self,
        kind: str,
        codes: tuple[str, ...] = (),
        labels: frozenset[str] = frozenset(),
        time: datetime | None = None,
        source: str = "",
    ) -> bool:
        """Whether a datum may be seen.

        kind: its resource type. labels: every label it carries, as `labels.labels_of` gives them.
        """
        if self.constant is not None:
            return self.constant
        conditions = self._conditions
        found = conditions.of_codes(codes, labels) | conditions.of_class(kind) | conditions.of_time(time)
        return self._decided(found | conditions.of_source(source))

    def shows(self, event: Event) -> bool:
        """Whether `event` may be seen, by all that it is: its codes' labels and its own."""
        return bool(self.shown((event,)))

    def shown(self, events: Iterable[Event]) -> Iterable[Event]:
        """Return those of `events` that may be seen, in their order."""
        if self.constant is not None:
            return events if self.constant else ()
        codes, decided, timed, bounds = self._codes, self._memo, bool(self._bounds), self._bounds
        (named, inside), times = self._sources, self._times
        left = []
        for event in events:
            source = event.source
            kind, _, name = source.partition("/")
            value = event.value
            key = (event.codes, event.labels, kind, value if value.__class__ is str else None)
            found = codes.get(key, -1)
            if found < 0:
                codes[key] = found = self._of_codes(event) | self._conditions.of_class(kind)
            if timed:
                time = event.time
                at = -1 if time is None else bisect_left(bounds, time)
                place = 2 * at + (0 <= at < len(bounds) and bounds[at] == time)
                moment = times.get(place, -1)
                if moment < 0:
                    times[place] = moment = self._conditions.of_time(time)
                found |= moment
            # What is contained is named after its holder, with a dash.
            if named and (source in named or ("-" in name and name.startswith(inside))):
                found |= self._conditions.of_source(source)
            answer = decided.get(found)
            if self._decided(found) if answer is None else answer:
                left.append(event)
        return left

    def minds_codes(self) -> bool:
        """Whether any code of a datum can make a difference to it."""
        return "code" in self.sees or not self._conditions.labels().isdisjoint(value_sets().made())

    def minds(self, code: str) -> bool:
        """Whether it makes a difference to it that a datum carries `code`, or says it as its answer."""
        if "code" not in self.sees and not labels_of((code, f"{TEXT}/{code}")) and code[:7] != "ICD9CM/":
            return False
        nothing = self._conditions.of_codes((), frozenset())
        either = meant(Event((code,), source=_PROCEDURE)) if code.startswith("ICD9CM/") else ()
        every = (code, f"{TEXT}/{code}", *either)
        return any(self._conditions.of_codes((one,), labels_of((one,))) != nothing for one in every)

    def _of_codes(self, event: Event) -> int:
        # ICD-9-CM is another list on a Procedure, and the same codes then mean something else.
        codes = meant(event)
        if event.value.__class__ is str:
            # What an answer says counts as what was asked: a diagnosis is often the value.
            codes = (*codes, str(event.value), f"{TEXT}/{event.value}")
        return self._conditions.of_codes(codes, labels_of(codes, event.labels))

    def _decided(self, found: int) -> bool:
        known = self._memo.get(found)
        if known is None:
            self._memo[found] = known = self._decide(found | self._conditions.always)
        return known

    def _decide(self, found: int) -> bool:
        answers = [one for node in self._nodes if (one := answer(node, found)) is not None]
        if self._broken:
            return not any(one.standing for one in answers)
        if any(one.effect == DENY for one in answers):
            return False
        if any(not _is_lifted(found & labels, by_patient, answers) for labels, by_patient in self._closed):
            return False
        return self._default or bool(answers)


_PROCEDURE = "Procedure/"


def _is_lifted(hits: int, by_patient: bool, answers: Iterable[Answer]) -> bool:
    """Whether what a profile closes is open: nothing of it is here, or each label was permitted by name."""
    for one in answers:
        if one.by_patient or not by_patient:
            hits &= ~one.names
    return not hits


OPEN = Rule((), (), True)
SHUT = Rule((), (), False)


@dataclass(frozen=True, slots=True)
class Both:
    """What two rules allow together: a machine speaks of what is open for care and where it may speak."""

    one: Rule
    other: Rule

    @property
    def constant(self) -> bool | None:
        """The answer where it is the same for every datum."""
        if False in (self.one.constant, self.other.constant):
            return False
        return True if self.one.constant and self.other.constant else None

    @property
    def basis(self) -> str:
        """On what it is opened."""
        return self.one.basis

    @property
    def purpose(self) -> str:
        """What the first of them was made for."""
        return self.one.purpose

    @property
    def actor(self) -> str:
        """For whom it was made."""
        return self.one.actor

    @property
    def sees(self) -> frozenset[str]:
        """What of a datum it turns on."""
        return self.one.sees | self.other.sees

    def allows(
        self,
        kind: str,
        codes: tuple[str, ...] = (),
        labels: frozenset[str] = frozenset(),
        time: datetime | None = None,
        source: str = "",
    ) -> bool:
        """Whether both allow it."""
        return self.one.allows(kind, codes, labels, time, source) and self.other.allows(
            kind, codes, labels, time, source
        )

    def shows(self, event: Event) -> bool:
        """Whether both show it."""
        return self.one.shows(event) and self.other.shows(event)

    def shown(self, events: Iterable[Event]) -> Iterable[Event]:
        """Return what both show."""
        return self.other.shown(self.one.shown(events))

    def minds_codes(self) -> bool:
        """Whether any code of a datum can make a difference to either."""
        return self.one.minds_codes() or self.other.minds_codes()

    def minds(self, code: str) -> bool:
        """Whether it makes a difference to either that a datum carries `code`."""
        return self.one.minds(code) or self.other.minds(code)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule of each subject of a population; `otherwise` is that of everybody who is not in `of`."""

    of: Mapping[str, Rule | Both]
    otherwise: Rule | Both = SHUT
