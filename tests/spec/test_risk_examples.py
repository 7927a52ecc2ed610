"""The worked examples of the risk room: a record, read as FHIR, gives the insight beside it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

import salus.risk
from salus.core.consent import DIRECT_CARE, Actor
from salus.core.registry import model
from salus.privacy.gate import open_view
from salus.record.fhir import bundle
from salus.spine.shape import as_json

CASES = sorted((Path(salus.risk.__file__).parent / "examples").glob("*/"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_record_gives_the_insight(case: Path) -> None:
    expected = json.loads((case / "insight.json").read_text())
    timelines, account = bundle((case / "record.json").read_bytes(), "record.json")
    assert account.rejected == []
    (timeline,) = timelines
    as_of = datetime.fromisoformat(expected["as_of"])
    view = open_view(timeline, Actor("Practitioner/example"), DIRECT_CARE, as_of)
    said = as_json(model(expected["model"]["name"]).predict(view))
    # Through JSON and back, so that tuples and lists are alike.
    assert json.loads(json.dumps(said)) == expected
