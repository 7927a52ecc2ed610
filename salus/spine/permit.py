"""Permit: a person gives or withdraws consent, or somebody opens what is closed with a reason; written down.

An entry of the ledger is the record of it (what was said, by whom), and counts from the next request on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from salus.core.consent import (
    DENY,
    LONGEST_GRANT,
    PERMIT,
    PURPOSES,
    Actor,
    Grant,
    Period,
    Permit,
    names_somebody,
)
from salus.core.errors import RefusedError, UserError, choices, printable
from salus.core.roles import CLINICIAN
from salus.privacy.gate import refuse_nobody
from salus.privacy.permit_words import sentence, spelled
from salus.privacy.permits import in_force
from salus.spine.permits import OPENED, PROFILE, SAID, effect, permits, stored

if TYPE_CHECKING:
    from salus.privacy.profiles import Profile
    from salus.spine.site import Site
    from salus.store.rows import ToldRow

__all__ = [
    "LONGEST_REASON",
    "Statement",
    "break_glass",
    "give",
    "gone",
    "opened",
    "reasoned",
    "said_by",
    "sentence",
    "set_profile",
    "show",
    "withdraw",
]
_KINDS = ("class", "code", "label", "data")
LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said: for which purposes (as a person types them), of what, to whom, from when until when."""

    purposes: tuple[str, ...]
    scope: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    valid: Period = (None, None)
    data: Period = (None, None)


def give(site: Site, subject: str, said: Statement, *, actor: Actor, given_by: str = "") -> Permit:
    """Write down that `subject` permits what is `said`, and return it as kept.

    given_by: who said it for them, where it was somebody else. Raises UserError for a purpose or scope that
    is none, or a subject who is not here; AwayError when it cannot be kept.
    """
    return _say(site, subject, PERMIT, said, actor, given_by)


def withdraw(site: Site, subject: str, said: Statement, *, actor: Actor, given_by: str = "") -> Permit:
    """Write down that `subject` forbids what is `said`, as `give` does; it holds from the next request on."""
    return _say(site, subject, DENY, said, actor, given_by)


def _say(  # noqa: PLR0917 (who says what, and through whom)
    site: Site, subject: str, how: str, said: Statement, actor: Actor, given_by: str
) -> Permit:
    refuse_nobody(actor)
    whose, now = _named(site, subject), site.now()
    purposes = tuple(dict.fromkeys(_purpose(one) for one in said.purposes))
    if not purposes:
        raise UserError(f"Say for what: {', '.join(PURPOSES)}.")
    for word in said.scope:
        _check_scope(word)
    if given_by and not names_somebody(given_by):
        raise UserError("Who said it needs a name: on one line, without hidden characters.")
    for begins, ends in (said.valid, said.data):
        if begins is not None and ends is not None and ends < begins:
            raise UserError("A period ends after it begins: write the earlier moment first.")
    permit = Permit(
        whose,
        how,
        purposes,
        said.actors,
        said.scope,
        said.data,
        said.valid,
        given_by=given_by or actor.id,
        at=now,
    )
    with site.store.begin() as tx:
        line = tx.append(now, actor.id, SAID, {"subject": whose, "permit": spelled(permit)})
    return replace(permit, recorded=line.seq)


def _purpose(word: str) -> str:
    found = stored(word)
    if found not in PURPOSES.values():
        raise UserError(f"There is no purpose '{word[:40]}'. There are: {choices(word, PURPOSES)}.")
    return found


def _check_scope(word: str) -> None:
    kind, _, rest = word.partition(":")
    if kind not in _KINDS or not rest.strip():
        raise UserError(
            f"'{word[:80]}' is no scope: write class:Condition, code:SNOMED/38341003, label:HIV or "
            "data:Observation/12."
        )


def _named(site: Site, subject: str) -> str:
    """Return the subject as it is called here; raises UserError for one of whom nothing is here."""
    if not site.has_archive:
        return subject if "/" in subject else f"Patient/{subject}"
    if "|" in subject:
        found = site.archive.find(subject.removeprefix("|"))
        if len(found) != 1:
            raise UserError("Nobody, or more than one, has that identifier: name the subject as Patient/ID.")
        return found[0]
    return site.archive.timeline(subject).subject


# --- what is said ----------------------------------------------------------------------------------


def show(site: Site, subject: str, *, actor: Actor) -> dict[str, Any]:
    """Return what holds for `subject` now, by purpose, and all that was ever said, in order; as JSON.

    What holds is told for a clinician in general; a statement may say otherwise of some.
    """
    refuse_nobody(actor)
    whose, heard = _named(site, subject), permits(site)
    said = heard.said(whose)
    stands = set(in_force(said, site.now()))
    with site.store.begin() as tx:
        tx.append(site.now(), actor.id, "look", {"subject": whose, "what": "permits", "count": len(said)})
    return {
        "subject": whose,
        "profile": {"name": heard.profile.name, "title": heard.profile.title},
        "purposes": {word: _holds(heard, whose, purpose) for word, purpose in PURPOSES.items()},
        "permits": [{**spelled(one), "says": sentence(one), "in_force": one in stands} for one in said],
        "opened": [_told(one) for one in heard.grants(whose)],
    }


def _holds(heard: Any, subject: str, purpose: str) -> dict[str, Any]:
    rule = heard.rule(subject, Actor("", CLINICIAN), purpose)
    default = heard.profile.defaults[purpose]
    return {"effect": effect(rule), "default": default.effect, "basis": rule.basis or default.basis}


def _told(grant: Grant) -> dict[str, Any]:
    return {
        "by": grant.actor,
        "because": grant.reason,
        "since": grant.since.isoformat(),
        "until": grant.until.isoformat(),
    }


def gone(site: Site, subject: str) -> list[dict[str, Any]]:
    """Return what of `subject` has left this site, and to whom: it cannot be called back, only asked for."""
    names = permits(site).group(_named(site, subject))
    rows = (row for row in site.store.told_of("export") if row.about in names)
    return [_left(row) for row in rows]


def _left(row: ToldRow) -> dict[str, Any]:
    told = row.told
    kept = {name: told.get(name, "") for name in ("what", "as", "to", "purpose")}
    return {"entry": row.seq, "at": row.at.isoformat(), "by": row.who, **kept}


# --- the glass ---------------------------------------------------------------------------------------


def break_glass(
    site: Site, subject: str, because: str, *, actor: Actor, length: timedelta = LONGEST_GRANT
) -> Grant:
    """Open what is closed of `subject` to a clinician, for a reason that the patient will read, for a while.

    Raises RefusedError for anybody but a clinician, UserError without a reason or beyond LONGEST_GRANT.
    """
    refuse_nobody(actor)
    if actor.role != CLINICIAN:
        raise RefusedError("Only a clinician opens a record in an emergency.")
    reason = reasoned(because)
    if not timedelta(0) < length <= LONGEST_GRANT:
        raise UserError("It can be opened for up to four hours; do it again where it takes longer.")
    now, whose = site.now(), _named(site, subject)
    grant = Grant(actor.id, whose, reason, now, now + length)
    told = {
        "subject": whose,
        "reason": reason,
        "since": grant.since.isoformat(),
        "until": grant.until.isoformat(),
    }
    with site.store.begin() as tx:
        tx.append(now, actor.id, OPENED, told)
    return grant


def reasoned(because: str) -> str:
    """Return the reason for breaking the glass, tidied; raises UserError where it cannot be kept."""
    reason = because.replace("\r\n", "\n").strip()
    if not printable(reason, None) or len(reason) > LONGEST_REASON or "\0" in reason:
        raise UserError(f"Say why, in up to {LONGEST_REASON:,} characters: the patient will read it.")
    return reason


def opened(site: Site, since: datetime | None = None) -> Iterator[Grant]:
    """Yield when the glass was broken, oldest first: what the privacy officer looks at."""
    from salus.spine.permits import grant_of

    for row in site.store.told_of(OPENED):
        if row.told and (since is None or row.at >= since):
            yield grant_of(row)


# --- the site's profile ------------------------------------------------------------------------------


def set_profile(site: Site, name: str, *, actor: Actor, because: str) -> Profile:
    """Let the profile `name` (or the one in a ``.json`` file) say what holds where a patient said nothing.

    Raises UserError for a name that is none or without a reason, EvidenceError for a file that is no profile.
    """
    from salus.privacy.profiles import profile, text_of

    refuse_nobody(actor)
    if not because.strip():
        raise UserError("Say why, and who decided on it: --because.")
    found, text = profile(name), text_of(name)
    with site.store.begin() as tx:
        tx.put_setting(PROFILE, text)
        tx.append(site.now(), actor.id, "profile", {"id": found.name, "because": because.strip()})
    return found


def said_by(permit: Permit) -> Iterable[str]:
    """Yield who said it, in words for a line of text."""
    if permit.given_by:
        yield f"said by {permit.given_by}"
    if permit.at is not None:
        yield f"on {permit.at:%Y-%m-%d %H:%M} UTC"
