"""From when until when an order holds, as the order itself says; many stay "active" long after their end.

Source: HL7 FHIR R4 MedicationRequest.dosageInstruction (Timing.repeat.bounds[x]) and .dispenseRequest. How
long it is to be taken stands before how long it may be dispensed, and that before how long the supply lasts.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from salus.core.errors import EvidenceError
from salus.record import fhir_types as t
from salus.record.fhir_effective import last, start
from salus.record.fhir_time import when
from salus.record.fhir_types import MALFORMED

# Seconds of the UCUM units of a Duration (FHIR R4 duration-units); a month and a year are mean ones.
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604_800, "mo": 2_629_800, "a": 31_557_600}
_LONGEST = 100 * _SECONDS["a"]


class _Repeat(Struct, gc=False):
    boundsPeriod: t.Period | None = None
    boundsDuration: t.Quantity | None = None
    boundsRange: t.Range | None = None


class _Timing(Struct, gc=False):
    repeat: _Repeat | None = None


class _Dosage(Struct, gc=False):
    sequence: int | None = None
    timing: _Timing | None = None


class _Supply(Struct, gc=False):
    validityPeriod: t.Period | None = None
    expectedSupplyDuration: t.Quantity | None = None
    numberOfRepeatsAllowed: int | None = None


_dosages = msgspec.json.Decoder(list[_Dosage]).decode
_supply = msgspec.json.Decoder(_Supply | None).decode
_NO_BOUNDS = _Repeat()


def holds(
    r: t.MedicationRequest, written: int | None, at_latest: int | None
) -> tuple[int | None, int | None]:
    """Return from when until when an order holds, in microseconds; None: it does not say.

    written, at_latest: when it was authored; of a day or a month, its beginning and its end. It holds from
    then on, unless it says that it begins later; an end before that is none. Of an order that was stopped or
    completed its plan tells no end: it may have come sooner.
    Raises EvidenceError where the elements that would tell cannot be read.
    """
    dosages = _dosages_of(r.dosageInstruction)
    repeats = [(one.timing and one.timing.repeat) or _NO_BOUNDS for one in dosages]
    begins = [when(told)[0] for one in repeats if (told := start(one.boundsPeriod)) is not None]
    begin = min(begins) if repeats and len(begins) == len(repeats) else None
    if written is not None:
        begin = written if begin is None else max(begin, written)
    if r.status != "active":
        return begin, None
    counted = begin if begin is None or at_latest is None else max(begin, at_latest)
    end = _taken_until(dosages, repeats, counted)
    if end is None:
        end = _supplied_until(r.dispenseRequest, counted)
    return begin, None if end is not None and begin is not None and end < begin else end


def _dosages_of(raw: Raw) -> list[_Dosage]:
    """Return the dosages; none where no dosage has bounds."""
    if b'"bounds' not in bytes(raw):
        return []
    try:
        return _dosages(raw)
    except MALFORMED:
        raise EvidenceError("wrong shape: $.dosageInstruction") from None


def _taken_until(dosages: list[_Dosage], repeats: list[_Repeat], begin: int | None) -> int | None:
    """Return when the last dosage ends; None where one has no end. Those in sequence follow one another."""
    ends: list[int] = []
    step, last_one = begin, None
    for dosage, repeat in zip(dosages, repeats, strict=True):
        if dosage.sequence is not None and dosage.sequence != last_one and ends:
            step = max(ends)
        last_one = dosage.sequence
        end = _bound(repeat, step)
        if end is None:
            return None
        ends.append(end)
    return max(ends, default=None)


def _bound(repeat: _Repeat, begin: int | None) -> int | None:
    if repeat.boundsPeriod is not None:
        return last(repeat.boundsPeriod)
    longest = repeat.boundsDuration or (repeat.boundsRange and repeat.boundsRange.high)
    return _after(begin, longest or None)


def _supplied_until(raw: Raw, begin: int | None) -> int | None:
    """Return how long what may be dispensed lasts: on the last day too a supply may be."""
    if b'"validityPeriod"' not in bytes(raw) and b'"expectedSupplyDuration"' not in bytes(raw):
        return None
    try:
        supply = _supply(raw) or _Supply()
    except MALFORMED:
        raise EvidenceError("wrong shape: $.dispenseRequest") from None
    valid = last(supply.validityPeriod)
    if valid is not None:
        return _after(valid, supply.expectedSupplyDuration) or valid
    return _after(begin, supply.expectedSupplyDuration, 1 + max(0, supply.numberOfRepeatsAllowed or 0))


def _after(begin: int | None, lasts: t.Quantity | None, times: int = 1) -> int | None:
    """Return the moment at which a duration is over; None where it is none that can be read."""
    if begin is None or lasts is None or lasts.value is None or lasts.comparator in (">", ">="):
        return None
    seconds = _SECONDS.get(lasts.code or lasts.unit or "", 0) * lasts.value * times
    return begin + int(seconds * 1_000_000) if 0 < seconds <= _LONGEST else None
