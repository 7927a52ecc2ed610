"""A denial denies what follows it in its clause, and nothing that stands before it."""

from __future__ import annotations

import pytest

from salus.risk import _words as w

STANDS = [
    ("paroxysmal af, no evidence of thrombus", w.FIBRILLATION),
    ("atrial fibrillation detected on screening", w.FIBRILLATION),
    ("atrial fibrillation at risk of stroke", w.FIBRILLATION),
    ("ischemic stroke 2019, no evidence of residual deficit", w.STROKE),
    ("cva - no history of seizures", w.STROKE),
    ("heart failure, no evidence of ischaemia", w.HEART_FAILURE),
    ("type 2 diabetes with no signs of retinopathy", w.DIABETES),
    ("no evidence of retinopathy in type 2 diabetes", w.DIABETES),
    ("acute mi 2019, no evidence of heart failure", w.VASCULAR),
    ("angina, at risk of mi", w.VASCULAR),
    ("diabetes screening: positive", w.DIABETES),
    ("no angina but old stroke", w.STROKE),
    ("no diabetes; heart failure since 2019", w.HEART_FAILURE),
    ("pregnant, no evidence of pre-eclampsia", w.PREGNANCY),
    ("pregnancy at risk of preterm labour", w.PREGNANCY),
    ("pregnant - no history of gdm", w.PREGNANCY),
    ("type 2 diabetes mellitus without complications", w.DIABETES),
    ("diabetes type 2, no known complications", w.DIABETES),
    ("no complications of diabetes", w.DIABETES),
    ("diabetes no complications", w.DIABETES),
    ("non-insulin-dependent diabetes mellitus", w.DIABETES),
    ("not well controlled diabetes", w.DIABETES),
    ("diabetes, not stated as uncontrolled", w.DIABETES),
    ("hypertension not at goal", w.HYPERTENSION),
    ("never treated hypertension", w.HYPERTENSION),
    ("non-stemi 2019", w.VASCULAR),
    ("non-diabetic nephropathy, ckd", w.KIDNEY),
    ("angina, negative stress test", w.VASCULAR),
    ("hypertensive heart disease without heart failure", w.HYPERTENSION),
    ("stroke no. 2", w.STROKE),
]
DENIES = [
    ("no history of stroke", w.STROKE),
    ("no stroke", w.STROKE),
    ("hypertension, no diabetes", w.DIABETES),
    ("no evidence of heart failure", w.HEART_FAILURE),
    ("acute mi 2019, no evidence of heart failure", w.HEART_FAILURE),
    ("no history of stroke, tia or mi", w.VASCULAR),
    ("family history - stroke", w.STROKE),
    ("family history of diabetes", w.DIABETES),
    ("diabetes mellitus, family history", w.DIABETES),
    ("at risk of af", w.FIBRILLATION),
    ("screening for diabetes", w.DIABETES),
    ("diabetes mellitus screening", w.DIABETES),
    ("stroke ruled out", w.STROKE),
    ("patient denies heart failure", w.HEART_FAILURE),
    ("without known diabetes", w.DIABETES),
    ("denied diabetes", w.DIABETES),
    ("negative for diabetes", w.DIABETES),
    ("absence of diabetes", w.DIABETES),
    ("never had diabetes", w.DIABETES),
    ("never diagnosed with diabetes", w.DIABETES),
    ("not known to have heart failure", w.HEART_FAILURE),
    ("patient does not have diabetes", w.DIABETES),
    ("not diabetic", w.DIABETES),
    ("non-diabetic", w.DIABETES),
    ("patient has no known diabetes", w.DIABETES),
    ("diabetes: none", w.DIABETES),
    ("diabetes mellitus (no)", w.DIABETES),
    ("heart failure: negative", w.HEART_FAILURE),
    ("stroke absent", w.STROKE),
    ("hypertensive heart disease without heart failure", w.HEART_FAILURE),
    ("hypertension no diabetes", w.DIABETES),
]


@pytest.mark.parametrize(("said", "words"), STANDS)
def test_what_stands_outside_a_denial_is_named(said: str, words: tuple[str, ...]) -> None:
    assert w.spoken(said, words)
    assert w.understood(said)


@pytest.mark.parametrize(("said", "words"), DENIES)
def test_what_a_denial_is_about_is_not_named(said: str, words: tuple[str, ...]) -> None:
    assert not w.spoken(said, words)
    assert w.understood(said)


def test_a_denial_of_something_else_makes_nothing_readable() -> None:
    assert not w.understood("zzyzx, no evidence of foo")
    assert not w.understood("zzyzx without foo")
    assert not w.understood("zzyzx no evidence of foo")
    assert w.understood("no evidence of foo")
    assert w.understood("patient has never had foo")
