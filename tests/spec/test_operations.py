"""Operations of real records, by code and in words: what they prove and what they leave open."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from salus.core.codes import URIS, short, uri
from salus.core.evidence import Event
from salus.core.insight import Abstention, Finding, Insight
from salus.core.registry import model
from salus.record import fhir
from salus.risk import _operations as operations
from salus.risk._kidney_replacement import on_dialysis, transplanted
from salus.risk._pregnancy import pregnant
from salus.risk._prevent_prior import prior
from tests.risk_views import NOW, SUBJECT, has, person, seen, takes, view

VOLUME_3 = "http://hl7.org/fhir/sid/icd-9-cm"
MIMIC = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-"
MAN = person(60)
LISTS = (takes("paracetamol 500 MG"), has("ICD10CM/M54.5"))
KIDNEYS = (seen("LOINC/2160-0", 2.0, "mg/dL"), seen("LOINC/9318-7", 300.0, "mg/g"))


def recorded(
    code: str = "", system: str = "", *, text: str = "", status: str = "completed", days: float | None = 30
) -> Event:
    """One procedure, as it is read from FHIR."""
    said: dict[str, Any] = {"text": text} if text else {}
    if code:
        said["coding"] = [{"system": system, "code": code}]
    one = {"resourceType": "Procedure", "id": "op", "status": status, "subject": {"reference": SUBJECT}}
    if days is not None:
        one["performedDateTime"] = (NOW - timedelta(days=days)).isoformat()
    timelines, account = fhir.bundle(json.dumps(one | {"code": said}).encode(), "b")
    assert not account.rejected
    return timelines[0].events[0]


def ask(name: str, *events: Event) -> Insight:
    more = (has("SNOMED/49436004"),) if name == "cha2ds2-vasc" else ()
    return model(name).predict(view(*MAN, *LISTS, *more, *events))


def points(*events: Event) -> tuple[float | None, float | None]:
    body = ask("cha2ds2-vasc", *events).body
    assert isinstance(body, Finding)
    found = body.estimate
    return (found.low, found.high) if found.value is None else (found.value, found.value)


def kidney_risk_given(*events: Event) -> bool:
    body = ask("ckd", *KIDNEYS, *events).body
    return isinstance(body, Finding) and any("kidney failure" in part.of for part in body.parts)


# --- one URI, two lists ------------------------------------------------------------------------------


def test_the_operations_of_icd_9_have_a_name_of_their_own_and_no_uri():
    assert short(f"{MIMIC}procedure-icd9", "3995") == "ICD9PROC/3995"
    assert short("urn:oid:2.16.840.1.113883.6.104", "39.95") == "ICD9PROC/39.95"
    assert short(VOLUME_3, "556.9") == "ICD9CM/556.9"
    assert uri("ICD9PROC/39.95") == (VOLUME_3, "39.95") and URIS["ICD9CM"] == VOLUME_3


def test_a_diagnosis_is_no_operation_that_has_its_digits():
    assert transplanted(view(recorded("55.69", VOLUME_3))).value is True
    assert transplanted(view(has("ICD9CM/556.9"))).value is False


def test_an_operation_is_no_diagnosis_that_has_its_digits():
    """39.61 is extracorporeal circulation (396.1 a mitral stenosis), 65.0 an ovary's (650 a delivery)."""
    limits = ask("cha2ds2-vasc", recorded("39.61", VOLUME_3)).limits
    assert not any("mechanical valve" in said for said in limits)
    assert pregnant(view(*person(30, "female"), recorded("65.0", VOLUME_3, days=60))).value is None


# --- dialysis and transplants ------------------------------------------------------------------------

SESSIONS = [
    ("39.95", VOLUME_3), ("54.98", VOLUME_3), ("3995", f"{MIMIC}procedure-icd9"),
    ("5498", f"{MIMIC}procedure-icd9"), ("5A1D70Z", f"{MIMIC}procedure-icd10"),
    ("3E1M39Z", "http://www.cms.gov/Medicare/Coding/ICD10"), ("5A1D90Z", "urn:oid:2.16.840.1.113883.6.4"),
    ("90960", "http://www.ama-assn.org/go/cpt"), ("90935", "urn:oid:2.16.840.1.113883.6.12"),
    *((item, f"{MIMIC}d-items") for item in ("225441", "225802", "225803", "225805", "225809", "225955")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "system"), SESSIONS)
def test_a_session_of_dialysis_is_dialysis_in_every_list(code, system):
    body = ask("ckd", *KIDNEYS, recorded(code, system)).body
    assert isinstance(body, Abstention) and "dialysis" in body.says


@pytest.mark.parametrize("status", ["stopped", "on-hold"])
def test_a_session_that_was_broken_off_had_begun(status):
    assert on_dialysis(view(recorded("39.95", VOLUME_3, status=status))).value is True


@pytest.mark.parametrize("event", [
    recorded(text="Haemodialysis session"), recorded(text="CVVHDF"), recorded("39.95", VOLUME_3, days=None),
    recorded("39.95", VOLUME_3, status="unknown"), recorded("38.95", VOLUME_3),
    recorded("224270", f"{MIMIC}d-items"), recorded("225436", f"{MIMIC}d-items"),
])  # fmt: skip
def test_what_may_be_dialysis_withholds_the_risk_of_kidney_failure(event):
    assert on_dialysis(view(*LISTS, event)).value is None
    assert not kidney_risk_given(event)
    said = ask("ckd", *KIDNEYS, event).limits
    assert any("dialysis is not on record" in limit for limit in said)


@pytest.mark.parametrize("event", [
    recorded(text="Haemodialysis session", days=400), recorded("38.95", VOLUME_3, days=400),
    recorded(text="Predialysis clinic"), recorded(text="Haemodialysis session", status="not-done"),
    recorded("39.95", VOLUME_3, days=400), recorded("47.01", VOLUME_3), recorded(text="Appendectomy"),
])  # fmt: skip
def test_what_is_no_dialysis_of_today_withholds_nothing(event):
    assert on_dialysis(view(*LISTS, event)).value is False
    assert kidney_risk_given(event)


@pytest.mark.parametrize(("code", "system"), [
    ("55.69", VOLUME_3), ("5569", f"{MIMIC}procedure-icd9"), ("0TY00Z0", f"{MIMIC}procedure-icd10"),
])  # fmt: skip
def test_a_transplanted_kidney_in_every_list(code, system):
    operation = recorded(code, system, days=4000)
    assert not kidney_risk_given(operation)
    body = ask("prevent", operation).body
    assert isinstance(body, Abstention) and "kidney transplant" in body.says


@pytest.mark.parametrize("event", [
    recorded(text="Kidney transplant", days=4000), recorded("55.69", VOLUME_3, status="stopped"),
])  # fmt: skip
def test_what_may_be_a_transplant_withholds_the_risk_of_kidney_failure(event):
    assert transplanted(view(*LISTS, event)).value is None
    assert not kidney_risk_given(event)


@pytest.mark.parametrize(("event", "what"), [
    (recorded(text="Haemodialysis session"), "dialysis"),
    (recorded(text="Kidney transplant"), "kidney transplant"),
    (recorded("55.69", VOLUME_3, status="unknown"), "kidney transplant"),
])  # fmt: skip
def test_what_may_be_kidney_replacement_is_said_where_the_equations_do_not_apply(event, what):
    limits = ask("prevent", seen("LOINC/8480-6", 120.0, "mm[Hg]"), event).limits
    assert any(said.startswith("Whether PREVENT applies") and what in said for said in limits)
    assert not any(said.startswith("Whether PREVENT applies") for said in ask("prevent").limits)


def test_the_patients_own_kidney_moved_is_no_transplant():
    assert kidney_risk_given(recorded("55.61", VOLUME_3))


# --- arteries ----------------------------------------------------------------------------------------

CORONARY = [
    *((code, VOLUME_3) for code in ("36.01", "36.06", "36.07", "36.10", "36.15", "36.2", "00.66", "17.55")),
    ("3615", f"{MIMIC}procedure-icd9"), ("0066", f"{MIMIC}procedure-icd9"),
    ("02100Z9", f"{MIMIC}procedure-icd10"), ("02C03ZZ", f"{MIMIC}procedure-icd10"),
    ("92980", "http://www.ama-assn.org/go/cpt"),
]  # fmt: skip
LEGS = [
    ("39.25", VOLUME_3), ("38.18", VOLUME_3), ("39.71", VOLUME_3), ("041L09L", f"{MIMIC}procedure-icd10"),
    ("047K3DZ", f"{MIMIC}procedure-icd10"), ("37226", "http://www.ama-assn.org/go/cpt"),
    ("444588006", "http://snomed.info/sct"),
]  # fmt: skip
NECK = [
    ("66951008", "http://snomed.info/sct"),
    ("38.12", VOLUME_3),
    ("00.63", VOLUME_3),
    ("03CM0ZZ", f"{MIMIC}procedure-icd10"),
]


@pytest.mark.parametrize(("code", "system"), [*CORONARY, *LEGS])
def test_an_opened_artery_is_vascular_disease_and_known_disease(code, system):
    operation = recorded(code, system, days=4000)
    assert points(operation) == (1, 1)
    assert isinstance(ask("prevent", operation).body, Abstention)


@pytest.mark.parametrize(("code", "system"), NECK)
def test_an_opened_carotid_is_known_disease_and_no_point(code, system):
    operation = recorded(code, system, days=4000)
    assert points(operation) == (0, 0)
    body = ask("prevent", operation).body
    assert isinstance(body, Abstention) and "carotid" in body.says


WORDS = ["Coronary artery bypass graft", "CABG x3", "PCI with drug-eluting stent", "Coronary angioplasty",
         "Femoropopliteal bypass", "Percutaneous transluminal angioplasty, iliac artery angioplasty", "EVAR",
         "Aortokoronarer Bypass"]  # fmt: skip


@pytest.mark.parametrize("event", [
    *(recorded(text=words) for words in WORDS), recorded("39.50", VOLUME_3), recorded("39.90", VOLUME_3),
    recorded("36.15", VOLUME_3, status="stopped"), recorded("04CK3ZZ", f"{MIMIC}procedure-icd10"),
])  # fmt: skip
def test_what_may_be_an_opened_artery_leaves_it_open(event):
    assert points(event) == (0, 1)
    assert prior(view(*MAN, *LISTS, event))[0].value is None
    assert any("cardiovascular disease already" in limit for limit in ask("prevent", event).limits)


@pytest.mark.parametrize("event", [
    recorded(text="Coronary angiography"), recorded(text="Gastric bypass"), recorded(text="Iliac vein stent"),
    recorded(text="PCA pump"), recorded(text="CABG", status="not-done"), recorded("88.56", VOLUME_3),
    recorded("39.61", VOLUME_3), recorded("38.91", VOLUME_3), recorded("B2111ZZ", f"{MIMIC}procedure-icd10"),
])  # fmt: skip
def test_what_opens_no_artery_says_nothing(event):
    assert points(event) == (0, 0)
    assert prior(view(*MAN, *LISTS, event))[0].value is False


def test_a_doubt_of_the_conditions_is_kept_beside_that_of_an_operation():
    strange = Event(("Condition", "text/Zzyzx"), NOW, None, NOW, None, None, None, "active", "Condition/z")
    told = prior(view(*MAN, strange, recorded(text="CABG")))[0]
    assert "not readable" in told.says and "words name" in told.says and len(told.events) == 2


@pytest.mark.parametrize("words", ["Haemodialysis session", "Kidney transplant"])
def test_what_a_sites_own_code_means_is_told_by_its_words(words):
    operation = recorded("77", "urn:hospital", text=words)
    assert operation.codes == ("urn:hospital|77", f"text/{words}")
    assert not kidney_risk_given(operation)


def test_a_code_of_a_list_has_said_what_it_is_whatever_its_words():
    shunt = Event(
        ("ICD10PCS/B51W1ZZ", "text/Fluoroscopy of Dialysis Shunt"), NOW, None, NOW, source="Procedure/1"
    )
    assert not operations.names(shunt, operations.SESSION)
    assert operations.names(replace(shunt, codes=("urn:local|1", shunt.codes[1])), operations.SESSION)


# --- valves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [
    *(recorded(code, VOLUME_3) for code in ("35.20", "35.22", "35.24", "35.05")),
    recorded("3521", f"{MIMIC}procedure-icd9"), recorded("02RF38Z", f"{MIMIC}procedure-icd10"),
    recorded("33405", "http://www.ama-assn.org/go/cpt"), recorded("26212005", "http://snomed.info/sct"),
    recorded(text="TAVI"),
])  # fmt: skip
def test_a_replaced_valve_is_said(event):
    assert any("mechanical valve" in said for said in ask("cha2ds2-vasc", event).limits)


def test_a_valve_that_was_repaired_is_not():
    repaired = recorded("3512", f"{MIMIC}procedure-icd9")
    assert not any("mechanical valve" in said for said in ask("cha2ds2-vasc", repaired).limits)


SETS = [value for value in vars(operations).values() if isinstance(value, operations.ValueSet)]


@pytest.mark.parametrize("each", SETS, ids=lambda each: each.name)
def test_every_stem_is_of_a_list_of_operations(each):
    assert all(stem.startswith(("ICD9PROC/", "ICD10PCS/")) for stem in each.stems)
