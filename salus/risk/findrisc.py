"""How likely is type 2 diabetes within ten years? FINDRISC, for adults without diabetes; no blood test.

Source: Lindström J, Tuomilehto J. The Diabetes Risk Score. Diabetes Care 2003;26:725-31; and the form of the
Finnish Diabetes Association (0 to 26 points, with family history), which gives the risk of each category.
"""

from __future__ import annotations

from dataclasses import dataclass

from salus.core.card import Action, Card, Measured, Need
from salus.core.insight import Abstention, Estimate, Insight, Outcome, Reason, Risk, Urgency
from salus.core.measures import read
from salus.core.seams import View
from salus.risk import _findrisc_items as form
from salus.risk import _pregnancy as pregnancy
from salus.risk._diabetes import diabetes
from salus.risk._elsewhere import under_other_codes
from salus.risk._inputs import age, condition
from salus.risk._labs import HBA1C
from salus.risk._measures import BMI, HEIGHT, WAIST, WEIGHT
from salus.risk._placed import aged, blank_since, left_out, unplaced
from salus.risk._points import SCORE, Item, insight, limits, missing, part, reasons, spanned
from salus.risk._terms import DIABETES

ADULT = 18
# The cohorts of 1987 and 1992 were 35 to 64 years old at the start (Lindström 2003, methods).
DERIVED_FROM, DERIVED_TO = 35, 64


@dataclass(frozen=True, slots=True)
class Category:
    """One row of the form's result: from `at_least` points on, and the share that develops diabetes."""

    at_least: int
    name: str
    risk: float
    says: str


CATEGORIES = (
    Category(0, "low", 1 / 100, "1 in 100"),
    Category(7, "slightly elevated", 1 / 25, "1 in 25"),
    Category(12, "moderate", 1 / 6, "1 in 6"),
    Category(15, "high", 1 / 3, "1 in 3"),
    Category(21, "very high", 1 / 2, "1 in 2"),
)
MODEST, HIGH = 7, 15


def category(score: float) -> Category:
    """Return the category that `score` (0 to 26) falls into."""
    return [row for row in CATEGORIES if score >= row.at_least][-1]


def _why_not(view: View) -> tuple[Abstention, Reason] | None:
    """Return why FINDRISC is not for this person, and what shows it."""
    years, known, carrying = age(view), condition(view, DIABETES, ever=True), pregnancy.pregnant(view)
    if years.usable and years.high < ADULT:
        return _not_eligible("FINDRISC is for adults.", years.sources, "Under 18")
    if known.value:
        says = "Diabetes is on record: there is nothing to predict."
        return _not_eligible(says, known.sources, "Diabetes on record")
    if carrying.value:
        says = "FINDRISC does not hold in pregnancy: weight and waist change with it."
        return _not_eligible(says, carrying.sources, "Pregnancy on record")
    return None


def _not_eligible(says: str, sources: tuple[str, ...], why: str) -> tuple[Abstention, Reason]:
    return Abstention("not-eligible", says), Reason(sources, 0.0, why, SCORE)


def _unsupported(view: View, items: tuple[Item, ...], low: int, high: int) -> Abstention | None:
    absent, estimate = missing(items), spanned(low, high)
    years = age(view)
    if not years.usable:
        why = years.problem if years.sources else "the date of birth is not on record"
        says = f"FINDRISC cannot be judged: {why}."
        return Abstention("missing-evidence", says, absent, estimate)
    if low < MODEST and high >= HIGH:
        span = f"between {low} and {high} (low to {category(high).name})"
        says = f"FINDRISC cannot be judged: {span}; not known: {', '.join(absent)}."
        return Abstention("missing-evidence", says, absent, estimate)
    return None


def _probability(low: int, high: int) -> Estimate:
    first, last = category(low).risk, category(high).risk
    if first == last:
        return Estimate(round(first, 4))
    return Estimate(None, "1", round(first, 4), round(last, 4), "missing-inputs")


def _risk(items: tuple[Item, ...], low: int, high: int, action: Action) -> Risk:
    first, last = category(low), category(high)
    unknown = ", ".join(missing(items))
    number = str(low) if low == high else f"between {low} and {high}"
    names = first.name if first is last else f"{first.name} to {last.name}"
    share = f"about {first.says}" if first is last else f"about {first.says} to {last.says}"
    scored = f"FINDRISC {number} ({names}){'; not known: ' + unknown if unknown else ''}"
    says = f"{scored}: {share} develop type 2 diabetes in 10 years. {action.says}"
    score = Outcome("FINDRISC score", spanned(low, high))
    return Risk(
        (Outcome("type 2 diabetes", _probability(low, high), "10 years"), score, *map(part, items)), says
    )


def _cautions(view: View) -> tuple[str, ...]:
    years, known = age(view), diabetes(view, ever=True)
    sugar = read(view.timeline, HBA1C, view.as_of, form.STANDS)
    found = []
    carrying = pregnancy.pregnant(view)
    if carrying.value is None and carrying.events:
        found.append(f"{carrying.says[:1].upper()}{carrying.says[1:]}; FINDRISC does not hold in pregnancy.")
    if known.value is None:
        shown = f" ({known.says})" if known.events else ""
        found.append(f"Whether diabetes is already known is not on record{shown}.")
    if sugar.usable and sugar.high >= form.DIABETIC_HBA1C:
        found.append("The last HbA1c is in the diabetic range: confirm or exclude diabetes first.")
    if years.low < DERIVED_FROM or years.high > DERIVED_TO:
        found.append("FINDRISC was derived from people of 35 to 64 years in Finland.")
    looked_at = (read(view.timeline, each, view.as_of) for each in form.MEASURES)
    found += blank_since(view, carrying)
    found += under_other_codes(view, *form.TESTS)
    return (*found, *left_out(view, looked_at), *unplaced(view), *aged(view, drugs=True))


CARD = Card(
    name="findrisc",
    version="1.0.0",
    title="Finnish Diabetes Risk Score (FINDRISC)",
    asks="How likely is type 2 diabetes within ten years?",
    meant_for="Adults without diabetes, in primary care or at a health check.",
    not_for="People with diabetes; pregnancy; children. It predicts, it does not diagnose.",
    needs=(
        Need("date of birth and sex", "Patient", required=True),
        Need("body mass index", "Observation", (*BMI.codes, *WEIGHT.codes, *HEIGHT.codes), "P2Y"),
        Need("waist", "Observation", WAIST.codes, "P2Y"),
        Need(
            "physical activity",
            "Observation",
            (*form.EXERCISE_DAYS.codes, *form.EXERCISE_MINUTES.codes),
            "P2Y",
        ),
        Need("fruit and vegetables", "Observation", (*form.VEGETABLES.codes, *form.FRUIT.codes), "P2Y"),
        Need("drugs for high blood pressure", "MedicationRequest"),
        Need(
            "glucose",
            "Observation",
            (*form.FASTING_GLUCOSE.codes, *form.ANY_GLUCOSE.codes, *form.TOLERANCE_GLUCOSE.codes),
        ),
        Need("HbA1c", "Observation", HBA1C.codes, "P2Y"),
        Need("conditions", "Condition"),
        Need("family history", "FamilyMemberHistory"),
        Need("pregnancy status", "Observation", pregnancy.CODES, "P42W"),
        Need("reasons of visits", "Encounter"),
    ),
    actions=(
        Action(0, None, "No action follows."),
        Action(MODEST, Urgency.ROUTINE, "Talk about weight, activity and food."),
        Action(12, Urgency.ROUTINE, "Help with weight, activity and food; consider measuring blood glucose."),
        Action(HIGH, Urgency.ROUTINE, "Measure blood glucose or HbA1c; offer a programme of prevention."),
        Action(21, Urgency.ROUTINE, "Measure blood glucose or HbA1c soon: diabetes may be there already."),
    ),
    owner="Salus risk room",
    sources=(
        "Lindström J, Tuomilehto J. Diabetes Care 2003;26:725-31, table 2: items, points (page not verified)",
        "Finnish Diabetes Association, Type 2 diabetes risk assessment form: family history, 0-26 points; 1 "
        "in 100 / 25 / 6 / 3 / 2 for <7 / 7-11 / 12-14 / 15-20 / >20",
        "Paulweber B et al., Horm Metab Res 2010;42 Suppl 1:S3-36 (IMAGE): questionnaire, then glucose test",
        "WHO 2006, Definition and diagnosis of diabetes mellitus; WHO 2011, Use of HbA1c in the diagnosis",
    ),
    measures=tuple(
        Measured(
            group,
            measure,
            value,
            None,
            None,
            None,
            "Lindström 2003, abstract (score 9 and over, 0-20 points)",
        )
        for group, measure, value in (
            ("Finland 1987, 35-64 years", "sensitivity", 0.78),
            ("Finland 1987, 35-64 years", "specificity", 0.77),
            ("Finland 1992, 35-64 years", "sensitivity", 0.81),
            ("Finland 1992, 35-64 years", "specificity", 0.76),
        )
    ),
    hooks=("patient-view",),
    notes=(
        "It abstains where the known answers neither rule a high score in nor out (below 7 to 15 and over).",
        "Exercise below half an hour every day is no proof of inactivity: work and daily life count too.",
        "A drug of the classes C02, C03, C07, C08 or C09 counts as taken for high blood pressure.",
        "A fasting glucose of 6.1 mmol/L, one of 7.8 mmol/L two hours after a dose of glucose, any of 11.1 "
        "mmol/L or an HbA1c of 6.5 % counts as high glucose found before, and so does a gestational diabetes "
        "that was; a value that cannot be read leaves that open.",
        "Relatives are told by code, or by a plain English word for the relationship. A family history that "
        "was recorded counts as whole unless it says that it is partial: no diabetes in it is 0 points, and "
        "diabetes of a grandparent, aunt, uncle or cousin alone 3, where it was a range before. What a "
        "recorded list does not name counts as no, as everywhere here, and the limits say so.",
        "Of an Observation's coded answer only the first coding is read.",
    ),
)


@dataclass(frozen=True, slots=True)
class Findrisc:
    """FINDRISC as a model: `card` and `predict`."""

    card: Card = CARD

    def predict(self, view: View) -> Insight:
        """Return the ten-year risk by category, its range where answers are missing, or an Abstention."""
        barred = _why_not(view)
        if barred:
            return insight(self.card, view, barred[0], None, (barred[1],))
        items = form.items(view)
        low, high = sum(item.low for item in items), sum(item.high for item in items)
        why, said = reasons(items), limits(items, *_cautions(view))
        unsupported = _unsupported(view, items, low, high)
        if unsupported:
            return insight(self.card, view, unsupported, None, why, said)
        action = self.card.action(high)
        assert action is not None
        return insight(self.card, view, _risk(items, low, high, action), action.urgency, why, said)


MODEL = Findrisc()
