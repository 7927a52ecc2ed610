"""Diseased arteries by every code that records use: what CHA2DS2-VA counts, and whom PREVENT is not for."""

from __future__ import annotations

import pytest

from salus.core.codes import ValueSet
from salus.core.evidence import Event
from salus.core.insight import Abstention, Finding
from salus.core.registry import model
from salus.risk import _arteries as arteries
from salus.risk import _prevent_prior as prior
from tests.risk_views import NOW, called, has, person, seen, takes, view
from tests.spec.test_listed_codes import verhoeff

MAN = person(60)
NOTHING = takes("paracetamol 500 MG")
MEASURED = (seen("LOINC/2093-3", 200.0, "mg/dL"), seen("LOINC/2085-9", 50.0, "mg/dL"),
            seen("LOINC/8480-6", 130.0, "mm[Hg]"), seen("LOINC/2160-0", 1.0, "mg/dL"))  # fmt: skip


def part(name: str, *events: Event) -> tuple[float, float]:
    """From where to where the points of one item may lie, in a man with fibrillation."""
    record = (*MAN, NOTHING, has("ICD10CM/I48.91"), has("ICD10CM/I10"), *events)
    body = model("cha2ds2-vasc").predict(view(*record)).body
    assert isinstance(body, Finding)
    found = next(one.estimate for one in body.parts if one.of == name)
    assert found.value is not None or (found.low is not None and found.high is not None)
    return (found.value, found.value) if found.value is not None else (found.low, found.high)


def prevented(*events: Event) -> bool:
    """Whether PREVENT answers, and does not say that the disease is there."""
    body = model("prevent").predict(view(*MAN, NOTHING, *MEASURED, *events)).body
    return not (isinstance(body, Abstention) and body.why == "not-eligible")


def done(code: str) -> Event:
    return Event((code,), NOW, None, NOW, status="completed", source=f"Procedure/{code}")


PERIPHERAL = [
    *("ICD10CM/E11.51", "ICD10CM/E10.52", "ICD10CM/E13.51", "ICD10CM/E08.52", "ICD10/E11.5", "ICD9CM/250.70"),
    *("ICD10CM/I79.2", "ICD10/I79.2", "ICD9CM/443.81", "ICD9CM/443.89", "ICD9CM/443.9", "ICD9CM/443.1"),
    *("ICD10CM/I73.89", "ICD10/I73.8", "ICD10CM/I73.9", "ICD10CM/I73.1", "ICD10CM/I70.92", "ICD9CM/440.4"),
    *("ICD10CM/Z95.820", "ICD10CM/Z98.62", "ICD10CM/I70.213", "ICD9CM/440.21"),
    *("SNOMED/51274000", "SNOMED/421895002", "SNOMED/422166005", "SNOMED/792845002", "SNOMED/63491006"),
]


@pytest.mark.parametrize("code", PERIPHERAL)
def test_peripheral_artery_disease_by_every_code(code: str) -> None:
    assert part("vascular disease", has(code)) == (1, 1)
    assert not prevented(has(code))


def test_a_diabetic_angiopathy_is_two_items() -> None:
    asked = view(*MAN, NOTHING, has("ICD10CM/I48.91"), has("ICD10CM/E11.51"))
    body = model("cha2ds2-vasc").predict(asked).body
    assert isinstance(body, Finding) and body.estimate.value == 2
    assert body.category == "anticoagulation recommended (class I)"


@pytest.mark.parametrize("code", [
    "ICD10CM/I70.90", "ICD9CM/440.9", "ICD10CM/I77.1", "ICD10CM/K55.1", "ICD9CM/557.1", "ICD10CM/Z95.828",
    "ICD9CM/V43.4", "ICD10CM/E11.59", "ICD10CM/I73.81", "ICD9CM/443.82", "SNOMED/81817003",
])  # fmt: skip
def test_an_artery_that_is_not_told_leaves_vascular_disease_open(code: str) -> None:
    assert part("vascular disease", has(code)) == (0, 1)


@pytest.mark.parametrize("code", ["ICD10CM/I77.1", "ICD10CM/K55.1", "ICD9CM/V43.4"])
def test_and_prevent_says_so(code: str) -> None:
    limits = model("prevent").predict(view(*MAN, NOTHING, *MEASURED, has(code))).limits
    assert any("Whether the patient has cardiovascular disease already" in limit for limit in limits)


@pytest.mark.parametrize("code", ["ICD10CM/I73.00", "ICD9CM/443.0", "ICD10CM/E11.9", "ICD10CM/I71.4"])
def test_neighbours_are_no_peripheral_artery_disease(code: str) -> None:
    assert part("vascular disease", has(code)) == (0, 0)


@pytest.mark.parametrize("code", [
    "ICD10CM/H34.11", "ICD10/H34.1", "ICD10CM/H34.231", "ICD9CM/362.31", "ICD10CM/I75.021", "ICD9CM/445.02",
    "ICD10CM/G46.4", "ICD10/G46.5", "SNOMED/38742007", "SNOMED/88032003",
])  # fmt: skip
def test_an_artery_of_retina_or_brain_that_was_closed_is_a_stroke_or_embolism(code: str) -> None:
    assert part("stroke", has(code)) == (2, 2)
    assert not prevented(has(code))


@pytest.mark.parametrize("code", ["ICD10CM/H34.211", "ICD9CM/362.33", "SNOMED/776009"])
def test_an_artery_of_the_retina_closed_in_part_leaves_stroke_open(code: str) -> None:
    assert part("stroke", has(code)) == (0, 2)


@pytest.mark.parametrize("code", ["ICD10CM/H34.811", "ICD9CM/362.35", "SNOMED/68478007"])
def test_a_vein_of_the_retina_is_none(code: str) -> None:
    assert part("stroke", has(code)) == (0, 0)


@pytest.mark.parametrize("code", [
    "ICD9CM/433.10", "ICD10CM/I65.21", "ICD9CM/434.90", "ICD10CM/I66.01", "ICD9CM/437.0", "ICD10CM/I67.2",
    "SNOMED/300920004", "ICD10CM/I70.0", "SNOMED/81817003", "ICD9CM/440.9", "SNOMED/39823006",
    "ICD10/I79.0", "ICD10CM/I71.40",
])  # fmt: skip
def test_a_narrowed_artery_of_neck_or_trunk_is_known_disease_in_every_system(code: str) -> None:
    assert not prevented(has(code))
    assert part("stroke", has(code)) == (0, 0)


@pytest.mark.parametrize("code", ["SNOMED/410429000", "SNOMED/429007001", "ICD10CM/I46.9", "ICD10CM/Z86.74",
                                  "ICD9CM/427.5", "ICD9CM/V12.53"])  # fmt: skip
def test_after_a_cardiac_arrest_there_is_no_primary_prevention(code: str) -> None:
    assert not prevented(has(code, status="resolved"))


LEGS = [
    *("CPT/35556", "CPT/35656", "CPT/35558", "CPT/35540", "CPT/35302", "CPT/35371", "CPT/37226", "CPT/37254"),
    *("CPT/35474", "CPT/34705", "CPT/34802", "CPT/35102", "ICD10PCS/041K0JL", "ICD10PCS/047K3DZ"),
    *("ICD10PCS/04V03DZ", "ICD10PCS/04U03JZ", "ICD10PCS/X27H385", "ICD9CM/39.29", "ICD9CM/38.48"),
    *("ICD9CM/39.71", "ICD9CM/00.60", "SNOMED/444588006"),
]


@pytest.mark.parametrize("code", LEGS)
def test_an_operated_leg_or_aorta_is_vascular_disease(code: str) -> None:
    assert part("vascular disease", done(code)) == (1, 1)
    assert not prevented(done(code))


@pytest.mark.parametrize("code", ["SNOMED/66951008", "SNOMED/233405004", "CPT/35301", "CPT/37215",
                                  "ICD10PCS/03CK0ZZ", "ICD9CM/38.12", "ICD9CM/39.28"])  # fmt: skip
def test_an_operated_carotid_is_known_disease(code: str) -> None:
    assert not prevented(done(code))


@pytest.mark.parametrize("words", ["Critical limb ischaemia", "Chronic limb-threatening ischemia",
                                   "Arterial occlusive disease"])  # fmt: skip
def test_a_disease_that_words_name_leaves_it_open(words: str) -> None:
    assert part("vascular disease", called(words)) == (0, 1)


@pytest.mark.parametrize("words", ["Femoropopliteal artery bypass", "Fem-pop bypass, left", "EVAR"])
def test_an_operation_that_words_name_leaves_it_open(words: str) -> None:
    event = Event(("urn:local|1", f"text/{words}"), NOW, None, NOW, status="completed", source="Procedure/1")
    assert part("vascular disease", event) == (0, 1)


@pytest.mark.parametrize("code", ["CPT/36821", "CPT/35045", "CPT/37243", "ICD9CM/39.27", "SNOMED/53412000"])
def test_other_operations_on_vessels_are_none(code: str) -> None:
    assert part("vascular disease", done(code)) == (0, 0)
    assert prevented(done(code))


@pytest.mark.parametrize("each", [value for module in (arteries, prior) for value in vars(module).values()
                                  if isinstance(value, ValueSet)], ids=lambda each: each.name)  # fmt: skip
def test_every_snomed_code_here_has_a_right_check_digit(each: ValueSet) -> None:
    codes = (code.removeprefix("SNOMED/") for code in each.codes if code.startswith("SNOMED/"))
    assert all(verhoeff(code) == 0 for code in codes)


def test_a_past_disease_of_the_circulation_may_be_a_stroke_or_an_infarction() -> None:
    past = has("ICD10/Z86.7")
    assert (part("stroke", past), part("vascular disease", past)) == ((0, 2), (0, 1))
    assert part("stroke", past, has("ICD10/I63.9")) == (2, 2)
    assert part("stroke", has("ICD10CM/Z86.711")) == (0, 0)
    limits = model("prevent").predict(view(*MAN, NOTHING, *MEASURED, past)).limits
    assert any("a past disease of the circulation" in limit for limit in limits), limits
