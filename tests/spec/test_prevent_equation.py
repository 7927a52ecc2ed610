"""AHA PREVENT against the reference vectors of its published implementation: as an equation, as a record."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from math import log
from pathlib import Path

import pytest

from salus.core.evidence import Event
from salus.core.insight import Estimate, Risk
from salus.risk import _prevent_equation as equation
from salus.risk._prevent_equation import HORIZONS, OUTCOMES, VARIANTS, Known, answer, probability, variant
from salus.risk._prevent_inputs import SDI_CODE
from salus.risk.prevent import MODEL
from tests.risk_views import has, person, seen, takes, view

TRUE = frozenset({"TRUE", "1"})
# ZIP code 14738 lies in the first three deciles of the Social Deprivation Index (SDI 2015-2019 by ZCTA).
DECILE_OF_ZIP = {"14738": "2"}


def _one(text: str) -> tuple[float, float]:
    return float(text), float(text)


def known_of(row: dict[str, str]) -> Known:
    sdi = row.get("sdi_decile") or DECILE_OF_ZIP.get(row.get("zip", ""), "")
    optional = [_one(text) if text else None for text in (row["hba1c"], row["uacr"], sdi)]
    flags = [(row[name] in TRUE,) for name in ("dm", "smoking", "bp_tx", "statin")]
    total_c, hdl = (row.get(name) or row[f"{name}_mgdl"] for name in ("total_c", "hdl_c"))
    measured = [_one(text) for text in (total_c, hdl, row["sbp"], row["bmi"], row["egfr"])]
    return Known((row["sex"],), (int(row["age"]),), *measured, *flags, *optional)


@cache
def rows_of(folder: Path) -> tuple[dict[str, str], ...]:
    found: list[dict[str, str]] = []
    for name in ("prevent_vectors.csv", "prevent_random.csv"):
        with (folder / name).open() as file:
            found += csv.DictReader(file)
    return tuple(found)


@pytest.fixture(scope="module")
def rows(data_set) -> tuple[dict[str, str], ...]:
    return rows_of(data_set("prevent_vectors"))


def test_every_reference_row_to_three_decimals(rows):
    assert len(rows) == 1614
    wrong = [
        (row, outcome, row[outcome], got)
        for row in rows
        for outcome in OUTCOMES
        if (got := _risk(known_of(row), row["model"], outcome, row["horizon_y"])) != float(row[outcome])
    ]
    assert wrong == []


def _risk(known: Known, of: str, outcome: str, years: str) -> float:
    found = answer(known, of, outcome, int(years))
    assert found.low == found.high
    return probability(found.low)


def test_the_equation_is_chosen_as_the_reference_chooses_it(rows):
    assert all(variant(known_of(row)) == row["model"] for row in rows)


def test_two_optional_inputs_of_three_take_the_full_equation_with_its_missing_term():
    assert variant(replace(PERSON, hba1c=(6, 6), acr=(20, 20))) == "full"
    assert variant(replace(PERSON, hba1c=(6, 6), sdi=(8, 8))) == "full"
    assert variant(replace(PERSON, acr=(20, 20), sdi=(8, 8))) == "full"


PERSON = Known(
    ("female",), (50,), (200, 200), (45, 45), (160, 160), (35, 35), (90, 90), (True,), bp_treated=(True,)
)


def _cases() -> Iterator[tuple[Known, str]]:
    """People who between them touch every term of every table, those for missing inputs too."""
    for sex in ("female", "male"):
        for changed in (
            {"sbp": (100, 100), "bmi": (24, 24), "egfr": (40, 40), "smoking": (True,), "statin": (True,)},
            {"hba1c": (7, 7), "acr": (80, 80), "sdi": (5, 5), "diabetes": (False,)},
            {"hba1c": (7, 7), "sdi": (9, 9)},
            {"acr": (80, 80)},
        ):
            for of in VARIANTS:
                yield replace(PERSON, sexes=(sex,), ages=(48,), **changed), of


def test_every_coefficient_moves_an_answer(monkeypatch):
    table = equation.coefficients()
    terms = {
        (of, years, sex, outcome, term)
        for of in VARIANTS
        for years in HORIZONS
        for sex in ("female", "male")
        for outcome in OUTCOMES
        for term in table[of][str(years)][sex][outcome]
    }
    assert len(terms) == 2310
    touched = {
        (of, years, known.sexes[0], outcome, term)
        for known, of in _cases()
        for years in HORIZONS
        for outcome in OUTCOMES
        for term in _moved(known, of, outcome, years)
    }
    assert terms - touched == set()


def _moved(known: Known, of: str, outcome: str, years: int) -> list[str]:
    """The terms whose coefficient, changed by 0.01, changes the log-odds."""
    terms = equation.coefficients()[of][str(years)][known.sexes[0]][outcome]
    before = answer(known, of, outcome, years).low
    moved = []
    for term, figure in list(terms.items()):
        terms[term] = figure + 0.01
        moved += [term] if answer(known, of, outcome, years).low != before else []
        terms[term] = figure
    return moved


def test_worked_example_of_table_s25_by_hand():
    """A woman of 50, written out: Supplemental Table S25 gives 14.7 %."""
    of = equation.coefficients()["base"]["10"]["female"]["total_cvd"]
    age, non_hdl, hdl, sbp = -0.5, 155 * 0.02586 - 3.5, (45 * 0.02586 - 1.3) / 0.3, 1.5
    log_odds = of["constant"] + of["age"] * age + of["non_hdl"] * non_hdl + of["hdl"] * hdl
    log_odds += of["sbp_from_110"] * sbp + of["diabetes"] + of["bp_treated"] + of["treated_sbp"] * sbp
    log_odds += age * (of["age_non_hdl"] * non_hdl + of["age_hdl"] * hdl + of["age_sbp"] * sbp)
    log_odds += age * of["age_diabetes"]
    assert answer(PERSON, "base", "total_cvd", 10).low == pytest.approx(log_odds, abs=1e-12)
    assert probability(log_odds) == 0.147


@pytest.mark.parametrize(("risk", "said"), [(0.1465, 0.147), (0.14649, 0.146), (0.0005, 0.001), (0.5, 0.5)])
def test_halves_are_rounded_up(risk, said):
    assert probability(log(risk / (1 - risk)) + 1e-12) == said


TC, HDL, SBP, EGFR, BMI = "LOINC/2093-3", "LOINC/2085-9", "LOINC/8480-6", "LOINC/98979-8", "LOINC/39156-5"
SMOKES = "LOINC/72166-2"
HBA1C, ACR = "LOINC/4548-4", "LOINC/9318-7"
NORMALISED = "mL/min/{1.73_m2}"
NAMES = {
    "total_cvd": "cardiovascular disease",
    "ascvd": "atherosclerotic cardiovascular disease",
    "heart_failure": "heart failure",
    "chd": "coronary heart disease",
    "stroke": "stroke",
}
OPTIONAL = {"hba1c": (HBA1C, "%"), "uacr": (ACR, "mg/g"), "sdi_decile": (SDI_CODE, None)}


def record_of(row: dict[str, str]) -> list[Event]:
    """A row of the reference as a patient's record."""
    found = [
        seen(TC, float(row["total_c"]), "mg/dL"),
        seen(HDL, float(row["hdl_c"]), "mg/dL"),
        seen(SBP, float(row["sbp"]), "mm[Hg]"),
        seen(EGFR, float(row["egfr"]), NORMALISED),
        seen(BMI, float(row["bmi"]), "kg/m2"),
        seen(SMOKES, "SNOMED/449868002" if row["smoking"] in TRUE else "SNOMED/266919005"),
        # Without it as a recorded list that does not hold it: whatever the HbA1c, the list decides.
        has("SNOMED/44054006" if row["dm"] in TRUE else "SNOMED/38341003"),
        takes("Lisinopril" if row["bp_tx"] in TRUE else "Omeprazole"),
        takes("Pravastatin" if row["statin"] in TRUE else "Cetirizine"),
    ]
    found += [seen(code, float(row[name]), unit) for name, (code, unit) in OPTIONAL.items() if row[name]]
    return [*person(int(row["age"]), row["sex"]), *found]


def estimates(row: dict[str, str]) -> dict[tuple[str, str], Estimate]:
    body = MODEL.predict(view(*record_of(row))).body
    assert isinstance(body, Risk), body
    return {(outcome.of, outcome.horizon): outcome.estimate for outcome in body.outcomes}


def test_every_random_row_as_a_record(data_set):
    rows = [row for row in rows_of(data_set("prevent_vectors")) if "sdi_decile" in row]
    assert len(rows) == 1600
    given = [row for row in rows if row["horizon_y"] == "10" or int(row["age"]) <= 59]
    wrong = []
    for row in given:
        found = estimates(row)
        said = {name: found[of, f"{row['horizon_y']} years"].value for name, of in NAMES.items()}
        wrong += [(row, said)] if any(said[name] != float(row[name]) for name in NAMES) else []
    assert wrong == []
