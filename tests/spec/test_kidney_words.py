"""Dialysis, transplants and kidney failure that only words name: never "none", and no risk of failure."""

from __future__ import annotations

import pytest

from salus.risk._inputs import condition
from salus.risk._kidney_replacement import on_dialysis, transplanted
from salus.risk._terms import DIALYSIS, KIDNEY_FAILURE, KIDNEY_TRANSPLANT
from tests.kidney_views import albumin, ask, creatinine, failure
from tests.risk_views import called, view

NAMED = [
    ("ESRD on hemodialysis", DIALYSIS), ("ESRD on hemodialysis", KIDNEY_FAILURE),
    ("Dialysis dependent", DIALYSIS), ("CKD stage 5 on dialysis", DIALYSIS), ("Haemodialysis", DIALYSIS),
    ("Peritoneal dialysis", DIALYSIS), ("Hämodialyse", DIALYSIS), ("CAPD", DIALYSIS),
    ("Renal transplant 2019", KIDNEY_TRANSPLANT), ("Transplanted kidney", KIDNEY_TRANSPLANT),
    ("Kidney allograft", KIDNEY_TRANSPLANT), ("Nierentransplantation 2015", KIDNEY_TRANSPLANT),
    ("End-stage renal disease", KIDNEY_FAILURE),
]  # fmt: skip


@pytest.mark.parametrize(("words", "meaning"), NAMED)
@pytest.mark.parametrize("code", ["Condition", "SNOMED/1"])
def test_words_leave_the_replacement_of_kidneys_open_and_withhold_the_risk(words, meaning, code):
    record = called(words, code)
    fact = condition(view(record), meaning, ever=True)
    assert fact.value is None and fact.events == (record,) and "named in words" in fact.says
    answer = ask(creatinine(5.0), albumin(300), record)
    assert failure(answer) == []
    assert any("not sure" in limit and "named in words" in limit for limit in answer.limits)


@pytest.mark.parametrize("words", [
    "CKD stage 5, predialysis", "CKD stage 5 not on dialysis", "CKD 5 without dialysis", "No dialysis",
    "No history of kidney transplant", "Family history of dialysis", "Sinusitis",
])  # fmt: skip
def test_words_of_no_replacement_leave_the_risk_given(words):
    record = view(called(words))
    assert on_dialysis(record).value is False and transplanted(record).value is False
    assert len(failure(ask(creatinine(3.0), albumin(300), called(words)))) == 2
