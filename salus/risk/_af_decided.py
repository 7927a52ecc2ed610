"""What decides on anticoagulation in atrial fibrillation by itself, whatever the score says.

ESC 2024 (Van Gelder, Eur Heart J 2024;45:3314), recommendation table 6: an oral anticoagulant in hypertrophic
cardiomyopathy and cardiac amyloidosis whatever the score (class I); recommendation table 7: with a
mechanical valve or moderate to severe mitral stenosis a vitamin K antagonist, and no direct oral
anticoagulant (class I). Pages of the tables not verified.
"""

from __future__ import annotations

from dataclasses import dataclass

from salus.core.evidence import Event
from salus.core.seams import View
from salus.risk import _af_terms as terms
from salus.risk._inputs import Fact, condition, hinted
from salus.risk._operations import names, operations

_CLASS = "(ESC 2024, class I)"


@dataclass(frozen=True, slots=True)
class Decided:
    """What is, or may be, on record; `headline` and `advice` say what follows from it.

    sure: it is there; else it follows only if the record means it. vitamin_k: only a vitamin K antagonist
    will do.
    """

    headline: str
    advice: str
    events: tuple[Event, ...]
    sure: bool = True
    vitamin_k: bool = False


def decided(view: View) -> tuple[Decided, ...]:
    """Return what decides whatever the score, what is sure first."""
    found = (_cardiomyopathy(view), _amyloidosis(view), _valve(view))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: not one.sure))


def _cardiomyopathy(view: View) -> Decided | None:
    found = condition(view, terms.ANTICOAGULATE_ANYWAY, ever=True)
    if found.value:
        return _given("hypertrophic cardiomyopathy", found.events)
    if hinted(found, terms.ANTICOAGULATE_ANYWAY):
        return _perhaps("the cardiomyopathy on record is hypertrophic", found.events)
    return None


def _amyloidosis(view: View) -> Decided | None:
    """Return amyloidosis of the heart; of one that names no organ, that it may be of the heart.

    That of the brain's vessels, which bleed, is no reason to anticoagulate.
    """
    named = condition(view, terms.CARDIAC_AMYLOIDOSIS, ever=True)
    general, heart = (
        condition(view, each, ever=True) for each in (terms.AMYLOIDOSIS, terms.DISEASE_IN_HEART)
    )
    if named.value or (general.value and heart.value):
        return _given("cardiac amyloidosis", (*named.events, *general.events, *heart.events))
    if condition(view, terms.AMYLOID_ANGIOPATHY, ever=True).value:
        return None
    if general.value or hinted(named, terms.CARDIAC_AMYLOIDOSIS) or hinted(general, terms.AMYLOIDOSIS):
        return _perhaps("the amyloidosis on record is of the heart", (*named.events, *general.events))
    return None


def _given(name: str, events: tuple[Event, ...]) -> Decided:
    advice = f"An oral anticoagulant is recommended {_CLASS}."
    return Decided(f"Anticoagulation recommended whatever the score ({name})", advice, events)


def _perhaps(if_so: str, events: tuple[Event, ...]) -> Decided:
    advice = f"If {if_so}, an oral anticoagulant is recommended {_CLASS}."
    return Decided(f"Anticoagulation recommended whatever the score if {if_so}", advice, events, sure=False)


def _valve(view: View) -> Decided | None:
    events = tuple(event for event in valves(view) if not _is_biological(event))
    if not events:
        return None
    told = any(not terms.SEVERAL_VALVES.has(event) for event in events)
    which = "with a mechanical valve or moderate to severe mitral stenosis"
    says = f"Vitamin K antagonist recommended whatever the score {which}, which may be on record"
    given = (
        f"{which[:1].upper()}{which[1:]} a vitamin K antagonist is recommended, and no direct oral "
        f"anticoagulant {_CLASS}."
    )
    return Decided(says, given, events, sure=False, vitamin_k=told)


def _is_biological(event: Event) -> bool:
    return terms.BIOLOGICAL_VALVE.has(event) or names(event, terms.BIOLOGICAL_VALVE)


def valves(view: View) -> tuple[Event, ...]:
    """Return what tells, or may by its words tell, of a replaced valve or a narrow mitral valve."""
    listed = view.timeline.where(kind="Condition", test=lambda event: event.status != "refuted")
    sets = (terms.VALVE, terms.MITRAL_STENOSIS, terms.BIOLOGICAL_VALVE)
    return tuple(
        event
        for event in (*listed, *operations(view))
        if any(each.has(event) for each in sets) or names(event, terms.VALVE)
    )


def covered(decisions: tuple[Decided, ...], now: Fact) -> bool:
    """Whether what is taken `now` is what the decisions ask for."""
    if not now.value:
        return False
    if not any(one.vitamin_k for one in decisions):
        return True
    return any(terms.is_vitamin_k_antagonist(event) is True for event in now.events)
