"""Units: the same quantity in another unit gives the same answer; an unknown unit is never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.core.errors import EvidenceError
from salus.core.units import contradict, convert, parse

# value, unit, wanted unit, molar mass (g/mol), expected: worked by hand from the definitions.
SAME = [
    (98.6, "[degF]", "Cel", None, 37.0),
    (37.0, "Cel", "[degF]", None, 98.6),
    (310.15, "K", "Cel", None, 37.0),
    (100.0, "°F", "Cel", None, 37.7777777778),
    (120.0, "mm[Hg]", "kPa", None, 15.9986864898),
    (16.0, "kPa", "mmHg", None, 120.009852135305),
    (5.0, "mmol/L", "mg/dL", 386.65, 193.325),
    (88.4, "umol/L", "mg/dL", 113.12, 0.9999808),
    *(
        (88.4, unit, "mg/dL", 113.12, 0.9999808)
        for unit in ("\u00b5mol/l", "\u03bcmol/l", "umol/l", "\u00b5mol/L")
    ),
    (5.0, "mmol/l", "mg/dl", 386.65, 193.325),
    (1.0, "g/l", "mg/dL", None, 100.0),
    (1.0, "\u03bcg/l", "ng/mL", None, 1.0),
    (1.0, "mg/dL", "umol/L", 113.12, 88.4016973126),
    (10.0, "mg/mmol", "mg/g", 113.12, 88.4016973126),
    (70.0, "kg", "[lb_av]", None, 154.323583529),
    (1.8, "m", "cm", None, 180.0),
    (6.0, "[ft_i]", "cm", None, 182.88),
    (7.5, "10*3/uL", "10*9/L", None, 7.5),
    (140.0, "meq/L", "mmol/L", None, 140.0),
    (16.0, "{breaths}/min", "/min", None, 16.0),
    (72.0, "{beats}/min", "/min", None, 72.0),
    (90.0, "mL/min/{1.73_m2}", "mL/min", None, 90.0),
    (0.9, "1", "%", None, 90.0),
    (2.0, "L/min", "mL/s", None, 33.3333333333),
    (24.0, "kg/m2", "kg/m^2", None, 24.0),
    (1.0, "[iU]/L", "m[iU]/mL", None, 1.0),
]


@pytest.mark.parametrize(("value", "unit", "to", "molar_mass", "expected"), SAME)
def test_converts(value: float, unit: str, to: str, molar_mass: float | None, expected: float) -> None:
    assert convert(value, unit, to, molar_mass) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "unit", ["", " ", "F", "C", "foo", "mg/dL/", "mg//dL", "{open", "mg/dLL", "gm%", "/", "a" * 500]
)
def test_unknown_unit_is_an_error_that_names_it(unit: str) -> None:
    with pytest.raises(EvidenceError, match="not one that Salus knows"):
        parse(unit)


@pytest.mark.parametrize(
    ("unit", "to", "molar_mass"),
    [("mg/dL", "mmol/L", None), ("Cel", "mg/dL", None), ("mg/dL", "mm[Hg]", 100.0), ("Cel/min", "Cel", None)],
)
def test_what_does_not_measure_the_same_is_refused(unit: str, to: str, molar_mass: float | None) -> None:
    with pytest.raises(EvidenceError):
        convert(1.0, unit, to, molar_mass)


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        *(
            (pair, other, True)
            for pair, other in (("mg/dL", "mmol/L"), ("mg/g", "mg/mmol"), ("Cel", "[degF]"))
        ),
        *((pair, other, True) for pair, other in (("mg/L", "mg/dL"), ("kg", "lbs"), ("%", "1"), ("m", "cm"))),
        *((pair, other, False) for pair, other in (("/min", "beats/minute"), ("mm[Hg]", "mmHg"))),
        *((pair, other, False) for pair, other in (("[degF]", "F"), ("10*3/uL", "K/uL"), ("U/L", "[iU]/L"))),
        *(
            (pair, other, False)
            for pair, other in (("mg/g", "ug/mg"), ("10*9/L", "10*3/uL"), ("{score}", ""))
        ),
        *((pair, other, False) for pair, other in (("%", "{ratio}"), ("mL/min/{1.73_m2}", "mL/min"))),
    ],
)
def test_units_that_name_another_quantity_contradict_each_other(one: str, other: str, answer: bool) -> None:
    assert contradict(one, other) is contradict(other, one) is answer


@pytest.mark.parametrize(
    ("code", "written"), [("mg/dL", "Mg/dL"), ("mmol/L", "Mmol/L"), ("mL/min", "Ml/min")]
)
def test_a_capital_m_is_a_slip_and_no_mega(code: str, written: str) -> None:
    assert not contradict(code, written)
    assert contradict("g/dL", written) or contradict("mol/L", written) or contradict("L/min", written)


PAIRS = [("mg/dL", "mmol/L"), ("Cel", "[degF]"), ("mm[Hg]", "kPa"), ("kg", "[lb_av]"), ("umol/L", "mg/dL")]


@given(st.floats(0.01, 5000.0), st.sampled_from(PAIRS))
def test_there_and_back_again(value: float, pair: tuple[str, str]) -> None:
    there = convert(value, *pair, 113.12)
    assert convert(there, pair[1], pair[0], 113.12) == pytest.approx(value, rel=1e-9)


@given(st.text(max_size=12))
def test_any_text_is_a_unit_or_an_evidence_error(text: str) -> None:
    try:
        unit = parse(text)
    except EvidenceError:
        return
    assert len(unit.dimension) == 6
