"""Diabetes that nobody has diagnosed: a drug or an HbA1c leaves it open, in every model that asks."""

from __future__ import annotations

import pytest

from salus.core.insight import Risk
from salus.core.registry import model
from salus.risk._diabetes import diabetes
from salus.risk._say import percent
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


LIST = "SNOMED/38341003"
UNLISTED = tuple(event for event in KNOWN if event.code != LIST)


def risk(*events):
    body = model("prevent").predict(view(*events)).body
    assert isinstance(body, Risk)
    return body.outcomes[0].estimate


def test_of_a_recorded_list_the_hba1c_opens_nothing_in_prevent_and_it_is_said():
    insight = model("prevent").predict(view(*KNOWN, HINTS[2]))
    assert isinstance(insight.body, Risk) and insight.body.outcomes[0].estimate.value is not None
    with_it = risk(*KNOWN, HINTS[2], has("SNOMED/44054006")).value
    (said,) = [limit for limit in insight.limits if "although no diabetes is on record" in limit]
    assert said.endswith(f"in 10 years would be {percent(with_it, with_it)}.")
    assert with_it > insight.body.outcomes[0].estimate.value


@pytest.mark.parametrize("status", ["inactive", "resolved", "remission"])
def test_a_diabetes_that_is_recorded_as_over_is_open_and_never_not_named(status):
    over = has("SNOMED/44054006", status=status)
    found = risk(*KNOWN, over)
    assert found.value is None
    assert (found.low, found.high) == (
        risk(*KNOWN).value,
        risk(*KNOWN, has("SNOMED/44054006")).value,
    )
    limits = " ".join(model("prevent").predict(view(*KNOWN, over)).limits)
    assert "on record as over" in limits


def test_below_the_diabetic_range_nothing_is_said():
    limits = model("prevent").predict(view(*KNOWN, seen("LOINC/4548-4", 6.4, "%"))).limits
    assert not any("although no diabetes" in limit for limit in limits)


def test_without_a_list_a_diabetic_hba1c_leaves_it_open():
    found = risk(*UNLISTED, HINTS[2])
    assert found.value is None
    assert found.high == risk(*UNLISTED, HINTS[2], has("SNOMED/44054006")).value


@pytest.mark.parametrize("hint", HINTS[:2])
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


@pytest.mark.parametrize("code", ["ICD10CM/Z79.4", "ICD9CM/V58.67", "ICD10CM/Z79.84", "ICD10CM/Z79.85"])
def test_a_code_for_long_term_use_of_such_a_drug_leaves_it_open(code):
    assert diabetes(view(*KNOWN, has(code)), ever=True).value is None
    assert diabetes(view(*KNOWN, has(code)), by_list=True).sources == (f"Condition/{code}",)
    assert diabetes(view(*KNOWN, has(code), has("SNOMED/44054006"))).value is True
    body = model("cha2ds2-vasc").predict(view(*KNOWN, has("ICD10CM/I48.91"), has(code))).body
    assert (body.estimate.low, body.estimate.high) == (1, 2)
    assert risk(*KNOWN, has(code)).value is None
