"""How likely is kidney failure in 2 and 5 years: the 4-variable Kidney Failure Risk Equation.

Source: Tangri et al., JAMA 2011;305:1553-1559 (coefficients); recalibrated for other regions by Tangri et
al., JAMA 2016;315:164-174, Table 3 and eAppendix. For eGFR of 10 to 59 mL/min/1.73 m2. Made with eGFR by
CKD-EPI 2009; with CKD-EPI 2021 it was found good below 45 (Grams, J Am Soc Nephrol 2023;34:482-494).
"""

from __future__ import annotations

from itertools import product
from math import exp, log

from salus.core.errors import UserError, choices

HORIZONS = (2, 5)
NORTH_AMERICA = "North America"
ELSEWHERE = "outside North America"

# Survival without kidney failure at the centre of the equation, by region and years.
_BASELINE = {
    NORTH_AMERICA: {2: 0.9750, 5: 0.9240},
    ELSEWHERE: {2: 0.9832, 5: 0.9365},
}
EGFR_LIMITS = (10.0, 60.0)  # from 10 to below 60

Span = tuple[float, float]


def kidney_failure(
    age: float, sex: str, egfr: float, acr: float, *, years: int, region: str = NORTH_AMERICA
) -> float:
    """Return the probability of dialysis or transplant within `years` (2 or 5).

    age: years; sex: female or male; egfr: mL/min/1.73 m2; acr: mg/g. Raises UserError for another region.
    """
    if region not in _BASELINE:
        raise UserError(f"The KFRE knows no region '{region}'. Choose one of: {choices(region, _BASELINE)}.")
    hazard = (
        -0.2201 * (age / 10 - 7.036)
        + 0.2467 * ((sex == "male") - 0.5642)
        - 0.5567 * (egfr / 5 - 7.222)
        + 0.4510 * (log(acr) - 5.137)
    )
    return float(1 - _BASELINE[region][years] ** exp(hazard))


def failure_range(
    ages: Span, sexes: tuple[str, ...], egfr: Span, acr: Span, *, years: int, region: str = NORTH_AMERICA
) -> Span:
    """Return the least and the greatest probability that the inputs still allow.

    Each input moves the hazard in one direction only, so the ends are at the ends of the inputs.
    """
    corners = product(ages, sexes, egfr, acr)
    found = [kidney_failure(*corner, years=years, region=region) for corner in corners]
    return min(found), max(found)
