"""What decides on anticoagulation whatever the score (ESC 2024): headline, advice and urgency follow it."""

from __future__ import annotations

import pytest

from salus.core.evidence import Event
from salus.core.insight import Finding, Insight, Urgency
from salus.delivery.web.words import act, says
from salus.risk.cha2ds2_vasc import CARD, MODEL
from tests.risk_views import NOW, called, has, person, takes, view

AF = has("ICD10CM/I48.91")
NO_DRUG = takes("paracetamol 500 MG")
LOW = "No anticoagulant for this reason"


def ask(*events: Event, years: int = 50) -> Insight:
    return MODEL.predict(view(*person(years), AF, NO_DRUG, *events))


def finding(insight: Insight) -> Finding:
    assert isinstance(insight.body, Finding), insight.body
    return insight.body


CARDIOMYOPATHY = [
    (has("ICD10CM/I42.1"),), (has("ICD10CM/I42.2"),), (has("ICD9CM/425.11"),), (has("SNOMED/233873004"),),
    (has("ICD10CM/E85.4"), has("ICD10CM/I43")), (has("ICD9CM/277.39"), has("ICD9CM/425.7")),
    (has("SNOMED/16573007"),),
]  # fmt: skip


@pytest.mark.parametrize("events", CARDIOMYOPATHY)
def test_a_cardiomyopathy_that_decides_heads_the_answer(events: tuple[Event, ...]) -> None:
    insight = ask(*events)
    body = finding(insight)
    assert says(insight).startswith("Anticoagulation recommended whatever the score (")
    assert act(insight, CARD).startswith("An oral anticoagulant is recommended (ESC 2024, class I).")
    assert LOW.lower() not in body.says.lower()
    assert body.category == "anticoagulation recommended (class I)"
    assert insight.urgency is Urgency.THIS_WEEK
    assert {event.source for event in events} <= {e for reason in insight.reasons for e in reason.evidence}


def test_what_is_taken_lowers_its_urgency() -> None:
    assert ask(has("ICD10CM/I42.1"), takes("apixaban 5 MG")).urgency is Urgency.ROUTINE
    assert ask(has("ICD10CM/I42.1"), takes("apixaban 5 MG", status="stopped")).urgency is Urgency.THIS_WEEK


VALVES = ["ICD10CM/Z95.2", "ICD9CM/V43.3", "ICD10CM/I34.2", "ICD10CM/I05.0", "ICD10/I05.2", "ICD9CM/394.0",
          "SNOMED/86466006", "ICD10CM/I08.0", "SNOMED/79619009"]  # fmt: skip


@pytest.mark.parametrize("code", VALVES)
def test_a_valve_that_may_decide_is_said_first_and_with_its_if(code: str) -> None:
    insight = ask(has(code))
    body = finding(insight)
    assert says(insight).startswith("Vitamin K antagonist recommended whatever the score with a mechanical")
    first, _, rest = act(insight, CARD).partition(" If not: ")
    assert "a vitamin K antagonist is recommended, and no direct oral anticoagulant" in first
    assert LOW not in first and rest.startswith(LOW.lower()[:20])
    assert body.category == "low risk to anticoagulation recommended (class I)"
    assert insight.urgency is Urgency.THIS_WEEK


@pytest.mark.parametrize(("drug", "urgency"), [("warfarin 5 MG", Urgency.ROUTINE),
                                               ("phenprocoumon", Urgency.ROUTINE),
                                               ("apixaban 5 MG", Urgency.THIS_WEEK)])  # fmt: skip
def test_with_a_valve_only_a_vitamin_k_antagonist_will_do(drug: str, urgency: Urgency) -> None:
    assert ask(has("ICD10CM/Z95.2"), takes(drug)).urgency is urgency


def test_disease_of_several_valves_may_be_no_stenosis_so_any_anticoagulant_lowers_it() -> None:
    assert ask(has("ICD10CM/I08.0")).urgency is Urgency.THIS_WEEK
    assert ask(has("ICD10CM/I08.0"), takes("apixaban 5 MG")).urgency is Urgency.ROUTINE


def done(code: str, words: str = "") -> Event:
    said = (code, f"text/{words}") if words else (code,)
    return Event(said, NOW, None, NOW, status="completed", source="Procedure/1")


@pytest.mark.parametrize("event", [
    has("ICD10CM/Z95.3"), has("ICD9CM/V42.2"), has("SNOMED/1217005008"), done("ICD10PCS/02RF38Z"),
    done("urn:local|1", "TAVI"), called("Bioprosthetic aortic valve", "ICD10CM/Z95.2"),
])  # fmt: skip
def test_a_biological_valve_decides_nothing_and_is_said(event: Event) -> None:
    insight = ask(event)
    assert says(insight).startswith("CHA2DS2-VA 0")
    assert insight.urgency is None
    assert any("mechanical valve" in limit for limit in insight.limits)


@pytest.mark.parametrize("event", [
    has("ICD10CM/E85.9"), called("ATTR amyloidosis", "SNOMED/1"), called("HCM", "urn:local|1"),
    has("ICD10CM/I42.2", status="provisional"),
])  # fmt: skip
def test_what_may_be_of_the_heart_decides_with_an_if(event: Event) -> None:
    insight = ask(event)
    assert "whatever the score if the " in says(insight)
    assert insight.urgency is Urgency.THIS_WEEK


@pytest.mark.parametrize("event", [
    has("ICD10CM/I42.1", status="refuted"), has("ICD10CM/I43"), has("ICD10CM/I42.0"),
    called("No hypertrophic cardiomyopathy"), called("Cerebral amyloid angiopathy", "ICD10CM/I68.0"),
])  # fmt: skip
def test_what_is_not_there_decides_nothing(event: Event) -> None:
    assert says(ask(event)).startswith("CHA2DS2-VA ")


def test_amyloid_of_the_brain_is_no_reason_to_anticoagulate() -> None:
    assert says(ask(has("ICD10CM/E85.4"), has("ICD10CM/I68.0"))).startswith("CHA2DS2-VA ")


def test_it_answers_where_the_score_alone_could_not_be_judged() -> None:
    insight = MODEL.predict(view(AF, has("ICD10CM/I42.1"), NO_DRUG))
    assert finding(insight).category == "anticoagulation recommended (class I)"
    assert insight.urgency is Urgency.THIS_WEEK


def test_what_is_sure_stands_before_what_may_be() -> None:
    insight = ask(has("ICD10CM/Z95.2"), has("ICD10CM/I42.1"))
    assert says(insight).startswith("Anticoagulation recommended whatever the score (hypertrophic")
    assert "vitamin K antagonist" in act(insight, CARD)
    assert LOW.lower() not in finding(insight).says.lower()
