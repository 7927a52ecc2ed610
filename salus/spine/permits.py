"""Permits here: what each person allowed or forbade, in the ledger and in their record.

What is written down with `salus.spine.permit` counts beside the Consent resources that stand in the record.
Of merged records, what any of them says counts for the person. Whoever decides on what may be seen asks
`permits(site)` anew for each request, so that a withdrawal holds from the next one on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from salus.core.addresses import parted
from salus.core.consent import (
    DENY,
    DIRECT_CARE,
    MACHINE,
    PERMIT,
    PURPOSES,
    Actor,
    Grant,
    Permit,
)
from salus.core.errors import EvidenceError, RefusedError, SalusError, UserError
from salus.core.roles import AUDIT, PATIENT, POPULATION, PROXY, SEE
from salus.privacy.gate import refuse_nobody
from salus.privacy.may import ACTS_FOR, ANYBODY, CARES, OWN, may
from salus.privacy.permit_words import permit_from, spelled
from salus.privacy.permits import Both, Rule, Rules, in_force, rule
from salus.privacy.profiles import DEFAULT, Default, Profile, of_text, profile

if TYPE_CHECKING:
    from salus.record.care import Tie
    from salus.spine.site import Site
    from salus.store.rows import StoredInsight, ToldRow

PROFILE = "consent-profile"
# Deeds by which somebody changes what may be seen.
SAID, OPENED = "permit", "break-glass"
# Who cared for somebody sees what came of it for so long.
_AFTER = timedelta(days=30)
UNREAD = "A consent that cannot be read: what is not care is closed until it is mended."


@dataclass(slots=True)
class Permits:
    """What is said here of every subject, as of ledger entry `upto` and one state of the record."""

    site: Site
    upto: int = 0
    generation: int | None = None
    profile: Profile = field(default_factory=lambda: profile(DEFAULT))
    _profile_told: str | None = None
    _said: dict[str, list[Permit]] = field(default_factory=dict)
    _grants: dict[str, list[Grant]] = field(default_factory=dict)
    _record: dict[str, list[Permit]] = field(default_factory=dict)
    _plain: dict[tuple[Actor, str, str], Rule] = field(default_factory=dict)
    _tied: tuple[int, Mapping[str, list[Tie]]] | None = None
    _lock: Lock = field(default_factory=Lock)

    def refresh(self) -> Permits:
        """Hear what was said since; returns itself."""
        with self._lock:
            for row in self.site.store.told_of(SAID, OPENED, after=self.upto):
                self._hear(row)
                self.upto = max(self.upto, row.seq)
            self._read_record()
            self._read_profile()
        return self

    def _hear(self, row: ToldRow) -> None:
        if not row.told:
            # What was changed behind the ledger's back allows nothing any more; the audit names it.
            self._said.setdefault(row.about, []).append(shut(row.about, row.seq))
        elif row.did == SAID:
            said = replace(permit_from(row.told["permit"]), recorded=row.seq)
            self._said.setdefault(said.subject, []).append(said)
        else:
            grant = grant_of(row)
            self._grants.setdefault(grant.subject, []).append(grant)

    def _read_record(self) -> None:
        """Read the Consents that stand in the record, once for each read."""
        if not self.site.has_archive:
            self.generation, self._record = None, {}
            return
        found: dict[str, list[Permit]] = {}
        try:
            archive = self.site.archive
            if self.generation == archive.generation:
                return
            for subject, source, raw in archive.about("Consent"):
                said = consent(subject, source, raw)
                if said is not None:
                    found.setdefault(subject, []).append(said)
        except (SalusError, OSError):
            # The records are away, and what they said before holds: care by what an EHR brings goes on.
            return
        self.generation, self._record = archive.generation, found

    def _read_profile(self) -> None:
        told = self.site.store.setting(PROFILE)
        if told != self._profile_told:
            self.profile = profile(DEFAULT) if told is None else of_text(told, "the site's own")
            self._profile_told = told
            self._plain.clear()

    def group(self, subject: str) -> tuple[str, ...]:
        """Return every name by which the records of one person are kept here."""
        if self.site.has_archive:
            with suppress(SalusError):
                return tuple(self.site.archive.identities.group(subject))
        return (subject,)

    def said(self, subject: str) -> tuple[Permit, ...]:
        """Return all that was ever said of a person: in the record, then in the ledger, in order."""
        names = self.group(subject)
        return tuple(one for of in (self._record, self._said) for name in names for one in of.get(name, ()))

    def grants(self, subject: str) -> tuple[Grant, ...]:
        """Return when the glass was broken for a person."""
        return tuple(one for name in self.group(subject) for one in self._grants.get(name, ()))

    def told(self) -> frozenset[str]:
        """Return of whom anything was said, by the names under which it was."""
        return frozenset((*self._said, *self._record, *self._grants))

    def rule(self, subject: str, actor: Actor, purpose: str, basis: str = "") -> Rule:
        """Return what `actor` may see of `subject` for `purpose` now.

        basis: on which whoever answers for it opens a population; "" for one person.
        """
        action = POPULATION if basis else SEE
        if not may(actor, action, self.relations(subject, actor) if subject else (ANYBODY,)):
            return Rule((), (), False, purpose=purpose, actor=actor.id)
        said, grants = self.said(subject), self.grants(subject)
        if not (said or grants):
            return self._of_everybody(subject, actor, purpose, basis)
        how = {"born": self._born(subject, actor)}
        return rule(said, grants, self._profile(purpose, basis), actor, purpose, self.site.now(), **how)

    def relations(self, subject: str, actor: Actor) -> frozenset[str]:
        """Return what a signed-in `actor` is to `subject`, by their account, the record and broken glass."""
        if actor.about is None:
            return frozenset({ANYBODY})
        names = self.group(subject)
        named = not set(names).isdisjoint(actor.about)
        if actor.role == PATIENT:
            return frozenset({OWN}) if named else frozenset()
        if actor.role == PROXY:
            return frozenset({ACTS_FOR}) if named else frozenset()
        now = self.site.now()
        cares = named or any(grant.actor == actor.id and grant.holds(now) for grant in self.grants(subject))
        return frozenset({CARES}) if cares or self._is_tied(names, actor, now) else frozenset()

    def _is_tied(self, names: Iterable[str], actor: Actor, now: datetime) -> bool:
        """Whether the record says that they, or the organisation that they work for, care for the person."""
        if not self.site.has_archive:
            return False
        who = (actor.id, *actor.organisations)
        ties = self._ties()
        return any(tie.holds(now, _AFTER) for name in names for tie in ties.get(name, ()) if tie.who in who)

    def _ties(self) -> Mapping[str, list[Tie]]:
        """Return who cares for whom, by subject; read once for each read."""
        from salus.record.care import ties

        archive = self.site.archive
        if self._tied is None or self._tied[0] != archive.generation:
            found: dict[str, list[Tie]] = {}
            for tie in ties(archive):
                found.setdefault(tie.subject, []).append(tie)
            self._tied = (archive.generation, found)
        return self._tied[1]

    def _of_everybody(self, subject: str, actor: Actor, purpose: str, basis: str) -> Rule:
        """Return the rule of somebody who said nothing; the same for all whose age does not matter."""
        born = self._born(subject, actor)
        if born is not None:
            return rule((), (), self._profile(purpose, basis), actor, purpose, self.site.now(), born=born)
        key = (actor, purpose, basis)
        found = self._plain.get(key)
        if found is None:
            found = rule((), (), self._profile(purpose, basis), actor, purpose, self.site.now())
            self._plain[key] = found
        return found

    def _born(self, subject: str, actor: Actor) -> Any:
        """Return when the subject was born, where that can matter: to whoever acts for somebody else."""
        if actor.role != PROXY or not self.site.has_archive:
            return None
        return self.site.archive.person(subject).birth_date

    def _profile(self, purpose: str, basis: str) -> Profile:
        """Return the site's profile; a stated basis opens what it leaves to one."""
        default = self.profile.defaults[purpose]
        if not (basis and default.with_basis):
            return self.profile
        return replace(self.profile, defaults={**self.profile.defaults, purpose: Default(PERMIT, basis)})

    def is_closed(self, actor: Actor, purpose: str, basis: str = "") -> bool:
        """Whether a purpose is closed here for whoever said nothing."""
        return self._of_everybody("", actor, purpose, basis).constant is False

    def is_strict(self, actor: Actor) -> bool:
        """Whether care, or a machine's word in it, is closed here in part for whoever said nothing."""
        every = (self._of_everybody("", actor, purpose, "").constant for purpose in (DIRECT_CARE, MACHINE))
        return not all(every)

    def machine(self, subject: str, actor: Actor, purpose: str) -> Rule | Both:
        """Return what a model may see of `subject` to answer `actor`: what he may, and what a machine may."""
        return Both(self.rule(subject, actor, purpose), self.rule(subject, actor, MACHINE))

    def rules(self, subjects: Iterable[str], actor: Actor, purpose: str, basis: str) -> Rules:
        """Return the rules of a population's subjects, by the names that the population uses."""
        told = self.told()
        apart = {one: self.rule(one, actor, purpose, basis) for one in subjects if told & {*self.group(one)}}
        return Rules(apart, self._of_everybody("", actor, purpose, basis))

    def mark(self, subject: str, seen: Rule | Both, actor: Actor) -> str:
        """Return a sign of how much of a record a view showed: equal signs, equal permits, and no more."""
        if seen.constant:
            told: object = "whole"
        else:
            now = self.site.now()
            stands = in_force(self.said(subject), now)
            broken = any(one.actor == actor.id and one.holds(now) for one in self.grants(subject))
            mine = broken or any(map(_names_somebody, stands))
            who = [actor.id, sorted(actor.organisations), broken] if mine else []
            told = [actor.role, who, self._profile_told, [spelled(one) for one in stands]]
        said = json.dumps([subject, told], sort_keys=True, default=str)
        return self.site.insight_id(said.encode())[:12]


def _names_somebody(permit: Permit) -> bool:
    """Whether a permit, or an exception of it, is about some people and not others."""
    return bool(permit.actors) or any(map(_names_somebody, permit.exceptions))


class Seen(NamedTuple):
    """What of that which is kept here may be shown to one actor at this moment.

    plain: everything, since nobody signs in and nobody ever said anything.
    """

    site: Site
    said: Permits
    actor: Actor
    plain: bool

    def may(self, action: str, subject: str) -> bool:
        """Whether the actor may do `action` about a person."""
        return self.plain or may(self.actor, action, self.said.relations(subject, self.actor))

    def subject(self, subject: str) -> bool:
        """Whether anything of a person may be shown."""
        return self.plain or self.said.rule(subject, self.actor, DIRECT_CARE).constant is not False

    def insight(self, row: StoredInsight) -> bool:
        """Whether a kept insight may be shown: one that was made from no more than the actor may see now."""
        if self.plain:
            return True
        now = self.said.machine(row.subject, self.actor, DIRECT_CARE)
        if now.constant is not None:
            return now.constant
        import msgspec

        made_on = str(msgspec.json.decode(row.document).get("permit", ""))
        return made_on.endswith(f"; view {self.said.mark(row.subject, now, self.actor)}")

    def about(self, record: str) -> bool:
        """Whether what the ledger says of a record (a subject, an insight's id) may be shown."""
        if self.plain or not record or (self.actor.about is not None and may(self.actor, AUDIT)):
            return True
        if parted(record)[1].startswith("Patient/"):
            return self.subject(record)
        row = None if "/" in record else self.site.store.insight(record)
        return row is None or (self.subject(row.subject) and self.insight(row))


def may_ever(actor: Actor, action: str) -> bool:
    """Whether a role may do `action` at all, about whomever it is."""
    return may(actor, action, (OWN, ACTS_FOR, CARES))


def seen_by(site: Site, actor: Actor) -> Seen:
    """Return what of that which is kept here `actor` may see now."""
    said = permits(site)
    return Seen(site, said, actor, actor.about is None and not said.told() and not said.is_strict(actor))


class Request(NamedTuple):
    """Who asks, what for, and what people permit at this moment: the same for all of one request.

    basis: on which a population is opened; "" for one person.
    """

    said: Permits
    actor: Actor
    purpose: str
    basis: str = ""

    def rule(self, subject: str) -> Rule:
        """Return what may be seen of `subject`.

        Raises RefusedError for a purpose that is closed here, and that nobody can tell this subject permits.
        """
        found = self.said.rule(subject, self.actor, self.purpose, self.basis)
        if found.constant is False and self.said.is_closed(self.actor, self.purpose, self.basis):
            raise RefusedError(
                f"No permit for purpose '{self.purpose}': here it is closed unless the patient permits it."
            )
        return found


def request(site: Site, actor: Actor, purpose: str, basis: str = "") -> Request:
    """Return who asks, with what people permit now; raises RefusedError when nobody in particular does."""
    refuse_nobody(actor)
    return Request(permits(site), actor, purpose, basis)


def permits(site: Site) -> Permits:
    """Return what is said at `site`, up to this moment."""
    return site.permits.refresh()


def consent(subject: str, source: str, raw: bytes) -> Permit | None:
    """Return what a Consent of the record says; None where it is about something else than who may see what.

    One that cannot be read closes what is not care until somebody mends it: it may be a refusal, and care
    must not stop for a misspelling.
    """
    import msgspec

    from salus.privacy.consent_fhir import is_permit, permit_of

    try:
        told = msgspec.json.decode(raw)
        return replace(permit_of(told), subject=subject) if is_permit(told) else None
    except (EvidenceError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return replace(shut(subject, 0), id=source)


def shut(subject: str, seq: int) -> Permit:
    """Return what stands for a statement that nobody can read: everything but care and its help is closed."""
    closed = tuple(one for one in PURPOSES.values() if one not in (DIRECT_CARE, MACHINE))
    return Permit(subject, DENY, closed, basis=UNREAD, recorded=seq)


def grant_of(row: ToldRow) -> Grant:
    """Return the breaking of the glass that an entry tells of."""
    told = row.told
    since, until = (datetime.fromisoformat(told[name]) for name in ("since", "until"))
    return Grant(row.who, told["subject"], told["reason"], since, until)


def effect(seen: Rule | Both) -> str:
    """Return in a word what a rule does: ``permit``, ``deny``, or ``part``."""
    return "part" if seen.constant is None else PERMIT if seen.constant else DENY


def stored(purpose: str) -> str:
    """Return a purpose as it is written down, of what a person types ("care")."""
    return PURPOSES.get(purpose, purpose)


def unseen(subject: str) -> UserError:
    """Return what is said of somebody who may not be seen: what is said of somebody who is not there."""
    named = subject if "/" in subject else f"Patient/{subject}"
    return UserError(f"No evidence of '{named}' in this archive: 'salus read' it first.")
