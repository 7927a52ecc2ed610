"""The engine of permits answers as the slow oracle does, that was written from decision 0018 alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from salus.core.consent import PURPOSES, ROLES, Actor, Grant, Period, Permit
from salus.core.evidence import Event
from salus.privacy.labels import labels_of
from salus.privacy.permits import rule
from salus.privacy.profiles import Closed, Default, Profile
from tests.oracle_permits import Request, Shut, Thing, decide

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
HOURS = (-72, -5, -4, -1, 0, 1, 4, 72)
SUBJECT = "Patient/1"
WORDS = [
    *PURPOSES.values(), "ActReason/CLINTRCH", "ActReason/ETREAT", "ActReason/HPAYMT", "urn:x|other",
]  # fmt: skip
ACTORS = [
    "Practitioner/7", "Practitioner/8", "Organization/3", "role:clinician", "role:proxy", "role:wizard",
    "unknown:author",
]  # fmt: skip
LABELS = ["SUD", "ETHUD", "PSY", "HIV", "R", "V", "urn:x|y"]
CODES = ["ICD10CM/F10.20", "ICD10CM/F1020", "LOINC/8867-4", "SNOMED/7200002"]
SOURCES = ["Condition/1", "Observation/2", "DiagnosticReport/3", "Observation/DiagnosticReport-3-a", ""]
SCOPES = [
    "class:Condition", "class:Observation", "class:http://x|odd", "label:N", "label:U", "odd:thing", "odd",
    *(f"label:{one}" for one in LABELS), *(f"code:{one}" for one in CODES),
    *(f"data:{one}" for one in SOURCES[:3]),
]  # fmt: skip
CASES = 120_000
THINGS = 12


def some(draw: Random, words: list[str], most: int) -> tuple[str, ...]:
    return tuple(draw.sample(words, draw.choice((0, 0, 1, 1, most))))


def moment(draw: Random) -> datetime | None:
    return draw.choice((None, None, *(NOW + timedelta(hours=one) for one in HOURS)))


def period(draw: Random) -> Period:
    return (moment(draw), moment(draw)) if draw.random() < 0.3 else (None, None)


def permit(draw: Random, recorded: int, depth: int = 0) -> Permit:
    inner = draw.choice((0, 0, 1, 2)) if depth < 3 else 0
    return Permit(
        SUBJECT,
        draw.choice(("permit", "deny", "permit", "deny", "")),
        some(draw, WORDS, 3),
        some(draw, ACTORS, 2),
        some(draw, SCOPES, 3),
        period(draw),
        period(draw),
        given_by=draw.choice((SUBJECT, "RelatedPerson/1", "")),
        at=moment(draw),
        exceptions=tuple(permit(draw, recorded, depth + 1) for _ in range(inner)),
        id=draw.choice(("", "", "a", "b")),
        recorded=recorded,
        status=draw.choice(("active", "active", "active", "inactive", "entered-in-error", "draft")),
        unknown=("modifierExtension",) if draw.random() < 0.08 else (),
        standing=draw.random() < 0.2,
    )


def same_again(draw: Random, permits: list[Permit]) -> list[Permit]:
    """Say some of them again, otherwise: what takes another's place has to occur."""
    from dataclasses import replace

    again = [
        replace(
            one,
            effect=draw.choice(("permit", "deny")),
            recorded=len(permits) + place,
            at=moment(draw),
            unknown=draw.choice((one.unknown, (), ("modifierExtension",))),
        )
        for place, one in enumerate(permits)
        if draw.random() < 0.4
    ]
    return [*permits, *again]


def event(draw: Random) -> Event:
    codes = tuple(draw.sample(CODES, draw.choice((0, 1, 2))))
    labels = tuple(draw.sample(LABELS, draw.choice((0, 0, 1, 2, 3))))
    return Event(codes, moment(draw), source=draw.choice(SOURCES), labels=labels)


def thing(one: Event) -> Thing:
    """What the event is to the specification; its labels are another matter, and have tests of their own."""
    return Thing(one.kind, one.codes, labels_of(one.codes, one.labels), one.time, one.source)


def grants(draw: Random) -> list[Grant]:
    if draw.random() < 0.7:
        return []
    since = NOW + timedelta(hours=draw.choice(HOURS))
    until = since + timedelta(hours=draw.choice((1, 4, 100)))
    return [Grant(draw.choice(("Practitioner/7", "Practitioner/8")), SUBJECT, "unconscious", since, until)]


def profile(draw: Random) -> tuple[Profile, str, list[Shut]]:
    default = draw.choice(("permit", "deny"))
    shut = [
        Shut(frozenset(draw.sample(LABELS, draw.choice((1, 2)))), draw.random() < 0.5)
        for _ in range(draw.choice((0, 0, 1, 2)))
    ]
    closed = tuple(Closed(one.labels, (), (), None, one.by_patient, "a test") for one in shut)
    return Profile("t", "t", dict.fromkeys(PURPOSES.values(), Default(default, "t")), closed), default, shut


def test_the_engine_answers_as_the_oracle_does():
    seen: dict[tuple[bool, bool], int] = {}
    for seed in range(CASES // THINGS):
        draw = Random(seed)
        said = same_again(draw, [permit(draw, place) for place in range(draw.choice((0, 1, 2, 4)))])
        draw.shuffle(said)
        opened, (table, default, shut) = grants(draw), profile(draw)
        organisations = draw.choice(((), ("Organization/3",)))
        actor = Actor(
            draw.choice(("Practitioner/7", "Practitioner/9")), draw.choice(ROLES[:3]), "", organisations
        )
        request = Request(actor, draw.choice(list(PURPOSES.values())), NOW)
        made = rule(said, opened, table, actor, request.purpose, NOW)
        events = [event(draw) for _ in range(THINGS)]
        shown = set(map(id, made.shown(events)))
        for each in events:
            one = thing(each)
            wanted = decide(said, opened, default, shut, request, one)
            found = made.allows(one.kind, one.codes, one.labels, one.time, one.source)
            assert found is wanted, (seed, one)
            assert (id(each) in shown) is wanted, (seed, each)
            key = (wanted, made.constant is None)
            seen[key] = seen.get(key, 0) + 1
    # Every kind of answer occurs often, or the comparison would show little.
    assert min(seen.values()) > 5_000, seen
    assert len(seen) == 4
