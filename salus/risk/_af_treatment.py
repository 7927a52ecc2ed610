"""Is an oral anticoagulant taken or being ordered, and how is that said? What lowers an urgency holds now."""

from __future__ import annotations

from salus.core.evidence import Event
from salus.core.seams import View
from salus.risk import _af_terms as terms
from salus.risk._diabetes import CURRENT
from salus.risk._inputs import Fact, condition, worded
from salus.risk._taken import drafted, drug, recorded

_NAME = "oral anticoagulant"


def anticoagulated(view: View) -> Fact:
    """Return whether an oral anticoagulant is taken, by the medications or by a code for long-term use.

    The code counts as an order does: recorded within a year, not ended, and no later stop on record.
    """
    fact = drug(view, _NAME, terms.is_oral_anticoagulant, view.as_of - CURRENT)
    told = condition(view, terms.LONG_TERM_ANTICOAGULANT)
    if fact.value or not told.value:
        return fact
    standing = tuple(event for event in told.events if not _over(event, fact))
    if not standing:
        return fact
    if any(_current(view, event) for event in standing):
        return Fact(_NAME, True, standing, told.says)
    says = f"{_NAME}: long-term use is coded, {_when(standing)}; whether it is still taken is not known"
    return Fact(_NAME, None, standing, says)


def _current(view: View, event: Event) -> bool:
    told = recorded(event)
    return (
        told is not None and told >= view.as_of - CURRENT and (event.end is None or event.end >= view.as_of)
    )


def _over(event: Event, fact: Fact) -> bool:
    """Whether a later entry says that the drug was stopped, or is over."""
    if fact.value is not False:
        return False
    told, ends = recorded(event), [moment for one in fact.events if (moment := one.end or recorded(one))]
    return told is not None and bool(ends) and max(ends) > told


def _when(events: tuple[Event, ...]) -> str:
    told = [moment for event in events if (moment := event.end or recorded(event)) is not None]
    return f"last on {max(told).date().isoformat()}" if told else "without a date"


def ordered_now(view: View) -> Fact:
    """Return whether an oral anticoagulant is being ordered while this is asked."""
    return drafted(view, _NAME, terms.is_oral_anticoagulant)


def treatment(now: Fact, coming: Fact) -> str:
    """Say what is known of the treatment, and that it is being ordered: such an order is not signed yet."""
    if coming.value:
        named = ", ".join(dict.fromkeys(worded(event) or event.code for event in coming.events))
        return f"One is being ordered now (not signed yet): {named}. {_treatment(now)}"
    if coming.value is None:
        return f"{_treatment(now)} What is being ordered now may be one ({coming.says})."
    return _treatment(now)


def _treatment(now: Fact) -> str:
    if now.value:
        return "An oral anticoagulant is on record."
    if now.value is None and now.events:
        return f"Whether an oral anticoagulant is taken is not sure ({now.says})."
    if now.value is None:
        return "Whether an oral anticoagulant is taken is not on record."
    if now.events:
        over = now.says.endswith("over")
        return f"An oral anticoagulant is on record, but {'its order is over' if over else 'was stopped'}."
    return "No oral anticoagulant among the recorded medications."
