"""The worked examples with something changed: what a shipped model says of them, told of as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from math import log
from typing import Any

from salus.core.consent import DIRECT_CARE, Actor
from salus.core.evidence import Timeline
from salus.core.insight import Abstention, Estimate, Insight, Risk
from salus.learning.artefact import Artefact
from salus.learning.learnt import Learnt
from salus.privacy.gate import open_view
from salus.record.fhir import bundle
from scripts.write_examples import EXAMPLES

Resource = dict[str, Any]
Change = Callable[[Resource], Resource | None]


def record(case: str, change: Change = lambda one: one) -> Timeline:
    """Return the record of an example, each resource changed or left out."""
    told = json.loads((EXAMPLES / case / "record.json").read_text(encoding="utf-8"))
    entries = [{"resource": made} for one in told["entry"] if (made := change(one["resource"])) is not None]
    (timeline,), account = bundle(json.dumps({**told, "entry": entries}).encode(), "record.json")
    assert account.rejected == []
    return timeline


def told(model: Learnt, timeline: Timeline, at: datetime) -> Insight:
    """Return what a model says of a record at an instant."""
    return model.predict(open_view(timeline, Actor("Practitioner/1"), DIRECT_CARE, at))


def estimate(insight: Insight) -> Estimate:
    """Return the estimate of an answer, or of an Abstention that gives one."""
    assert isinstance(insight.body, Risk | Abstention)
    found = (
        insight.body.estimate if isinstance(insight.body, Abstention) else insight.body.outcomes[0].estimate
    )
    assert found is not None
    return found


def chance(insight: Insight) -> float:
    """Return the probability of an answer that is one number."""
    assert isinstance(insight.body, Risk)
    value = estimate(insight).value
    assert value is not None
    return value


def learnt(model: Learnt) -> Artefact:
    """Return what ships with a model."""
    found = model.artefact()
    assert isinstance(found, Artefact)
    return found


def moved(model: Learnt, insight: Insight) -> tuple[float, float]:
    """Return the logit of an answer, and what its base and its reasons add up to."""
    made, value = learnt(model), chance(insight)
    base = made.slope * made.intercept + made.shift
    return log(value / (1 - value)), base + sum(reason.weight for reason in insight.reasons)


def coded(resource: Resource, code: str) -> bool:
    """Whether a resource is of that code."""
    return f'"{code}"' in json.dumps(resource.get("code", {}))


def without(code: str) -> Change:
    """Return what leaves each such resource out."""
    return lambda one: None if coded(one, code) else one


def withheld(code: str, reason: str = "masked") -> Change:
    """Return what keeps the value of each such measurement back."""

    def hide(one: Resource) -> Resource:
        if not coded(one, code):
            return one
        kept = {name: value for name, value in one.items() if not name.startswith("value")}
        return kept | {"dataAbsentReason": {"coding": [{"code": reason}]}}

    return hide
