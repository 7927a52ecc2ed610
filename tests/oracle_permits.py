"""What a set of Permits means, a second time: slow, obvious, and from the text of decision 0018 alone.

Nothing of the engine is used but the nouns. Each function is one paragraph of the decision.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from salus.core.consent import Actor, Grant, Permit

PURPOSES = {
    "direct-care", "second-opinion", "quality", "research", "model-training", "sharing", "machine",
}  # fmt: skip
ROLES = {
    "clinician", "patient", "proxy", "ethics-reviewer", "researcher", "privacy-officer", "operator", "system",
}  # fmt: skip
LEVELS = ["U", "L", "M", "N", "R", "V"]
# For the cases of the tests: one purpose that is narrower than ours, one that none of ours is.
NARROWER = {"ActReason/CLINTRCH": "research", "ActReason/ETREAT": "direct-care"}
ANOTHER = {"ActReason/HPAYMT", "ActReason/PUBHLTH"}


class Request(NamedTuple):
    actor: Actor
    purpose: str
    now: datetime


class Thing(NamedTuple):
    kind: str
    codes: tuple[str, ...]
    labels: frozenset[str]
    time: datetime | None
    source: str


class Shut(NamedTuple):
    """A line of a profile that closes by label."""

    labels: frozenset[str]
    by_patient: bool


class Said(NamedTuple):
    """What one statement answers; `path`: the provisions from its root to the one that decided."""

    effect: str
    standing: bool
    paths: tuple[tuple[Permit, ...], ...]


def decide(
    permits: list[Permit],
    grants: list[Grant],
    default: str,
    shut: list[Shut],
    request: Request,
    thing: Thing,
) -> bool:
    """Paragraphs 4, 5 and 6."""
    answers = []
    for word, root in statements(permits, request):
        said = speak(root, [word], request, thing, certain=True, path=())
        if said is not None:
            answers.append((root, said))
    emergency = request.purpose == "direct-care" and request.actor.role == "clinician"
    if emergency and any(granted(grant, request) for grant in grants):
        return not any(said.standing for _, said in answers if said.effect == "deny")
    if any(said.effect == "deny" for _, said in answers):
        return False
    for line in shut:
        here = line.labels & thing.labels
        if here and not lifted(line, here, answers):
            return False
    return bool(answers) or default == "permit"


def granted(grant: Grant, request: Request) -> bool:
    hours = (request.now - grant.since).total_seconds() / 3600
    return grant.actor == request.actor.id and 0 <= hours < 4 and request.now < grant.until


def lifted(line: Shut, here: frozenset[str], answers: list[tuple[Permit, Said]]) -> bool:
    named: set[str] = set()
    for root, said in answers:
        if line.by_patient and root.given_by != root.subject:
            continue
        for path in said.paths:
            for provision in path:
                for word in provision.scope:
                    if word.startswith(("code:", "data:")):
                        return True
                    if word.startswith("label:"):
                        named.add(word[len("label:") :])
    return here <= named


def statements(permits: list[Permit], request: Request) -> list[tuple[str, Permit]]:
    """Paragraph 4: spread out, and what was replaced taken away."""
    current = []
    said = [one for one in permits if one.status not in ("draft", "proposed")]
    for one in said:
        newer = [other for other in said if other.id and other.id == one.id and other.recorded > one.recorded]
        if not newer and one.status == "active" and inside(request.now, one.valid_period):
            ahead = one.at is not None and one.at > request.now
            current.append(replace(one, unknown=(*one.unknown, "ahead")) if ahead else one)
    spread = []
    for one in current:
        for word in one.purposes or sorted(PURPOSES):
            spread.append((word, one))
    stands = []
    for word, one in spread:
        if not any(replaces(other_word, other, word, one) for other_word, other in spread):
            stands.append((word, one))
    return stands


def replaces(other_word: str, other: Permit, word: str, one: Permit) -> bool:
    same = (
        other_word == word
        and set(other.actors) == set(one.actors)
        and set(other.scope) == set(one.scope)
        and other.data_period == one.data_period
        and set(other.unknown) == set(one.unknown)
    )
    if not same or other is one:
        return False
    if other.at == one.at:
        return other.recorded > one.recorded
    if one.at is None or other.at is None:
        return one.at is None
    return other.at > one.at


def speak(
    provision: Permit,
    purposes: list[str],
    request: Request,
    thing: Thing,
    *,
    certain: bool,
    path: tuple[Permit, ...],
) -> Said | None:
    """Paragraphs 2 and 3: the deepest that matches; where it is doubtful only denials count."""
    match = matches(provision, purposes, request, thing)
    if match == "no":
        return None
    certain = certain and match == "yes"
    path = (*path, provision)
    inner = []
    for exception in provision.exceptions:
        said = speak(exception, list(exception.purposes), request, thing, certain=certain, path=path)
        if said is not None:
            inner.append(said)
    denials = [said for said in inner if said.effect == "deny"]
    if denials:
        return Said("deny", any(said.standing for said in denials), ())
    if inner:
        return Said("permit", False, tuple(one for said in inner for one in said.paths))
    if provision.effect == "deny":
        return Said("deny", provision.standing, ())
    if provision.effect == "permit" and certain:
        return Said("permit", False, (path,))
    return None


def matches(provision: Permit, purposes: list[str], request: Request, thing: Thing) -> str:
    """Paragraph 1: "yes", "no" or "doubtful"."""
    conditions = []
    if purposes:
        conditions.append(any_of([of_purpose(word, request.purpose) for word in purposes]))
    if provision.actors:
        conditions.append(any_of([of_actor(word, request.actor) for word in provision.actors]))
    conditions.append("yes" if inside(request.now, provision.valid_period) else "no")
    if provision.data_period != (None, None):
        if thing.time is None:
            conditions.append("doubtful")
        else:
            conditions.append("yes" if inside(thing.time, provision.data_period) else "no")
    for kind in ("class", "code", "label", "data"):
        words = [word[len(kind) + 1 :] for word in provision.scope if word.startswith(kind + ":")]
        if words:
            conditions.append(any_of([of_thing(kind, word, thing, provision.effect) for word in words]))
    if any(not word.startswith(("class:", "code:", "label:", "data:")) for word in provision.scope):
        conditions.append("doubtful")
    if provision.unknown:
        conditions.append("doubtful")
    if "no" in conditions:
        return "no"
    return "doubtful" if "doubtful" in conditions else "yes"


def any_of(found: list[str]) -> str:
    if "yes" in found:
        return "yes"
    return "doubtful" if "doubtful" in found else "no"


def of_purpose(word: str, purpose: str) -> str:
    if word == purpose:
        return "yes"
    if word in PURPOSES or word in ANOTHER:
        return "no"
    if word in NARROWER:
        return "doubtful" if NARROWER[word] == purpose else "no"
    return "doubtful"


def of_actor(word: str, actor: Actor) -> str:
    if word.startswith("unknown:"):
        return "doubtful"
    if word.startswith("role:"):
        role = word[len("role:") :]
        if role == actor.role:
            return "yes"
        return "no" if role in ROLES else "doubtful"
    return "yes" if word == actor.id or word in actor.organisations else "no"


def of_thing(kind: str, word: str, thing: Thing, effect: str) -> str:
    if kind == "class":
        if word == thing.kind:
            return "yes"
        return "no" if word.isascii() and word.isalpha() and word[:1].isupper() else "doubtful"
    if kind == "code":
        plain = [one.replace(".", "") if one.startswith("ICD") else one for one in (word, *thing.codes)]
        return "yes" if plain[0] in plain[1:] else "no"
    if kind == "data":
        if word == thing.source:
            return "yes"
        inside_of = thing.source.split("/")[-1].startswith(word.replace("/", "-") + "-")
        return "doubtful" if inside_of else "no"
    if word in LEVELS:
        has = [LEVELS.index(one) for one in thing.labels if one in LEVELS]
        level = max(has) if has else LEVELS.index("N")
        up_to, from_on = level <= LEVELS.index(word), level >= LEVELS.index(word)
        return "yes" if (from_on if effect == "deny" else up_to) else "no"
    if word in thing.labels:
        return "yes"
    return "doubtful" if "|" in word else "no"


def inside(at: datetime, period: tuple[datetime | None, datetime | None]) -> bool:
    since, until = period
    return not (since is not None and at < since) and not (until is not None and at > until)
