"""NEWS2 against the printed charts of the Royal College of Physicians (2017): every boundary of every row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Absence, Event
from salus.core.insight import Abstention, Finding, Insight, Urgency
from salus.risk.news2 import MODEL
from tests.risk_views import NOW, has, person, seen, view

# A set of observations that scores nothing: 16 /min, 97 %, air, 120 mmHg, 70 /min, alert, 37.0 degrees.
RR, SPO2, FLOW, SBP, HR, ACVPU, TEMP = (
    "LOINC/9279-1", "LOINC/59408-5", "LOINC/3151-8", "LOINC/8480-6", "LOINC/8867-4",
    "SNOMED/1104441000000107", "LOINC/8310-5",
)  # fmt: skip
NORMAL = {
    RR: seen(RR, 16.0, "/min"),
    SPO2: seen(SPO2, 97.0, "%"),
    FLOW: seen(FLOW, 0.0, "L/min"),
    SBP: seen(SBP, 120.0, "mm[Hg]"),
    HR: seen(HR, 70.0, "/min"),
    ACVPU: seen(ACVPU, "SNOMED/248234008"),
    TEMP: seen(TEMP, 37.0, "Cel"),
}
ADULT = person(60)
SCALE_2 = seen("SNOMED/1104321000000108", 0.0, "{score}", before=timedelta(days=3))
OXYGEN = seen(FLOW, 2.0, "L/min")


def ask(*changed: Event, without: tuple[str, ...] = (), who: tuple[Event, ...] = ADULT) -> Insight:
    record = NORMAL | {event.code: event for event in changed}
    return MODEL.predict(view(*who, *(event for code, event in record.items() if code not in without)))


def finding(insight: Insight) -> Finding:
    assert isinstance(insight.body, Finding), insight.body
    return insight.body


def points(insight: Insight) -> dict[str, float | None]:
    return {part.of: part.estimate.value for part in finding(insight).parts}


def total(insight: Insight) -> float | None:
    return finding(insight).estimate.value


RESPIRATION = [(0, 3), (8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3), (60, 3)]
SCALE_1 = [(20, 3), (91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)]
SCALE_2_AIR = [(50, 3), (83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0), (93, 0), (100, 0)]
SCALE_2_OXYGEN = [
    *[(50, 3), (83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0)],
    *[(93, 1), (94, 1), (95, 2), (96, 2), (97, 3), (100, 3)],
]
SYSTOLIC = [(0, 3), (90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3), (300, 3)]
PULSE = [
    *[(0, 3), (40, 3), (41, 1), (50, 1), (51, 0), (90, 0)],
    *[(91, 1), (110, 1), (111, 2), (130, 2), (131, 3), (200, 3)],
]
TEMPERATURE = [
    *[(30.0, 3), (35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0)],
    *[(38.1, 1), (39.0, 1), (39.1, 2), (42.0, 2)],
]


@pytest.mark.parametrize(("value", "expected"), RESPIRATION)
def test_respiration_rate(value: float, expected: int) -> None:
    insight = ask(seen(RR, float(value), "/min"))
    assert (points(insight)["respiratory rate"], total(insight)) == (expected, expected)


@pytest.mark.parametrize(("value", "expected"), SCALE_1)
def test_saturation_on_scale_1(value: float, expected: int) -> None:
    insight = ask(seen(SPO2, float(value), "%"))
    assert (points(insight)["oxygen saturation"], total(insight)) == (expected, expected)


@pytest.mark.parametrize(("value", "expected"), SCALE_1)
def test_saturation_on_scale_1_with_oxygen_adds_two(value: float, expected: int) -> None:
    assert total(ask(seen(SPO2, float(value), "%"), OXYGEN)) == expected + 2


@pytest.mark.parametrize(("value", "expected"), SCALE_2_AIR)
def test_saturation_on_scale_2_on_air(value: float, expected: int) -> None:
    insight = ask(seen(SPO2, float(value), "%"), SCALE_2)
    assert (points(insight)["oxygen saturation"], total(insight)) == (expected, expected)


@pytest.mark.parametrize(("value", "expected"), SCALE_2_OXYGEN)
def test_saturation_on_scale_2_on_oxygen(value: float, expected: int) -> None:
    insight = ask(seen(SPO2, float(value), "%"), SCALE_2, OXYGEN)
    assert (points(insight)["oxygen saturation"], total(insight)) == (expected, expected + 2)


@pytest.mark.parametrize(("value", "expected"), SYSTOLIC)
def test_systolic_pressure(value: float, expected: int) -> None:
    insight = ask(seen(SBP, float(value), "mm[Hg]"))
    assert (points(insight)["systolic blood pressure"], total(insight)) == (expected, expected)


@pytest.mark.parametrize(("value", "expected"), PULSE)
def test_pulse(value: float, expected: int) -> None:
    insight = ask(seen(HR, float(value), "/min"))
    assert (points(insight)["pulse"], total(insight)) == (expected, expected)


@pytest.mark.parametrize(("value", "expected"), TEMPERATURE)
def test_temperature(value: float, expected: int) -> None:
    insight = ask(seen(TEMP, value, "Cel"))
    assert (points(insight)["temperature"], total(insight)) == (expected, expected)


@pytest.mark.parametrize(("value", "expected"), TEMPERATURE)
def test_temperature_in_fahrenheit(value: float, expected: int) -> None:
    assert total(ask(seen(TEMP, value * 9 / 5 + 32, "[degF]"))) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("SNOMED/248234008", 0), ("SNOMED/130987000", 3), ("SNOMED/300202002", 3), ("SNOMED/450847001", 3),
        ("SNOMED/422768004", 3), ("LOINC/LA9340-6", 0), ("LOINC/LA6560-2", 3), ("LOINC/LA17108-4", 3),
        ("LOINC/LA17107-6", 3), ("LOINC/LA9343-0", 3), ("A", 0), ("Alert", 0), ("C", 3), ("V", 3), ("U", 3),
    ],
)  # fmt: skip
def test_consciousness(answer: str, expected: int) -> None:
    assert total(ask(seen(ACVPU, answer))) == expected
    assert total(ask(seen("LOINC/67775-7", answer), without=(ACVPU,))) == expected


@pytest.mark.parametrize(("value", "expected"), [(15.0, 0), (14.0, 3), (9.0, 3), (3.0, 3)])
def test_glasgow_coma_scale_stands_in_for_acvpu(value: float, expected: int) -> None:
    insight = ask(seen("LOINC/9269-2", value, "{score}"), without=(ACVPU,))
    assert total(insight) == expected
    assert any("Glasgow" in limit for limit in insight.limits) == (expected > 0)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (seen(FLOW, 0.0, "L/min"), 0), (seen(FLOW, 0.5, "L/min"), 2), (seen("LOINC/3150-6", 21.0, "%"), 0),
        (seen("LOINC/3150-6", 24.0, "%"), 2), (seen("LOINC/3150-6", 0.21, "1"), 0),
        (seen("LOINC/19994-3", 40.0, "%"), 2), (seen("SNOMED/722742002"), 0), (seen("SNOMED/371825009"), 2),
        (seen("SNOMED/371825009", "SNOMED/373067005"), 0), (seen("SNOMED/371825009", 4.0, "L/min"), 2),
        (seen("SNOMED/371825009", True), 2), (seen("SNOMED/722742002", True), 0),
        (seen("SNOMED/1104331000000105", 2.0, "{score}"), 2), (seen("SNOMED/1104331000000105", 0.0), 0),
    ],
)  # fmt: skip
def test_air_or_oxygen(event: Event, expected: int) -> None:
    assert total(ask(event, without=() if event.code == FLOW else (FLOW,))) == expected


CHART_2 = [
    ((), 0, "low", Urgency.ROUTINE),
    ((seen(RR, 21.0, "/min"), seen(HR, 111.0, "/min")), 4, "low", Urgency.ROUTINE),
    ((seen(RR, 25.0, "/min"),), 3, "low-medium", Urgency.TODAY),
    ((seen(RR, 25.0, "/min"), seen(HR, 91.0, "/min")), 4, "low-medium", Urgency.TODAY),
    (
        (seen(RR, 21.0, "/min"), seen(HR, 111.0, "/min"), seen(SBP, 110.0, "mm[Hg]")),
        5,
        "medium",
        Urgency.TODAY,
    ),
    ((seen(RR, 25.0, "/min"), seen(SBP, 90.0, "mm[Hg]")), 6, "medium", Urgency.TODAY),
    ((seen(RR, 25.0, "/min"), seen(SBP, 90.0, "mm[Hg]"), seen(HR, 91.0, "/min")), 7, "high", Urgency.NOW),
]


@pytest.mark.parametrize(("changed", "score", "risk", "urgency"), CHART_2)
def test_thresholds_and_response(changed: tuple[Event, ...], score: int, risk: str, urgency: Urgency) -> None:
    insight = ask(*changed)
    assert (total(insight), finding(insight).category, insight.urgency) == (score, risk, urgency)


def test_the_highest_score_is_twenty() -> None:
    worst = ask(
        *(seen(RR, 30.0, "/min"), seen(SPO2, 80.0, "%"), OXYGEN, seen(SBP, 80.0, "mm[Hg]")),
        *(seen(HR, 140.0, "/min"), seen(ACVPU, "U"), seen(TEMP, 34.0, "Cel")),
    )
    assert total(worst) == 20


def test_without_consciousness_and_oxygen_it_is_a_range() -> None:
    insight = ask(seen(RR, 25.0, "/min"), without=(ACVPU, FLOW))
    estimate = finding(insight).estimate
    assert (estimate.value, estimate.low, estimate.high, estimate.kind) == (None, 3, 8, "missing-inputs")
    assert finding(insight).says.startswith(
        "NEWS2 between 3 and 8; air or oxygen not recorded; ACVPU not recorded"
    )
    assert insight.urgency is Urgency.NOW
    assert {reason.absent for reason in insight.reasons if reason.absent} == {
        "air or oxygen not recorded", "ACVPU not recorded",
    }  # fmt: skip


def test_a_range_that_may_hold_a_red_score_ranks_by_it() -> None:
    insight = ask(without=(ACVPU,))
    assert (finding(insight).estimate.high, finding(insight).category) == (3, "low to low-medium")
    assert insight.urgency is Urgency.TODAY


def test_reasons_point_to_what_was_used_heaviest_first() -> None:
    insight = ask(seen(RR, 26.0, "/min", name="rr"), seen(HR, 118.0, "/min", name="hr"))
    first, second = insight.reasons[:2]
    assert (first.evidence, first.weight) == (("Observation/rr",), 3)
    assert first.says == "Breathing 26 /min at 07:50: 3 points"
    assert second.says == "Pulse 118 /min at 07:50: 2 points"


def test_scale_1_unless_scale_2_was_recorded() -> None:
    chronic = has("ICD10CM/J9612")
    insight = ask(seen(SPO2, 90.0, "%"), who=(*ADULT, chronic))
    assert points(insight)["oxygen saturation"] == 3
    assert any("scale 2" in limit and "not recorded" in limit for limit in insight.limits)


def test_a_target_of_88_to_92_is_scale_2() -> None:
    assert total(ask(seen(SPO2, 90.0, "%"), seen("SNOMED/852641000000103", "88-92 %"))) == 0


def test_both_scales_at_once_are_allowed_for() -> None:
    first = replace(SCALE_2, codes=("SNOMED/1104311000000102",), source="Observation/other")
    estimate = finding(ask(seen(SPO2, 90.0, "%"), SCALE_2, first)).estimate
    assert (estimate.low, estimate.high) == (0, 3)


@pytest.mark.parametrize("years", [0, 10, 15])
def test_not_under_sixteen(years: int) -> None:
    body = ask(who=person(years)).body
    assert isinstance(body, Abstention)
    assert body.why == "not-eligible"


def test_from_sixteen() -> None:
    assert total(ask(who=person(16))) == 0


def test_age_unknown_abstains_but_shows_what_it_would_be() -> None:
    body = ask(seen(RR, 25.0, "/min"), who=()).body
    assert isinstance(body, Abstention)
    assert (body.why, body.missing[0], body.estimate and body.estimate.value) == (
        "missing-evidence", "date of birth", 3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pregnancy", "barred"),
    [
        (has("SNOMED/72892002", years=0.5), True), (has("ICD10CM/O0991", years=0.2), True),
        (seen("LOINC/82810-3", "SNOMED/77386006"), True), (seen("LOINC/82810-3", "SNOMED/60001007"), False),
        (has("SNOMED/72892002", years=3), False),
        (has("SNOMED/72892002", years=0.5, status="resolved"), False),
        (has("SNOMED/77386006", undated=True), True), (has("SNOMED/398254007", years=0.1), True),
        (has("SNOMED/77386006", undated=True, status=""), False), (has("ICD10CM/O80", years=0.3), False),
        (has("SNOMED/72892002", years=0.1, status="unconfirmed"), False),
    ],
)  # fmt: skip
def test_not_in_pregnancy(pregnancy: Event, barred: bool) -> None:
    body = ask(who=(*person(30, "female"), pregnancy)).body
    assert isinstance(body, Abstention) == barred


@pytest.mark.parametrize("over", ["ICD10CM/O80", "ICD10CM/Z370", "ICD9CM/650", "SNOMED/17369002"])
def test_a_delivery_ends_the_pregnancy(over: str) -> None:
    who = (*person(30, "female"), has("SNOMED/72892002", years=0.7))
    assert isinstance(ask(who=who).body, Abstention)
    assert total(ask(who=(*who, has(over, years=0.3, status="resolved")))) == 0


@pytest.mark.parametrize(
    "unsure",
    [
        (has("SNOMED/72892002", years=0.1, status="differential"),),
        (has("SNOMED/72892002", undated=True, status=""),), (has("ICD10CM/O80", years=0.05),),
        tuple(seen("LOINC/82810-3", said, name=said[-3:]) for said in ("SNOMED/77386006", "SNOMED/60001007")),
    ],
)  # fmt: skip
def test_a_pregnancy_that_is_not_sure_is_said(unsure: tuple[Event, ...]) -> None:
    limits = ask(who=(*person(30, "female"), *unsure)).limits
    assert any(limit.startswith("Pregnancy: ") and "not for pregnancy" in limit for limit in limits)
    assert not any("pregnan" in limit.lower() for limit in ask(who=(*person(30, "male"), *unsure)).limits)


def test_pregnancy_not_on_record_is_said_where_it_matters() -> None:
    said = "Whether she is pregnant now is not on record; NEWS2 is not for pregnancy."
    assert said in ask(who=person(30, "female")).limits
    assert said not in ask(who=person(30, "male")).limits
    assert said not in ask(who=person(80, "female")).limits


def test_no_vital_signs_abstains() -> None:
    body = MODEL.predict(view(*ADULT)).body
    assert isinstance(body, Abstention)
    assert body.why == "missing-evidence"
    assert body.estimate is not None
    assert (body.estimate.low, body.estimate.high) == (0, 20)


def test_old_vital_signs_are_not_used_and_their_age_is_said() -> None:
    old = [replace(event, time=NOW - timedelta(days=3)) for event in NORMAL.values()]
    insight = MODEL.predict(view(*ADULT, *old))
    assert isinstance(insight.body, Abstention)
    assert any("pulse last recorded 3 days before" in limit.lower() for limit in insight.limits)


def test_one_harmless_value_supports_no_action() -> None:
    insight = ask(without=(RR, SPO2, FLOW, SBP, ACVPU, TEMP))
    assert isinstance(insight.body, Abstention)
    assert insight.urgency is None


def test_one_alarming_value_is_enough_to_act() -> None:
    insight = MODEL.predict(view(*ADULT, seen(SBP, 80.0, "mm[Hg]")))
    assert finding(insight).estimate.low == 3
    assert insight.urgency is Urgency.NOW


def test_an_unknown_unit_is_never_guessed() -> None:
    insight = ask(seen(TEMP, 37.0, "degrees warm"))
    estimate = finding(insight).estimate
    assert (estimate.low, estimate.high) == (0, 3)
    assert any("temperature not usable" in limit.lower() for limit in insight.limits)


def test_values_that_disagree_at_one_moment_are_both_allowed_for() -> None:
    second = seen(HR, 140.0, "/min", name="second")
    insight = MODEL.predict(view(*ADULT, *NORMAL.values(), second))
    assert (finding(insight).estimate.low, finding(insight).estimate.high) == (0, 3)


def test_withheld_reads_like_not_sent() -> None:
    withheld = ask(seen(ACVPU, Absence.WITHHELD))
    assert withheld == ask(seen(ACVPU, Absence.NOT_SENT))


BLANK = [Absence.NOT_SENT, Absence.NOT_MEASURED]


@pytest.mark.parametrize("why", BLANK)
def test_blank_entries_take_back_no_observation(why: Absence) -> None:
    hour = timedelta(hours=1)
    real = (seen(HR, 131.0, "/min", before=hour), seen(ACVPU, "SNOMED/450847001", before=hour))
    blank = (seen(HR, why, name="blank"), seen(ACVPU, why, name="none"))
    insight = MODEL.predict(view(*ADULT, *(NORMAL | {event.code: event for event in real}).values(), *blank))
    assert total(insight) == 6
    assert (
        "A later entry is blank, so the last value before it counts: pulse of 1 hour before."
        in insight.limits
    )
    assert (
        "A later entry is blank, so the last value before it counts: ACVPU of 1 hour before."
        in insight.limits
    )


def test_what_was_withheld_or_cannot_be_read_takes_the_value_before_it_away() -> None:
    for odd in (seen(ACVPU, Absence.WITHHELD, name="odd"), seen(ACVPU, "sleepy", name="odd")):
        older = replace(NORMAL[ACVPU], time=NOW - timedelta(hours=3))
        insight = MODEL.predict(view(*ADULT, *(NORMAL | {ACVPU: older}).values(), odd))
        assert finding(insight).estimate.high == 3
        assert any("(the last that can be read is of 3 hours before" in limit for limit in insight.limits)


def test_late_and_scattered_values_are_said() -> None:
    insight = ask(seen(TEMP, 37.0, "Cel", before=timedelta(hours=14)))
    assert any("overdue" in limit for limit in insight.limits)
    assert any("apart" in limit for limit in insight.limits)


@pytest.mark.parametrize("value", [0.97, 9.7, 19.9])
def test_a_saturation_that_nobody_has_is_an_error_of_recording(value: float) -> None:
    insight = ask(seen(SPO2, value, "%"))
    assert (finding(insight).estimate.low, finding(insight).estimate.high) == (0, 3)
    assert any("outside 20 to 100" in limit for limit in insight.limits)


@pytest.mark.parametrize("said", [False, "SNOMED/373067005", Absence.NOT_SENT])
def test_no_to_scale_2_is_not_scale_2(said: bool | str) -> None:
    insight = ask(seen(SPO2, 90.0, "%"), seen("SNOMED/1104321000000108", said))
    assert points(insight)["oxygen saturation"] == 3


def test_pulse_by_oximetry_is_a_pulse() -> None:
    assert total(ask(seen("LOINC/8889-8", 131.0, "/min"), without=(HR,))) == 3


@pytest.mark.parametrize("status", ["registered", "unknown"])
def test_a_later_value_that_is_not_final_is_said(status: str) -> None:
    later = seen(HR, 150.0, "/min", before=timedelta(minutes=1), name="later", status=status)
    insight = MODEL.predict(view(*ADULT, *NORMAL.values(), later))
    assert total(insight) == 0
    assert "A later value that is not final was not used: pulse." in insight.limits
