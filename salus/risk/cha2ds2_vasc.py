"""Should this patient with atrial fibrillation have an anticoagulant? CHA2DS2-VA, and CHA2DS2-VASc beside it.

Sources: Van Gelder IC et al., 2024 ESC Guidelines for the management of atrial fibrillation, Eur Heart J
2024;45:3314-3414 (CHA2DS2-VA); Lip GYH et al., Chest 2010;137:263-72 (CHA2DS2-VASc, which adds female sex).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from salus.core.card import Action, Card, Measured, Need
from salus.core.insight import Abstention, Finding, Insight, Outcome, Reason, Urgency
from salus.core.measures import read
from salus.core.seams import View
from salus.risk import _af_terms as terms
from salus.risk._af_decided import Decided, covered, decided, valves
from salus.risk._af_measured import doubts, heart_failure, hypertension
from salus.risk._af_treatment import anticoagulated, ordered_now, treatment
from salus.risk._arteries import VASCULAR_UNCLEAR
from salus.risk._diabetes import diabetes
from salus.risk._elsewhere import under_other_codes
from salus.risk._inputs import OVER, Fact, age, condition, sex, with_unclear
from salus.risk._labs import HBA1C
from salus.risk._measures import DIASTOLIC, EJECTION_FRACTION, SYSTOLIC
from salus.risk._operations import (
    ARTERY_NOT_TOLD,
    LEGS_REVASCULARISED,
    REVASCULARISED,
    with_operations,
)
from salus.risk._placed import aged, left_out, unplaced
from salus.risk._points import Item, insight, limits, missing, of_fact, on, part, reasons, spanned
from salus.risk._terms import DIABETES, HEART_FAILURE

# ESC 2024, section 6.1 and table 10.
POINTS = {"heart failure": 1, "hypertension": 1, "diabetes": 1, "stroke": 2, "vascular disease": 1}
OLD, OLDER = 65, 75
FEMALE_POINT = 1
ADULT = 18
CONSIDER, RECOMMEND = 1, 2
_MEASURES = (EJECTION_FRACTION, SYSTOLIC, DIASTOLIC, HBA1C)


def _age(view: View) -> Item:
    found = age(view)
    points = tuple(sorted({_of_age(years) for years in range(int(found.low), int(found.high) + 1)}))
    says = f"age {found.low:g}" if found.exact else "age"
    if not found.usable:
        return Item("age", points, says, found.sources, found.problem)
    if len(points) > 1:
        return Item("age", points, says, found.sources, found.problem)
    return Item("age", points, says, found.sources, limit=f"{found.problem}." if found.problem else "")


def _of_age(years: float) -> int:
    return 2 if years >= OLDER else 1 if years >= OLD else 0


def _vascular(view: View) -> Fact:
    fact = condition(view, terms.VASCULAR, ever=True)
    fact = with_operations(view, fact, (REVASCULARISED, LEGS_REVASCULARISED), (ARTERY_NOT_TOLD,))
    fact = with_unclear(view, fact, terms.CIRCULATION_PAST)
    return with_unclear(view, fact, VASCULAR_UNCLEAR)


def items(view: View) -> tuple[Item, ...]:
    """Return the items of CHA2DS2-VA, in its order."""
    stroke = with_unclear(view, condition(view, terms.STROKE, ever=True), terms.CIRCULATION_PAST)
    stroke = with_unclear(view, stroke, terms.STROKE_UNCLEAR)
    facts = {
        "heart failure": heart_failure(view),
        "hypertension": hypertension(view),
        "diabetes": diabetes(view, ever=True),
        "stroke": stroke,
        "vascular disease": _vascular(view),
    }
    made = [_item(view, name, fact) for name, fact in facts.items()]
    return (*made[:2], _age(view), *made[2:])


def _item(view: View, name: str, fact: Fact) -> Item:
    worth = POINTS[name]
    when = on(view, fact.events[0].time) if fact.value and fact.events and fact.events[0].time else ""
    return of_fact(name, fact, lambda yes: worth if yes else 0, f"{when}{_over(fact)}")


def _over(fact: Fact) -> str:
    """Say that all of what counts is recorded as over, and how."""
    ended = sorted({event.status for event in fact.events if event.status in OVER})
    if not fact.value or not ended or any(event.status not in OVER for event in fact.events):
        return ""
    return f" (recorded as {' and '.join(ended)})"


def _female(view: View) -> Item:
    known, events = sex(view)
    sources = tuple(event.source for event in events)
    if known is None:
        return Item("female sex", (0, FEMALE_POINT), "sex", sources, "sex not recorded")
    return Item("female sex", (FEMALE_POINT if known == "female" else 0,), f"sex {known}", sources)


def _why_not(view: View, fibrillates: Fact) -> tuple[Abstention, tuple[Reason, ...]] | None:
    """Return why the score is not for this patient, and what shows it."""
    years = age(view)
    if years.usable and years.high < ADULT:
        return _not_eligible("CHA2DS2-VA is for adults.", years.sources, "Under 18")
    if fibrillates.value is False:
        says = "No atrial fibrillation or flutter among the recorded conditions."
        return Abstention("not-eligible", says), (Reason(fibrillates.sources, 0.0, says, absent=says),)
    if fibrillates.value is None:
        says = f"CHA2DS2-VA is only for atrial fibrillation; not known: {fibrillates.says}."
        why = Reason(fibrillates.sources, 0.0, fibrillates.says, absent=fibrillates.says)
        return Abstention("missing-evidence", says, ("atrial fibrillation",)), (why,)
    return None


def _not_eligible(says: str, sources: tuple[str, ...], why: str) -> tuple[Abstention, tuple[Reason, ...]]:
    return Abstention("not-eligible", says), (Reason(sources, 0.0, why),)


def _cautions(view: View, fibrillates: Fact) -> tuple[str, ...]:
    found = []
    if all(event.status in OVER for event in fibrillates.events):
        found.append("Atrial fibrillation is recorded as over; ESC 2024 decides by risk, not by rhythm.")
    if valves(view):
        found.append(
            "A replaced valve or mitral stenosis is, or may be, on record: with a mechanical valve or "
            "moderate to severe stenosis a vitamin K antagonist is given whatever this score says."
        )
    if condition(view, terms.ANTICOAGULATE_ANYWAY, ever=True).value:
        found.append(
            "Hypertrophic cardiomyopathy is on record: anticoagulation is recommended whatever the score."
        )
    looked_at = [read(view.timeline, each, view.as_of) for each in _MEASURES]
    found += under_other_codes(view, *_MEASURES)
    return (*found, *doubts(looked_at), *left_out(view, looked_at), *unplaced(view), *aged(view, drugs=True))


def _shown(fibrillates: Fact, now: Fact, coming: Fact, decisions: tuple[Decided, ...]) -> tuple[Reason, ...]:
    """Point to what moves no points though the answer hangs on it: fibrillation, treatment, what decides."""
    shown = [Reason(fibrillates.sources, 0.0, "Atrial fibrillation or flutter on record")]
    shown += [Reason(Fact("", True, one.events).sources, 0.0, one.headline) for one in decisions]
    if now.value:
        shown.append(Reason(now.sources, 0.0, "Oral anticoagulant on record"))
    if coming.value:
        shown.append(Reason(coming.sources, 0.0, "Oral anticoagulant being ordered, not signed yet"))
    return tuple(shown)


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"between {low} and {high}"


def _finding(
    parts: Sequence[Item], female: Item, action: Action, treated: str, decisions: tuple[Decided, ...]
) -> Finding:
    low, high = sum(item.low for item in parts), sum(item.high for item in parts)
    older = (low + female.low, high + female.high)
    gaps = f"; not known: {', '.join(missing(parts))}" if missing(parts) else ""
    scored = f"CHA2DS2-VA {_range(low, high)} (CHA2DS2-VASc {_range(*older)}){gaps}"
    says = f"{_headed(scored, decisions)}. {_advice(low, action, decisions)} {treated}"
    scores = (Outcome("CHA2DS2-VA", spanned(low, high)), Outcome("CHA2DS2-VASc", spanned(*older)))
    return Finding(
        "CHA2DS2-VA",
        spanned(low, high),
        _named(low, high, decisions),
        says,
        (*scores, *map(part, (*parts, female))),
    )


def _headed(scored: str, decisions: tuple[Decided, ...]) -> str:
    return f"{decisions[0].headline}: {scored}" if decisions else scored


def _advice(low: int, action: Action, decisions: tuple[Decided, ...]) -> str:
    """Say what follows; of a range, that it follows from its upper end where the lower asks for less.

    What decides whatever the score stands first; the score speaks only where that is not sure.
    """
    if decisions:
        given = " ".join(dict.fromkeys(one.advice for one in decisions))
        return given if decisions[0].sure else f"{given} If not: {_lower(_advice(low, action, ()))}"
    if CARD.action(low) == action:
        return action.says
    return f"At the upper end: {_lower(action.says)}"


def _lower(says: str) -> str:
    return f"{says[:1].lower()}{says[1:]}"


def _named(low: int, high: int, decisions: tuple[Decided, ...]) -> str:
    ends = [_class(low), _class(high)]
    if decisions:
        ends = [_class(RECOMMEND) if decisions[0].sure else ends[0], _class(RECOMMEND)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _class(score: int) -> str:
    if score >= RECOMMEND:
        return "anticoagulation recommended (class I)"
    return "anticoagulation to be considered (class IIa)" if score >= CONSIDER else "low risk"


_HISTORY = tuple(
    Need(value_set.name, "Condition", tuple(sorted(value_set.codes)))
    for value_set in (HEART_FAILURE, terms.HYPERTENSION, DIABETES, terms.STROKE, terms.VASCULAR)
)

CARD = Card(
    name="cha2ds2-vasc",
    version="1.0.0",
    title="CHA2DS2-VA and CHA2DS2-VASc",
    asks="Should this patient with atrial fibrillation have an anticoagulant to prevent a stroke?",
    meant_for="Adults with atrial fibrillation or flutter, paroxysmal, persistent or permanent.",
    not_for=(
        "No atrial fibrillation. With moderate to severe mitral stenosis, a mechanical heart valve, "
        "hypertrophic cardiomyopathy or cardiac amyloidosis the score does not decide, and the answer says "
        "what does."
    ),
    needs=(
        Need("date of birth and sex", "Patient", required=True),
        Need("conditions", "Condition", required=True),
        Need(
            "atrial fibrillation", "Condition", tuple(sorted(terms.ATRIAL_FIBRILLATION.codes)), required=True
        ),
        *_HISTORY,
        Need("revascularisation, valve replacement", "Procedure"),
        Need("reasons of visits", "Encounter"),
        Need("ejection fraction", "Observation", EJECTION_FRACTION.codes),
        Need("blood pressure", "Observation", (*SYSTOLIC.codes, *DIASTOLIC.codes, "LOINC/85354-9")),
        Need("HbA1c", "Observation", HBA1C.codes),
        Need("medications", "MedicationRequest"),
    ),
    actions=(
        Action(0, None, "No anticoagulant for this reason; judge again at least every year."),
        Action(
            CONSIDER, Urgency.ROUTINE, "An oral anticoagulant should be considered (ESC 2024, class IIa)."
        ),
        Action(RECOMMEND, Urgency.THIS_WEEK, "An oral anticoagulant is recommended (ESC 2024, class I)."),
    ),
    owner="Salus risk room",
    sources=(
        "ESC 2024, Eur Heart J 2024;45:3314-3414, section 6.1 and table 10: items (page not verified)",
        "ESC 2024, recommendation table 6: 2 or more class I, 1 class IIa; hypertrophic cardiomyopathy and "
        "cardiac amyloidosis whatever the score; periodic reassessment; recommendation table 7: a vitamin K "
        "antagonist with a mechanical valve or moderate to severe mitral stenosis (tables not verified)",
        "Lip GYH et al., Chest 2010;137:263-72, table 2: CHA2DS2-VASc, with 1 point for female sex",
        "Codes: Friberg L et al., Eur Heart J 2012;33:1500-10; Quan H et al., Med Care 2005;43:1130-9",
    ),
    measures=(
        Measured(
            "people with atrial fibrillation (meta-analysis)",
            "c-statistic of CHA2DS2-VASc, ischaemic stroke",
            0.644,
            0.635,
            0.653,
            6_267_728,
            "van der Endt VHW et al., Europace 2022;24:1739-53",
        ),
        Measured(
            "United Kingdom, not anticoagulated, lowest of the yearly values",
            "c-statistic of CHA2DS2-VA, stroke or embolism",
            0.62,
            None,
            None,
            126_428,
            "PubMed 39522169, abstract (0.62 to 0.71 over the years, as CHA2DS2-VASc)",
        ),
    ),
    hooks=("patient-view", "encounter-start", "order-select", "order-sign"),
    notes=(
        "The estimate is CHA2DS2-VA, the current guideline's; CHA2DS2-VASc stands among its parts.",
        "What once was counts (a stroke, an infarction, heart failure), whatever its status now.",
        "Readings above 140/90 on two different days count without a diagnosis, since they are the criterion "
        "itself (table 10: on at least two occasions, page not verified): of two days where they are 24 "
        "hours apart or more, of one where they are less than 12 apart, and leave it open in between; no "
        "clock decides. An ejection fraction of 40 % or less counts, though a later one is better. A "
        "measurement that cannot be read, was withheld, is only a bound or is told otherwise at the same "
        "moment leaves its item open. Drugs for blood pressure alone leave hypertension open "
        "(0 to 1), and drugs that lower glucose or an HbA1c of 6.5 % leave diabetes open: the drugs have "
        "other uses too. This is our choice: the guideline counts treatment.",
        "What decides whatever the score (ESC 2024, recommendation tables 6 and 7) heads the answer, gives "
        "the advice and has the urgency of a score of 2. A valve or a mitral stenosis whose kind or degree "
        "is not told, and an amyloidosis of no named organ, do so with an if. With a valve only a vitamin K "
        "antagonist on record lowers the urgency; a biological valve is cautioned of and decides nothing.",
        "Revascularised coronary or leg arteries and an operated abdominal aorta are vascular disease; one "
        "that only words name, or that does not say its artery, leaves it open.",
        "A past disease of the circulation (ICD-10 Z86.7, which tells no more) leaves stroke and vascular "
        "disease open. A cardiomyopathy leaves heart failure open. Of a range, the advice is that of its "
        "upper end, and said to be so where the lower end asks for less.",
        "A condition that only words name leaves its item open, and one that neither a known code system nor "
        "a known word places leaves every item open; SNOMED CT subtypes beyond those listed here "
        "are counted among the limits, since their codes do not tell what they are a kind of.",
        "The urgency falls to routine only where an oral anticoagulant is on record as taken now: an order, "
        "statement or code of the last year whose end has not passed, and no later stop. What ended or was "
        "given within a year (completed: 90 days), or has no date, leaves it open and lowers nothing: an "
        "order that is over says nothing of today.",
        "An order that is being written (a draft of the last day) is no treatment yet. It is named, and the "
        "urgency falls to routine while it waits to be signed: what is asked for is being done.",
    ),
)


@dataclass(frozen=True, slots=True)
class Cha2ds2Vasc:
    """CHA2DS2-VA and CHA2DS2-VASc as a model: `card` and `predict`."""

    card: Card = CARD

    def predict(self, view: View) -> Insight:
        """Return both scores, their range where history is not known, or an Abstention."""
        fibrillates = condition(view, terms.ATRIAL_FIBRILLATION, ever=True)
        barred = _why_not(view, fibrillates)
        if barred:
            return insight(self.card, view, barred[0], None, barred[1], unplaced(view))
        parts, female, decisions = items(view), _female(view), decided(view)
        now, coming = anticoagulated(view), ordered_now(view)
        treated = treatment(now, coming)
        low, high = sum(item.low for item in parts), sum(item.high for item in parts)
        why = (*reasons(parts), *_shown(fibrillates, now, coming, decisions))
        said = limits((*parts, female), *_cautions(view, fibrillates), "" if now.value else treated)
        if low == 0 and high >= RECOMMEND and not decisions:
            gaps = ", ".join(missing(parts))
            says = f"CHA2DS2-VA cannot be judged: between {low} and {high}; not known: {gaps}."
            unsupported = Abstention("missing-evidence", says, missing(parts), spanned(low, high))
            return insight(self.card, view, unsupported, None, why, said)
        action = self.card.action(high)
        assert action is not None
        found = _finding(parts, female, action, treated, decisions)
        return insight(self.card, view, found, _urgency(action, now, coming, decisions), why, said)


def _urgency(action: Action, now: Fact, coming: Fact, decisions: tuple[Decided, ...]) -> Urgency | None:
    """Return how soon: what decides whatever the score is as pressing as a score that recommends."""
    row = CARD.action(RECOMMEND) if decisions else action
    assert row is not None
    treated = covered(decisions, now) or covered(decisions, coming)
    return Urgency.ROUTINE if row.urgency and treated else row.urgency


MODEL = Cha2ds2Vasc()
