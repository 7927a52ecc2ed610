"""What an entry says of a parameter: a number, a level, nothing, or that something is there and not shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from salus.core.evidence import Absence, Event
from salus.core.measures import Measure
from salus.learning.parameters import HIDDEN_VALUE, Category, read

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)
CREATININE = Measure("creatinine", ("LOINC/2160-0",), "mg/dL", 0.1, 60.0, molar_mass=113.12)
SMOKING = Category("smoking", ("LOINC/72166-2",), {"SNOMED/449868002": "smokes"})
HEART = Category("heart failure", ("SNOMED/84114007",), group=lambda _: "yes")


@pytest.mark.parametrize(
    ("value", "unit", "status", "time", "says"),
    [
        (1.2, "mg/dL", "final", AT, 1.2),
        (106.1, "umol/L", "final", AT, pytest.approx(1.2, abs=1e-3)),
        (-3.0, "mg/dL", "final", AT, None),
        (1.2, "mg/dL", "cancelled", AT, None),
        (Absence.NOT_MEASURED, None, "final", AT, None),
        (None, None, "final", AT, HIDDEN_VALUE),
        (1.2, "mg/dL", "final", None, HIDDEN_VALUE),
        (1.2, "bananas", "final", AT, HIDDEN_VALUE),
        (1.2, None, "final", AT, HIDDEN_VALUE),
        ("high", None, "final", AT, HIDDEN_VALUE),
        (Absence.WITHHELD, None, "final", AT, HIDDEN_VALUE),
        (Absence.NOT_SENT, None, "final", AT, HIDDEN_VALUE),
        (Absence.UNREADABLE, None, "unreadable", AT, HIDDEN_VALUE),
    ],
)
def test_a_number(value, unit, status, time, says):
    event = Event(("LOINC/2160-0",), time, value=value, unit=unit, status=status, source="Observation/1")
    assert read(CREATININE, event) == says


@pytest.mark.parametrize(
    ("parameter", "event", "says"),
    [
        (SMOKING, Event(SMOKING.codes, AT, value="SNOMED/449868002", source="Observation/1"), "smokes"),
        (SMOKING, Event(SMOKING.codes, AT, value="SNOMED/1", source="Observation/1"), None),
        (SMOKING, Event(SMOKING.codes, AT, source="Observation/1"), HIDDEN_VALUE),
        (HEART, Event(HEART.codes, AT, status="active", source="Condition/1"), "yes"),
        (HEART, Event(HEART.codes, AT, status="refuted", source="Condition/1"), None),
    ],
)
def test_a_level(parameter, event, says):
    assert read(parameter, event) == says
