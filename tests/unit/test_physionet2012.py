"""The 2012 challenge's files: a row is an event or a counted reject, an outcome is known or unknown."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from salus.core.codes import DISPOSITION, SEX
from salus.core.errors import EvidenceError
from salus.core.evidence import Absence, Event, Timeline
from salus.record.sources import physionet2012 as source
from tests.stays import HEADER, OUTCOMES, folder, packed

BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
HEART, UREA = "LOINC/8867-4", "LOINC/3094-0"
HOW = "http://terminology.hl7.org/CodeSystem/discharge-disposition"


def stay(place: Path, key: str = "1") -> Timeline:
    (found,) = [one for one in source.read(place) if one.subject == f"Patient/{key}"]
    return found


def only(timeline: Timeline, code: str) -> Event:
    (event,) = timeline.where((code,))
    return event


def test_a_row_is_an_event_in_a_standard_code_and_unit(tmp_path: Path) -> None:
    found = stay(folder(tmp_path))
    first, second = found.where((UREA,))
    assert (first.value, first.unit, first.status, first.comparator) == (20.0, "mg/dL", "final", None)
    assert second.time == second.known_at == BEGIN + timedelta(hours=25, minutes=7)
    assert (second.value, second.end) == (40.5, None)
    # Named by the line that it came from.
    assert first.source == "Observation/1-9"
    sex = only(found, SEX)
    assert (sex.value, sex.time, sex.source) == ("male", None, "Patient/1")
    icu = only(found, "https://physionet.org/content/challenge-2012|ICUType")
    assert icu.value == "https://physionet.org/content/challenge-2012/ICUType|3"
    (visit,) = found.where(("SNOMED/305351004",))
    assert (visit.codes[0], visit.time, visit.source) == ("ActCode/ACUTE", BEGIN, "Encounter/1")


def test_what_is_minus_one_is_not_known_and_no_evidence(tmp_path: Path) -> None:
    place = folder(tmp_path, ["1,02:00,Weight,-1", "2,00:00,Gender,-1", "2,00:00,Age,40"])
    found = source.population(place)
    assert found.rejects == ()
    assert any(note.startswith("3 values are -1") for note in found.notes)
    assert [one.value for one in stay(place).where(("LOINC/29463-7",))] == [80.6]
    assert not stay(place).where(("LOINC/8302-2",))
    assert only(stay(place, "2"), SEX).value == "unknown"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1,02:00,,80", "no Parameter"),
        ("1,02:00,Mood,80", "a Parameter that the set does not define"),
        ("1,02:00,hr,80", "a Parameter that the set does not define"),
        ("1,2 h,HR,80", "Time is not hours and minutes"),
        ("1,02:75,HR,80", "Time is not hours and minutes"),
        ("1,-1:00,HR,80", "Time is not hours and minutes"),
        ("1,,HR,80", "Time is not hours and minutes"),
        ("1,02:00,HR,", "Value is no number"),
        ("1,02:00,HR,fast", "Value is no number"),
        ("1,02:00,HR,nan", "Value is no number"),
        ("1,02:00,HR,1e999", "Value is no number"),
        ("1,02:00,ICUType,7", "Value is none of its answers"),
        ("1,02:00,Gender,0.5", "Value is none of its answers"),
        ("1,02:00,HR", "not as many fields as the first line"),
        ("1,02:00,HR,80,90", "not as many fields as the first line"),
        ("one,02:00,HR,80", "RecordID is no number"),
        (",02:00,HR,80", "RecordID is no number"),
        ("garbage", "RecordID is no number"),
    ],
)
def test_a_row_that_cannot_be_used_is_a_counted_reject(tmp_path: Path, row: str, why: str) -> None:
    place = folder(tmp_path, [row, "1,03:00,HR,81"])
    found = source.population(place)
    assert [one._asdict() for one in found.rejects] == [{"file": "set-a.csv.gz", "line": 12, "reason": why}]
    # Its stay is still read, and so is what stands after it.
    told = [one.value for one in stay(place).where((HEART,))]
    assert [value for value in told if isinstance(value, float)] == [73.0, 81.0]
    # What was charted and cannot be read is there: it is never "not measured".
    assert (Absence.UNREADABLE in told) == (why == "Value is no number")
    assert found.subjects["case"].to_list() == ["1"]


def test_a_stay_of_which_nothing_can_be_used_is_a_stay(tmp_path: Path) -> None:
    found = source.population(folder(tmp_path, ["2,02:00,Mood,80"]))
    assert found.subjects["subject"].to_list() == ["Patient/1", "Patient/2"]


@pytest.mark.parametrize("rows", [(), ("1,noon,HR,81", "1,dusk,HR,82")])
def test_a_set_without_a_row_that_can_be_used_is_no_fault_of_ours(
    tmp_path: Path, rows: tuple[str, ...]
) -> None:
    packed(folder(tmp_path) / "set-a.csv.gz", [HEADER, *rows])
    found = source.population(tmp_path)
    assert HEART not in found.events["code"].to_list()
    assert len(found.rejects) == (2 if rows else 1)


def test_a_repeated_header_and_empty_lines_are_nothing(tmp_path: Path) -> None:
    place = folder(tmp_path, [HEADER, "", "1,03:00,HR,81"])
    assert source.population(place).rejects == ()
    assert [one.source for one in stay(place).where((HEART,))] == ["Observation/1-8", "Observation/1-14"]


@pytest.mark.parametrize("spelt", ['"{}"', " {} "])
def test_fields_may_be_quoted_or_spaced(tmp_path: Path, spelt: str) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "other").mkdir()
    plain, other = folder(tmp_path / "plain"), folder(tmp_path / "other")
    for name in ("set-a.csv.gz", "Outcomes-a.csv.gz"):
        rows = gzip.decompress((plain / name).read_bytes()).decode().splitlines()
        packed(other / name, (",".join(spelt.format(field) for field in row.split(",")) for row in rows))
    assert source.population(other).events.equals(source.population(plain).events)
    assert source.population(other).rejects == source.population(plain).rejects == ()


def test_lines_may_end_as_in_windows(tmp_path: Path) -> None:
    place = folder(tmp_path)
    packed(place / "set-a.csv.gz", [HEADER, "1,00:00,HR,80"], ends="\r\n")
    assert source.population(place).rejects == ()
    assert only(stay(place), HEART).value == 80.0


def test_two_sexes_of_one_stay_are_none(tmp_path: Path) -> None:
    place = folder(tmp_path, ["1,00:00,Gender,0"])
    assert only(stay(place), SEX).value == "unknown"
    assert [one.line for one in source.population(place).rejects] == [4, 12]


def test_several_values_of_one_minute_stay_apart(tmp_path: Path) -> None:
    place = folder(tmp_path, ["1,03:00,HR,81", "1,03:00,HR,95", "1,03:00,HR,95"])
    assert [one.value for one in stay(place).where((HEART,))][1:] == [81.0, 95.0, 95.0]


@pytest.mark.parametrize(
    ("outcome", "value", "end"),
    [
        ("1,6,1,5,-1,0", f"{HOW}|oth", timedelta(days=5)),
        ("1,6,1,9,9,1", f"{HOW}|exp", timedelta(days=9)),
        # However short the stay: how it ended is known after the 48 hours.
        ("1,6,1,1,-1,1", f"{HOW}|exp", timedelta(hours=48, minutes=1)),
        ("1,6,1,-1,-1,0", f"{HOW}|oth", timedelta(hours=48, minutes=1)),
        ("1,6,1,,,0", f"{HOW}|oth", timedelta(hours=48, minutes=1)),
    ],
)
def test_how_a_stay_ended_is_known_at_its_end(tmp_path: Path, outcome: str, value: str, end: Any) -> None:
    found = stay(folder(tmp_path, outcomes=[outcome]))
    ended = only(found, DISPOSITION)
    assert (ended.value, ended.time, ended.known_at) == (value, BEGIN + end, BEGIN + end)
    assert only(found, "SNOMED/305351004").end == BEGIN + end


@pytest.mark.parametrize("outcome", ["1,6,1,5,-1,-1", "1,6,1,5,-1,", "1,6,1,5,-1,2", "1,6,1,5,-1,dead"])
def test_an_outcome_of_no_known_value_is_unknown(tmp_path: Path, outcome: str) -> None:
    place = folder(tmp_path, outcomes=[outcome])
    assert not stay(place).where((DISPOSITION,))
    (reject,) = source.population(place).rejects
    assert reject == ("Outcomes-a.csv.gz", 2, "In-hospital_death is not known")


def test_a_stay_without_an_outcome_is_one_of_which_it_is_unknown(tmp_path: Path) -> None:
    found = stay(folder(tmp_path, outcomes=[]))
    assert not found.where((DISPOSITION,))
    (visit,) = found.where(("SNOMED/305351004",))
    assert (visit.end, visit.status) == (None, "unknown")


def test_outcomes_that_contradict_each_other_tell_neither(tmp_path: Path) -> None:
    place = folder(tmp_path, outcomes=["1,6,1,5,-1,0", "1,6,1,5,3,1", "7,6,1,5,-1,0"])
    assert not stay(place).where((DISPOSITION,))
    assert [(one.line, one.reason) for one in source.population(place).rejects] == [
        (2, "another outcome of the stay differs"),
        (3, "another outcome of the stay differs"),
        (4, "an outcome of a stay that is in no set"),
    ]


def test_nothing_else_of_the_outcome_files_becomes_evidence(tmp_path: Path) -> None:
    one, other = (stay(folder(tmp_path, outcomes=[row])) for row in ("1,6,1,5,-1,0", "1,99,24,5,3,0"))
    assert one == other


def test_the_sets_of_a_folder_are_one_population(tmp_path: Path) -> None:
    folder(tmp_path)
    place = folder(tmp_path, ["5,00:07,HR,60", "1,00:07,HR,99"], ["5,6,1,5,-1,1"], letter="b")
    found = source.population(place)
    assert found.subjects.select("case", "person", "site").rows() == [
        ("1", "Patient/1", "a"),
        ("5", "Patient/5", "b"),
    ]
    # A RecordID that is in two sets is one stay's: two could not be told apart.
    (reject,) = found.rejects
    assert (reject.file, reject.line) == ("set-b.csv.gz", 3)
    assert [one.value for one in stay(place).where((HEART,))] == [73.0]


def test_reading_and_population_never_differ(tmp_path: Path) -> None:
    place = folder(tmp_path, ["2,02:00,HR,80", "2,01:00,HR,81"])
    events = source.population(place).events
    assert events["subject"].is_sorted()
    assert sum(map(len, source.read(place))) == events.height


def test_the_digest_is_of_every_file_that_was_read(tmp_path: Path) -> None:
    first = source.population(folder(tmp_path)).digest
    assert source.population(folder(tmp_path)).digest == first
    assert source.population(folder(tmp_path, outcomes=["1,6,1,5,-1,1"])).digest != first


def test_it_knows_its_own_folder_by_its_files(tmp_path: Path) -> None:
    assert not source.recognises(tmp_path)
    assert not source.recognises(tmp_path / "nowhere")
    assert source.recognises(folder(tmp_path))
    (tmp_path / "Outcomes-a.csv.gz").unlink()
    assert not source.recognises(tmp_path)
    with pytest.raises(EvidenceError, match="does not hold set-"):
        source.population(tmp_path)


@pytest.mark.parametrize("file", ["set-a.csv.gz", "Outcomes-a.csv.gz"])
def test_a_damaged_file_is_named(tmp_path: Path, file: str) -> None:
    place = folder(tmp_path)
    whole = (place / file).read_bytes()
    for bad in (whole[:-9], b"no gzip at all", whole[: len(whole) // 2]):
        (place / file).write_bytes(bad)
        with pytest.raises(EvidenceError, match=rf"{file}' is cut short or no gzip file"):
            source.population(place)


def test_a_file_with_another_header_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    place = folder(tmp_path, header="RecordID,Time,Name,Value")
    with pytest.raises(EvidenceError, match=r"set-a\.csv\.gz' has no column Parameter"):
        source.population(place)
    place = folder(tmp_path)
    packed(place / "Outcomes-a.csv.gz", [OUTCOMES.replace("In-hospital_death", "Died"), "1,1,1,1,1,1"])
    with pytest.raises(EvidenceError, match="has no column In-hospital_death"):
        source.population(place)


def test_bytes_that_are_no_text_cost_their_row_alone(tmp_path: Path) -> None:
    place = folder(tmp_path)
    lines = gzip.decompress((place / "set-a.csv.gz").read_bytes()) + b"1,03:00,H\xff,81\n1,03:00,HR,82\n"
    (place / "set-a.csv.gz").write_bytes(gzip.compress(lines))
    (reject,) = source.population(place).rejects
    assert reject.line == 12
    assert [one.value for one in stay(place).where((HEART,))] == [73.0, 82.0]
