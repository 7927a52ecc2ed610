"""What was refused of a person is still known to be there: an entry that nobody can read, not nothing.

A result that was sent with a broken value must not let an older one pass for the newest, and a diagnosis with
an impossible date must not pass for "no". So a refused resource that names its patient leaves an event of
status and value "unreadable", with the codes and the moment that can be made out. It is no evidence: it is
counted as a reject, lies apart from what was read, and can only leave a question open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from salus.core.addresses import parted
from salus.core.errors import EvidenceError
from salus.core.evidence import UNREADABLE, Absence
from salus.record import rest
from salus.record.fhir_certainty import ENTERED_IN_ERROR
from salus.record.fhir_decode import Near, patient_of, source_of
from salus.record.fhir_kinds import OF_OTHERS, OF_PATIENTS
from salus.record.fhir_reasons import ANOTHER_SERVERS, DELETED
from salus.record.fhir_rows import Row
from salus.record.fhir_terms import drug, literal
from salus.record.fhir_time import When, when
from salus.record.fhir_types import MALFORMED, NOTHING, says

if TYPE_CHECKING:
    import polars as pl

_NAME = "refused.parquet"
# What took itself back is no entry any more, and what is another server's is none of this patient's.
_GONE = (ENTERED_IN_ERROR, DELETED, ANOTHER_SERVERS)


class _Said(Struct, gc=False):
    """What tells whose it is, what of and of when, and what is inside it, whatever their shape."""

    resourceType: Raw = NOTHING
    id: Raw = NOTHING
    subject: Raw = NOTHING
    patient: Raw = NOTHING
    code: Raw = NOTHING
    medicationCodeableConcept: Raw = NOTHING
    vaccineCode: Raw = NOTHING
    effectiveDateTime: Raw = NOTHING
    effectiveInstant: Raw = NOTHING
    effectivePeriod: Raw = NOTHING
    onsetDateTime: Raw = NOTHING
    performedDateTime: Raw = NOTHING
    occurrenceDateTime: Raw = NOTHING
    authoredOn: Raw = NOTHING
    recordedDate: Raw = NOTHING
    issued: Raw = NOTHING
    component: Raw = NOTHING
    contained: Raw = NOTHING


class _Start(Struct, gc=False):
    start: str | None = None


class Refused(NamedTuple):
    """Whose the entry is (``Patient/<id>``), what it is called, and the rows that it leaves."""

    subject: str
    source: str
    rows: tuple[Row, ...]


_as_said = msgspec.json.Decoder(_Said).decode
_as_text = msgspec.json.Decoder(str).decode
_as_parts = msgspec.json.Decoder(list[Raw]).decode
_as_start = msgspec.json.Decoder(_Start).decode
_BROKEN = (*MALFORMED, EvidenceError)


def refused(raw: bytes | Raw, reason: str, near: Near, url: str = "") -> Refused | None:
    """Return what the resource `raw`, refused for `reason`, leaves; None where it tells of no patient."""
    if reason in _GONE:
        return None
    try:
        said = _as_said(raw)
        kind = _as_text(said.resourceType)
        whose = patient_of(literal(bytes(said.subject)) or literal(bytes(said.patient)), near)
        base, _ = parted(url)
        # Who somebody is, is no entry in a list.
        if kind not in OF_PATIENTS or kind == "Patient" or not whose or (base and not near.ours(base)):
            return None
        source = _source(kind, said.id, raw, url)
    except _BROKEN:
        return None
    moment = _moment(said)
    at = (None, None) if moment is None else (moment.start, moment.known)
    inside = (row for part in _parts(said.contained) for row in _contained(part, said, source, at))
    return Refused(whose, source, (*_rows(said, source, at), *inside))


def _rows(said: _Said, source: str, at: tuple[int | None, int | None]) -> Iterator[Row]:
    """Yield what a resource leaves: of a panel, of each of its values too."""
    codes = _codes(said.code, said.medicationCodeableConcept, said.vaccineCode)
    yield unreadable(codes or (source.partition("/")[0],), *at, source)
    for part in _parts(said.component):
        if codes := _codes(part.code):
            yield unreadable(codes, *at, source)


def _contained(inner: _Said, said: _Said, source: str, at: tuple[int | None, int | None]) -> Iterator[Row]:
    """Yield what a contained resource leaves, as `fhir_decode` names it; a relative's leaves nothing."""
    whose = bytes(said.subject) if says(said.subject) else bytes(said.patient)
    with suppress(*_BROKEN):
        holder, kind = source.partition("/")[0], _as_text(inner.resourceType)
        if kind not in OF_PATIENTS - OF_OTHERS or kind == "Patient" or holder in OF_OTHERS:
            return
        if any(
            says(told) and literal(bytes(told)) != literal(whose) for told in (inner.subject, inner.patient)
        ):
            return
        moment = _moment(inner)
        at = at if moment is None else (moment.start, moment.known)
        yield from _rows(inner, f"{kind}/{source.replace('/', '-')}-{_as_text(inner.id)}", at)


def unreadable(codes: tuple[str, ...], time: int | None, known: int | None, source: str) -> Row:
    """Return the row of an entry that nobody can read."""
    return codes, time, None, known, Absence.UNREADABLE, None, None, UNREADABLE, source


def _parts(raw: Raw) -> Iterator[_Said]:
    """Yield what is said by each part of a list; what has no shape says nothing."""
    with suppress(*_BROKEN):
        for part in _as_parts(raw) if raw is not NOTHING else ():
            with suppress(*_BROKEN):
                yield _as_said(part)


def _source(kind: str, told: Raw, raw: bytes | Raw, url: str) -> str:
    """Return ``Type/id``; where the id is what is wrong, one made from the content."""
    try:
        return source_of(kind, _as_text(told) if told is not NOTHING else None, raw, url)
    except _BROKEN:
        return source_of(kind, None, raw, "")


def _codes(*concepts: Raw) -> tuple[str, ...]:
    for raw in concepts:
        try:
            if raw is not NOTHING and (found := drug(bytes(raw))):
                return found
        except _BROKEN:
            continue
    return ()


def _moment(said: _Said) -> When | None:
    """Return the first moment that can be read; what was put on record then was known by then."""
    dated = (said.effectiveDateTime, said.effectiveInstant, said.effectivePeriod, said.onsetDateTime,
             said.performedDateTime, said.occurrenceDateTime, said.authoredOn, said.recordedDate,
             said.issued)  # fmt: skip
    return next((moment for raw in dated if (moment := _read(raw)) is not None), None)


def _read(raw: Raw) -> When | None:
    try:
        text = _as_start(raw).start if bytes(raw)[:1] == b"{" else _as_text(raw)
        return None if text is None else when(text)
    except _BROKEN:
        return None


# --- at rest ---------------------------------------------------------------------------------------


def framed(found: Iterable[tuple[int, Refused]]) -> pl.DataFrame:
    """Return what was refused, each with the order of its copy, as columns."""
    import polars as pl

    schema: dict[str, Any] = {
        "order": pl.Int64, "subject": pl.String, "source": pl.String, "codes": pl.List(pl.String),
        "time": pl.Int64, "known_at": pl.Int64, "entry": pl.String,
        "told": pl.Boolean,
    }  # fmt: skip
    rows = [
        (order, one.subject, one.source, list(row[0]), row[1], row[3], row[8], True)
        for order, one in found
        for row in one.rows
    ]
    return pl.DataFrame(rows, schema, orient="row")


def kept(generation: Path) -> pl.DataFrame:
    """Return what the generation in this folder keeps of what was refused; older ones keep nothing."""
    import polars as pl

    path = generation / "metadata" / _NAME
    # Archives of before lack `entry` and `told`: they name what was inside by its holder, and tell of it all.
    read = [rest.read(path)] if path.exists() else []
    return pl.concat([framed(()), *read], how="diagonal").with_columns(pl.col("told").fill_null(True))


def keep(generation: Path, found: pl.DataFrame) -> None:
    """Write what was refused into the folder of a generation."""
    if found.height:
        rest.write(found, generation / "metadata" / _NAME)


def by_subject(found: pl.DataFrame) -> dict[str, list[Row]]:
    """Return the rows of each subject."""
    import polars as pl

    rows: dict[str, list[Row]] = {}
    columns = ("subject", pl.coalesce("entry", "source"), "codes", "time", "known_at")
    for subject, source, codes, time, known in found.filter("told").select(columns).iter_rows():
        rows.setdefault(subject, []).append(unreadable(tuple(codes), time, known, source))
    return rows
