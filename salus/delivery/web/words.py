"""How an answer is put to a person: urgency, natural frequencies, quantities, moments; for every page.

Risk is told as a natural frequency of one fixed denominator a statement, the form that people misread
least (Gigerenzer et al., Psychol Sci Public Interest 2007;8:53-96).
"""

from __future__ import annotations

import re
from calendar import month_name
from dataclasses import dataclass
from datetime import UTC, datetime

from salus.core.card import Card
from salus.core.evidence import Absence, Event
from salus.core.insight import Abstention, Estimate, Insight, Risk, Urgency
from salus.core.measures import ago
from salus.delivery.web.forms import DONE
from salus.spine.called import called_for
from salus.spine.outdated import Outdated


@dataclass(frozen=True, slots=True)
class Tag:
    """An urgency as a page shows it: words first, a shape of its own, colour last."""

    key: str
    words: str
    asks: str


ACT_NOW = Tag("now", "Act now", "Act now")
LOOK_TODAY = Tag("today", "Look today", "Look today")
THIS_WEEK = Tag("week", "This week", "This week")
# Someone decided on an answer, and its evidence was corrected or withdrawn since.
AGAIN = Tag("again", "Decide again", "To be decided again")
CANNOT = Tag("cannot", "Cannot judge", "Cannot be judged")
ROUTINE = Tag("calm", "Routine", "Routine")
NO_ACTION = Tag("none", "No action", "No action asked for")
# A question that does not arise (an adult's score for a child): not urgent, and not unknown either.
NOT_APPLICABLE = Tag("na", "Does not apply", "Does not apply")
# No live model was asked: that is no all-clear.
UNASKED = Tag("unasked", "Not asked", "Not asked about")
TAGS = (ACT_NOW, LOOK_TODAY, THIS_WEEK, AGAIN, CANNOT, UNASKED, ROUTINE, NO_ACTION, NOT_APPLICABLE)
_BY_URGENCY = {
    Urgency.NOW: ACT_NOW,
    Urgency.TODAY: LOOK_TODAY,
    Urgency.THIS_WEEK: THIS_WEEK,
    Urgency.ROUTINE: ROUTINE,
}

# What an interval is, in words that follow the numbers.
INTERVALS = {
    "missing-inputs": "what is missing leaves this open",
    "conformal": "the range that holds the truth as often as promised (conformal)",
    "sampling": "from the uncertainty of its study (sampling)",
    "none-published": "no interval published",
}

_UNITS = {
    "1": "", "{score}": "", "mm[Hg]": "mmHg", "Cel": "°C", "[degF]": "°F", "a": "years", "[lb_av]": "lb",
    "[in_i]": "in", "mL/min/{1.73_m2}": "mL/min/1.73 m²", "kg/m2": "kg/m²", "10*3/uL": "×10³/µL",
    "10*9/L": "×10⁹/L",
}  # fmt: skip


def tag(insight: Insight) -> Tag:
    """Return how urgent `insight` is, as a page shows it."""
    urgency = called_for(insight)
    if urgency is None and isinstance(insight.body, Abstention):
        return CANNOT if insight.applies else NOT_APPLICABLE
    return _BY_URGENCY[urgency] if urgency else NO_ACTION


def unit(ucum: str | None) -> str:
    """Return a UCUM unit as people write it; annotations in braces are dropped."""
    if not ucum:
        return ""
    if ucum in _UNITS:
        return _UNITS[ucum]
    return re.sub(r"\{[^}]*\}|[\[\]]", "", re.sub(r"^u(?=[a-zA-Z])", "µ", ucum)).strip()


def duration(iso: str) -> str:
    """Return an ISO 8601 duration of one unit in words (``P1D`` is ``1 day``); "" is any time."""
    found = re.fullmatch(r"P(T?)(\d+)([YMWDH])", iso)
    if not found:
        return iso or "any time"
    names = {"Y": "year", "M": "month", "W": "week", "D": "day", "H": "hour"}
    return plural(int(found[2]), "minute" if found[1] and found[3] == "M" else names[found[3]])


def number(value: float) -> str:
    """Return `value` with as many digits as matter, never in exponent form."""
    text = f"{value:.4f}" if 0 < abs(value) < 0.1 else f"{value:.2f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def quantity(value: float, ucum: str | None) -> str:
    """Return a number with its unit (``38.6 °C``, ``26 /min``, ``91 %``)."""
    return f"{number(value)} {unit(ucum)}".strip()


def denominator(estimate: Estimate) -> int:
    """Return 100, or 1,000 where a part of 100 would show nothing."""
    known = [end for end in (estimate.value, estimate.low, estimate.high) if end is not None]
    return 100 if not known or max(known) >= 0.01 else 1000


def _count(share: float, of: int) -> str:
    count = share * of
    if 0 < count < 0.5:
        return "fewer than 1"
    # Nobody is told that everybody dies of whom a few live.
    return f"more than {of - 1:,}" if of - 0.5 <= count < of else f"{round(count):,}"


def frequency(estimate: Estimate) -> str:
    """Return a probability as a natural frequency: ``about 12 in 100``, ``between 3 and 8 in 100``."""
    of = denominator(estimate)
    if estimate.value is not None:
        count = _count(estimate.value, of)
        return f"{count} in {of:,}" if " than " in count else f"about {count} in {of:,}"
    if estimate.low is None or estimate.high is None:
        return "not known"
    low, high = _count(estimate.low, of), _count(estimate.high, of)
    if low != high:
        return f"between {low} and {high} in {of:,}"
    return f"{low} in {of:,}" if " than " in low else f"about {low} in {of:,}"


def amount(estimate: Estimate) -> str:
    """Return an estimate as its unit asks: a frequency for a probability, else a quantity or its range."""
    if estimate.unit == "1":
        return frequency(estimate)
    if estimate.value is not None:
        return quantity(estimate.value, estimate.unit)
    if estimate.low is None or estimate.high is None:
        return "not known"
    if estimate.low == estimate.high:
        return quantity(estimate.low, estimate.unit)
    return f"between {number(estimate.low)} and {quantity(estimate.high, estimate.unit)}"


def interval(estimate: Estimate) -> str:
    """Return how sure it is: the ends and what kind of interval they are, or that none is published."""
    kind = INTERVALS.get(estimate.kind, estimate.kind)
    if estimate.low is None or estimate.high is None:
        return kind
    if estimate.value is None or estimate.low == estimate.high:
        return "" if estimate.low == estimate.high else kind
    of = denominator(estimate)
    if estimate.unit == "1":
        return f"between {_count(estimate.low, of)} and {_count(estimate.high, of)} in {of:,}: {kind}"
    return f"between {number(estimate.low)} and {quantity(estimate.high, estimate.unit)}: {kind}"


def says(insight: Insight) -> str:
    """Return the one line by which an insight is known on a list: the number and what it is of."""
    body = insight.body
    if isinstance(body, Risk):
        first = body.outcomes[0]
        within = f" within {first.horizon}" if first.horizon else ""
        return f"{first.of[:1].upper()}{first.of[1:]}{within}: {frequency(first.estimate)}"
    written = str(getattr(body, "says", "")) or insight.asks
    return re.split(r"; |(?<=[a-z0-9)])\. ", written, maxsplit=1)[0].rstrip(".")


def act(insight: Insight, card: Card | None) -> str:
    """Return what follows from an answer: as the answer itself says it, else as the card's table does."""
    body = insight.body
    if isinstance(body, Abstention) or insight.urgency is None:
        return ""
    _, _, rest = str(getattr(body, "says", "")).partition(". ")
    if rest:
        return rest
    estimate = body.outcomes[0].estimate if isinstance(body, Risk) else getattr(body, "estimate", None)
    row = card.action(estimate.upper) if card and estimate else None
    if row is None or estimate is None or row.urgency is not insight.urgency:
        return ""
    ranged = estimate.low is not None and estimate.high is not None and estimate.low < estimate.high
    lower = card.action(estimate.low) if card and ranged and estimate.low is not None else row
    return row.says if lower == row else f"At the upper end: {row.says[:1].lower()}{row.says[1:]}"


def outdated(late: Outdated) -> str:
    """Return who decided on what no longer stands, and when."""
    did = DONE.get(late.review.decision, late.review.decision)
    who = f"{late.review.by} {did} with {late.model}, {moment(late.review.at)}"
    return f"Out of date: {who}; the evidence was corrected or withdrawn since"


def last_said(insight: Insight, now: datetime) -> str:
    """Return whose last answer this is, and how old."""
    return f"Last answer of {insight.model.name}, as of {moment(insight.as_of)}, {age_of(insight.as_of, now)}"


_ABSENT = re.compile(r"( is)? not (on record|recorded|measured|available)$")


def unknown(insight: Insight) -> list[str]:
    """Name what is not known, shortly: what the reasons call absent, or what an Abstention misses."""
    if isinstance(insight.body, Abstention) and insight.body.missing:
        return list(insight.body.missing)
    named = [_ABSENT.sub("", reason.absent.partition(": ")[0]) for reason in insight.reasons if reason.absent]
    return list(dict.fromkeys(named))


def few(names: list[str], most: int = 3) -> str:
    """Return a list as people say it, cut short with its count (``a, b and 2 more``)."""
    if len(names) <= most + 1:
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def value(event: Event) -> str:
    """Return what an event says; withheld and not sent read the same, so that nobody can tell them apart."""
    held = event.value
    if held is None:
        return "recorded" if event.status is None else event.status
    if held is Absence.UNREADABLE:
        return "cannot be read"
    if isinstance(held, Absence):
        return "not measured" if held is Absence.NOT_MEASURED else "not available"
    if isinstance(held, bool):
        return "yes" if held else "no"
    if isinstance(held, int | float):
        return f"{event.comparator or ''}{quantity(float(held), event.unit)}"
    return str(held)


def moment(at: datetime | None) -> str:
    """Return a moment to the minute in UTC (``2 Nov 2026, 08:00``), a bare day where no hour is given."""
    if at is None:
        return "undated"
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b} {at.year:04d}, {at:%H:%M}"


def clock(at: datetime, now: datetime) -> str:
    """Return the hour alone for a moment on the same day, the whole moment otherwise."""
    at = at.astimezone(UTC)
    return f"{at:%H:%M}" if at.date() == now.astimezone(UTC).date() else moment(at)


def age_of(at: datetime, now: datetime) -> str:
    """Return how old something is (``3 hours old``); a record that lies in the future says so."""
    if at > now:
        return f"dated in the future, {moment(at)}"
    return f"{ago(now - at)} old"


def years(born: str, at: datetime) -> str:
    """Return completed years at `at` (``67``) since a FHIR date; ``66 or 67`` where it is partial."""
    parts = [int(part) for part in born.split("-") if part.isdigit()]
    if not parts:
        return ""
    most, today = at.year - parts[0], (at.month, at.day)
    if len(parts) == 3:
        return str(most - (today < (parts[1], parts[2])))
    if len(parts) == 2 and at.month != parts[1]:
        return str(most - (at.month < parts[1]))
    return f"{most - 1} or {most}"


def day(date: str) -> str:
    """Return a FHIR date as people write it (``23 July 1959``, ``July 1959``, ``1959``)."""
    parts = [int(part) for part in date.split("-") if part.isdigit()]
    if len(parts) > 1 and 1 <= parts[1] <= 12:
        return " ".join([*(str(part) for part in parts[2:3]), month_name[parts[1]], str(parts[0])])
    return str(parts[0]) if parts else ""


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun (``1 patient``, ``28 patients``)."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


# In this order: each of the later ones is named by those before it too.
_BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {
    "Android": "Android", "iPhone": "an iPhone", "iPad": "an iPad", "Windows": "Windows", "Mac OS": "a Mac",
    "Linux": "Linux",
}  # fmt: skip


def browser(agent: str) -> str:
    """Return a browser as a person knows it, from what it says of itself (RFC 9110 section 10.1.5)."""
    program = next((name for mark, name in _BROWSERS.items() if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), "")
    if not program:
        return agent[:40] or "A program that does not say what it is"
    return f"{program} on {system}" if system else program
