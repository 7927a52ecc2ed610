"""The kidney failure risk equation and CKD-EPI 2021 against figures that others computed."""

from __future__ import annotations

import pytest

from salus.core.errors import UserError
from salus.risk._egfr import ckd_epi_2021
from salus.risk._kfre import ELSEWHERE, HORIZONS, NORTH_AMERICA, failure_range, kidney_failure

# age, sex, eGFR, urine albumin mg/g: risk in 2 and 5 years in North America, then elsewhere, as the PyPI
# package kfre 0.1.18 (MIT) gives them; its equation is that of Tangri, JAMA 2016;315:164. The first person is
# the centre of the equation but for his sex.
PEER = [
    ((70.36, "male", 36.11, 170.0), (0.027783, 0.084209, 0.018679, 0.070411)),
    ((45, "male", 28, 900), (0.227065, 0.552516, 0.158324, 0.486966)),
    ((82, "female", 55, 12), (0.000629, 0.001963, 0.000421, 0.001629)),
    ((60, "female", 15, 2200), (0.601687, 0.943521, 0.459906, 0.907941)),
    ((35, "male", 44, 30), (0.01159, 0.035742, 0.007771, 0.029757)),
    ((75, "female", 33.4, 350), (0.036544, 0.109728, 0.024605, 0.091962)),
    ((60, "male", 45, 300), (0.01685, 0.051673, 0.011308, 0.04308)),
    ((50, "female", 59, 30), (0.001232, 0.00384, 0.000824, 0.003189)),
]


@pytest.mark.parametrize(("person", "risks"), PEER)
def test_kidney_failure_as_the_peer_computes_it(person, risks):
    found = [
        round(kidney_failure(*person, years=years, region=region), 6)
        for region in (NORTH_AMERICA, ELSEWHERE)
        for years in HORIZONS
    ]
    assert tuple(found) == risks


def test_unknown_region_is_refused_with_the_choices():
    with pytest.raises(UserError, match="North America"):
        kidney_failure(60, "male", 40, 100, years=2, region="Europe")


def test_range_holds_every_corner():
    low, high = failure_range((60, 61), ("female", "male"), (30, 40), (50, 400), years=5)
    assert low == kidney_failure(61, "female", 40, 50, years=5)
    assert high == kidney_failure(60, "male", 30, 400, years=5)


# The National Kidney Foundation's calculator (kidney.org, CKD-EPI 2021) in whole numbers; the
# first two as the tests of the R package admiral quote them.
EGFR = [
    (1.09, 55, "male", 80),
    (85 / 88.4, 65, "female", 66),
    (1.2, 55, "male", 71),
]


@pytest.mark.parametrize(("creatinine", "age", "sex", "expected"), EGFR)
def test_egfr_as_the_kidney_foundation_computes_it(creatinine, age, sex, expected):
    assert round(ckd_epi_2021(creatinine, age, sex)) == expected


@pytest.mark.parametrize(("sex", "kappa", "factor"), [("female", 0.7, 1.012), ("male", 0.9, 1.0)])
def test_egfr_at_its_knot_is_age_alone(sex, kappa, factor):
    """At creatinine = kappa both powers are 1 (Inker 2021, Table S10)."""
    assert ckd_epi_2021(kappa, 40, sex) == pytest.approx(142 * 0.9938**40 * factor, rel=1e-12)
    assert ckd_epi_2021(kappa * 2, 40, sex) == pytest.approx(142 * 2**-1.2 * 0.9938**40 * factor, rel=1e-12)
    alpha = {"female": -0.241, "male": -0.302}[sex]
    half = 142 * 0.5**alpha * 0.9938**40 * factor
    assert ckd_epi_2021(kappa / 2, 40, sex) == pytest.approx(half, rel=1e-12)
