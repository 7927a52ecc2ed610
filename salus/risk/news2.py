"""Is this patient deteriorating now? NEWS2, for the ward and the emergency department, from vital signs.

Source: Royal College of Physicians. National Early Warning Score (NEWS) 2. Updated report of a working party.
London: RCP, 2017. ISBN 978-1-86016-682-2. Chart 1 (scoring), chart 2 (thresholds), chart 4 (response).
"""

from __future__ import annotations

from dataclasses import dataclass

from salus.core.card import Action, Card, Measured, Need
from salus.core.insight import Abstention, Finding, Insight, Reason, Urgency
from salus.core.seams import View
from salus.risk import _bedside as bedside
from salus.risk import _pregnancy as pregnancy
from salus.risk._inputs import age, sex
from salus.risk._measures import PULSE, RESPIRATORY_RATE, SPO2, SYSTOLIC, TEMPERATURE
from salus.risk._news2_chart import HIGH, MEDIUM, RED, category
from salus.risk._news2_sum import VITAL, Scored, scored, timing
from salus.risk._news2_trial import TRIAL
from salus.risk._placed import blank_since, unplaced
from salus.risk._points import SCORE, insight, limits, missing, part, reasons, spanned
from salus.risk._terms import PREGNANCY

ADULT = 16
# Half of what the score can give (0 to 20): a wider range with a harmless lower end supports no action.
TOO_WIDE = 10

# Chart 2: 3 in any one parameter asks for an urgent response on the ward, whatever the sum.
_REVIEW = "tell the medical team, urgent review on the ward, observe hourly."
RED_ACTION = Action(RED, Urgency.TODAY, f"One measurement alone scores 3: {_REVIEW}")
RED_POSSIBLE = Action(RED, Urgency.TODAY, f"One measurement alone may score 3: {_REVIEW}")


def _why_not(view: View) -> tuple[Abstention, Reason] | None:
    """Return why this patient is not for NEWS2, and what shows it."""
    years, carrying = age(view), pregnancy.pregnant(view)
    if years.usable and years.high < ADULT:
        says = "NEWS2 is not for under 16: use a paediatric early warning score."
        return Abstention("not-eligible", says), Reason(years.sources, 0.0, "Under 16", SCORE)
    if carrying.value:
        says = "NEWS2 is not for pregnancy: use a maternity early warning score."
        return Abstention("not-eligible", says), Reason(carrying.sources, 0.0, "Pregnancy on record", SCORE)
    return None


def _unsupported(view: View, scored: Scored) -> Abstention | None:
    """Return why the range supports no action, or None where it does."""
    absent, estimate = missing(scored.items), spanned(scored.low, scored.high)
    vital = [item for item in scored.items if item.name in VITAL and not item.absent]
    years = age(view)
    if not vital:
        says = "NEWS2 cannot be judged: no usable vital signs in the last 24 hours."
        return Abstention("missing-evidence", says, absent, estimate)
    if not years.usable or years.low < ADULT:
        known = years.problem if years.sources else "age is not known"
        says = f"NEWS2 would be {_number(scored)}, but {known}, and it is only for 16 and over."
        return Abstention("missing-evidence", says, ("date of birth", *absent), estimate)
    harmless = scored.low < MEDIUM and not scored.red_certain
    wide = scored.low == 0 or scored.high - scored.low > TOO_WIDE
    if scored.high >= HIGH and harmless and wide:
        says = f"NEWS2 cannot be judged: {_number(scored)}; not known: {', '.join(absent)}."
        return Abstention("missing-evidence", says, absent, estimate)
    return None


def _number(scored: Scored) -> str:
    return str(scored.low) if scored.low == scored.high else f"between {scored.low} and {scored.high}"


def _finding(scored: Scored, action: Action) -> Finding:
    risk = category(scored.low, scored.high, scored.red_certain, scored.red_possible)
    # Why a value is not usable stands among the limits; here it is enough that it is not.
    unknown = "; ".join(item.absent.partition(": ")[0] for item in scored.items if item.absent)
    says = (
        f"NEWS2 {_number(scored)}{'; ' + unknown if unknown else ''} ({risk} risk). {_advice(scored, action)}"
    )
    parts = tuple(part(item) for item in scored.items)
    return Finding("NEWS2", spanned(scored.low, scored.high), risk, says, parts)


def _advice(scored: Scored, action: Action) -> str:
    """Say what follows; of a range, that it follows from its upper end where the lower asks for less."""
    certain = scored.low == scored.high or CARD.action(scored.low) == action
    if certain or (scored.red_certain and action.urgency is Urgency.TODAY):
        return action.says
    return f"At the upper end: {action.says[:1].lower()}{action.says[1:]}"


def _cautions(view: View) -> tuple[str, ...]:
    """Say that pregnancy is not known, where it could matter (55: the age to which it is asked for)."""
    carrying = pregnancy.pregnant(view)
    asked = sex(view)[0] != "male" and age(view).low <= 55
    if carrying.value is not None:
        return blank_since(view, carrying)
    if not (asked or carrying.events):
        return ()
    if carrying.events:
        said = f"{carrying.says[:1].upper()}{carrying.says[1:]}; NEWS2 is not for pregnancy."
    else:
        said = "Whether she is pregnant now is not on record; NEWS2 is not for pregnancy."
    return (said, *unplaced(view))


def _needs() -> tuple[Need, ...]:
    vitals = tuple(
        Need(measure.name, "Observation", codes, "P1D")
        for measure, codes in (
            (RESPIRATORY_RATE, RESPIRATORY_RATE.codes),
            (SPO2, SPO2.codes),
            (SYSTOLIC, (*SYSTOLIC.codes, "LOINC/85354-9")),
            (PULSE, PULSE.codes),
            (TEMPERATURE, TEMPERATURE.codes),
        )
    )
    return (
        Need("date of birth", "Patient", required=True),
        *vitals,
        Need("air or oxygen", "Observation", bedside.OXYGEN_CODES, "P1D"),
        Need("consciousness (ACVPU)", "Observation", (*bedside.ACVPU_CODES, *bedside.GCS.codes), "P1D"),
        Need("SpO2 scale", "Observation", bedside.SCALE_CODES),
        Need("pregnancy status", "Observation", pregnancy.CODES, "P42W"),
        Need("reasons of visits", "Encounter"),
        Need("pregnancy", "Condition", tuple(sorted(PREGNANCY.codes))),
    )


# Smith 2013, abstract: 198,755 observation sets of 35,585 admissions; n is of sets, each scored by NEWS.
_SMITH = "Smith GB et al., Resuscitation 2013;84:465-70 (NEWS; NEWS2 keeps its weights with SpO2 scale 1)"
_SETS = (198_755, _SMITH, "observation sets of 35,585 admissions")

CARD = Card(
    name="news2",
    version="1.0.0",
    title="National Early Warning Score 2 (NEWS2)",
    asks="Is this patient deteriorating now?",
    meant_for="Adults (16 and over) with acute illness, in hospital, emergency care or an ambulance.",
    not_for="Under 16; pregnancy; the end of life, where its response may not be wanted; spinal cord injury.",
    needs=_needs(),
    actions=(
        Action(0, Urgency.ROUTINE, "Continue observations, at least every 12 hours."),
        Action(1, Urgency.ROUTINE, "Observe at least every 4 to 6 hours; the nurse decides on escalation."),
        Action(
            MEDIUM,
            Urgency.TODAY,
            "Urgent response: tell the medical team now, assess within the hour, observe at least hourly.",
        ),
        Action(
            HIGH,
            Urgency.NOW,
            "Emergency response: critical-care competent team now, continuous monitoring of vital signs.",
        ),
    ),
    owner="Salus risk room",
    sources=(
        "RCP 2017, chart 1: points of every row",
        "RCP 2017, chart 2: 0-4 low, 3 in one parameter low-medium, 5-6 medium, 7 and over high",
        "RCP 2017, chart 4: frequency of monitoring and response (pages of the charts not verified)",
        "RCP 2017, recommendations: not under 16 nor in pregnancy; scale 2 only when a competent clinical "
        "decision maker has recorded it; confusion is new until shown otherwise",
        "AoMRC, Statement on the initial antimicrobial treatment of sepsis, 2022: 5-6 seen within an hour",
    ),
    measures=(
        Measured("acute medical admissions", "AUROC of NEWS, death within 24 h", 0.894, 0.887, 0.902, *_SETS),
        Measured("acute medical admissions", "AUROC of NEWS, ICU within 24 h", 0.857, 0.847, 0.868, *_SETS),
        Measured(
            "acute medical admissions", "AUROC of NEWS, arrest within 24 h", 0.722, 0.685, 0.759, *_SETS
        ),
    ),
    hooks=("patient-view", "encounter-start"),
    notes=(
        "Values are rounded half up to the chart's precision: whole numbers, tenths of a degree.",
        "An oxygen saturation below 20 % is taken as an error of recording and not used.",
        "A later entry that says only that nothing was measured, known or sent takes no value back; one that "
        "was withheld or cannot be read does, since something was measured then.",
        "A gestational age bars it until the 42nd week is over; a positive pregnancy test, and a visit whose "
        "reason is a pregnancy, leave it open and are said.",
        "An active condition whose words plainly name a pregnancy bars it, by whatever code: a score for "
        "others may reassure falsely. An SpO2 target is read as words or as a range.",
        "The newest value counts, by whatever code of place, position or device. What may be a newer one "
        "under a code of no list here, or that only words name (English, German), is not used and said.",
        "A bound leaves what it allows: a coma scale of <15 is not alert, a flow of <1 L/min air or oxygen.",
        "A value older than 24 hours is not used; one older than 12 hours is said to be overdue.",
        "3 in one parameter with a sum below 5 is ranked as today (chart 2: urgent ward-based response).",
        "It abstains where the range has a harmless lower end, reaches 7, and starts at 0 or spans more than "
        "10 points.",
    ),
)


@dataclass(frozen=True, slots=True)
class News2:
    """NEWS2 as a model: `card` and `predict`."""

    card: Card = CARD

    def predict(self, view: View) -> Insight:
        """Return the score, its range where inputs are missing, or an Abstention."""
        barred = _why_not(view)
        if barred:
            return insight(self.card, view, barred[0], None, (barred[1],))
        found = scored(view)
        said = limits(found.items, *found.cautions, *timing(found), *_cautions(view))
        why = reasons(found.items)
        unsupported = _unsupported(view, found)
        if unsupported:
            return insight(self.card, view, unsupported, None, why, said)
        action = self._action(found)
        return insight(self.card, view, _finding(found, action), action.urgency, why, said)

    def _action(self, found: Scored) -> Action:
        if found.red_possible and found.high < MEDIUM:
            return RED_ACTION if found.red_certain else RED_POSSIBLE
        action = self.card.action(found.high)
        assert action is not None
        return action


MODEL = News2()
TASK = TRIAL
