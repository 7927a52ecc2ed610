"""What a set of Permits means for one request: permit or deny, never a third.

`rule` puts together what a subject said, what somebody opened all the same, and the site's profile, for one
actor, purpose and instant; the Rule that it returns answers for each datum. The words of the answer are in
`docs/decisions/0018-permits.md`; what is denied is absent, and nothing here says why.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from salus.core.codes import meant
from salus.core.consent import (
    ACTIVE,
    CLINICIAN,
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
from salus.privacy.labels import labels_of
from salus.privacy.permit_match import Answer, Asked, Datum, Node, answer, compiled, is_purpose, words_of
from salus.privacy.profiles import Closed, Profile

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
    nodes = tuple(compiled(permit, word, asked) for permit, word in _statements(permits, asked))
    return Rule(
        tuple(node for node in nodes if node is not None),
        profile.closed_to(actor.role, purpose, None if born is None else _age(born, now)),
        profile.defaults[purpose].effect == PERMIT,
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
    for permit in in_force(permits, asked.now):
        for word in words_of(permit, asked.purpose):
            if is_purpose(word, asked.purpose):
                last[key(permit, word)] = (permit, word)
    return list(last.values())


def _said(permit: Permit) -> tuple[float, int]:
    return (float("-inf") if permit.at is None else permit.at.timestamp(), permit.recorded)


def _contains(period: tuple[datetime | None, datetime | None], at: datetime) -> bool:
    since, until = period
    return (since is None or since <= at) and (until is None or at <= until)


def _age(born: date, now: datetime) -> int:
    today = now.astimezone(UTC).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


@dataclass(slots=True, eq=False)
class Rule:
    """The answer for one actor, purpose and instant, datum by datum; each distinct one is decided once.

    purpose, actor: whom and what it was made for; "" in `OPEN` and `SHUT`, which are for everybody.

    sees: what of a datum it turns on: class, code, label, data, time.
    constant: the answer where it is the same for every datum; None where it is not. basis: on what it is
    opened, in words that are the same whether or not anything was withheld.
    """

    nodes: tuple[Node, ...]
    closed: tuple[Closed, ...]
    default: bool
    broken: bool = False
    basis: str = ""
    purpose: str = ""
    actor: str = ""
    constant: bool | None = None
    sees: frozenset[str] = frozenset()
    _bounds: list[datetime] = field(default_factory=list)
    _sources: frozenset[str] = frozenset()
    _memo: dict[tuple[object, ...], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        every = [node for root in self.nodes for node in root.all()]
        self.sees = frozenset(kind for node in every for kind in node.sees())
        if self.closed:
            self.sees |= {"label"}
        self._bounds = sorted({at for node in every for at in node.period if at is not None})
        self._sources = frozenset(one for node in every for one in node.sources())
        self.constant = self._always(every)
        if not self.default and self.constant is not False:
            self.basis = BY_CONSENT
        if self.broken:
            self.basis = BY_GRANT

    def _always(self, every: Sequence[Node]) -> bool | None:
        permits = any(node.effect == PERMIT for node in every)
        denies = any(node.effect == DENY for node in every)
        if self.broken:
            return None if denies and any(node.standing for node in every) else True
        if not self.default and not permits:
            return False
        if self.default and not denies and not self.closed:
            return True
        return None if self.sees else self._decide(Datum())

    def allows(
        self,
        kind: str,
        codes: tuple[str, ...] = (),
        labels: frozenset[str] = frozenset(),
        time: datetime | None = None,
        source: str = "",
    ) -> bool:
        """Whether a datum may be seen.

        kind: its resource type. labels: every label it carries, as `labels.labels_of` and `labels.carried`
        give them.
        """
        if self.constant is not None:
            return self.constant
        sees = self.sees
        told = (
            kind if "class" in sees else "",
            codes if "code" in sees else (),
            labels if "label" in sees else frozenset(),
            None if time is None else (bisect_left(self._bounds, time), bisect_right(self._bounds, time)),
            self._named(source) if self._sources else "",
        )
        found = self._memo.get(told)
        if found is None:
            self._memo[told] = found = self._decide(Datum(kind, codes, labels, time, source))
        return found

    def shows(self, event: Event) -> bool:
        """Whether `event` may be seen, by all that it is: its codes' labels and its own."""
        if self.constant is not None:
            return self.constant
        labels = labels_of(meant(event), event.labels) if "label" in self.sees else frozenset()
        return self.allows(event.kind, event.codes, labels, event.time, event.source)

    def _named(self, source: str) -> str:
        """Return `source` where a permit may name it, or what it is contained in."""
        contained = source.partition("/")[2]
        holds = any(contained.startswith(one.replace("/", "-") + "-") for one in self._sources)
        return source if holds or source in self._sources else ""

    def _decide(self, datum: Datum) -> bool:
        answers = [found for node in self.nodes if (found := answer(node, datum)) is not None]
        if self.broken:
            return not any(found.standing for found in answers)
        if any(found.effect == DENY for found in answers):
            return False
        if any(not _is_lifted(closed, datum.labels, answers) for closed in self.closed):
            return False
        return self.default or bool(answers)


def _is_lifted(closed: Closed, labels: frozenset[str], answers: Iterable[Answer]) -> bool:
    """Whether what a profile closes is open: nothing of it is here, or each label was permitted by name."""
    hits = closed.labels & labels
    if not hits:
        return True
    told = (one for one in answers if one.by_patient or not closed.by_patient)
    names = {name for one in told for name in one.names}
    return "*" in names or hits <= names


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


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule of each subject of a population; `otherwise` is that of everybody who is not in `of`."""

    of: Mapping[str, Rule | Both]
    otherwise: Rule | Both = SHUT
