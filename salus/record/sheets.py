"""The fast way through the decoder: many resources of one type at once, column by column.

`fhir_decode.read` is the reference, one resource at a time; what is taken here must give the same rows (a
property test holds the two together). Whatever is not plain (components, contained resources, a modifier, a
missing code, status or patient) is left to the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import Any, NamedTuple

import msgspec

from salus.core.addresses import is_id, parted
from salus.core.codes import DISPOSITION
from salus.core.errors import EvidenceError
from salus.record import fhir_types as t
from salus.record.columns import Vocabulary
from salus.record.fhir_certainty import ENTERED_IN_ERROR, certainty, is_error
from salus.record.fhir_effective import first, last, observed, start
from salus.record.fhir_kinds import MUST_SAY_STATUS
from salus.record.fhir_orders import holds
from salus.record.fhir_rows import READERS, dose, is_abated, ordered
from salus.record.fhir_stays import disposition
from salus.record.fhir_terms import answer, canonical, concept, diagnosed, drug, observed_as, referred, unit
from salus.record.fhir_time import moments as moment
from salus.record.fhir_types import MALFORMED, NOTHING
from salus.record.fhir_values import Valuation, valuation

_NEVER: tuple[None, None, None] = (None, None, None)
_NOTHING: Valuation = (None, None, None)
Numbers = list[int]
Instants = Sequence[int | None]


class Sheet(NamedTuple):
    """Columns of one batch, one entry a resource and then one a component; `codes` by number.

    of: the place of the resource that each row came from; until `sheet` has put the resources' own places
    before them, of the components alone.
    """

    codes: Numbers
    time: Instants
    end: Instants
    known: Instants
    values: Sequence[Valuation]
    status: Sequence[str | None]
    of: list[int] = []  # noqa: RUF012 (never changed)


class Coded(dict[Any, int]):
    """The number of a CodeableConcept's codes, by its bytes (or those of several); -1 when it has none."""

    def __init__(self, words: Vocabulary, read: Callable[[Any], tuple[str, ...]]) -> None:
        self._words, self._read = words, read

    def __missing__(self, raw: Any) -> int:
        if len(self) > 1 << 16:
            self.clear()
        codes = self._read(raw)
        self[raw] = number = self._words[codes] if codes else -1
        return number


class Drugs(dict[str, int]):
    """The number of a Medication that is referred to; -1 when only the reference can say which."""

    def __init__(self, words: Vocabulary) -> None:
        self._words = words

    def __missing__(self, told: str) -> int:
        # Whose an address is, the reference decoder asks.
        target = "" if parted(told)[0] else canonical(told)
        self[told] = number = self._words[(target,)] if target.startswith("Medication/") else -1
        return number

    def of(self, named: t.DrugReference) -> int:
        """Return the number of what an order refers to, with what it calls it."""
        if not named.reference or not named.display:
            return self[named.reference] if named.reference else -1
        target = "" if parted(named.reference)[0] else canonical(named.reference)
        return self._words[referred(target, named.display)] if target.startswith("Medication/") else -1


class Words:
    """What `Coded` and `Drugs` number, in one vocabulary."""

    def __init__(self, words: Vocabulary) -> None:
        self.every = words
        self.coded = Coded(words, lambda raw: concept(raw).codes)
        self.observed = Coded(words, observed_as)
        self.classed = Coded(words, lambda told: _visit(*told))
        self.named, self.drugs = Coded(words, drug), Drugs(words)

    def drugs_of(self, found: Sequence[t.Medicated]) -> list[int]:
        """Return the number of each drug's codes, or of its reference."""
        named_so, drugs = self.named, self.drugs
        return [
            named_so[bytes(r.medicationCodeableConcept)]
            if (named := r.medicationReference) is None or r.medicationCodeableConcept is not NOTHING
            else (drugs[named.reference] if named.reference and named.display is None else drugs.of(named))
            for r in found
        ]


def _listed(kind: bytes, types: bytes) -> bytes:
    """Return an encounter's class and types as one list of codings, the way `concept` joins them."""
    return b"[" + b",".join(x for x in (kind, types[1:-1]) if x) + b"]"


def _visit(kind: bytes, types: bytes, reasons: bytes, diagnoses: bytes) -> tuple[str, ...]:
    """Return the codes of an encounter, and behind them why it was; none where nothing says its kind."""
    codes = concept(_listed(kind, types)).codes
    return (*codes, *drug(reasons), *diagnosed(diagnoses)) if codes else ()


def _observations(found: list[t.Observation], words: Words) -> Sheet:
    coded = words.observed
    moments = [moment[r.effectiveDateTime] if r.effectiveDateTime is not None else observed(r) for r in found]
    values: list[Valuation] = [
        (q.value, (q.code or None) if q.code == q.unit else unit(q), q.comparator)
        if (q := r.valueQuantity) is not None and q.value is not None and r.dataAbsentReason is NOTHING
        else valuation(r)
        for r in found
    ]
    time, end, known = map(list, zip(*moments, strict=True))
    known = [at if r.issued is None else moment[r.issued][2] for r, at in zip(found, known, strict=True)]
    codes = [coded[bytes(r.code)] if r.focus is NOTHING else -1 for r in found]
    status = [r.status for r in found]
    parts = [(at, part) for at, r in enumerate(found) if r.component is not None for part in r.component]
    of = [at for at, _ in parts]
    codes += [coded[bytes(part.code)] if part.modifierExtension is NOTHING else -1 for _, part in parts]
    values += [valuation(part) for _, part in parts]
    for column in (time, end, known, status):
        column += [column[at] for at in of]
    return Sheet(codes, time, end, known, values, status, of)


def _administrations(found: list[t.MedicationAdministration], words: Words) -> Sheet:
    moments = [
        first(r.effectiveDateTime, start(r.effectivePeriod)) or _NEVER
        if r.effectiveDateTime is None
        else moment[r.effectiveDateTime]
        for r in found
    ]
    end = [None if r.effectivePeriod is None else last(r.effectivePeriod) for r in found]
    values: list[Valuation] = [
        (d.value, (d.code or None) if d.code == d.unit else unit(d), None)
        if (g := r.dosage) is not None and (d := g.dose) is not None and d.value is not None
        else (*dose(r), None)
        for r in found
    ]
    time, _, known = zip(*moments, strict=True)
    return Sheet(words.drugs_of(found), time, end, known, values, [r.status for r in found])


def _requests(found: list[t.MedicationRequest], words: Words) -> Sheet:
    moments = [_NEVER if r.authoredOn is None else moment[r.authoredOn] for r in found]
    written, at_latest, known = zip(*moments, strict=True)
    time, end = zip(*map(holds, found, written, at_latest), strict=True)
    codes = words.drugs_of(found)
    if any([r.doNotPerform for r in found]):
        codes = [-1 if r.doNotPerform else code for r, code in zip(found, codes, strict=True)]
    return Sheet(codes, time, end, known, [_NOTHING] * len(found), [ordered(r) for r in found])


def _dispenses(found: list[t.MedicationDispense], words: Words) -> Sheet:
    moments = [
        moment[r.whenHandedOver] if r.whenHandedOver is not None else first(r.whenPrepared) or _NEVER
        for r in found
    ]
    time, _, known = zip(*moments, strict=True)
    codes, none = words.drugs_of(found), [None] * len(found)
    return Sheet(codes, time, none, known, [_NOTHING] * len(found), [r.status for r in found])


def _statements(found: list[t.MedicationStatement], words: Words) -> Sheet:
    told = [_NEVER if r.dateAsserted is None else moment[r.dateAsserted] for r in found]
    taken = [
        moment[r.effectiveDateTime]
        if r.effectiveDateTime is not None
        else first(start(r.effectivePeriod)) or _NEVER
        for r in found
    ]
    dated = list(zip(told, taken, strict=True))
    time = [one[0] if one[0] is not None else other[0] for other, one in dated]
    known = [one[2] if one[2] is not None else other[2] for one, other in dated]
    end = [last(r.effectivePeriod) for r in found]
    codes = words.drugs_of(found)
    return Sheet(codes, time, end, known, [_NOTHING] * len(found), [r.status for r in found])


def _conditions(found: list[t.Condition], words: Words) -> Sheet:
    coded, worded = words.coded, words.named
    recorded = [_NEVER if r.recordedDate is None else moment[r.recordedDate] for r in found]
    onset = [
        moment[r.onsetDateTime] if r.onsetDateTime is not None else first(start(r.onsetPeriod)) or _NEVER
        for r in found
    ]
    dated = list(zip(onset, recorded, strict=True))
    time = [one[0] if one[0] is not None else other[0] for one, other in dated]
    known = [other[2] if other[2] is not None else one[2] for one, other in dated]
    end = [last(r.abatementPeriod or t.Period(end=r.abatementDateTime)) for r in found]
    status = [certainty(bytes(r.verificationStatus), bytes(r.clinicalStatus), is_abated(r)) for r in found]
    codes = [
        -1 if said == ENTERED_IN_ERROR or coded[bytes(r.code)] < 0 else worded[bytes(r.code)]
        for r, said in zip(found, status, strict=True)
    ]
    return Sheet(codes, time, end, known, [_NOTHING] * len(found), status)


def _encounters(found: list[t.Encounter], words: Words) -> Sheet:
    classed = words.classed
    moments = [
        _NEVER if (span := r.period) is None or span.start is None else moment[span.start] for r in found
    ]
    time, _, known = zip(*moments, strict=True)
    end = [last(r.period) for r in found]
    codes = [classed[bytes(r.kind), bytes(r.type), bytes(r.reasonCode), bytes(r.diagnosis)] for r in found]
    status = [r.status for r in found]
    told = [
        (at, disposition(r.hospitalization)) for at, r in enumerate(found) if r.hospitalization is not NOTHING
    ]
    ended = [(at, how) for at, how in told if how is not None]
    if not ended:
        return Sheet(codes, time, end, known, [_NOTHING] * len(found), status)
    of = [at for at, _ in ended]
    over = [end[at] for at in of]
    return Sheet(
        codes + [words.every[DISPOSITION,]] * len(of),
        [*time, *over],
        end + [None] * len(of),
        [*known, *over],
        [_NOTHING] * len(found) + [(how, None, None) for _, how in ended],
        status + [status[at] for at in of],
        of,
    )


def _procedures(found: list[t.Procedure], words: Words) -> Sheet:
    coded, worded = words.coded, words.named
    moments = [
        moment[r.performedDateTime]
        if r.performedDateTime is not None
        else first(start(r.performedPeriod)) or _NEVER
        for r in found
    ]
    time, ends, known = zip(*moments, strict=True)
    end = [
        at if r.performedPeriod is None else last(r.performedPeriod)
        for r, at in zip(found, ends, strict=True)
    ]
    codes = [-1 if coded[bytes(r.code)] < 0 else worded[bytes(r.code)] for r in found]
    return Sheet(codes, time, end, known, [_NOTHING] * len(found), [r.status for r in found])


def _immunizations(found: list[t.Immunization], words: Words) -> Sheet:
    coded = words.coded
    moments = [_NEVER if r.occurrenceDateTime is None else moment[r.occurrenceDateTime] for r in found]
    time, end, given = zip(*moments, strict=True)
    known = [
        at if r.recorded is None else moment[r.recorded].known for r, at in zip(found, given, strict=True)
    ]
    codes = [coded[bytes(r.vaccineCode)] for r in found]
    return Sheet(codes, time, end, known, [_NOTHING] * len(found), [r.status for r in found])


def _specimens(found: list[t.Specimen], words: Words) -> Sheet:
    coded, none = words.coded, t.Collection()
    got = [r.collection or none for r in found]
    moments = [
        moment[c.collectedDateTime]
        if c.collectedDateTime is not None
        else first(start(c.collectedPeriod), r.receivedTime) or _NEVER
        for r, c in zip(found, got, strict=True)
    ]
    time, _, known = zip(*moments, strict=True)
    end = [last(c.collectedPeriod) for c in got]
    codes = [coded[bytes(r.type)] for r in found]
    return Sheet(codes, time, end, known, [_NOTHING] * len(found), [r.status for r in found])


def _reports(found: list[t.DiagnosticReport], words: Words) -> Sheet:
    coded = words.coded
    moments = [
        moment[r.effectiveDateTime]
        if r.effectiveDateTime is not None
        else first(start(r.effectivePeriod)) or _NEVER
        for r in found
    ]
    time, ends, _ = zip(*moments, strict=True)
    end = [
        at if r.effectivePeriod is None else last(r.effectivePeriod)
        for r, at in zip(found, ends, strict=True)
    ]
    known = [
        moment[r.issued][2]
        if r.issued is not None
        else (at[2] if r.effectivePeriod is None or over is None else over)
        for r, at, over in zip(found, moments, end, strict=True)
    ]
    values: list[Valuation] = [
        _NOTHING if r.conclusionCode is NOTHING else (answer(bytes(r.conclusionCode)), None, None)
        for r in found
    ]
    codes = [coded[bytes(r.code)] for r in found]
    return Sheet(codes, time, end, known, values, [r.status for r in found])


# Types that exports hold by the ten thousand.
SHEETS: dict[str, Callable[[list[Any], Words], Sheet]] = {
    "Observation": _observations,
    "MedicationAdministration": _administrations,
    "MedicationRequest": _requests,
    "MedicationDispense": _dispenses,
    "MedicationStatement": _statements,
    "Condition": _conditions,
    "Encounter": _encounters,
    "Procedure": _procedures,
    "Immunization": _immunizations,
    "DiagnosticReport": _reports,
    "Specimen": _specimens,
}
# What makes a batch one for the reference decoder; the reference then says what is wrong, and where.
NOT_PLAIN = (*MALFORMED, EvidenceError, AttributeError, TypeError)
_DECODERS = {kind: msgspec.json.Decoder(READERS[kind][0]).decode for kind in SHEETS}


class Taken(NamedTuple):
    """A sheet, and of each of its resources: its place in the batch, its name and its subject's number."""

    places: list[int]
    sources: list[str]
    owners: list[int]
    made: Sheet


def sheet(kind: str, raws: list[bytes], words: Words, numbers: Mapping[str, int]) -> Taken:
    """Return what is plain among resources of type `kind`.

    numbers: a subject's number by reference, -1 where it names no patient. Raises one of `NOT_PLAIN` when
    the whole batch is to be read by the reference decoder.
    """
    decode = _DECODERS[kind]
    found = [decode(raw) for raw in raws]
    stated = kind in MUST_SAY_STATUS
    odd = {said for said in {r.status for r in found} if is_error(said) or (stated and said is None)}
    places = [
        at
        for at, r in enumerate(found)
        if r.modifierExtension is NOTHING
        and r.contained is None
        and r.implicitRules is None
        and r.resourceType == kind
        and r.status not in odd
    ]
    if len(places) < len(found):
        found = [found[at] for at in places]
    if not found:
        return Taken([], [], [], Sheet([], (), (), (), (), (), []))
    owners = [numbers[r.subject.reference] for r in found]
    ids = [r.id for r in found]
    if not _are_ids(ids):
        raise EvidenceError("an id is missing or odd")
    made = SHEETS[kind](found, words)
    taken = Taken(
        places, [f"{kind}/{one}" for one in ids], owners, made._replace(of=[*range(len(ids)), *made.of])
    )
    return _known(taken) if -1 in owners or -1 in made.codes else taken


def _are_ids(ids: list[Any]) -> bool:
    """Whether all are ids, by a look at all of them at once; where that cannot tell, one by one."""
    joined = "".join(ids)
    if joined.isascii() and joined.isprintable() and not any(one in joined for one in " /#|?"):
        return all(ids) and max(map(len, ids)) <= 128
    return all(map(is_id, ids))


def _known(taken: Taken) -> Taken:
    """Return the part of a sheet whose codes and subjects are known."""
    made = taken.made
    rows = list(zip(made.codes, made.of, strict=True))
    unknown = {at for at, owner in enumerate(taken.owners) if owner < 0} | {
        at for code, at in rows if code < 0
    }
    kept = [at for at in range(len(taken.places)) if at not in unknown]
    now = {at: new for new, at in enumerate(kept)}
    known = [at in now for at in made.of]
    columns: Any = made[:-1]
    cut = Sheet(*[list(compress(column, known)) for column in columns])
    cut = cut._replace(of=[now[at] for at in made.of if at in now])
    places, sources, owners = taken.places, taken.sources, taken.owners
    return Taken([places[at] for at in kept], [sources[at] for at in kept], [owners[at] for at in kept], cut)
