"""How answers are put to people: frequencies, quantities, ages, urgency; pictures agree with words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.core.evidence import Absence, Event, Timeline
from salus.core.insight import (
    Abstention,
    Estimate,
    Finding,
    Insight,
    ModelRef,
    Outcome,
    Reason,
    Risk,
    Urgency,
)
from salus.core.registry import models
from salus.delivery.web import charts, pictures, words
from salus.delivery.web.forms import OPEN_FOR, Tokens, read_draft, same_site
from salus.delivery.web.labels import read_labels, spelled
from salus.delivery.web.pages import audit
from salus.delivery.web.pages.record import anchor, lines, names_of
from salus.risk._bedside import GCS
from salus.risk._measures import BMI, DIASTOLIC, HEIGHT, WEIGHT
from salus.risk._pregnancy import DUE
from salus.store import ledger

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def insight(body, urgency=None, reasons=()):
    return Insight("Patient/1", ModelRef("m", "1"), "What?", NOW, body, urgency, reasons)


@pytest.mark.parametrize(
    ("estimate", "says"),
    [
        (Estimate(0.12), "about 12 in 100"),
        (Estimate(0.124), "about 12 in 100"),
        (Estimate(0.01), "about 1 in 100"),
        (Estimate(0.004), "about 4 in 1,000"),
        (Estimate(0.0001), "fewer than 1 in 1,000"),
        (Estimate(0.996), "more than 99 in 100"),
        (Estimate(None, "1", 0.47, 0.998, "missing-inputs"), "between 47 and more than 99 in 100"),
        (Estimate(None, "1", 0.0001, 0.0002, "missing-inputs"), "fewer than 1 in 1,000"),
        (Estimate(0.0), "about 0 in 1,000"),
        (Estimate(1.0), "about 100 in 100"),
        (Estimate(None, "1", 0.03, 0.081), "between 3 and 8 in 100"),
        (Estimate(None, "1", 0.061, 0.064), "about 6 in 100"),
        (Estimate(None), "not known"),
    ],
)
def test_frequency(estimate: Estimate, says: str) -> None:
    assert words.frequency(estimate) == says


@pytest.mark.parametrize(
    ("estimate", "says"),
    [
        (Estimate(7.0, "{score}"), "7"),
        (Estimate(None, "{score}", 3.0, 8.0, "missing-inputs"), "between 3 and 8"),
        (Estimate(47.5, "mL/min/{1.73_m2}"), "47.5 mL/min/1.73 m²"),
        (Estimate(-2.0, "Cel"), "−2 °C"),
        (Estimate(110.0, "umol/L"), "110 µmol/L"),
    ],
)
def test_amount(estimate: Estimate, says: str) -> None:
    assert words.amount(estimate) == says


def test_an_interval_is_named_or_said_to_be_missing() -> None:
    assert words.interval(Estimate(0.31)) == "no interval published"
    assert words.interval(Estimate(0.31, "1", 0.22, 0.41, "sampling")).startswith("between 22 and 41 in 100")
    assert (
        words.interval(Estimate(None, "1", 0.22, 0.41, "missing-inputs"))
        == "what is missing leaves this open"
    )


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_icons_agree_with_the_words(one: float, other: float, ranged: bool) -> None:
    low, high = sorted((one, other))
    estimate = Estimate(None, "1", low, high, "missing-inputs") if ranged else Estimate(one)
    drawn = pictures.icons(estimate)
    assert drawn is not None
    of = words.denominator(estimate)
    full = sum(dot.kind == "full" for dot in drawn.dots)
    maybe = sum(dot.kind == "maybe" for dot in drawn.dots)
    assert len(drawn.dots) == of
    assert full == round((low if ranged else one) * of)
    assert full + maybe == round((high if ranged else one) * of)
    assert all(0 < dot.x < drawn.width and 0 < dot.y < drawn.height for dot in drawn.dots)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=9), st.sampled_from(["{score}", "log-odds"]))
def test_bars_stay_inside_and_in_proportion(weights: list[float], unit: str) -> None:
    reasons = tuple(Reason((), weight, "x", unit) for weight in weights)
    for bar, reason in zip(pictures.bars(reasons), reasons, strict=True):
        if abs(reason.weight) <= 1e-9:
            assert bar is None
            continue
        assert bar is not None
        assert bar.x >= 0 and bar.x + bar.width <= 230
        assert bar.side == ("up" if reason.weight > 0 else "down")


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (Reason((), 3, "x"), "+3 points"),
        (Reason((), -1, "x"), "−1 point"),
        (Reason((), log(1.9), "x", "log-odds"), "odds ×1.9"),
        (Reason((), log(0.05), "x", "log-odds"), "odds ×0.05"),
        (Reason((), 2, "x", "{step}"), "+2 steps"),
    ],
)
def test_a_weight_in_words(reason: Reason, says: str) -> None:
    assert pictures.weight(reason) == says


@pytest.mark.parametrize(
    ("born", "age"),
    [("1959-07-23", "66"), ("1960-03-02", "66"), ("1960-03-03", "65"), ("1960", "65 or 66"),
     ("1960-03", "65 or 66"), ("1960-02", "66"), ("1960-04", "65"), ("", ""), ("unknown", "")],
)  # fmt: skip
def test_age_says_what_is_known(born: str, age: str) -> None:
    assert words.years(born, NOW) == age


def test_days_and_durations() -> None:
    assert [words.day(one) for one in ("1959-07-23", "1959-07", "1959", "")] == [
        "23 July 1959", "July 1959", "1959", "",
    ]  # fmt: skip
    assert [words.duration(one) for one in ("P1D", "P12W", "PT30M", "P2M", "", "P1Y2M")] == [
        "1 day", "12 weeks", "30 minutes", "2 months", "any time", "P1Y2M",
    ]  # fmt: skip


def test_nobody_can_tell_withheld_from_not_sent() -> None:
    told = {words.value(Event(("x",), value=kind)) for kind in (Absence.WITHHELD, Absence.NOT_SENT)}
    assert told == {"not available"}
    assert words.value(Event(("x",), value=Absence.NOT_MEASURED)) == "not measured"


def test_urgency_has_a_tag_of_its_own() -> None:
    finding = Finding("x", Estimate(1.0, "{score}"))
    tags = [words.tag(insight(finding, one)) for one in (*Urgency, None)]
    tags.append(words.tag(insight(Abstention("missing-evidence", "no"))))
    tags.append(words.tag(insight(Abstention("not-eligible", "no"))))
    assert len({tag.key for tag in tags}) == len({tag.words for tag in tags}) == 7


def test_what_follows_from_a_range_is_said_of_its_upper_end() -> None:
    from salus.core.registry import model

    card = model("prevent").card
    ranged = Risk(
        (Outcome("cardiovascular disease", Estimate(None, "1", 0.02, 0.3, "missing-inputs"), "10 years"),)
    )
    assert words.act(insight(ranged, Urgency.THIS_WEEK), card).startswith("At the upper end: high")
    sure = Risk((Outcome("cardiovascular disease", Estimate(0.3), "10 years"),))
    assert words.act(insight(sure, Urgency.THIS_WEEK), card).startswith("High")


def _series(values: list[float], unit: str = "/min", code: str = "LOINC/8867-4") -> list[Event]:
    return [
        Event((code,), NOW - timedelta(minutes=10 * place), value=value, unit=unit, status="final",
              source=f"Observation/{place}")
        for place, value in enumerate(reversed(values))
    ][::-1]  # fmt: skip


@given(st.lists(st.floats(0, 400, allow_nan=False), min_size=2, max_size=60))
def test_a_chart_stays_inside_and_keeps_every_point(values: list[float]) -> None:
    (chart,) = charts.charts(_series(values), NOW, {}, frozenset(), banded=True)
    assert len(chart.points) == min(len(values), charts.POINTS)
    assert all(charts.LEFT <= point.x <= charts.RIGHT for point in chart.points)
    assert all(charts.TOP - 0.01 <= point.y <= charts.BOTTOM + 0.01 for point in chart.points)
    assert chart.band is not None
    assert charts.TOP - 0.01 <= chart.band.top <= chart.band.top + chart.band.height <= charts.BOTTOM + 0.01


def test_two_units_never_share_an_axis_and_an_unknown_one_has_no_band() -> None:
    events = _series([37.0, 38.0], "Cel", "LOINC/8310-5") + _series([98.6, 100.4], "[degF]", "LOINC/8310-5")
    found = charts.charts(
        events + _series([17.0, 18.0], "zz", "LOINC/9279-1"), NOW, {}, frozenset(), banded=True
    )
    bands = {chart.unit: (chart.band.low, chart.band.high) if chart.band else None for chart in found}
    assert bands == {"°C": ("36.1", "38"), "°F": ("97", "100"), "zz": None}


@pytest.mark.parametrize(("name", "shown"), [("eGFR", "eGFR"), ("pH", "pH"), ("waist", "Waist"), ("x", "X")])
def test_a_name_that_begins_small_by_right_stays_so(name: str, shown: str) -> None:
    events = _series([60.0, 55.0], "1", "LOINC/1-8")
    (chart,) = charts.charts(events, NOW, {"LOINC/1-8": name}, frozenset(), banded=True)
    assert chart.name == shown


def test_what_may_not_be_used_is_not_drawn() -> None:
    events = [
        Event(
            ("LOINC/8867-4",), NOW, value=80.0, unit="/min", status="entered-in-error", source="Observation/1"
        )
    ]
    assert charts.charts(events * 2, NOW, {}, frozenset(), banded=True) == []


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=60))
def test_a_token_holds_for_one_person_one_answer_one_shift(actor: str, answer: str, forged: str) -> None:
    tokens = Tokens()
    token = tokens.make(actor, answer, now=1000)
    assert tokens.holds(token, actor, answer, now=1000 + OPEN_FOR)
    assert not tokens.holds(token, actor, answer, now=1001 + OPEN_FOR)
    assert not tokens.holds(token, actor + "x", answer, now=1000)
    assert not tokens.holds(token, actor, answer + "x", now=1000)
    assert not Tokens().holds(token, actor, answer, now=1000)
    assert not tokens.holds(forged, actor, answer, now=1000)


@given(
    st.dictionaries(st.sampled_from(["decision", "because", "note", "told_patient", "insight"]), st.text())
)
def test_no_form_breaks_the_reader(form: dict[str, str]) -> None:
    draft = read_draft(form)
    assert draft.problems or draft.decision


def test_where_a_post_may_come_from() -> None:
    here = {"https://salus.example"}
    assert same_site({"sec-fetch-site": "same-origin"}, here)
    assert same_site({"origin": "https://salus.example"}, here)
    assert same_site({}, here)
    for headers in ({"sec-fetch-site": "cross-site", "origin": "https://salus.example"}, {"origin": "null"}):
        assert not same_site(headers, here)


def test_labels_come_from_the_record() -> None:
    found: dict[str, str] = {}
    coded = {"coding": [{"system": "http://loinc.org", "code": "1-8", "display": "A test"}]}
    answer = {"coding": [{"system": "http://snomed.info/sct", "code": "7", "display": "Yes"}]}
    read_labels(
        {"code": {**coded, "text": "My test"}, "valueCodeableConcept": answer}, "Observation/1", found
    )
    assert found == {"Observation/1": "My test", "LOINC/1-8": "A test", "SNOMED/7": "Yes"}


@given(st.text(max_size=40))
def test_an_anchor_is_one_word(source: str) -> None:
    assert not set(anchor(source)) & set(" \t\n\"'<>&#/")


def test_the_audit_page_has_words_for_every_deed():
    assert set(audit.DEEDS) == ledger.DEEDS


@pytest.mark.parametrize(("code", "name"), [
    ("LOINC/76534-7", "systolic blood pressure"), ("LOINC/8893-0", "pulse"), ("LOINC/75539-7", "temperature"),
])  # fmt: skip
def test_a_vital_sign_is_called_the_same_whatever_device_it_came_from(code, name):
    assert names_of([model.card for model in models().values()], {})[code] == name


@pytest.mark.parametrize(("codes", "name"), [
    (WEIGHT.codes, "Weight"), (HEIGHT.codes, "Height"), (BMI.codes, "body mass index"),
    (DIASTOLIC.codes, "Diastolic pressure"), (GCS.codes, "Glasgow coma scale"), (DUE, "Delivery expected"),
])  # fmt: skip
def test_what_is_asked_for_along_with_another_thing_keeps_its_own_name(codes, name):
    named = names_of([model.card for model in models().values()], {})
    assert {named[code] for code in codes} == {name}


@pytest.mark.parametrize(
    ("code", "name", "system"),
    [
        ("http://mimic.mit.edu/CodeSystem/mimic-medication-ndc|68084006001", "68084006001",
         "http://mimic.mit.edu/CodeSystem/mimic-medication-ndc"),
        ("urn:oid:2.999|a", "a", "urn:oid:2.999"),
        ("text/Insulin", "Insulin", ""),
        ("text/Calcium/Vitamin D", "Calcium/Vitamin D", ""),
        ("LOINC/8867-4", "LOINC 8867-4", ""),
        ("and/or", "and/or", ""),
        ("+|++", "+|++", ""),
    ],
)  # fmt: skip
def test_a_code_that_nobody_names_is_shown_without_our_prefix(code: str, name: str, system: str) -> None:
    assert spelled(code) == (name, system)


def test_a_line_prefers_words_to_a_code_and_never_changes_a_code() -> None:
    drug = Event(("urn:x:ndc|68084", "text/Insulin"), NOW, source="MedicationRequest/1")
    local = Event(("http://a.example/fhir/fluids|blood",), NOW, source="Specimen/1")
    answered = Event(("text/Specimen",), NOW, value="http://a.example/fhir/fluids|blood",
                     source="Observation/1")  # fmt: skip
    found = [line.what[0] for line in lines(Timeline.of("Patient/1", [drug, local, answered]), {}, {})]
    named = {(part.name, part.value, part.listed) for part in found}
    assert named == {("Insulin", "recorded", ""), ("blood", "recorded", "fluids"), ("Specimen", "blood", "")}


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/156.0 Edg/156.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604", "Safari on an iPhone"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android"),
        ("curl/8.9", "curl/8.9"),
        ("", "A program that does not say what it is"),
    ],
)  # fmt: skip
def test_a_browser_is_named_as_its_owner_knows_it(agent: str, said: str) -> None:
    assert words.browser(agent) == said
