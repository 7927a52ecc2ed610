"""Predictions as CSV: exact there and back, and every fault named by line and remedy, with no value in it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.core.errors import EvidenceError
from salus.learning.predictions import read, written

HEAD = "id,probability,abstained\n"
IDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).map(str.strip).filter(bool)
LINES = st.lists(st.tuples(IDS, st.floats(0, 1), st.booleans()), min_size=1, unique_by=lambda one: one[0])


def test_it_is_the_table_that_others_read():
    text = written([132539, 132540], [0.1, 2 / 3], [False, True])
    assert text == HEAD + "132539,0.1,false\n132540,0.6666666666666666,true\n"
    assert [row["probability"] for row in csv.DictReader(io.StringIO(text))] == ["0.1", "0.6666666666666666"]


@given(LINES)
def test_what_is_written_is_read_exactly(lines):
    ids, p, none = zip(*lines, strict=True)
    told = read(written(ids, p, none), "out.csv")
    assert (told.ids, told.probabilities, told.abstained) == (ids, p, none)


def test_what_other_programs_write_is_read_too():
    told = read("\ufeffid, probability ,abstained\r\n7,0.5,True\r\n\r\n8,1e-3,0\r\n", "out.csv")
    assert told.ids == ("7", "8") and told.probabilities == (0.5, 0.001)
    assert told.abstained == (True, False)


def test_cases_are_put_in_the_order_that_is_asked_for():
    told = read(written("abc", [0.1, 0.2, 0.3], [False, True, False]), "out.csv").of(["c", "b"], "out.csv")
    assert (told.ids, told.probabilities, told.abstained) == (("c", "b"), (0.3, 0.2), (False, True))


def test_a_case_without_a_line_is_counted_and_not_named():
    with pytest.raises(
        EvidenceError, match=r"out\.csv: 2 of 3 cases have no line: predict every case"
    ) as told:
        read(written("a", [0.1], [False]), "out.csv").of(["a", "John", "c"], "out.csv")
    assert "John" not in str(told.value)


@pytest.mark.parametrize(("text", "says"), [
    ("", "out.csv:1: begins with 'nothing'"),
    ("id,p\n", "out.csv:1: begins with 'id,p': begin with 'id,probability,abstained'"),
    (HEAD, "no case is in it"),
    (HEAD + "7,0.5\n", "out.csv:2: 2 fields"),
    (HEAD + "7,0.5,false,x\n", "out.csv:2: 4 fields"),
    (HEAD + "7,0.5,false\n ,0.5,false\n", "out.csv:3: no id"),
    (HEAD + "7,0,false\n8,4711,false\n", "out.csv:3: the probability is no number from 0 to 1"),
    (HEAD + "7,nan,false\n", "out.csv:2: the probability"),
    (HEAD + "7,inf,false\n", "out.csv:2: the probability"),
    (HEAD + '7,"0,5",false\n', "out.csv:2: the probability"),
    (HEAD + "7,,false\n", "out.csv:2: the probability"),
    (HEAD + "7,0.5,\n", "out.csv:2: whether the model abstained is not said"),
    (HEAD + "7,0.5,false\n8,0.5,false\n7,0.6,false\n", "out.csv:4: the id of line 2 again"),
    (HEAD + '"7,0.5,false\n', "no CSV"),
])  # fmt: skip
def test_a_fault_is_named_by_its_line_and_what_to_do(text: str, says: str):
    with pytest.raises(EvidenceError) as told:
        read(text, "out.csv")
    assert says in str(told.value)
    assert "4711" not in str(told.value)
