"""How insights look as FHIR R4 resources: pure functions, for the FHIR door and for its tests.

Risk → RiskAssessment; Finding → Observation; Abstention → GuidanceResponse; whatever calls for somebody now
or today, and every Advice and Signal → DetectedIssue too. A Draft is no resource until somebody signed it.
Source: FHIR R4 4.0.1. What a machine asserted says so by the security label AIAST (v3-ObservationValue,
"Artificial Intelligence asserted"). Evidence and patients are referred to by their whole address where the
server that they came from is known: a relative one leads to this server, which has none of them (R4 2.3.0.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from salus.core.addresses import parted
from salus.core.card import Need
from salus.core.codes import uri
from salus.core.errors import printable
from salus.core.insight import Abstention, Advice, Estimate, Finding, Insight, Outcome, Risk, Signal, Urgency
from salus.core.registry import models
from salus.spine.called import called_for
from salus.spine.shape import instant

Resource = dict[str, Any]

AIAST = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
UCUM = "http://unitsofmeasure.org"
MODEL, STANDING = "urn:salus:model", "urn:salus:standing"
DEMONSTRATION = {
    "system": STANDING,
    "code": "demonstration",
    "display": "Demonstration, not for care",
}
INTERVAL = "urn:salus:extension:interval"
_SEVERITY = {Urgency.NOW: "high", Urgency.TODAY: "moderate", Urgency.THIS_WEEK: "low"}
# FHIR R4 guidance-response-status. "data-required": it can answer once it is given what is missing.
_GUIDANCE = {
    "missing-evidence": "data-required",
    "not-eligible": "success",
    "out-of-distribution": "success",
    "not-available": "failure",
    "suspended": "failure",
}


def resources(
    insight: Insight, stale_since: datetime | None = None, server: str = "", decided: bool = False
) -> list[Resource]:
    """Return the resources that `insight` is, each with the insight's own id.

    server: the base URL of the FHIR server that the record came from; "" where it is not known. decided:
    whether anybody decided on it.
    """
    refer = referring(insight, server)
    found = [make(insight, refer) for kind, make in _MAKERS if isinstance(insight.body, kind)]
    if _calls_for_somebody(insight):
        found.append(_detected_issue(insight, refer, found))
    for resource in found:
        if stale_since is not None:
            _mark_stale(resource, stale_since, decided)
    return found


def _calls_for_somebody(insight: Insight) -> bool:
    if isinstance(insight.body, Advice | Signal):
        return True
    urgent = called_for(insight) in (Urgency.NOW, Urgency.TODAY)
    return urgent and isinstance(insight.body, Risk | Finding | Abstention)


def _mark_stale(resource: Resource, since: datetime, decided: bool) -> None:
    """Withdraw what was said: "final" would let a reader who knows no tags act on it.

    FHIR R4 observation-status: "entered-in-error" is what was withdrawn after its release, and "cancelled"
    where somebody acted on it; guidance-response-status has the first alone.
    """
    text = f"Evidence behind this changed (known {instant(since)})."
    resource["meta"]["tag"] = [{"system": STANDING, "code": "stale", "display": text}]
    acted = decided and resource["resourceType"] != "GuidanceResponse"
    resource["status"] = "cancelled" if acted else "entered-in-error"


def mark_demonstration(resource: Resource) -> Resource:
    """Tag what a demonstration made, so that it is still known for one wherever it is copied to."""
    meta = resource.get("meta", {})
    return {**resource, "meta": {**meta, "tag": [*meta.get("tag", ()), DEMONSTRATION]}}


def _base(insight: Insight, kind: str) -> Resource:
    return {
        "resourceType": kind,
        "id": insight.id,
        "meta": {"security": [AIAST]},
        "contained": [device(insight)],
    }


def device(insight: Insight) -> Resource:
    """Return the model as a Device, to be contained."""
    model = models().get(insight.model.name)
    title = (model.card.title if model else "") or insight.model.name
    return {
        "resourceType": "Device",
        "id": "model",
        "deviceName": [{"name": title, "type": "model-name"}],
        "version": [{"value": insight.model.version}],
        "type": {"coding": [{"system": MODEL, "code": insight.model.name}]},
    }


def _concept(insight: Insight, text: str) -> Resource:
    return {"coding": [{"system": MODEL, "code": insight.model.name}], "text": text or insight.asks}


def _notes(insight: Insight, *first: str) -> Resource:
    lines = [*first, *(reason.says for reason in insight.reasons), *insight.limits]
    found = [{"text": _inert(line)} for line in dict.fromkeys(lines) if line]
    return {"note": found} if found else {}


def _inert(text: str) -> str:
    """Return `text` without links, pictures and HTML: Annotation.text is Markdown, with a record's words."""
    return printable(text, None).replace("](", "] (").replace("<", "< ")


def to_itself(resource: Resource) -> Resource:
    """Return a Reference to what this server has itself."""
    return {"reference": f"{resource['resourceType']}/{resource['id']}"}


def evidence(insight: Insight) -> list[str]:
    """Return every resource that the reasons point to, once."""
    return list(dict.fromkeys(source for reason in insight.reasons for source in reason.evidence))


Refer = Callable[[str], Resource]


def referring(insight: Insight, server: str) -> Refer:
    """Return what makes References to the record of `insight`: on its subject's server, else on `server`."""
    base = parted(insight.subject)[0] or server
    return lambda name: reference(name, base)


def reference(name: str, server: str) -> Resource:
    """Return a Reference to ``Type/id`` in a record of the FHIR server `server`.

    Where that is not known the reference stays relative, and says in words whose it is.
    """
    if parted(name)[0]:
        return {"reference": name}
    if server:
        return {"reference": f"{server}/{name}"}
    return {"reference": name, "display": f"{name} in the record that was read"}


def _filled(**parts: Any) -> Resource:
    """Return the parts that hold something: FHIR knows no empty arrays or objects."""
    return {key: value for key, value in parts.items() if value not in (None, "", [], {})}


def _risk_assessment(insight: Insight, refer: Refer) -> Resource:
    body = insight.body
    assert isinstance(body, Risk)
    return {
        **_base(insight, "RiskAssessment"),
        "status": "final",
        "method": _concept(insight, insight.asks),
        "subject": refer(insight.subject),
        "occurrenceDateTime": instant(insight.as_of),
        "performer": {"reference": "#model"},
        **_filled(basis=list(map(refer, evidence(insight)))),
        **_filled(prediction=[_prediction(outcome) for outcome in body.outcomes if _is_probability(outcome)]),
        **_notes(insight, body.says, *(_points(one) for one in body.outcomes if not _is_probability(one))),
    }


def _is_probability(outcome: Outcome) -> bool:
    """Whether it may stand as one; points of a score would be read as percent."""
    return outcome.estimate.unit == "1"


def _points(outcome: Outcome) -> str:
    """Return in words what is no probability: a score, or an item of one."""
    estimate = outcome.estimate
    if estimate.value is not None:
        return f"{outcome.of}: {_number(estimate.value)}"
    if estimate.low is None or estimate.high is None:
        return f"{outcome.of}: not known"
    return f"{outcome.of}: between {_number(estimate.low)} and {_number(estimate.high)}"


_PERCENT = 100.0


def _prediction(outcome: Outcome) -> Resource:
    estimate = outcome.estimate
    text = f"{outcome.of}, {outcome.horizon}" if outcome.horizon else outcome.of
    found: Resource = {"outcome": {"text": text}}
    # RiskAssessment.prediction.probability[x]: "expressed as percentages" (ras-1, ras-2: at most 100).
    if estimate.value is not None:
        # All its digits: who asks again by the resource has the number that was given.
        found["probabilityDecimal"] = float(f"{estimate.value * _PERCENT:.15g}")
        found |= _filled(extension=_interval(estimate, _PERCENT, "%"))
    elif (bounds := _bounds(estimate, _PERCENT, "%")) is not None:
        found["probabilityRange"] = bounds
    return found | {"rationale": _kind_of_interval(estimate)}


def _kind_of_interval(estimate: Estimate) -> str:
    said = {
        "missing-inputs": "The range that the known inputs still allow.",
        "conformal": "A conformal interval.",
        "sampling": "A sampling interval.",
    }
    return said.get(estimate.kind, "No interval was published.")


def _number(value: float) -> float | int:
    """Return at most six significant digits; a whole number as an integer."""
    found = float(f"{value:.6g}")
    return int(found) if found.is_integer() else found


def _quantity(value: float, unit: str) -> Resource:
    return {"value": _number(value), "unit": unit, "system": UCUM, "code": unit}


def _bounds(estimate: Estimate, scale: float, unit: str) -> Resource | None:
    ends = {"low": estimate.low, "high": estimate.high}
    found = {name: _quantity(end * scale, unit) for name, end in ends.items() if end is not None}
    return found or None


def _interval(estimate: Estimate, scale: float, unit: str) -> list[Resource]:
    bounds = _bounds(estimate, scale, unit)
    return [{"url": INTERVAL, "valueRange": bounds}] if bounds else []


def _value(estimate: Estimate) -> Resource:
    """Return value[x] of an Observation or of a component."""
    if estimate.value is not None:
        quantity = _quantity(estimate.value, estimate.unit)
        return {"valueQuantity": quantity | _filled(extension=_interval(estimate, 1.0, estimate.unit))}
    bounds = _bounds(estimate, 1.0, estimate.unit)
    if bounds is not None:
        return {"valueRange": bounds}
    unknown = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}
    return {"dataAbsentReason": {"coding": [unknown]}}


# FHIR R4 Observation.derivedFrom takes these; other evidence stands in the Provenance.
_DERIVED = ("Observation/", "QuestionnaireResponse/", "DocumentReference/", "ImagingStudy/", "Media/")


def _observation(insight: Insight, refer: Refer) -> Resource:
    body = insight.body
    assert isinstance(body, Finding)
    measured = [source for source in evidence(insight) if source.startswith(_DERIVED)]
    parts = [{"code": {"text": part.of}, **_value(part.estimate)} for part in body.parts]
    return {
        **_base(insight, "Observation"),
        "status": "final",
        "code": _concept(insight, body.of),
        "subject": refer(insight.subject),
        "effectiveDateTime": instant(insight.as_of),
        **_value(body.estimate),
        **_filled(interpretation=[{"text": body.category}] if body.category else []),
        "device": {"reference": "#model"},
        **_filled(derivedFrom=list(map(refer, measured)), component=parts),
        **_notes(insight, body.says),
    }


def _guidance_response(insight: Insight, refer: Refer) -> Resource:
    body = insight.body
    assert isinstance(body, Abstention)
    return {
        **_base(insight, "GuidanceResponse"),
        "moduleUri": f"{MODEL}:{insight.model.name}",
        "status": _GUIDANCE.get(body.why, "failure"),
        "subject": refer(insight.subject),
        "occurrenceDateTime": instant(insight.as_of),
        "performer": {"reference": "#model"},
        "reasonCode": [{"text": insight.asks}],
        **_notes(insight, body.says, *(f"Missing: {name}" for name in body.missing)),
        **_filled(dataRequirement=_requirements(insight, body.missing)),
    }


def _requirements(insight: Insight, missing: Iterable[str]) -> list[Resource]:
    model = models().get(insight.model.name)
    needs = {need.name: need for need in model.card.needs} if model else {}
    return [_requirement(needs[name]) for name in missing if name in needs]


def _requirement(need: Need) -> Resource:
    codings = [dict(zip(("system", "code"), uri(code), strict=True)) for code in need.codes]
    coded = [{"path": "code", "code": [_filled(**coding) for coding in codings]}] if codings else []
    return {"type": need.resource, **_filled(codeFilter=coded)}


def _detected_issue(insight: Insight, refer: Refer, said: list[Resource]) -> Resource:
    says = getattr(insight.body, "says", "")
    pointed = [*map(to_itself, said), *map(refer, evidence(insight))]
    urgency = called_for(insight)
    severity = _SEVERITY.get(urgency, "") if urgency else ""
    return {
        **_base(insight, "DetectedIssue"),
        "status": "final",
        "code": _concept(insight, insight.asks),
        **_filled(severity=severity),
        "patient": refer(insight.subject),
        "identifiedDateTime": instant(insight.as_of),
        "author": {"reference": "#model"},
        **_filled(evidence=[{"detail": pointed}] if pointed else []),
        **_filled(detail=says),
    }


_MAKERS: tuple[tuple[type[Any], Callable[[Insight, Refer], Resource]], ...] = (
    (Risk, _risk_assessment),
    (Finding, _observation),
    (Abstention, _guidance_response),
)
