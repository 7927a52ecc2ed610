"""Every model that does not hold in pregnancy learns of it, however the record writes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Absence, Event
from salus.core.insight import Abstention, Insight
from salus.core.registry import model
from salus.risk._pregnancy import pregnant
from tests.risk_views import NOW, called, has, person, seen, takes, view

MODELS = ["ckd", "findrisc", "news2", "prevent"]
WOMAN, MAN = person(33, "female"), person(33, "male")
MEASURED = (
    seen("LOINC/2160-0", 0.8, "mg/dL"), seen("LOINC/8867-4", 70.0, "/min"),
    seen("LOINC/8480-6", 120.0, "mm[Hg]"), seen("LOINC/8280-0", 75.0, "cm"), takes("paracetamol"),
)  # fmt: skip


def ask(name: str, *events: Event) -> Insight:
    return model(name).predict(view(*MEASURED, *events))


DUE = timedelta(weeks=4)
SURE = [
    has("SNOMED/57630001", years=0.1), has("SNOMED/59466002", years=0.1), has("SNOMED/41587001", years=0.1),
    has("SNOMED/237244005", years=0.1), has("ICD10CM/Z3A.20", years=0.1), has("ICD10/Z35.9", years=0.1),
    has("ICD10/Z32.1", years=0.1), has("ICD10CM/Z32.01", years=0.1), has("ICD9CM/V72.42", years=0.1),
    has("SNOMED/87527008", years=0.1),
    seen("LOINC/11449-6", "LOINC/LA15173-0", before=timedelta(days=12)),
    seen("LOINC/82810-3", "Pregnant"), seen("LOINC/11778-8", "2026-07-01", before=DUE),
    seen("LOINC/11779-6", "2026-07-01T00:00:00Z", before=DUE),
    has("ICD10/Z35.9", years=0.1), has("ICD10/Z32.1", years=0.1), has("ICD9CM/V23.9", years=0.1),
    has("SNOMED/87527008", years=0.1),
    seen("LOINC/18185-9", 28.0, "wk", before=timedelta(days=3)),
    seen("LOINC/49052-4", 80.0, "d", before=timedelta(weeks=20)),
]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("event", SURE, ids=lambda event: f"{event.code} {event.value}")
def test_pregnancy_by_any_code_is_not_for_these_models(name: str, event: Event) -> None:
    body = ask(name, *WOMAN, event).body
    assert isinstance(body, Abstention) and body.why == "not-eligible" and "pregnancy" in body.says


PLAIN = [
    "Pregnancy, 20 weeks gestation", "Third trimester", "Schwangerschaft", "Pregnancy",
    "High risk pregnancy due to history of preterm labour", "Twin pregnancy (finding)",
    "Pregnancy complicated by previous caesarean section",
    "Third trimester pregnancy with history of pre-eclampsia",
]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("words", PLAIN)
def test_an_active_pregnancy_in_words_is_not_for_these_models(name: str, words: str) -> None:
    for event in (called(words), called(words, "SNOMED/1"), replace(called(words), time=None, known_at=None)):
        dated = event if event.time is None else replace(event, time=NOW - DUE, known_at=NOW - DUE)
        body = ask(name, *WOMAN, dated).body
        assert isinstance(body, Abstention) and body.why == "not-eligible" and "pregnancy" in body.says


UNSURE = ["Suspected pregnancy", "Pregnancy test", "Pregnancy?", "20 weeks gestation", "Pre-eclampsia"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("words", UNSURE)
def test_words_that_do_not_plainly_name_a_pregnancy_are_said(name: str, words: str) -> None:
    limits = ask(name, *WOMAN, replace(called(words), time=None, known_at=None)).limits
    assert any(limit.startswith("Pregnancy: named in words") for limit in limits), limits


def test_a_pregnancy_in_words_that_is_not_active_or_denied_since_is_open() -> None:
    named = replace(called("Pregnancy"), time=NOW - DUE)
    assert pregnant(view(*WOMAN, named)).value is True
    assert pregnant(view(*WOMAN, replace(named, status=None))).value is None
    assert pregnant(view(*WOMAN, named, seen("LOINC/82810-3", "SNOMED/60001007"))).value is None


@pytest.mark.parametrize("words", [
    "No pregnancy", "Not pregnant", "Pregnancy test negative", "History of pregnancy",
    "Complication of previous pregnancy", "Family history of pre-eclampsia", "Pregnancy planning",
])  # fmt: skip
def test_words_of_no_pregnancy_of_today_do_not_name_one(words: str) -> None:
    assert pregnant(view(*WOMAN, called(words))).events == ()


@pytest.mark.parametrize("event", [
    seen("LOINC/11778-8", "2026-02-01", before=DUE), seen("LOINC/11778-8", "soon"),
    seen("LOINC/82810-3", "not pregnant"),
])  # fmt: skip
def test_a_date_past_and_not_pregnant_are_no_pregnancy(event: Event) -> None:
    assert not pregnant(view(*WOMAN, event)).value


def test_not_pregnant_after_a_date_due_was_given_counts() -> None:
    due = seen("LOINC/11778-8", "2026-07-01", before=DUE)
    assert pregnant(view(*WOMAN, due, seen("LOINC/82810-3", "SNOMED/60001007"))).value is False


def test_a_status_of_months_ago_leaves_it_open() -> None:
    old = seen("LOINC/82810-3", "SNOMED/77386006", before=timedelta(weeks=20))
    fact = pregnant(view(*WOMAN, old))
    assert fact.value is None and "twelve weeks ago" in fact.says


BLANKS = [Absence.NOT_MEASURED, Absence.NOT_SENT, None]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("nothing", BLANKS)
def test_a_later_blank_entry_takes_no_pregnancy_back(name: str, nothing: Absence | None) -> None:
    told = seen("LOINC/82810-3", "SNOMED/77386006", before=timedelta(days=4), name="told")
    body = ask(name, *WOMAN, told, seen("LOINC/82810-3", nothing)).body
    assert isinstance(body, Abstention) and body.why == "not-eligible" and "pregnancy" in body.says


@pytest.mark.parametrize("name", MODELS)
def test_after_a_blank_entry_not_pregnant_holds_and_is_said_to_be_older(name: str) -> None:
    told = seen("LOINC/82810-3", "SNOMED/60001007", before=timedelta(days=4), name="told")
    limits = ask(name, *WOMAN, told, seen("LOINC/82810-3", Absence.NOT_MEASURED)).limits
    assert any("A later entry is blank" in said and "pregnancy of 4 days" in said for said in limits), limits


def test_a_status_that_was_withheld_or_only_left_blank_leaves_it_open() -> None:
    told = seen("LOINC/82810-3", "SNOMED/77386006", before=timedelta(days=4), name="told")
    assert pregnant(view(*WOMAN, told, seen("LOINC/82810-3", Absence.WITHHELD))).value is None
    fact = pregnant(view(*WOMAN, seen("LOINC/82810-3", Absence.NOT_SENT)))
    assert fact.value is None and fact.events


@pytest.mark.parametrize("name", MODELS)
def test_a_pregnancy_in_the_record_of_a_man_contradicts_itself(name: str) -> None:
    limits = ask(name, *MAN, has("SNOMED/77386006", years=0.2)).limits
    assert any("on record for a man, so the record contradicts itself" in limit for limit in limits)


NONE = [
    "Pregnancy ruled out", "Abdominal pain, pregnancy excluded", "Ausschluss Schwangerschaft",
    "Non-pregnant state", "Termination of pregnancy", "History of pregnancy", "Previous pregnancy",
]  # fmt: skip


@pytest.mark.parametrize("words", NONE)
def test_words_that_exclude_a_pregnancy_of_today_bar_no_answer(words: str) -> None:
    """A woman who is very ill must not go unscored because pregnancy was thought of."""
    body = ask("news2", *WOMAN, replace(called(words), time=NOW - DUE, known_at=NOW - DUE)).body
    assert not (isinstance(body, Abstention) and body.why == "not-eligible")
