"""Which SpO2 scale NEWS2 uses: a target counts however it is written, and one that cannot be read is said."""

from __future__ import annotations

from datetime import timedelta

import pytest

from salus.core.evidence import Absence
from salus.core.registry import model
from salus.risk._bedside import scale
from tests.risk_views import person, seen, view

TARGET = "SNOMED/852641000000103"


@pytest.mark.parametrize("said", ["88-92 %", "88 - 92%", "88.0..92.0", "88..92", "88 to 92"])
def test_a_target_of_88_to_92_is_scale_2(said: str) -> None:
    assert scale(view(seen(TARGET, said))).options == ("2",)


IN_WORDS = [
    "SpO2 88-92%", "target saturation 88–92 %", "O2 sat 88 to 92 %", "SpO₂ 88–92 %", "SaO2: 88 - 92 %",
    "Target SpO2 - 88% - 92%", "spo2 target range 88 to 92 percent (COPD)", "Keep sats between 88 and 92 %.",
    "Oxygen saturation target [88—92 %] for hypercapnic respiratory failure",
]  # fmt: skip


@pytest.mark.parametrize("said", IN_WORDS)
def test_the_2_of_o2_is_no_number_of_a_target(said: str) -> None:
    assert scale(view(seen(TARGET, said))).options == ("2",)


# Nobody may be moved to the scale that calls less for help by a text that does not plainly prescribe it.
NO_PLAIN_TARGET = [
    "not 88-92 %", "SpO2 88-92 % stopped", "88-92 % if drowsy, else 94-98 %", "SpO2 92-88 %",
    "O2 88-92 L/min", "SpO2 88", "2 88 92", "SpO2 88 92 %", "88-92,5 %", "1,88-92 %", ".88-92", "-88-92",
    "188-92", "SpO288-92 %", "was 88-92 %", "88-92 % or 94-98 %", "<88-92 %", "scale 1 (88-92 %)",
    "088-92 mmHg", "",
]  # fmt: skip


@pytest.mark.parametrize("said", NO_PLAIN_TARGET)
def test_what_is_no_plain_target_is_not_read_as_one(said: str) -> None:
    assert scale(view(seen(TARGET, said))).options == ("1",)


@pytest.mark.parametrize(("unit", "which"), [(None, "2"), ("%", "2"), ("mm[Hg]", "1")])
def test_a_range_of_something_else_is_no_saturation(unit: str | None, which: str) -> None:
    assert scale(view(seen(TARGET, "88.0..92.0", unit))).options == (which,)


def test_a_long_text_is_read_in_no_time() -> None:
    assert scale(view(seen(TARGET, "target " * 20_000 + "88-92 % no"))).options == ("1",)


@pytest.mark.parametrize("said", ["94-98 %", "94.0..98.0", "SpO2 94-98 %"])
def test_a_target_of_94_to_98_is_scale_1(said: str) -> None:
    found = scale(view(seen(TARGET, said)))
    assert (found.options, found.absent) == (("1",), "")


def cautions(*events: object) -> str:
    return " ".join(
        model("news2").predict(view(*person(60), seen("LOINC/59408-5", 90.0, "%"), *events)).limits
    )


@pytest.mark.parametrize("said", ["90-94 %", "88.5..92.0", "low", 88.0, Absence.WITHHELD])
def test_a_target_that_cannot_be_read_is_not_said_to_be_missing(said: object) -> None:
    told = cautions(seen(TARGET, said))
    assert "a target saturation is recorded that is neither" in told
    assert "not recorded for this patient" not in told


def test_a_later_target_that_cannot_be_read_is_said() -> None:
    told = cautions(seen(TARGET, "88-92", before=timedelta(days=1), name="old"), seen(TARGET, "as before"))
    assert "SpO2 scale 2 is used" in told and "A later target cannot be read." in told


@pytest.mark.parametrize("said", [Absence.NOT_SENT, Absence.NOT_MEASURED])
def test_a_blank_target_is_none(said: Absence) -> None:
    assert "not recorded for this patient" in cautions(seen(TARGET, said))
