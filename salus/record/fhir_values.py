"""value[x] of an Observation or a component as the one value that an Event holds, and why it may be absent.

Source: HL7 FHIR R4 Observation.value[x], Observation.dataAbsentReason. A number stays a number only where the
record gives one; a range, a ratio or a sampled signal stays in words and is never made into one.
"""

from __future__ import annotations

from salus.core.evidence import Value
from salus.record import fhir_types as t
from salus.record.fhir_terms import absence, answer, unit
from salus.record.fhir_types import NOTHING, Quantity, says

# Value, unit, comparator.
Valuation = tuple[Value, str | None, str | None]


def _amount(quantity: Quantity | None) -> str:
    if quantity is None or quantity.value is None:
        return ""
    return f"{quantity.comparator or ''}{quantity.value!r} {unit(quantity) or ''}".strip()


def _range(low: Quantity | None, high: Quantity | None) -> Valuation:
    """A range with one end is a bound; with two it stays in words, since an Event holds one number."""
    ends = [end for end in (low, high) if end is not None and end.value is not None]
    if len(ends) == 1:
        return ends[0].value, unit(ends[0]), ">=" if ends[0] is low else "<="
    if not ends:
        return None, None, None
    return f"{ends[0].value!r}..{ends[1].value!r}", unit(ends[0]), None


def _uncommon(v: t.Valued) -> Valuation:  # noqa: PLR0911 (one line a type)
    """Return (value, unit, comparator) of every value[x] but Quantity."""
    if v.valueString is not None:
        return v.valueString, None, None
    if says(v.valueCodeableConcept):
        return answer(bytes(v.valueCodeableConcept)), None, None
    if v.valueInteger is not None:
        return v.valueInteger, None, None
    if v.valueBoolean is not None:
        return v.valueBoolean, None, None
    if v.valueRange is not None:
        return _range(v.valueRange.low, v.valueRange.high)
    if v.valueRatio is not None:
        # A titre of 1:128 is no 0.0078: a ratio stays in words.
        return f"{_amount(v.valueRatio.numerator)} : {_amount(v.valueRatio.denominator)}", None, None
    if v.valueSampledData is not None:
        origin = v.valueSampledData.origin
        return v.valueSampledData.data, unit(origin) if origin is not None else None, None
    if v.valuePeriod is not None:
        return f"{v.valuePeriod.start or ''}/{v.valuePeriod.end or ''}", None, None
    return v.valueTime or v.valueDateTime, None, None


def valuation(v: t.Valued) -> Valuation:
    """Return the value, its unit and its comparator; an Absence when the record says that there is none.

    A value beside a dataAbsentReason (against invariant obs-6) is none: the record says not to use it.
    """
    if v.dataAbsentReason is not NOTHING and says(v.dataAbsentReason):
        return absence(bytes(v.dataAbsentReason)), None, None
    quantity = v.valueQuantity
    if quantity is not None and quantity.value is not None:
        return quantity.value, unit(quantity), quantity.comparator
    return _uncommon(v)
