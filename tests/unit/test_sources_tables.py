"""Published tables that are not as they were published: each a clear error, or a counted reject."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from salus.core.codes import DEATH
from salus.core.consent import TRAINING, Actor
from salus.core.errors import EvidenceError
from salus.core.evidence import UNREADABLE, Absence, Timeline
from salus.record.population import Population
from salus.record.sources import diabetes130, support2
from salus.record.sources.tables import timelines
from salus.risk.readmission_30d import TASK as READMISSION
from salus.spine.cases import gather

# One row as each set has it; a test changes what it is about.
STAY = dict.fromkeys(diabetes130.COLUMNS, "No") | {
    "encounter_id": "1", "patient_nbr": "9", "race": "?", "gender": "Female", "age": "[70-80)", "weight": "?",
    "admission_type_id": "1", "discharge_disposition_id": "3", "admission_source_id": "7",
    "time_in_hospital": "4", "payer_code": "MC", "medical_specialty": "?", "num_lab_procedures": "40",
    "num_procedures": "0", "num_medications": "12", "number_outpatient": "0", "number_emergency": "1",
    "number_inpatient": "2", "diag_1": "8", "diag_2": "250.02", "diag_3": "V45", "number_diagnoses": "9",
    "max_glu_serum": "None", "A1Cresult": ">8", "insulin": "Up", "diabetesMed": "Yes", "change": "Ch",
    "readmitted": "<30",
}  # fmt: skip
PATIENT = dict.fromkeys(support2.COLUMNS, "") | {
    "sno": "1", "age": " 62.5", "death": "1", "sex": "female", "hospdead": "0", "slos": " 9", "d.time": " 40",
    "dzgroup": "CHF", "dzclass": "COPD/CHF/Cirrhosis", "num.co": "2", "hday": " 3", "diabetes": "0",
    "dementia": "1", "ca": "no", "dnr": "no dnr", "dnrday": "9", "meanbp": " 73.0", "crea": "1.2",
}  # fmt: skip

Make = Callable[..., Path]


@pytest.fixture
def stays(tmp_path: Path) -> Make:
    return lambda *rows, **kept: _written(tmp_path / diabetes130.FILE, diabetes130.COLUMNS, STAY, rows, kept)


@pytest.fixture
def patients(tmp_path: Path) -> Make:
    return lambda *rows, **kept: _written(tmp_path / support2.FILE, support2.COLUMNS, PATIENT, rows, kept)


def _written(path: Path, columns: tuple[str, ...], usual: dict[str, str], rows: tuple, kept: dict) -> Path:
    """Write one row for each change of the usual one, and return the folder."""
    lines = [",".join(columns), *(",".join({**usual, **row}.values()) for row in rows)]
    text = kept.get("end", "\n").join(lines) + kept.get("more", "")
    path.write_bytes(kept.get("begin", b"") + text.encode(kept.get("encoding", "utf-8")))
    return path.parent


def _one(found: Population) -> Timeline:
    (only,) = timelines(found)
    return only


def test_a_good_row_is_all_there(stays: Make):
    found = diabetes130.population(stays({}))
    only = _one(found)
    assert (found.rejects, only.subject) == ((), "Patient/1")
    assert found.subjects.rows() == [("Patient/1", "1", "9", "diabetes130")]
    assert only.first(["LOINC/86255-7"]).value == "ICD9CM/008"
    assert [event.code for event in only.where(kind="Condition")] == [
        *("SNOMED/73211009", "ICD9CM/008", "ICD9CM/250.02", "ICD9CM/V45")
    ]
    assert only.first(["LOINC/4548-4"]).comparator == ">"
    assert not only.where(["LOINC/2345-7", "LOINC/32624-9", "LOINC/29463-7"])
    assert only.first(["RxNorm/5856"]).kind == "MedicationRequest"


def test_the_order_of_rows_the_ends_of_lines_and_packing_do_not_matter(stays: Make, tmp_path: Path):
    rows = ({}, {"encounter_id": "10"}, {"encounter_id": "2", "insulin": "No"})
    first = diabetes130.population(stays(*rows))
    path = tmp_path / diabetes130.FILE
    other = stays(*reversed(rows), end="\r\n", more="\r\n\r\n", begin=b"\xef\xbb\xbf")
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    second = diabetes130.population(other)
    assert second.events.equals(first.events)
    assert second.rejects == first.rejects == ()
    assert second.digest != first.digest


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"encounter_id": ""}, "it has no encounter_id"),
        ({"patient_nbr": "?"}, "it has no patient_nbr"),
        ({"time_in_hospital": "?"}, "how long the stay was is not told"),
        ({"time_in_hospital": "-3"}, "how long the stay was is not told"),
        ({"encounter_id": "1"}, "its encounter_id stands on another line too"),
    ],
)
def test_a_row_that_cannot_be_used_is_a_reject_and_costs_itself_alone(stays: Make, change, reason):
    good = [{"encounter_id": "1"} if change.get("encounter_id") == "1" else {"encounter_id": "7"}]
    found = diabetes130.population(stays({"encounter_id": "6"}, *good, {"encounter_id": "5"} | change))
    assert reason in {reject.reason for reject in found.rejects}
    lines = [reject.line for reject in found.rejects]
    assert set(lines) <= {3, 4} and len(lines) == len(set(lines))
    assert "Patient/6" in found.subjects["subject"]
    assert found.rejects[-1].file == diabetes130.FILE


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *(("num_medications", "many"), ("number_inpatient", "-1"), ("num_lab_procedures", "1e9")),
        *(("gender", "F"), ("age", "70-80"), ("readmitted", "yes"), ("insulin", "Sideways")),
        *(
            ("discharge_disposition_id", "31"),
            ("diag_2", "diabetes"),
            ("A1Cresult", ">9"),
            ("race", "Unlisted"),
        ),
        ("num_procedures", "nan"),
    ],
)
def test_a_field_that_cannot_be_used_is_a_reject_and_the_rest_of_its_row_is_used(stays: Make, name, said):
    found = diabetes130.population(stays({}, {"encounter_id": "2", name: said}))
    (reject,) = found.rejects
    assert (reject.line, name in reject.reason, said in reject.reason) == (3, True, said == name)
    by = found.events.group_by("subject").len().sort("subject")["len"].to_list()
    assert by[1] >= by[0] - 2


def test_a_row_with_too_few_or_too_many_fields_is_a_reject(stays: Make):
    found = diabetes130.population(stays({}, {"encounter_id": "2", "race": "a,b"}, more="\n3,4,5\n"))
    assert [(reject.line, reject.reason) for reject in found.rejects] == [
        (3, "it has not as many fields as the header"),
        (4, "it has not as many fields as the header"),
    ]


def test_a_row_that_is_no_text_is_a_reject(stays: Make, tmp_path: Path):
    place = stays({}, {"encounter_id": "2", "medical_specialty": "Chirurgie"})
    path = tmp_path / diabetes130.FILE
    path.write_bytes(path.read_bytes().replace(b"Chirurgie", b"\xff\xfe"))
    found = diabetes130.population(place)
    assert [(reject.line, reject.reason) for reject in found.rejects] == [(3, "it is no UTF-8 text")]


def test_quoted_fields_are_read_as_they_are_meant(stays: Make):
    found = diabetes130.population(stays({"medical_specialty": '"Surgery, other"'}))
    said = found.events.filter(pl.col("code").str.ends_with("|medical_specialty"))
    assert (found.rejects, said["text_value"].to_list()) == ((), ["Surgery, other"])


def test_a_file_that_is_another_or_broken_is_an_error_that_names_it(stays: Make, tmp_path: Path):
    place = stays({})
    path = tmp_path / diabetes130.FILE
    whole = path.read_bytes()
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(whole)[:-20])
    with pytest.raises(EvidenceError, match=r"diabetic_data\.csv\.gz' is cut short or no gzip file"):
        diabetes130.population(place)
    packed.write_bytes(b"plain text")
    with pytest.raises(EvidenceError, match="cut short or no gzip file"):
        diabetes130.population(place)
    packed.unlink()
    path.write_bytes(whole.replace(b"readmitted", b"returned"))
    with pytest.raises(EvidenceError, match="has no column readmitted"):
        diabetes130.population(place)
    path.write_bytes(whole.splitlines()[0])
    with pytest.raises(EvidenceError, match="holds no row"):
        diabetes130.population(place)
    path.write_bytes(b"")
    with pytest.raises(EvidenceError, match="is no table"):
        diabetes130.population(place)
    path.unlink()
    assert not diabetes130.recognises(place)
    with pytest.raises(EvidenceError, match=r"holds no diabetic_data\.csv"):
        diabetes130.population(place)


def test_a_death_is_known_when_its_day_is_over_and_a_life_when_it_was_last_heard_of(patients: Make):
    found = support2.population(patients({}, {"sno": "2", "death": "0", "d.time": "90", "dnr": ""}))
    dead, alive = timelines(found)
    death = dead.first([DEATH])
    assert (death.known_at - death.time).days == 1
    assert (death.time - dead.first([f"{support2.URI}|study-entry"]).time).days == 40
    assert not alive.where([DEATH])
    assert alive.first([f"{support2.URI}|d.time"]).value == 90
    assert [one.status for one in alive.where(kind="Condition")] == ["refuted", "active"]


@pytest.mark.parametrize(("name", "said"), [("meanbp", "9999"), ("ph", "74"), ("sex", "f"), ("d.time", "x")])
def test_an_impossible_answer_is_counted_and_is_there_without_a_value(patients: Make, name, said):
    """It is never "not measured"; of a field that is blank there is nothing."""
    found = support2.population(patients({name: said}))
    (reject,) = found.rejects
    assert (reject.line, name in reject.reason) == (2, True)
    there = {event.value for event in _one(found) if event.status == UNREADABLE}
    assert there == {Absence.UNREADABLE}
    blank = support2.population(patients({name: ""}))
    assert not any(event.status == UNREADABLE for event in _one(blank))


def test_what_a_model_reads_of_an_unreadable_field_is_hidden_and_an_outcome_unknown(stays: Make):
    """The shipped readmission model abstains or widens; it does not take the field for not measured."""
    wrong = {"num_medications": "many", "diag_1": "diabetes", "insulin": "Sideways", "readmitted": "yes"}
    found = diabetes130.population(stays({"encounter_id": "2"}, {"encounter_id": "3"} | wrong))
    asked = {"actor": Actor("test"), "purpose": TRAINING, "basis": "CC BY 4.0", "unknown": True}
    cases = gather(READMISSION, found, **asked)
    assert [case.outcome for case in cases.asked] == [True, None]
    hidden = cases.hidden.filter(pl.col("row") == 1)["parameter"].to_list()
    assert {"medicines", "insulin"} <= set(hidden)
    assert set(cases.hidden["row"]) == {1}


def test_a_patient_whose_end_is_not_told_has_no_end(patients: Make):
    found = support2.population(patients({"death": "", "d.time": "", "slos": "", "hday": ""}))
    only = _one(found)
    assert not only.where([DEATH, f"{support2.URI}|d.time"])
    assert only.first(["ActCode/IMP"]).end is None
