"""How measures are put to people who must judge a model: numbers with their intervals, natural frequencies.

Everything here takes parts of an Evidence as `salus test` writes it. A part that is absent, or is no number,
is None, never a zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any

from salus.core.insight import Estimate
from salus.delivery.web import words

Part = Mapping[str, Any]
# Of this many people a model is told, so that small counts are still whole people.
PEOPLE = 1000
NOT_MEASURED = "not measured"
TOO_FEW = "too few to judge"


def plain(value: Any) -> Any:
    """Return `value` as JSON has it: text keys, lists, numbers of any library; NaN and infinity are None."""
    found = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(found, float) and not isfinite(found):
        return None
    if isinstance(found, str | bool | int | float) or found is None:
        return found
    if isinstance(found, Mapping):
        return {str(key): plain(part) for key, part in found.items()}
    if isinstance(found, Iterable):
        return [plain(part) for part in found]
    return found.isoformat() if isinstance(found, datetime) else str(found)


def part(evidence: Part, key: str) -> Part:
    """Return a part that is an object, empty where it is absent."""
    found = evidence.get(key)
    return found if isinstance(found, Mapping) else {}


def rows(evidence: Part, key: str) -> list[Part]:
    """Return a part that is a list of objects, empty where it is absent."""
    found = evidence.get(key)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list | tuple) else []


def texts(evidence: Part, key: str) -> list[str]:
    """Return a part that is a list of sentences, empty where it is absent."""
    found = evidence.get(key)
    return [row for row in found if isinstance(row, str) and row] if isinstance(found, list | tuple) else []


def numbers(row: Part, key: str) -> list[float]:
    """Return a part that is a list of numbers, empty where it is absent or holds anything else."""
    found = row.get(key)
    read = [real(one) for one in found] if isinstance(found, list | tuple) else []
    return [one for one in read if one is not None] if None not in read else []


def real(value: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return float(value)


def count(value: Any) -> str:
    """Return a count as people read it (``4,000``)."""
    found = real(value)
    return NOT_MEASURED if found is None else f"{round(found):,}"


def estimate(value: Any) -> Estimate | None:
    """Return a measure with its ends, from {"value", "low", "high"} or from a bare number."""
    if isinstance(value, Mapping):
        found = real(value.get("value"))
        ends = real(value.get("low")), real(value.get("high"))
        return None if found is None else Estimate(found, "", *ends, kind="sampling")
    found = real(value)
    return None if found is None else Estimate(found, "")


def beside(value: Any, ends: Any) -> Estimate | None:
    """Return a measure whose interval stands apart from it, as [low, high]."""
    found = real(value)
    if found is None:
        return None
    low, high = (
        (real(one) for one in ends) if isinstance(ends, list | tuple) and len(ends) == 2 else (None,) * 2
    )
    return Estimate(found, "", low, high, kind="sampling")


def decimal(value: float, digits: int = 2) -> str:
    """Return a number with as many decimals, the same for a whole column, with a true minus."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "" if float(text) == 0 else "−")


def told(found: Estimate | None, digits: int = 2, absent: str = NOT_MEASURED) -> str:
    """Return a measure with its interval (``0.87 (0.86 to 0.89)``)."""
    if found is None or found.value is None:
        return absent
    says = decimal(found.value, digits)
    if found.low is None or found.high is None:
        return says
    return f"{says} ({decimal(found.low, digits)} to {decimal(found.high, digits)})"


def in_hundred(found: Estimate | None, absent: str = NOT_MEASURED) -> str:
    """Return a share with its interval as a natural frequency (``77 in 100 (73 to 80)``)."""
    if found is None or found.value is None:
        return absent
    of = words.denominator(Estimate(found.value, "1", found.low, found.high))
    says = f"{words.number(round(found.value * of, 1))} in {of:,}"
    if found.low is None or found.high is None:
        return says
    low, high = (words.number(round(end * of, 1)) for end in (found.low, found.high))
    return f"{says} ({low} to {high})"


def holds(found: Estimate | None, value: float) -> bool | None:
    """Whether an interval holds `value`; None where there is no interval."""
    if found is None or found.low is None or found.high is None:
        return None
    return found.low <= value <= found.high


def outcome(evidence: Part) -> str:
    """Return what is predicted, in words."""
    return str(evidence.get("outcome") or "the outcome")


def whose(evidence: Part) -> str:
    """Return the data that a model was judged on, by the name that people use."""
    on = part(evidence, "on")
    return str(on.get("title") or on.get("name") or "data that are not named")


def moment(value: Any) -> str:
    """Return an ISO 8601 moment as people write it; what is none stays as it is."""
    try:
        return f"{words.moment(datetime.fromisoformat(str(value)))} UTC" if value else ""
    except ValueError:
        return str(value)


def named(evidence: Part) -> str:
    """Return the model with its version."""
    return f"{evidence.get('model') or 'A model without a name'} {evidence.get('version') or ''}".strip()


def share(evidence: Part) -> float | None:
    """Return how often the outcome happened, as a share."""
    n, events = real(evidence.get("n")), real(evidence.get("events"))
    return None if not n or events is None else events / n


def natural(evidence: Part) -> dict[str, int] | None:
    """Return, of 1,000 people like these, the alerts, the true ones, the misses and the false alarms.

    Where the run did not count them they follow from sensitivity, specificity and how often it happened.
    """
    threshold = part(evidence, "threshold")
    given = part(threshold, "natural")
    of = real(given.get("of")) or PEOPLE
    true, missed, false = (real(given.get(key)) for key in ("true_alerts", "misses", "false_alarms"))
    if true is None or missed is None or false is None:
        often = share(evidence)
        finds, spares = (estimate(threshold.get(key)) for key in ("sensitivity", "specificity"))
        if often is None or finds is None or spares is None or finds.value is None or spares.value is None:
            return None
        happens = round(often * of)
        true = round(happens * finds.value)
        missed, false = happens - true, (of - happens) * (1 - spares.value)
    counts = {"of": round(of), "true": round(true), "missed": round(missed), "false": round(false)}
    return None if min(counts.values()) < 0 else counts


def alert_from(evidence: Part) -> str:
    """Return from where on it alerts: a risk, or points of a score; "" where that is not told."""
    at = real(part(evidence, "threshold").get("value"))
    if at is None:
        return ""
    in_points = bool(part(evidence, "ends")) or not 0 <= at <= 1
    return (
        f"a score of {words.number(at)}"
        if in_points
        else f"a risk of {words.number(round(at * 100, 2))} in 100"
    )


def seen(evidence: Part) -> str:
    """Say where the model may have learnt from the very people that it is judged on; "" where it has not.

    The digest of a part of a set is that of the whole, a #, and the part.
    """
    learnt = str(part(part(evidence, "made"), "data").get("digest") or "")
    judged = str(part(evidence, "on").get("digest") or "")
    if learnt and learnt == judged:
        return "These are the very people that it learnt from: the figures flatter it, and prove nothing."
    in_part = "#" in learnt and "#" in judged
    if learnt and not in_part and learnt.partition("#")[0] == judged.partition("#")[0]:
        return "Among these people are those that it learnt from: the figures flatter it."
    return ""


def weighed(misses: float) -> str:
    """Return a cost ratio in words, and the threshold that follows (Pauker & Kassirer, NEJM 1975;293:229)."""
    ratio, alike = words.number(misses), words.number(round(100 / (1 + misses), 1))
    return (
        f"One miss was taken to weigh as much as {ratio} false {'alarm' if misses == 1 else 'alarms'}. "
        f"With that ratio, an alert is worth its cost from {alike} in 100 on."
    )
