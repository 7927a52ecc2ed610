"""The gate with a rule: what is denied is absent, for one person, for a population, and for bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest

from salus.core.consent import DIRECT_CARE, QUALITY, RESEARCH, TRAINING, Actor, Permit
from salus.core.errors import RefusedError
from salus.core.evidence import Event, Timeline
from salus.privacy.gate import NOT_AVAILABLE, open_cohort, open_columns, open_view
from salus.privacy.permits import OPEN, SHUT, Rule, Rules, rule
from salus.privacy.profiles import profile
from tests.populations import columns_of

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
WHO = Actor("Practitioner/7")
HEART = Event(("LOINC/8867-4",), NOW, source="Observation/1")
ALCOHOL = Event(("LOINC/1", "ICD10CM/F10.20"), NOW, source="Condition/2")
SCAN = Event(("SNOMED/16310003",), NOW, source="ImagingStudy/3", labels=("SEX",))
GENES = Event(("MolecularSequence",), NOW, source="MolecularSequence/4")
WHOLE = Timeline.of("Patient/1", [HEART, ALCOHOL, SCAN, GENES])


def made(*permits: Permit, purpose: str = DIRECT_CARE, by: str = "gdpr") -> Rule:
    return rule(permits, [], profile(by), WHO, purpose, NOW)


def denied(*scope: str, purpose: str = DIRECT_CARE) -> Permit:
    return Permit("Patient/1", "deny", (purpose,), scope=scope)


def seen(found: Rule | None, purpose: str = DIRECT_CARE) -> list[str]:
    view = open_view(WHOLE, WHO, purpose, NOW, rule=found)
    return [event.source for event in view.timeline]


class Opened:
    """An opener that notes what was read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def open(self, what: str, subject: str, ref: str) -> bytes:
        self.read.append(f"{what} {subject} {ref}")
        return b"bytes"


def test_what_a_rule_denies_is_absent():
    assert seen(made()) == [event.source for event in WHOLE]
    assert "Condition/2" not in seen(made(denied("label:SUD")))
    assert "ImagingStudy/3" not in seen(made(denied("label:SEX")))
    assert seen(made(denied("class:Observation", "label:SUD"))) == [event.source for event in WHOLE]
    assert seen(made(denied())) == seen(SHUT) == []


def test_every_view_says_the_same_sentence():
    views = [open_view(WHOLE, WHO, DIRECT_CARE, NOW, rule=one) for one in (None, OPEN, SHUT, made(denied()))]
    assert {view.withheld for view in views} == {"Some information may be withheld."}
    assert len({view.permit for view in views[2:]}) <= 2


def test_another_purpose_is_open_where_a_rule_says_so():
    with pytest.raises(RefusedError, match="No permit"):
        seen(None, RESEARCH)
    yes = made(Permit("Patient/1", "permit", (RESEARCH,), scope=("class:Condition",)), purpose=RESEARCH)
    assert seen(yes, RESEARCH) == ["Condition/2"]


def test_a_rule_that_was_made_for_another_request_is_refused():
    with pytest.raises(RefusedError, match="another request"):
        seen(made(purpose=RESEARCH))
    with pytest.raises(RefusedError, match="another request"):
        open_view(WHOLE, Actor("Practitioner/8"), DIRECT_CARE, NOW, rule=made())


def test_bytes_are_refused_before_one_is_read():
    opener = Opened()
    view = open_view(
        WHOLE, WHO, DIRECT_CARE, NOW, rule=made(denied("label:SEX", "label:GDIS")), opener=opener
    )
    for call, ref in [(view.image, "ImagingStudy/3"), (view.image, "ImagingStudy/9"), (view.signal, ""),
                      (view.note, "DocumentReference/1"), (view.variants, "chr7:1-1000")]:  # fmt: skip
        with pytest.raises(RefusedError, match=f"^{NOT_AVAILABLE}$"):
            call(ref)
    assert opener.read == []


def test_bytes_that_are_open_come_through_the_opener():
    opener = Opened()
    view = open_view(WHOLE, WHO, DIRECT_CARE, NOW, rule=made(), opener=opener)
    assert view.image("ImagingStudy/3") == view.variants("chr7:1-1000") == b"bytes"
    assert opener.read == ["image Patient/1 ImagingStudy/3", "variants Patient/1 chr7:1-1000"]
    with pytest.raises(RefusedError, match=NOT_AVAILABLE):
        open_view(WHOLE, WHO, DIRECT_CARE, NOW, rule=made()).image("ImagingStudy/3")


def test_an_operation_under_icd_9_is_not_the_diagnosis_of_that_number():
    codes = ("ICD9CM/69.51",)
    both = [Event(codes, NOW, source=f"{kind}/1") for kind in ("Condition", "Procedure", "Encounter")]
    found = made(denied("label:SEX"))
    for events in (both, both[::-1]):
        view = open_view(Timeline("Patient/1", tuple(events)), WHO, DIRECT_CARE, NOW, rule=found)
        assert {event.kind for event in view.timeline} == {"Condition", "Encounter"}


# --- a population ----------------------------------------------------------------------------------


def columns(found: dict[str, Sequence[Event]]) -> pl.DataFrame:
    labels = [list(event.labels) or None for events in found.values() for event in events]
    return columns_of(found).with_columns(pl.Series("labels", labels, dtype=pl.List(pl.String)))


def population(
    found: dict[str, Sequence[Event]], rules: Rules, purpose: str = TRAINING
) -> set[tuple[str, str]]:
    cases = pl.DataFrame({"subject": list(found), "moment": [NOW.replace(tzinfo=None)] * len(found)})
    cases = cases.with_columns(pl.col("moment").cast(pl.Datetime("us")))
    shown = open_columns(columns(found), cases, WHO, purpose, "a test", rules=rules)
    return set(shown.select("subject", "source").rows())


def everybody(*subjects: str) -> dict[str, Sequence[Event]]:
    return {one: list(WHOLE) for one in subjects}


def test_who_said_no_is_not_in_a_population_and_who_said_yes_is():
    yes = made(Permit("Patient/1", "permit", (TRAINING,)), purpose=TRAINING)
    no = made(Permit("Patient/2", "deny", (TRAINING,)), purpose=TRAINING)
    found = population(
        everybody("Patient/1", "Patient/2", "Patient/3"), Rules({"Patient/1": yes, "Patient/2": no})
    )
    assert {subject for subject, _ in found} == {"Patient/1"}
    found = population(everybody("Patient/1", "Patient/2", "Patient/3"), Rules({"Patient/2": no}, OPEN))
    assert {subject for subject, _ in found} == {"Patient/1", "Patient/3"}


def test_a_cohort_of_views_lacks_who_said_no():
    no = made(denied())
    part = made(denied("label:SUD"))
    whole = [Timeline(f"Patient/{one}", WHOLE.events) for one in range(3)]
    cohort = open_cohort(
        whole, WHO, DIRECT_CARE, NOW, rules=Rules({"Patient/0": no, "Patient/1": part}, OPEN)
    )
    for _ in range(2):
        assert [(view.subject, len(view.timeline)) for view in cohort] == [("Patient/1", 3), ("Patient/2", 4)]
    with pytest.raises(RefusedError, match="another request"):
        open_cohort(whole, WHO, DIRECT_CARE, NOW, rules=Rules({}, made(purpose=RESEARCH)))


def test_what_one_said_of_a_part_takes_that_part_alone():
    part = made(Permit("P", "permit", (TRAINING,)), denied("label:SUD", purpose=TRAINING), purpose=TRAINING)
    found = population(everybody("Patient/1", "Patient/2"), Rules({"Patient/1": part}, OPEN))
    assert ("Patient/1", "Condition/2") not in found
    assert len(found) == 7


def test_what_a_profile_closes_is_closed_for_all_who_said_nothing():
    notes = replace(HEART, source="Observation/9", labels=("PSYTHPN",))
    table = made(purpose=QUALITY, by="hipaa")
    assert table.constant is None
    found = population({"Patient/1": [HEART, notes], "Patient/2": [HEART]}, Rules({}, table), QUALITY)
    assert found == {("Patient/1", "Observation/1"), ("Patient/2", "Observation/1")}


def test_a_population_by_anothers_rules_is_refused():
    with pytest.raises(RefusedError, match="another request"):
        population(everybody("Patient/1"), Rules({}, made(purpose=QUALITY)))


CODES = [
    "LOINC/8867-4",
    "ICD10CM/F10.20",
    "ICD9CM/69.51",
    "ATC/N06AB04",
    "text/Lamivudine 150 mg",
    "SNOMED/1",
]
SCOPES = [
    (),
    ("label:SUD",),
    ("label:SEX", "label:HIV"),
    ("class:Condition",),
    ("code:ICD10CM/F1020",),
    ("label:R",),
    ("label:N",),
]
SHOWN = [(), ("SEX",), ("V",), ("PSYTHPN",)]


def drawn_event(draw: Random, number: int) -> Event:
    time = draw.choice([None, *(NOW - timedelta(days=day) for day in range(4))])
    source = f"{draw.choice(['Observation', 'Condition', 'Procedure'])}/{number}"
    codes = tuple(draw.sample(CODES, draw.choice((1, 2))))
    value = draw.choice((None, 1.0, "ICD10CM/F10.20", "HIV positive", "nothing"))
    return Event(codes, time, value=value, source=source, labels=draw.choice(SHOWN))


def drawn_rule(draw: Random) -> Rule:
    said = [
        Permit(
            "P", draw.choice(("permit", "deny")), (QUALITY,), scope=draw.choice(SCOPES),
            data_period=draw.choice((*[(None, None)] * 4, (NOW - timedelta(days=2), None))), recorded=number,
        )
        for number in range(draw.choice((0, 1, 2)))
    ]  # fmt: skip
    return made(*said, purpose=QUALITY, by=draw.choice(("hipaa", "hipaa", "hipaa", "gdpr")))


def test_columns_show_by_rules_what_views_show():
    for seed in range(600):
        draw = Random(seed)
        found = {
            f"Patient/{one}": [drawn_event(draw, 10 * one + each) for each in range(draw.choice((0, 3, 6)))]
            for one in range(4)
        }
        rules = Rules({"Patient/0": drawn_rule(draw), "Patient/1": drawn_rule(draw)}, drawn_rule(draw))
        wanted = {
            (subject, event.source)
            for subject, events in found.items()
            for event in open_view(
                Timeline.of(subject, events), WHO, QUALITY, NOW, basis="a test",
                rule=rules.of.get(subject, rules.otherwise),
            ).timeline
        }  # fmt: skip
        assert population(found, rules, QUALITY) == wanted, seed
