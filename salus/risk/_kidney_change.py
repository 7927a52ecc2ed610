"""Do the kidneys stand still? What KDIGO calls a rise of creatinine or a fall of filtration, over which days.

Sources: KDIGO 2012 AKI guideline (Kidney Int Suppl 2012;2:19), section 2.1.1: a rise of 0.3 mg/dL within 48
hours, or to 1.5 times within 7 days, is acute kidney injury; its Table 11: a rise of more than 50 %, or a
fall of filtration by 35 % or more, for less than three months is acute kidney disease, and so ADQI (Chawla,
Nat Rev Nephrol 2017;13:241) calls what is left of an injury from 7 to 90 days after it.

Over an older value than a week nobody knows how fast it rose: such values are looked for up to 365 days back,
as the AKI algorithm of NHS England does (Patient Safety Alert NHS/PSA/D/2014/010). It takes their median, in
which an injury of last week hides itself; here it is the last value that lies so far from the latest, and
what has stood for three months since is a new state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from salus.core.measures import Measure
from salus.core.seams import View
from salus.risk._kidney_history import CHRONIC, Past, filtration, values
from salus.risk._labs import CREATININE, CREATININE_GRAMS, EGFR

_TWO_DAYS, _WEEK, _YEAR = timedelta(hours=48), timedelta(days=7), timedelta(days=365)
# KDIGO writes the rise as 0.3 mg/dL and as 26.5 umol/L, which is 0.2998 mg/dL. Both must count, whatever unit
# the record uses, so the lesser is the threshold.
_RISE_MG, _RISE_TIMES = round(26.5 * CREATININE_GRAMS / 1e4, 9), 1.5
_FALL = 0.35


@dataclass(frozen=True, slots=True)
class Jump:
    """A measure that does not stand still. rising: from `before` to `after`; else it falls.

    since: where the worse state began that has stood up to `after`, as far as values tell.
    """

    before: Past
    after: Past
    rising: bool
    since: Past
    of: Measure = CREATININE

    @property
    def apart(self) -> timedelta:
        """How long lies between the two."""
        return self.after.at - self.before.at

    @property
    def worse(self) -> bool:
        """Whether the kidneys do worse than before."""
        return self.rising is (self.of is CREATININE)

    @property
    def gap(self) -> timedelta:
        """How long lies between the last better value and the first that stood: it went within that."""
        return self.since.at - self.before.at

    @property
    def of_a_week(self) -> bool:
        """Whether it is known to have gone within seven days: then a rise is acute kidney injury."""
        return self.gap <= _WEEK

    @property
    def stood(self) -> timedelta | None:
        """For how long it is known to have stood, where that is more than a week."""
        found = self.after.at - self.since.at
        return found if found > _WEEK else None

    @property
    def times(self) -> float:
        """How many times the value before it is (of a fall: the other way round), at least."""
        low, high = (self.before, self.after) if self.rising else (self.after, self.before)
        return round(high.low / low.high, 9)


def change(view: View) -> Jump | None:
    """Return the change of creatinine that shows no steady state at its latest value, or None.

    A rise within the week stands before one over an older value; of several values at the latest moment the
    highest may have risen and the lowest fallen.
    """
    series = [past for past in values(view, CREATININE) if past.read]
    if not series:
        return None
    newest = [past for past in series if past.at == series[-1].at]
    highest, lowest = max(newest, key=lambda past: past.low), min(newest, key=lambda past: past.high)
    week = [past for past in series if highest.at - _WEEK <= past.at < highest.at]
    rising = [past for past in week if _rose(past, highest)]
    if rising:
        return Jump(min(rising, key=lambda past: past.high), highest, rising=True, since=highest)
    found = _departed(highest, series, lambda past: _rose(past, highest))
    if found is not None:
        return Jump(found[0], highest, rising=True, since=found[1])
    falling = [past for past in week if _rose(lowest, past)]
    if falling:
        return Jump(max(falling, key=lambda past: past.low), lowest, rising=False, since=lowest)
    return None


def fall(view: View) -> Jump | None:
    """Return the fall of filtration up to its latest value where an eGFR was reported, or None.

    Two values from creatinine are no matter of it: what their change means, `change` says.
    """
    series = [past for past in reversed(tuple(filtration(view))) if past.read]
    if not series:
        return None
    after = series[-1]

    def fell(past: Past) -> bool:
        return _comparable(past, after) and round(after.high / past.low, 9) <= 1 - _FALL

    week = [past for past in series if after.at - _WEEK <= past.at < after.at and fell(past)]
    if week:
        return Jump(max(week, key=lambda past: past.low), after, rising=False, since=after, of=EGFR)
    found = _departed(after, series, fell)
    return None if found is None else Jump(found[0], after, rising=False, since=found[1], of=EGFR)


def _departed(
    latest: Past, series: Sequence[Past], better: Callable[[Past], bool]
) -> tuple[Past, Past] | None:
    """Return the last value of the year before that was better, and the first of those that stood since.

    None where the state of `latest` has stood for three months.
    """
    since = latest
    for past in _earlier(latest, series):
        if latest.at - since.at >= CHRONIC:
            return None
        if better(past):
            return past, since
        since = past
    return None


def _earlier(latest: Past, series: Sequence[Past]) -> Iterable[Past]:
    """Return the values of the year before `latest`, the newest first."""
    return (past for past in reversed(series) if latest.at - _YEAR <= past.at < latest.at)


def _rose(low: Past, high: Past) -> bool:
    """Whether `high` is a KDIGO rise over `low`; figures are freed of binary dust first."""
    if round(high.low / low.high, 9) >= _RISE_TIMES:
        return True
    earlier, later = sorted((low, high), key=lambda past: past.at)
    # Of a value that names its day alone the hour is not known: the two may lie as near as that allows.
    near = later.at - (earlier.event.end or earlier.at) <= _TWO_DAYS
    return near and round(high.low - low.high, 9) >= _RISE_MG


def _comparable(past: Past, after: Past) -> bool:
    """Whether one of the two was reported; of one day they are two readings of one state, and no change."""
    told = [each.event.coded(frozenset(EGFR.codes)) for each in (past, after)]
    return any(told) and (all(told) or past.at.date() != after.at.date())
