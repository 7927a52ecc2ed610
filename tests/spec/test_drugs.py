"""Drugs by the words of an order: brands count, what is not known proves nothing, orders grow old."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.insight import Finding, Urgency
from salus.core.registry import model
from salus.risk._af_terms import is_oral_anticoagulant
from salus.risk._taken import drug
from salus.risk._terms import is_blood_pressure_drug, is_glucose_drug, is_statin
from tests.risk_views import NOW, has, person, takes, view

YEAR = NOW - timedelta(days=365)
BRANDS = [
    ("Zestril 10 mg tablet", is_blood_pressure_drug), ("Norvasc 5 mg", is_blood_pressure_drug),
    ("HCTZ 25 mg", is_blood_pressure_drug), ("Entresto 49/51 mg", is_blood_pressure_drug),
    ("Livalo 2 mg", is_statin), ("Vytorin 10/40", is_statin), ("Jantoven 5 mg", is_oral_anticoagulant),
    ("Marcumar 3 mg", is_oral_anticoagulant), ("Ozempic 1 mg", is_glucose_drug),
    ("Caduet 5/10", is_statin), ("Caduet 5/10", is_blood_pressure_drug),
]  # fmt: skip


@pytest.mark.parametrize(("words", "is_one"), BRANDS)
def test_brands_are_what_they_hold(words, is_one):
    assert drug(view(takes(words)), "drug", is_one, YEAR).value is True


@pytest.mark.parametrize("words", ["Apraclonidine 1 %", "Proinsulinase", "Xaltaceton", "Chironax"])
def test_a_name_inside_another_word_is_none(words):
    tests = (is_blood_pressure_drug, is_statin, is_oral_anticoagulant, is_glucose_drug)
    assert all(drug(view(takes(words)), "drug", is_one, YEAR).value is None for is_one in tests)


@pytest.mark.parametrize(
    "words", ["Levamlodipine 2.5 mg", "Dihydralazin", "Bendroflumethiazide", "co-amiloride"]
)
def test_a_mirror_image_or_a_close_relative_acts_alike(words):
    assert drug(view(takes(words)), "drug", is_blood_pressure_drug, YEAR).value is True


@pytest.mark.parametrize(
    "is_one", [is_blood_pressure_drug, is_statin, is_oral_anticoagulant, is_glucose_drug]
)
def test_words_that_name_no_known_drug_may_be_any(is_one):
    fact = drug(view(takes("Zzyzx 10 mg"), takes("Qwerty forte"), takes("paracetamol")), "drug", is_one, YEAR)
    assert fact.value is None
    assert fact.says == "drug: 2 medications on record are not recognised"


@pytest.mark.parametrize("words", ["paracetamol 500 MG", "Salbutamol inhaler", "Amoxicillin 250 mg capsule"])
def test_another_drug_that_is_known_is_none_of_them(words):
    assert drug(view(takes(words)), "statin", is_statin, YEAR).value is False


def test_a_name_as_rxnorm_spells_it_holds_all_ingredients():
    spelt = replace(
        takes("zzyzxine 30 MG Oral Tablet"), codes=("RxNorm/1", "text/zzyzxine 30 MG Oral Tablet")
    )
    assert drug(view(spelt), "statin", is_statin, YEAR).value is False
    brand = replace(spelt, codes=("RxNorm/1", "text/Zzyzx 30 mg tablets"))
    assert drug(view(brand), "statin", is_statin, YEAR).value is None


@pytest.mark.parametrize(("days", "value"), [(300, True), (3650, None)])
def test_an_active_order_of_years_ago_is_not_sure_to_hold(days, value):
    fact = drug(view(takes("Simvastatin", days=days)), "statin", is_statin, YEAR)
    assert fact.value is value
    assert value or fact.says == "statin: ordered 9 years ago and never said to have ended"


def test_an_old_active_anticoagulant_lowers_no_urgency():
    record = (*person(80), has("SNOMED/49436004"))
    old = model("cha2ds2-vasc").predict(view(*record, takes("Warfarin", days=3650)))
    assert isinstance(old.body, Finding) and "ordered 9 years ago" in old.body.says
    now = model("cha2ds2-vasc").predict(view(*record, takes("Warfarin")))
    assert old.urgency != now.urgency


DAY = timedelta(days=1)
ENDED = replace(takes("apixaban"), end=NOW - DAY)


def of(kind, event, **changed):
    return replace(event, source=f"{kind}/{event.source.partition('/')[2]}", **changed)


@pytest.mark.parametrize("event", [
    takes("apixaban"), takes("Eliquis", days=300), replace(takes("apixaban"), end=NOW),
    of("MedicationStatement", takes("apixaban"), end=NOW + DAY), takes("apixaban", status=None),
    of("MedicationStatement", takes("apixaban", days=4000), known_at=NOW - DAY),
    of("MedicationAdministration", takes("apixaban", days=0, status="in-progress")),
])  # fmt: skip
def test_what_runs_is_taken(event):
    assert drug(view(event), "drug", is_oral_anticoagulant, YEAR).value is True


@pytest.mark.parametrize("event", [
    ENDED, of("MedicationStatement", ENDED), replace(ENDED, status="completed"),
    takes("apixaban", status="completed", days=80), takes("apixaban", status="unknown"),
    of("MedicationAdministration", takes("apixaban", days=1, status="completed")),
    of("MedicationDispense", takes("apixaban", days=30, status="completed")),
    replace(takes("apixaban"), time=None, known_at=None),
])  # fmt: skip
def test_what_ended_lately_or_has_no_date_leaves_it_open(event):
    fact = drug(view(event), "drug", is_oral_anticoagulant, YEAR)
    assert fact.value is None and "is not known" in fact.says and fact.events == (event,)


@pytest.mark.parametrize("event", [
    replace(takes("apixaban", days=800), end=NOW - 400 * DAY),
    takes("apixaban", status="completed", days=100),
    of("MedicationDispense", takes("apixaban", days=100, status="completed")),
])  # fmt: skip
def test_what_ended_long_ago_is_not_taken(event):
    assert drug(view(event), "drug", is_oral_anticoagulant, YEAR).value is False


def test_an_order_that_was_cancelled_before_it_began_ends_none_that_runs():
    again = takes("apixaban", days=10, status="cancelled", name="again")
    assert drug(view(takes("apixaban", days=50), again), "drug", is_oral_anticoagulant, YEAR).value is True


@pytest.mark.parametrize("status", ["stopped", "not-taken", "on-hold", "do-not-perform"])
@pytest.mark.parametrize("before", [takes("apixaban 5 MG"), takes("Eliquis", status="completed"), ENDED])
def test_a_later_stop_of_the_drug_ends_it(status, before):
    stop = takes("apixaban", days=10, status=status, name="stop")
    if before is ENDED:
        stop = replace(stop, time=NOW, known_at=NOW)
    fact = drug(view(before, stop), "drug", is_oral_anticoagulant, YEAR)
    assert fact.value is False and fact.says == f"drug: {status} on record" and fact.events == (stop,)


def test_a_stop_that_is_older_or_of_another_drug_ends_nothing():
    running = takes("ramipril", days=50)
    for stop in (takes("ramipril", days=60, status="stopped"), takes("amlodipine", days=9, status="stopped")):
        assert drug(view(running, stop), "drug", is_blood_pressure_drug, YEAR).value is True


@pytest.mark.parametrize("when", [{"time": NOW - 30 * DAY}, {"time": None, "known_at": None}])
def test_a_stop_of_the_same_moment_or_without_a_date_leaves_it_open(when):
    stop = replace(takes("apixaban", days=30, status="stopped", name="stop"), **when)
    assert drug(view(takes("apixaban"), stop), "drug", is_oral_anticoagulant, YEAR).value is None


@pytest.mark.parametrize("event", [ENDED, replace(takes("Warfarin"), time=None, known_at=None)])
def test_what_is_not_known_to_be_taken_lowers_no_urgency(event):
    found = model("cha2ds2-vasc").predict(view(*person(80), has("SNOMED/49436004"), event))
    assert found.urgency is Urgency.THIS_WEEK
    assert isinstance(found.body, Finding) and "is not known" in found.body.says


@pytest.mark.parametrize(
    "words", ["Warfarin antidote: phytonadione", "Apixaban reversal", "Rivaroxaban allergy"]
)
def test_what_speaks_against_a_drug_is_not_taken_for_it(words):
    assert drug(view(takes(words)), "drug", is_oral_anticoagulant, YEAR).value is None


@pytest.mark.parametrize("words", [
    "stop apixaban", "STOP Eliquis 5 mg", "No warfarin", "Not on warfarin", "Hold rivaroxaban", "D/C Xarelto",
    "Discontinue dabigatran", "Do not give edoxaban", "Kein Marcumar", "Please stop warfarin 5 mg",
])  # fmt: skip
def test_an_order_whose_words_stop_a_drug_ends_it(words):
    stop = takes(words, days=10, name="stop")
    assert drug(view(stop), "drug", is_oral_anticoagulant, YEAR).value is False
    before = [takes(f"{name} 5 mg", days=50) for name in
              ("apixaban", "warfarin", "rivaroxaban", "dabigatran", "edoxaban", "marcumar")]  # fmt: skip
    named = [
        one for one in before if drug(view(one, stop), "drug", is_oral_anticoagulant, YEAR).value is False
    ]
    assert len(named) == 1
    found = model("cha2ds2-vasc").predict(view(*person(80), has("SNOMED/49436004"), stop))
    assert found.urgency is Urgency.THIS_WEEK


@pytest.mark.parametrize("words", [
    "apixaban level", "Warfarin monitoring", "Warfarin clinic", "anticoagulation clinic",
    "Warfarin education", "Apixaban discontinued", "Patient refuses warfarin",
    "Rivaroxaban contraindicated", "Apixaban (not taking)",
])  # fmt: skip
def test_what_speaks_of_a_drug_and_orders_none_leaves_it_open(words):
    assert drug(view(takes(words)), "drug", is_oral_anticoagulant, YEAR).value is None
    found = model("cha2ds2-vasc").predict(view(*person(80), has("SNOMED/49436004"), takes(words)))
    assert found.urgency is Urgency.THIS_WEEK


@pytest.mark.parametrize(("words", "is_one"), [
    ("Metoprolol 25 mg, hold for SBP < 100", is_blood_pressure_drug),
    ("Insulin lispro 100 units/mL by glucose level", is_glucose_drug),
    ("Warfarin 5 mg, INR monitoring weekly", is_oral_anticoagulant),
    ("Nocdurna with warfarin", is_oral_anticoagulant), ("Offered: apixaban 5 mg", is_oral_anticoagulant),
    ("Off-label apixaban 5 mg", is_oral_anticoagulant), ("Avoid grapefruit; simvastatin 20 mg", is_statin),
])  # fmt: skip
def test_an_order_with_instructions_is_an_order(words, is_one):
    assert drug(view(takes(words)), "drug", is_one, YEAR).value is True


@pytest.mark.parametrize("status", ["stopped", "cancelled", "draft", "not-taken"])
def test_where_every_medication_is_past_no_list_is_said_to_lack(status):
    record = (takes("paracetamol 500 MG", days=2200, status=status), *person(60))
    fact = drug(view(*record), "statin", is_statin, YEAR)
    assert fact.value is None
    assert fact.says.startswith("statin: the medications on record were all stopped, withdrawn")
    for name in ("prevent", "findrisc"):
        limits = " ".join(model(name).predict(view(*record)).limits)
        assert "no list of medications on record" not in limits
    wrong = takes("paracetamol 500 MG", status="entered-in-error")
    assert drug(view(wrong), "statin", is_statin, YEAR).says == "statin: no list of medications on record"


CLASSES = [
    ("Vitamin K antagonist, INR 2-3", is_oral_anticoagulant), ("Vitamin-K-Antagonist", is_oral_anticoagulant),
    ("Anticoagulant (as by clinic)", is_oral_anticoagulant), ("DOAC with vitamin D", is_oral_anticoagulant),
    ("Calcium channel blocker", is_blood_pressure_drug), ("Calciumantagonist", is_blood_pressure_drug),
    ("Diuretic and potassium chloride", is_blood_pressure_drug), ("Glucose lowering drug", is_glucose_drug),
    ("Zzyzx syringe 100 U/mL", is_glucose_drug),
]  # fmt: skip


@pytest.mark.parametrize(("words", "is_one"), CLASSES)
def test_a_class_of_drugs_may_be_any_of_it(words, is_one):
    assert drug(view(takes(words)), "drug", is_one, YEAR).value is None


@pytest.mark.parametrize("words", [
    "Vitamin K 10 mg", "Calcium carbonate 500 mg", "Glucose 5 %", "BD syringe 10 mL", "Syringe",
    "Anticoagulant Citrate Dextrose Solution A",
])  # fmt: skip
def test_what_only_begins_alike_is_none_of_them(words):
    for is_one in (is_oral_anticoagulant, is_blood_pressure_drug, is_glucose_drug):
        assert drug(view(takes(words)), "drug", is_one, YEAR).value is False


@pytest.mark.parametrize(
    "words", ["Semglee syringe 100 U/mL", "Bydureon 2 mg syringe", "Admelog 3 mL syringe"]
)
def test_a_brand_in_a_syringe_is_the_brand(words):
    assert drug(view(takes(words)), "drug", is_glucose_drug, YEAR).value is True


def test_a_drug_that_is_named_beside_its_class_is_that_drug():
    said = takes("Warfarin (oral anticoagulant) 5 mg")
    assert drug(view(said), "drug", is_oral_anticoagulant, YEAR).value is True
    assert drug(view(said), "drug", is_blood_pressure_drug, YEAR).value is False
