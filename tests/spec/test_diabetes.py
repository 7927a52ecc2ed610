"""Diabetes that nobody has diagnosed: a drug or an HbA1c leaves it open, in every model that asks."""

from __future__ import annotations

import pytest

from salus.core.insight import Risk
from salus.core.registry import model
from tests.risk_views import has, person, seen, takes, view

KNOWN = (
    *person(50), has("SNOMED/38341003"), takes("paracetamol"), seen("LOINC/2093-3", 200.0, "mg/dL"),
    seen("LOINC/2085-9", 50.0, "mg/dL"), seen("LOINC/8480-6", 130.0, "mm[Hg]"),
    seen("LOINC/98979-8", 90.0, "mL/min/{1.73_m2}"), seen("LOINC/72166-2", "SNOMED/266919005"),
    seen("LOINC/39156-5", 27.0, "kg/m2"),
)  # fmt: skip
HINTS = [
    takes("Metformin 500 MG", name="a"), takes("insulin glargine", name="b"), seen("LOINC/4548-4", 9.1, "%")
]  # fmt: skip


@pytest.mark.parametrize("hint", HINTS)
def test_prevent_allows_for_both(hint):
    insight = model("prevent").predict(view(*KNOWN, hint))
    assert isinstance(insight.body, Risk)
    found = insight.body.outcomes[0].estimate
    ends = [
        model("prevent").predict(view(*KNOWN, hint, *more)).body.outcomes[0].estimate  # type: ignore[union-attr]
        for more in ((), (has("SNOMED/44054006"),))
    ]
    assert found.value is None and found.high == ends[1].value
    assert any("confirm or exclude it. Yes and no are both" in limit for limit in insight.limits)


@pytest.mark.parametrize("hint", HINTS)
def test_findrisc_asks_to_confirm_it(hint):
    insight = model("findrisc").predict(view(*KNOWN, seen("LOINC/8280-0", 95.0, "cm"), hint))
    assert any(
        "diabetes is already known is not on record (diabetes: not" in limit for limit in insight.limits
    )


def test_a_drug_that_lowers_glucose_leaves_high_glucose_open():
    insight = model("findrisc").predict(view(*KNOWN, takes("Metformin 500 MG", days=4000)))
    (reason,) = [one for one in insight.reasons if one.says.startswith("High blood glucose before")]
    assert "0 to 5 points" in reason.says and reason.evidence == ("MedicationRequest/Metformin",)
