"""What a FHIR search asks for: patient, dates with prefixes, ids, how many and from where on.

For the FHIR door. Source: FHIR R4 3.1.1 (search), 3.1.1.4.7 (date: the parameter names a period, and so
prefixes compare with its ends). A parameter that is not known is refused, as 3.1.1.3 allows: passed over, a
misspelt one would answer with everybody. With ``Prefer: handling=lenient`` it is passed over and named, but
only where a patient or an id keeps the search from answering with everybody all the same.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from salus.core.addresses import parted
from salus.core.errors import UserError

MOST, USUAL = 200, 50
PATIENT = ("patient", "subject")
DATE = ("date", "recorded", "identified")
# The one modifier (FHIR R4 3.1.1.4.5, [type]) that says no more than the parameter does.
_TYPED = {f"{name}:Patient": name for name in PATIENT}
KNOWN = (*PATIENT, *DATE, "_id", "_count", "_summary", "_after", "_format")
_PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")
_WHEN = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?)?)?\Z"
)
NO_PATIENT = "patient must be an id, or Patient/id, or the address of a patient who is known here."
_SUBJECT = re.compile(r"(?:Patient/)?([A-Za-z0-9\-.]{1,64})\Z")
_CURSOR = re.compile(r"(\d{1,18})-(\d{1,4})\Z")


@dataclass(frozen=True, slots=True)
class When:
    """One date condition: a prefix and the period that the value names, its end not included."""

    prefix: str
    low: datetime
    high: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether `moment` fits."""
        return _HOLDS[self.prefix](moment, self)


_HOLDS: dict[str, Callable[[datetime, When], bool]] = {
    "eq": lambda at, when: when.low <= at < when.high,
    "ne": lambda at, when: not when.low <= at < when.high,
    "gt": lambda at, when: at >= when.high,
    "sa": lambda at, when: at >= when.high,
    "lt": lambda at, when: at < when.low,
    "eb": lambda at, when: at < when.low,
    "ge": lambda at, when: at >= when.low,
    "le": lambda at, when: at < when.high,
}


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for. subjects, ids: any of them; empty: all. after: (n, k) of the last one seen.

    dates: one of each group must hold. only_count: how many there are, and none of them. passed_over: names
    of parameters that are not known.
    """

    subjects: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    dates: tuple[tuple[When, ...], ...] = ()
    count: int = USUAL
    after: tuple[int, int] = (0, -1)
    said: tuple[tuple[str, str], ...] = ()
    only_count: bool = False
    passed_over: tuple[str, ...] = ()

    @property
    def since(self) -> datetime | None:
        """The earliest moment that can fit, as far as the dates bound it from below."""
        bound = ("eq", "ge", "gt", "sa")
        lows = [
            min(when.low for when in group)
            for group in self.dates
            if all(when.prefix in bound for when in group)
        ]
        return max(lows, default=None)

    def in_time(self, moment: datetime) -> bool:
        """Whether `moment` fits every date that was asked for."""
        return all(any(when.holds(moment) for when in group) for group in self.dates)

    def link(self, base: str, after: tuple[int, int] | None = None) -> str:
        """Return the URL of this search, or of its next page."""
        said = [(name, value) for name, value in self.said if after is None or name != "_after"]
        more = [("_after", f"{after[0]}-{after[1]}")] if after else []
        query = urlencode([*said, *more])
        return f"{base}?{query}" if query else base


def parse(parameters: Iterable[tuple[str, str]], lenient: bool = False) -> Search:
    """Return what `parameters` (name, value) ask for.

    Raises UserError for a value that cannot be understood, and for an unknown name unless `lenient`.
    """
    given = [(_TYPED.get(name, name), value) for name, value in parameters]
    known = [(name, value) for name, value in given if name in KNOWN]
    subjects, ids = _any_of(known, PATIENT, _subject), _any_of(known, ("_id",), str)
    strange = tuple(dict.fromkeys(name for name, _ in given if name not in KNOWN))
    _check_strange(strange, lenient, bool(subjects or ids))
    count = _count([value for name, value in known if name == "_count"])
    return Search(
        subjects=subjects,
        ids=ids,
        dates=tuple(tuple(_when(one) for one in value.split(",")) for name, value in known if name in DATE),
        count=count,
        after=_after([value for name, value in known if name == "_after"]),
        said=tuple(known),
        # FHIR R4 3.1.1.5.5: a _count of 0 is the same as _summary=count.
        only_count=_counts([value for name, value in known if name == "_summary"]) or count == 0,
        passed_over=strange,
    )


def _check_strange(names: tuple[str, ...], lenient: bool, bound: bool) -> None:
    if not names:
        return
    if not lenient:
        raise UserError(f"A search parameter is not known here. Use: {', '.join(KNOWN)}.")
    if any(name.partition(":")[0] in KNOWN for name in names):
        # FHIR R4 3.1.1.4.5: a modifier that is not supported is refused, however lenient the call.
        raise UserError("No search parameter takes a modifier here: leave out the colon and what follows.")
    if not bound:
        raise UserError("With a parameter that is not known, a lenient search must name a patient or an _id.")


def _counts(values: list[str]) -> bool:
    if any(value not in ("count", "false") for value in values):
        raise UserError("_summary must be count or false.")
    return "count" in values


def _any_of(
    given: list[tuple[str, str]], names: tuple[str, ...], read: Callable[[str], str]
) -> tuple[str, ...]:
    """Return the values of `names`; where a parameter is repeated, only what each of them names stays."""
    found = [
        [read(one) for one in dict.fromkeys(value.split(",")) if one]
        for name, value in given
        if name in names
    ]
    if not found:
        return ()
    kept = [one for one in found[0] if all(one in other for other in found)]
    if not kept:
        # Nothing can match; an id that FHIR does not allow keeps the search empty.
        return ("",)
    return tuple(kept)


def _subject(value: str) -> str:
    if parted(value)[0]:
        return value
    found = _SUBJECT.match(value)
    if found is None:
        raise UserError(NO_PATIENT)
    return f"Patient/{found[1]}"


def _count(values: list[str]) -> int:
    if not values:
        return USUAL
    if not values[-1].isascii() or not values[-1].isdigit() or len(values[-1]) > 9:
        raise UserError(f"_count must be a whole number; at most {MOST} are given at once.")
    return min(int(values[-1]), MOST)


def _after(values: list[str]) -> tuple[int, int]:
    if not values:
        return (0, -1)
    found = _CURSOR.match(values[-1])
    if found is None:
        raise UserError("_after must come from a 'next' link that was given here.")
    return int(found[1]), int(found[2])


def _when(value: str) -> When:
    prefix = value[:2] if value[:2] in _PREFIXES else "eq"
    text = value.removeprefix(prefix).replace(" ", "+")
    found = _WHEN.match(text)
    if found is None:
        raise UserError(f"date must be [prefix]yyyy-mm-ddThh:mm:ssZ or less of it; {', '.join(_PREFIXES)}.")
    try:
        return When(prefix, *_period(found))
    except (ValueError, OverflowError):
        raise UserError("date names a day or time that does not exist.") from None


def _period(found: re.Match[str]) -> tuple[datetime, datetime]:
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    offset = zone.replace("Z", "+00:00") if zone else "+00:00"
    clock = f"{hour or '00'}:{minute or '00'}:{second or '00'}{(fraction or '')[:7]}"
    low = datetime.fromisoformat(f"{year}-{month or '01'}-{day or '01'}T{clock}{offset}").astimezone(UTC)
    if hour:
        span = timedelta(milliseconds=1) if fraction else timedelta(seconds=1 if second else 60)
    else:
        span = timedelta(days=_days(int(year), month, day))
    return low, low + span


def _days(year: int, month: str | None, day: str | None) -> int:
    if day:
        return 1
    if month:
        return monthrange(year, int(month))[1]
    return 366 if monthrange(year, 2)[1] == 29 else 365
