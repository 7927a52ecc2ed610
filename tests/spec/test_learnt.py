"""What a learnt model answers: of whom, from when on, how sure and why; and where things are hidden."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import exp, log
from pathlib import Path

import pytest

from salus.core.card import Need
from salus.core.codes import DEATH
from salus.core.errors import EvidenceError
from salus.core.evidence import Absence, Event
from salus.core.insight import Abstention, Estimate, Insight, Risk, Urgency
from salus.learning import artefact
from salus.learning.features import AGE
from salus.learning.learnt import DIED, ON_RECORD, Learnt
from salus.learning.learnt_words import frequency
from salus.spine.bring import in_part
from salus.testing.conformance import check_model
from tests.learnt_views import DIABETES, ENDED, LACTATE, PARTS, PULSE, TASK, asked, model, patient, stay, told
from tests.risk_views import NOW, SUBJECT, has, seen, view

HOURS = timedelta(hours=1)
FAST = seen(PULSE.codes[0], 130.0, "/min", before=10 * HOURS, name="pulse")
CALM = seen(PULSE.codes[0], 80.0, "/min", before=10 * HOURS, name="pulse")
HIGH = seen(LACTATE.codes[0], 5.0, "mmol/L", before=9 * HOURS, name="lactate")
ILL = (stay(), *patient(), FAST, HIGH)
WELL = (stay(), *patient(), CALM)


def _chance(logit: float) -> float:
    return 1 / (1 + exp(-logit))


def _value(insight: Insight) -> float:
    assert isinstance(insight.body, Risk)
    value = insight.body.outcomes[0].estimate.value
    assert value is not None
    return value


def test_the_answer_is_looked_up():
    """-2, pulse 0.8, lactate 1.5, age 70: 0.2, a woman -0.1, no diabetes on record -0.05, both high 0.4,
    130 / 5 = 26: -0.05.
    """
    insight = asked(*ILL)
    assert _value(insight) == pytest.approx(
        _chance(-2 + 0.8 + 1.5 + 0.2 - 0.1 - 0.05 + 0.4 - 0.05), abs=1e-12
    )
    assert insight.body.says == "About 67 in 100 people like this one: death in hospital"
    assert (insight.urgency, insight.judged) == (Urgency.TODAY, True)


def test_below_the_threshold_it_is_routine():
    insight = asked(*WELL)
    assert _value(insight) == pytest.approx(_chance(-2 - 0.2 + 0.2 - 0.1 - 0.05), abs=1e-12)
    assert insight.urgency is Urgency.ROUTINE


def test_reasons_are_parameters_and_add_up_to_the_logit():
    insight = asked(*ILL)
    told = {reason.says: reason for reason in insight.reasons}
    assert list(told) == [
        "Lactate: 5 mmol/L (highest), 26 (pulse by lactate)",
        "Pulse: 130 /min (last), 26 (pulse by lactate)",
        "Age: 70 years",
        "Sex: female",
        "Diabetes is not on record",
    ]
    weights = [reason.weight for reason in insight.reasons]
    assert weights == pytest.approx([1.5 + 0.2 - 0.025, 0.8 + 0.2 - 0.025, 0.2, -0.1, -0.05])
    assert sum(weights) - 2 == pytest.approx(log(_value(insight) / (1 - _value(insight))), abs=1e-9)
    assert [reason.evidence for reason in insight.reasons] == [
        ("Observation/lactate",), ("Observation/pulse",), (SUBJECT,), (SUBJECT,), ()
    ]  # fmt: skip
    assert insight.reasons[-1].absent == "diabetes"


def test_what_was_not_measured_counts_as_the_model_learnt_it_and_is_said():
    insight = asked(*WELL)
    (absent,) = [reason for reason in insight.reasons if reason.absent == "lactate"]
    assert (absent.says, absent.weight) == ("Lactate was not recorded", -0.2)
    (said,) = [limit for limit in insight.limits if limit.startswith("Not recorded")]
    assert "lactate (×" in said and "pulse" not in said


@pytest.mark.parametrize("hidden", [
    seen(LACTATE.codes[0], Absence.WITHHELD, before=9 * HOURS, name="lactate"),
    seen(LACTATE.codes[0], Absence.NOT_SENT, before=9 * HOURS, name="lactate"),
    seen(LACTATE.codes[0], Absence.UNREADABLE, before=9 * HOURS, name="lactate"),
    seen(LACTATE.codes[0], 5.0, "furlong", before=9 * HOURS, name="lactate"),
    seen(LACTATE.codes[0], None, before=9 * HOURS, name="lactate", status="unreadable"),
])  # fmt: skip
def test_what_is_hidden_is_a_range_and_never_not_measured(hidden: Event):
    """Low with a lactate below 2: -0.4; high at 4 and above: 1.5; of the ratio -0.05 to 0.05. It crosses the
    threshold of 20 % by far: nobody could act on it.
    """
    insight = asked(stay(), *patient(), CALM, hidden)
    assert isinstance(insight.body, Abstention)
    estimate = insight.body.estimate
    assert estimate is not None
    others = -2 + 0.0 + 0.2 - 0.1 - 0.05
    assert estimate.low == pytest.approx(_chance(others - 0.4 - 0.05))
    assert estimate.high == pytest.approx(_chance(others + 1.5 + 0.1 + 0.05))
    assert (insight.body.why, insight.body.missing) == ("missing-evidence", ("lactate",))
    assert insight.body.says.startswith("Anything between 8 and 43 in 100 is possible")


def test_withheld_not_sent_and_unreadable_read_the_same():
    answers = {
        kind: asked(stay(), *patient(), CALM, seen(LACTATE.codes[0], kind, before=9 * HOURS, name="lactate"))
        for kind in (Absence.WITHHELD, Absence.NOT_SENT, Absence.UNREADABLE)
    }
    assert len({repr(answer) for answer in answers.values()}) == 1


def test_a_range_on_one_side_of_the_threshold_is_an_answer():
    withheld = seen(PULSE.codes[0], Absence.WITHHELD, before=9 * HOURS, name="pulse")
    insight = asked(stay(), *patient(90), HIGH, withheld)
    assert isinstance(insight.body, Risk)
    estimate = insight.body.outcomes[0].estimate
    assert estimate.kind == "missing-inputs" and 0.2 < estimate.low < estimate.high
    assert insight.urgency is Urgency.TODAY
    assert "not available: pulse" in insight.body.says
    (reason,) = [one for one in insight.reasons if one.absent == "pulse"]
    assert (reason.weight, reason.says) == (0.0, "Pulse is not available: it may be anything")


def test_an_impossible_number_is_passed_over_and_said():
    impossible = seen(PULSE.codes[0], 4000.0, before=9 * HOURS, name="pulse", unit="/min")
    said = [one for one in asked(stay(), *patient(), HIGH, impossible).limits if "impossible" in one]
    assert said == ["Passed over as impossible: pulse. Check the value and its unit."]
    assert not any("impossible" in one for one in asked(stay(), *patient(), HIGH).limits)


def test_a_date_of_birth_and_an_age_that_contradict_each_other_are_said():
    def said(years: float) -> list[str]:
        age = seen(AGE, years, before=9 * HOURS, name="age", unit="a")
        return [one for one in asked(stay(), *patient(70), HIGH, age).limits if "contradict" in one]

    assert len(said(5)) == 1
    assert said(70) == said(71) == []


def test_a_list_that_came_in_part_is_not_a_list_without():
    """Diabetes is read from conditions: of which only a part came, so it may be on the rest."""
    whole = view(*ILL, has("SNOMED/38341003"))
    part = view(*in_part(whole.timeline, ["Condition"]))
    certain, open_ = model().predict(whole), model().predict(part)
    assert _value(certain) == pytest.approx(_value(asked(*ILL)))
    assert isinstance(open_.body, Risk)
    estimate = open_.body.outcomes[0].estimate
    assert (estimate.value, estimate.low) == (None, pytest.approx(_value(certain)))
    assert estimate.high == pytest.approx(_chance(log(estimate.low / (1 - estimate.low)) + 0.65))


def test_measurements_that_came_in_part_hide_everything_measured():
    part = view(*in_part(view(*ILL).timeline, ["Observation"]))
    insight = model().predict(part)
    assert isinstance(insight.body, Abstention) and insight.body.why == "missing-evidence"
    assert set(insight.body.missing) == {"pulse", "lactate"}


def test_people_unlike_those_it_learnt_from_are_not_judged():
    odd = seen(PULSE.codes[0], 345.0, "/min", before=10 * HOURS, name="pulse")
    insight = asked(stay(), *patient(), odd, HIGH)
    assert isinstance(insight.body, Abstention)
    assert insight.body.why == "out-of-distribution"
    assert "pulse, last: far outside anything in the 1,000 cases" in insight.body.says
    assert insight.body.estimate is not None and insight.body.estimate.value is not None
    assert "345" not in insight.body.says
    assert insight.body.missing == ()


def test_of_whom_hardly_anything_was_measured_is_not_judged():
    usual = {**told()["novelty"], "missing": 1}
    insight = asked(stay(), *patient(), of=model(novelty=usual))
    assert isinstance(insight.body, Abstention)
    assert (insight.body.why, insight.body.missing) == ("out-of-distribution", ("lactate", "pulse"))
    assert "2 of 2 parameters were not measured" in insight.body.says


@pytest.mark.parametrize(("events", "why", "says"), [
    ((), "not-eligible", "No stay in hospital is on record."),
    ((stay(hours=30, end=20),), "not-eligible", "This question is not asked here: in hospital"),
    ((stay(hours=10),), "not-eligible", "It can be judged from 2026-03-14 22:00 on"),
    ((stay(hours=9600, name="old"), stay(hours=10)), "not-eligible", "It can be judged from 2026-03-14"),
])  # fmt: skip
def test_of_whom_it_is_asked(events: tuple[Event, ...], why: str, says: str):
    insight = asked(*patient(), FAST, *events)
    assert isinstance(insight.body, Abstention)
    assert insight.body.why == why
    assert insight.body.says.startswith(says)


def test_a_condition_that_nobody_can_read_may_be_any():
    """Refused, and without a code that could be made out: it may be the diabetes that is not on the list."""
    told = {"value": Absence.UNREADABLE, "status": "unreadable", "source": "Condition/9"}
    refused = Event(("Condition",), NOW - 20 * HOURS, **told)
    insight = asked(*ILL, refused)
    assert [reason.absent for reason in insight.reasons if "not available" in reason.says] == ["diabetes"]


@pytest.mark.parametrize(("kind", "hidden"), [
    ("Condition", {"diabetes"}), ("Patient", {"sex"}), ("Encounter", set()),
    ("Observation", {"pulse", "lactate"}),
])  # fmt: skip
def test_what_is_needed_as_a_whole_list_is_on_that_list(kind: str, hidden: set[str]):
    """A card that names no codes: sex is of the Patient, measurements are observations, answers a list."""
    parts = replace(PARTS, needs=(Need("conditions", "Condition"), Need("sex", "Patient")))
    of = Learnt(TASK, Path("x"), parts).with_artefact(artefact.of(told()).dumps())
    some = Event(("SNOMED/38341003",), NOW - 20 * HOURS, source=f"{kind}/7")
    insight = of.predict(view(*in_part(view(*ILL, some).timeline, [kind])))
    assert {reason.absent for reason in insight.reasons if "not available" in reason.says} == hidden


def test_an_observation_that_nobody_can_read_hides_no_other():
    """It is said beside every answer (`salus.spine.consult`); readable ones are not thrown away for it."""
    told = {"value": Absence.UNREADABLE, "status": "unreadable", "source": "Observation/9"}
    refused = Event(("Observation",), NOW - 20 * HOURS, **told)
    assert _value(asked(*ILL, refused)) == _value(asked(*ILL))


def test_without_a_case_in_half_a_list_nobody_knows_whether_there_is_one():
    part = view(*in_part(view(*patient(), has("SNOMED/38341003")).timeline, ["Condition"]))
    insight = model().predict(part)
    assert isinstance(insight.body, Abstention) and insight.body.why == "missing-evidence"


def test_without_a_case_a_visit_that_nobody_can_read_may_be_one():
    told = {"value": Absence.UNREADABLE, "status": "unreadable"}
    visit = Event(("Encounter",), NOW, **told, source="Encounter/9")
    pulse = Event(("Observation",), NOW, **told, source="Observation/9")
    found = [asked(*patient(), each).body for each in (visit, pulse)]
    assert [body.why for body in found if isinstance(body, Abstention)] == [
        "missing-evidence",
        "not-eligible",
    ]


def test_what_came_after_the_moment_changes_nothing():
    late = seen(LACTATE.codes[0], 20.0, "mmol/L", before=timedelta(hours=5), name="late")
    assert _value(asked(*WELL, late)) == _value(asked(*WELL))


def test_what_was_known_after_the_moment_changes_nothing():
    late = replace(HIGH, known_at=NOW - timedelta(hours=5))
    assert _value(asked(*WELL, late)) == _value(asked(*WELL))


def test_an_entry_that_would_leak_the_outcome_is_not_read():
    leaking = replace(HIGH, codes=(*HIGH.codes, ENDED))
    assert _value(asked(*WELL, leaking)) == _value(asked(*WELL))


@pytest.mark.parametrize(("event", "says"), [
    (Event((ENDED,), NOW - HOURS, None, NOW - HOURS, "home", source="Encounter/1"), ON_RECORD),
    (Event((ENDED,), NOW - HOURS, None, NOW - HOURS, "died", source="Encounter/1"), ON_RECORD),
    (Event((DEATH,), NOW - HOURS, None, NOW - HOURS, source=SUBJECT), DIED),
    (Event((DEATH,), source=SUBJECT), DIED),
])  # fmt: skip
def test_what_is_on_record_by_now_is_not_foretold(event: Event, says: str):
    insight = asked(*ILL, event)
    assert insight.body == Abstention("not-eligible", says)
    assert (insight.urgency, insight.reasons) == (None, ())


def test_what_was_not_yet_known_then_was_open_then():
    ended = Event((ENDED,), NOW - HOURS, None, NOW - HOURS, "home", source="Encounter/1")
    assert _value(asked(*ILL, ended, as_of=NOW - 2 * HOURS)) == _value(asked(*ILL))


def test_the_newest_is_answered_whether_it_is_a_case_or_not():
    """Who was home after half a day last week is not told what an older stay would have said, nor the other
    way round.
    """
    first, short = stay(hours=400, name="old"), stay(hours=200, end=190, name="short")
    body = asked(*patient(), first, short).body
    assert isinstance(body, Abstention)
    assert (body.why, body.says) == (
        "not-eligible",
        "This question is not asked here: in hospital for less than a day.",
    )
    assert asked(*ILL, stay(hours=200, end=190, name="short")).judged


def test_limits_say_how_sure_how_old_and_how_it_does_in_people_like_this_one():
    limits = "\n".join(asked(*ILL).limits)
    for says in (
        "It looks at 2026-03-13 02:00 to 2026-03-14 02:00, which ended 6 hours ago; nothing later counts.",
        "So high a risk is rare in people without this outcome (death in hospital): at most about",
        "In people like this one, of two of whom one had the outcome, it gave that one the higher risk so "
        "many times in 100: sex female: 81 (78 to 84).",
        "For each 100 with the outcome that it expected among them there were: sex female: 102 (90 to 115).",
        "Too few to judge in people like this one: sex and age female, 65 and over (30 cases).",
        "Learnt from People who do not exist (1,000 cases, 2001 to 2008)",
        "It was made by hand.",
    ):
        assert says in limits
    assert "sex male" not in limits


@pytest.mark.parametrize(("quantiles", "says"), [
    ({"no": 1.0, "yes": 1.0}, "Neither this outcome (death in hospital) nor its absence can be ruled out."),
    ({"no": 1.0, "yes": 0.0}, "So low a risk is rare in people with this outcome (death in hospital)"),
    ({"no": 0.0, "yes": 0.0}, "Such a risk is rare in people with this outcome (death in hospital)"),
])  # fmt: skip
def test_sets_are_said_in_words(quantiles: dict[str, float], says: str):
    made = model(conformal={"alpha": 0.1, "quantiles": quantiles})
    assert any(says in limit for limit in asked(*ILL, of=made).limits)


@pytest.mark.parametrize(("low", "high", "says"), [
    (0.124, 0.124, "about 12 in 100"),
    (0.004, 0.004, "about 4 in 1,000"),
    (0.0004, 0.0004, "fewer than 1 in 1,000"),
    (0.998, 0.998, "more than 99 in 100"),
    (0.03, 0.08, "between 3 and 8 in 100"),
    (0.001, 0.92, "between fewer than 1 and 92 in 100"),
    (0.47, 0.998, "between 47 and more than 99 in 100"),
])  # fmt: skip
def test_a_risk_is_said_as_people_count(low: float, high: float, says: str):
    found = Estimate(low) if low == high else Estimate(None, "1", low, high, "missing-inputs")
    assert frequency(found) == says


def test_the_card_is_made_of_task_artefact_and_words():
    card = model().card
    assert (card.name, card.version, card.asks) == ("nobody", "1.0.0", TASK.asks)
    assert [(row.at_least, row.urgency) for row in card.actions] == [
        (0.0, Urgency.ROUTINE),
        (0.2, Urgency.TODAY),
    ]
    assert [(one.group, one.measure, one.n) for one in card.measures] == [
        ("sex: female", "AUROC", 480), ("sex: female", "observed by expected", 480),
        ("sex: male", "AUROC", 520),
    ]  # fmt: skip
    assert any("People who do not exist (Nobody, 2026); licence CC0" in source for source in card.sources)
    notes = "\n".join(card.notes)
    assert "Too few to judge: sex and age: female, 65 and over." in notes
    assert "Threshold: 20 %. one miss weighs four false alarms" in notes


def test_without_an_artefact_it_says_so_and_what_to_do(tmp_path: Path):
    bare = Learnt(TASK, tmp_path / "nobody.json", PARTS)
    insight = asked(*ILL, of=bare)
    assert isinstance(insight.body, Abstention) and insight.body.why == "not-available"
    assert "salus train nobody --on PLACE --out DIR" in insight.body.says
    assert any("not available" in note for note in bare.card.notes)


def test_who_is_not_asked_is_told_so_whether_anything_was_learnt_or_not(tmp_path: Path):
    bare = Learnt(TASK, tmp_path / "nobody.json", PARTS)
    body = asked(*patient(), stay(hours=30, end=20), of=bare).body
    assert isinstance(body, Abstention) and body.why == "not-eligible"


def test_with_a_broken_artefact_it_says_where_and_what_to_do(tmp_path: Path):
    place = tmp_path / "nobody.json"
    place.write_bytes(artefact.of(told()).dumps().replace(b"Nobody, 2026", b"Nobody, 2027"))
    broken = Learnt(TASK, place, PARTS)
    insight = asked(*ILL, of=broken)
    assert isinstance(insight.body, Abstention) and insight.body.why == "not-available"
    assert "nobody.json: its digest is not that of its bytes: it was changed. Fetch it" in insight.body.says


def test_the_artefact_is_read_once_from_its_place(tmp_path: Path):
    place = tmp_path / "nobody.json"
    place.write_bytes(artefact.of(told()).dumps())
    shipped = Learnt(TASK, place, PARTS)
    assert _value(asked(*ILL, of=shipped)) == _value(asked(*ILL))
    place.unlink()
    assert _value(asked(*ILL, of=shipped)) == _value(asked(*ILL))


def test_an_artefact_of_another_question_is_refused():
    other = artefact.of(told(task="somebody")).dumps()
    with pytest.raises(EvidenceError, match="it answers 'somebody', and the task is 'nobody'"):
        Learnt(TASK, Path("x"), PARTS).with_artefact(other)


def test_an_artefact_whose_features_are_defined_otherwise_is_refused():
    changed = told()
    changed["features"][0]["how"] = "first"
    with pytest.raises(EvidenceError, match=r"features\[0\] \('pulse, last'\) is not what the task calls so"):
        Learnt(TASK, Path("x"), PARTS).with_artefact(artefact.of(changed).dumps())


def test_an_artefact_of_more_features_than_can_be_read_is_refused():
    with pytest.raises(EvidenceError, match="6 features and 1 pairs are more than can be read"):
        Learnt(replace(TASK, terms=5), Path("x"), PARTS).with_artefact(artefact.of(told()).dumps())


def test_it_keeps_the_promises_of_a_model():
    said = check_model(model(), [view(*ILL).timeline, view(*WELL, has(DIABETES.codes[0])).timeline], NOW)
    assert [insight.judged for insight in said] == [False, True, True]
