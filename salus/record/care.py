"""Who cares for whom: the practitioners and organisations that the record itself names beside a patient.

Source: FHIR R4 4.0.1: Encounter.participant.individual and .serviceProvider, CareTeam.participant.member,
.participant.onBehalfOf and .managingOrganization, EpisodeOfCare.careManager and .managingOrganization,
Patient.generalPractitioner and .managingOrganization.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from salus.core.addresses import is_among, parted
from salus.core.errors import EvidenceError
from salus.record.fhir_time import when

if TYPE_CHECKING:
    from salus.record.archive import Archive

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What no longer ties anybody to the patient: never begun, or said by mistake.
_VOID = frozenset({"cancelled", "entered-in-error", "proposed", "planned", "suspended"})


@dataclass(frozen=True, slots=True)
class Tie:
    """`who` (``Practitioner/7``, ``Organization/3``) cares for `subject`, from `start` to `end`.

    Either end may be open (None). source: where the record says so.
    """

    subject: str
    who: str
    start: datetime | None = None
    end: datetime | None = None
    source: str = ""

    def holds(self, at: datetime, after: timedelta = timedelta(0)) -> bool:
        """Whether it held at `at`, or ended at most `after` before."""
        began = self.start is None or self.start <= at
        return began and (self.end is None or at - self.end <= after)


def ties(archive: Archive) -> Iterator[Tie]:
    """Yield every tie between a patient and those who care for them that `archive` holds."""
    servers = tuple(one for one in archive.manifest.servers if one)
    for kind in ("Patient", "CareTeam", "EpisodeOfCare", "Encounter"):
        for subject, source, raw in archive.about(kind):
            # What cannot be read opens nothing.
            with suppress(msgspec.DecodeError, EvidenceError, UnicodeDecodeError):
                yield from list(_of(subject, source, _read(raw), servers))


class _Period(msgspec.Struct):
    start: str | None = None
    end: str | None = None


class _Ref(msgspec.Struct):
    reference: str | None = None


class _Part(msgspec.Struct):
    individual: _Ref | None = None
    member: _Ref | None = None
    onBehalfOf: _Ref | None = None
    period: _Period | None = None


class _Carer(msgspec.Struct):
    status: str | None = None
    period: _Period | None = None
    participant: list[_Part] = []
    serviceProvider: _Ref | None = None
    managingOrganization: _Ref | list[_Ref] | None = None
    careManager: _Ref | None = None
    generalPractitioner: list[_Ref] = []


_read = msgspec.json.Decoder(_Carer).decode


def _of(subject: str, source: str, told: _Carer, servers: tuple[str, ...]) -> Iterator[Tie]:
    if told.status in _VOID:
        return
    start, end = _when(told.period)
    managing = told.managingOrganization
    whole = [told.serviceProvider, told.careManager, *told.generalPractitioner]
    whole += managing if isinstance(managing, list) else [managing]
    for who in _named(whole, servers):
        yield Tie(subject, who, start, end, source)
    for part in told.participant:
        begins, ends = _when(part.period)
        for who in _named((part.individual, part.member, part.onBehalfOf), servers):
            yield Tie(subject, who, begins or start, ends or end, source)


def _named(told: Iterable[_Ref | None], servers: tuple[str, ...]) -> Iterator[str]:
    """Yield who is referred to, where it can be somebody who cares; another server's by its whole address."""
    for one in told:
        base, name = parted(one.reference or "") if one else ("", "")
        if name.partition("/")[0] in ("Practitioner", "PractitionerRole", "Organization"):
            yield f"{base}/{name}" if base and servers and not is_among(base, servers) else name


def _when(period: _Period | None) -> tuple[datetime | None, datetime | None]:
    """Return when a period begins and ends; raises EvidenceError for what is no date: it ties nobody."""
    if period is None:
        return None, None
    start = _moment(when(period.start).start) if period.start else None
    ends = when(period.end) if period.end else None
    return start, ends and _moment(ends.start if ends.end is None else ends.end)


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
