"""A past disease of heart or vessels that its code does not name, as ICD-10 Z86.7 does not name a stroke."""

from __future__ import annotations

import pytest

from salus.core.evidence import Event
from salus.core.insight import Abstention, Finding
from salus.core.registry import model
from tests.risk_views import called, has, person, seen, takes, view

MAN = (*person(60), takes("paracetamol 500 MG"))
MEASURED = (seen("LOINC/2093-3", 200.0, "mg/dL"), seen("LOINC/2085-9", 50.0, "mg/dL"),
            seen("LOINC/8480-6", 130.0, "mm[Hg]"), seen("LOINC/2160-0", 1.0, "mg/dL"))  # fmt: skip


def scored(*events: Event) -> dict[str, tuple[float | None, float | None]]:
    """From where to where the points of each item lie, in a man with fibrillation and hypertension."""
    record = (*MAN, has("ICD10/I48.0"), has("ICD10/I10"), *events)
    body = model("cha2ds2-vasc").predict(view(*record)).body
    assert isinstance(body, Finding)
    every = {one.of: one.estimate for one in body.parts}
    return {
        name: (one.value, one.value) if one.high is None else (one.low, one.high)
        for name, one in every.items()
    }


def open_in_prevent(*events: Event) -> bool:
    limits = model("prevent").predict(view(*MAN, *MEASURED, *events)).limits
    return any("Whether the patient has cardiovascular disease already" in limit for limit in limits)


@pytest.mark.parametrize("code", ["ICD10/Z86.7", "ICD10/Z867", "ICD10CM/Z86.7", "ICD9CM/V12.50"])
def test_a_past_disease_that_is_not_named_may_be_a_stroke(code: str) -> None:
    assert scored(has(code))["stroke"] == (0, 2)
    assert open_in_prevent(has(code))


@pytest.mark.parametrize("code", ["ICD10CM/Z86.711", "ICD10CM/Z86.718", "ICD10CM/Z86.79", "ICD10/Z86.6"])
def test_a_past_disease_that_is_named_leaves_it_closed(code: str) -> None:
    assert scored(has(code))["stroke"] == (0, 0)
    assert not open_in_prevent(has(code))


@pytest.mark.parametrize(
    ("words", "item", "points"),
    [
        ("Zustand nach Herzinfarkt", "vascular disease", (0, 1)),
        ("history of heart failure", "heart failure", (0, 1)),
        ("history of deep vein thrombosis", "heart failure", (0, 0)),
    ],
)
@pytest.mark.parametrize("code", ["ICD10/Z86.7", "ICD10CM/Z86.79", "ICD9CM/V12.59"])
def test_the_words_beside_such_a_code_are_read(
    code: str, words: str, item: str, points: tuple[float, float]
) -> None:
    assert scored(called(words, code))[item] == points


def test_words_beside_a_code_that_names_a_disease_are_not() -> None:
    assert scored(called("fracture, later a stroke", "ICD10/S72.0"))["stroke"] == (0, 0)


def test_a_past_fibrillation_in_words_is_no_absence_of_it() -> None:
    body = model("cha2ds2-vasc").predict(view(*MAN, called("Z.n. Vorhofflimmern", "ICD10/Z86.7"))).body
    assert isinstance(body, Abstention) and body.why == "missing-evidence"
