"""The published tables as they are: all of each row, and nothing of one case told by another.

Needs the shared data diabetes130 and support2.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from salus.core.consent import QUALITY, Actor
from salus.core.evidence import Timeline
from salus.learning.features import measured
from salus.learning.task import Task
from salus.record.population import Population
from salus.record.sources import diabetes130, sets, support2
from salus.record.sources.tables import timelines
from salus.risk.readmission_30d import TASK as READMISSION
from salus.risk.survival_180d_scores import TASK as SURVIVAL
from salus.spine.cases import Cases, gather

ASKING = {"actor": Actor("test", "researcher"), "purpose": QUALITY, "basis": "the set's licence"}
# What of each set is written anew with a change.
ROWS = 3000
Find = Callable[[str], Path]
Row = dict[str, str]


@pytest.fixture(scope="module")
def stays(data_set: Find) -> Population:
    return diabetes130.population(data_set("diabetes130"))


@pytest.fixture(scope="module")
def patients(data_set: Find) -> Population:
    return support2.population(data_set("support2"))


def test_every_row_is_a_subject_and_every_person_is_known(stays: Population, patients: Population):
    assert (stays.subjects.height, stays.subjects["person"].n_unique()) == (81_632, 57_317)
    assert (patients.subjects.height, patients.subjects["person"].n_unique()) == (6_384, 6_384)
    for found in (stays, patients):
        assert found.rejects == ()
        assert found.events["subject"].is_sorted()
        assert found.events["subject"].n_unique() == found.subjects.height
        assert len(found.digest) == 64
        assert "CC BY 4.0" in found.licence and found.cite and all(note.endswith(".") for note in found.notes)


def test_a_folder_is_known_by_its_files(data_set: Find):
    assert sets.population(data_set("support2")).name == "support2"
    assert diabetes130.recognises(data_set("diabetes130"))
    assert not support2.recognises(data_set("diabetes130"))


def _cells(place: Path, file: str) -> list[Row]:
    with gzip.open(place / f"{file}.gz", "rt", newline="") as table:
        return list(csv.DictReader(table))


def _count(found: Population, code: str, **more: object) -> int:
    mine = found.events.filter((pl.col("code") == code) | pl.col("other_codes").list.contains(code))
    return mine.filter(**more).height if more else mine.height


def test_what_the_file_says_is_in_the_events_as_often(stays: Population, data_set: Find):
    cells = _cells(data_set("diabetes130"), diabetes130.FILE)
    own = diabetes130.URI
    for name, code in (
        ("payer_code", "LOINC/76437-3"),
        ("race", "LOINC/32624-9"),
        ("diag_1", "LOINC/86255-7"),
    ):
        assert _count(stays, code) == sum(row[name] != "?" for row in cells)
    assert _count(stays, "RxNorm/5856") == sum(row["insulin"] != "No" for row in cells)
    assert _count(stays, f"{own}|insulin", text_value="Up") == sum(row["insulin"] == "Up" for row in cells)
    assert _count(stays, "LOINC/4548-4") == sum(row["A1Cresult"] != "None" for row in cells)
    assert _count(stays, "LOINC/2345-7", comparator=">") == sum(">" in row["max_glu_serum"] for row in cells)
    sums = stays.events.filter(pl.col("code") == f"{own}|num_medications")["value"].sum()
    assert sums == sum(int(row["num_medications"]) for row in cells)
    assert _count(stays, f"{own}|readmitted", text_value="<30") == 9_042


def test_what_support_measured_is_in_the_events_as_often(patients: Population, data_set: Find):
    cells = _cells(data_set("support2"), support2.FILE)
    for name, code in (("alb", "LOINC/1751-7"), ("urine", "LOINC/9192-6"), ("crea", "LOINC/2160-0")):
        assert _count(patients, code) == sum(bool(row[name].strip()) for row in cells)
    assert _count(patients, "MEDS_DEATH") == sum(row["death"] == "1" for row in cells)
    assert _count(patients, f"{support2.URI}|prg6m") == sum(bool(row["prg6m"].strip()) for row in cells)
    dnr = sum(row["dnr"].startswith("dnr") for row in cells)
    assert _count(patients, "SNOMED/304253006") == dnr


@pytest.mark.parametrize("source", [diabetes130, support2])
def test_a_timeline_says_what_the_columns_say(source, data_set: Find, request: pytest.FixtureRequest):
    found = request.getfixturevalue("stays" if source is diabetes130 else "patients")
    whole = {one.subject: one for one in islice(source.read(data_set(source.NAME)), 50)}
    assert list(whole) == found.subjects["subject"].head(50).to_list()
    few = found.events.filter(pl.col("subject").is_in(list(whole)))
    for subject, timeline in whole.items():
        mine = few.filter(pl.col("subject") == subject)
        assert sorted(event.code for event in timeline) == sorted(mine["code"])
        assert sorted(event.source for event in timeline) == sorted(mine["source"])


# --- nothing of one case is told by another ------------------------------------------------------


def _written(place: Path, file: str, rows: Sequence[Mapping[str, str]]) -> Path:
    place.mkdir()
    with (place / file).open("w", newline="") as table:
        writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return place


def _features(task: Task, found: Population) -> tuple[Cases, dict[str, tuple[object, ...]]]:
    cases = gather(task, found, **ASKING)
    named = [case.id for case in cases.asked]
    return cases, dict(zip(named, cases.values.rows(), strict=True))


@pytest.fixture(scope="module")
def some(data_set: Find, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], dict, Path]:
    """Stays of people who have several, and their features."""
    cells = _cells(data_set("diabetes130"), diabetes130.FILE)
    often = {row["patient_nbr"] for row in cells[:ROWS]}
    rows = [row for row in cells[: 4 * ROWS] if row["patient_nbr"] in often]
    place = tmp_path_factory.mktemp("stays")
    _, features = _features(
        READMISSION, diabetes130.population(_written(place / "all", diabetes130.FILE, rows))
    )
    return rows, features, place


def test_the_order_of_rows_and_a_persons_other_rows_tell_nothing(some: tuple[list[Row], dict, Path]):
    rows, features, place = some
    shuffled = random.Random(1).sample(rows, len(rows))
    last = list({row["patient_nbr"]: row for row in shuffled}.values())
    assert len(last) < len(rows)
    _, alone = _features(
        READMISSION, diabetes130.population(_written(place / "alone", diabetes130.FILE, last))
    )
    assert 0 < len(alone) < len(features)
    # NaN equals nothing, itself included: as text it does.
    assert {name: str(row) for name, row in alone.items()} == {name: str(features[name]) for name in alone}


def test_neither_the_number_of_a_stay_nor_of_a_person_nor_the_outcome_tells_anything(
    some: tuple[list[Row], dict, Path],
):
    rows, features, place = some
    other = random.Random(2).sample([row["readmitted"] for row in rows], len(rows))
    told = [
        {**row, "encounter_id": f"{10**9 - int(row['encounter_id'])}", "patient_nbr": "1", "readmitted": said}
        for row, said in zip(rows, other, strict=True)
    ]
    _, again = _features(
        READMISSION, diabetes130.population(_written(place / "told", diabetes130.FILE, told))
    )
    assert {str(10**9 - int(name)): str(row) for name, row in again.items()} == {
        name: str(row) for name, row in features.items()
    }


def test_what_follows_from_survival_tells_nothing(data_set: Find, tmp_path: Path, patients: Population):
    rows = _cells(data_set("support2"), support2.FILE)[:ROWS]
    after = """death hospdead slos d.time charges totcst totmcst avtisst surv2m surv6m prg2m prg6m dnr dnrday
        adlp adls adlsc sfdm2 edu""".split()
    mixed = random.Random(3).sample(rows, len(rows))
    told = [{**row, **{name: other[name] for name in after}} for row, other in zip(rows, mixed, strict=True)]
    _, before = _features(SURVIVAL, patients)
    cases, now = _features(SURVIVAL, support2.population(_written(tmp_path / "told", support2.FILE, told)))
    assert len(now) == ROWS
    assert {name: str(row) for name, row in now.items()} == {name: str(before[name]) for name in now}
    assert cases.outcomes != gather(SURVIVAL, patients, **ASKING).outcomes[:ROWS]


# --- the tasks -----------------------------------------------------------------------------------


def test_who_is_asked_about_in_diabetes130(stays: Population):
    found = gather(READMISSION, stays, **ASKING)
    assert {step["step"]: step["n"] for step in found.flow} == {
        "people": 57_317,
        "records": 81_632,
        "records in which nothing begins a case": 0,
        "looked at": 81_632,
        "excluded: died": 1_340,
        "excluded: discharged to a hospice": 627,
        "cases": 79_665,
        "outcome not known": 0,
        "judged": 79_665,
    }
    assert (sum(found.outcomes), len(set(found.persons)), found.hidden.height) == (9_006, 56_072, 0)
    _equal_to_the_slow_engine(READMISSION, found, stays)


def test_who_is_asked_about_in_support(patients: Population):
    found = gather(SURVIVAL, patients, **ASKING)
    assert (len(found.asked), sum(found.outcomes)) == (6_384, 2_986)
    # Of 121 nothing but an impossible number was charted of something; nothing is kept back.
    assert (found.hidden.height, found.hidden["kept_back"].any()) == (200, False)
    _equal_to_the_slow_engine(SURVIVAL, found, patients)


def _equal_to_the_slow_engine(task: Task, found: Cases, population: Population) -> None:
    """The features of every few hundredth case, made from its Timeline, are those of the columns."""
    wanted = range(0, len(found.asked), len(found.asked) // 60)
    subjects = {found.asked[at].subject: at for at in wanted}
    mine = Population(**{
        name: getattr(population, name) for name in Population.__dataclass_fields__
    } | {"events": population.events.filter(pl.col("subject").is_in(list(subjects)))})  # fmt: skip
    told: dict[str, Timeline] = {one.subject: one for one in timelines(mine)}
    for subject, at in subjects.items():
        case = found.asked[at]
        slow = measured(told[subject], case.start, case.moment, task.parameters, task.features)
        assert {name: str(value) for name, value in slow.values.items()} == {
            name: str(value) for name, value in found.values.row(at, named=True).items()
        }
        assert slow.hidden == set(found.hidden.filter(row=at)["parameter"])
