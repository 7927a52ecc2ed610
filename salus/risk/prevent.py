"""How likely are heart attack, stroke or heart failure in 10 and 30 years? AHA PREVENT, for primary care.

For adults of 30 to 79 without known cardiovascular disease. Source: Khan SS et al., Development and
Validation of the American Heart Association's PREVENT Equations, Circulation 2024;149:430-449; race-free,
with eGFR by CKD-EPI 2021. What is not known widens the answer to the range that is still possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from salus.core.card import Action, Card, Measured, Need
from salus.core.insight import Abstention, Estimate, Insight, Outcome, Reason, Risk, Urgency
from salus.core.seams import View
from salus.risk import _pregnancy as pregnancy
from salus.risk._elsewhere import under_other_codes
from salus.risk._labs import CREATININE, EGFR, HBA1C, HDL_CHOLESTEROL, TOTAL_CHOLESTEROL, URINE_ACR
from salus.risk._measures import BMI, EJECTION_FRACTION, HEIGHT, SYSTOLIC, WEIGHT
from salus.risk._placed import aged, left_out, unplaced
from salus.risk._points import insight
from salus.risk._prevent_equation import Answer, answers, probability, variant
from salus.risk._prevent_inputs import AGES, AGES_30_YEARS, ALL_LIMITS, SDI_CODE, Inputs, gather, known
from salus.risk._prevent_words import limits, prior_reason, reasons, severe_pressure
from salus.risk._say import capital, number, percent
from salus.risk._smoking import STATUS

_NAMES = {
    "total_cvd": "cardiovascular disease",
    "ascvd": "atherosclerotic cardiovascular disease",
    "heart_failure": "heart failure",
    "chd": "coronary heart disease",
    "stroke": "stroke",
}
_EXCLUDED = ("for people on dialysis", "for people with a kidney transplant", "in pregnancy")
Answers = Mapping[tuple[str, int], Answer]
_KHAN = "Khan SS et al., Circulation 2024;149:430-449"

# Bands of 10-year risk: 2019 ACC/AHA primary prevention guideline (Arnett, Circulation 2019;140:e596, section
# 2.2), used for PREVENT by AHA's calculator. 7.5 % is where the 2025 AHA/ACC high blood pressure guideline
# starts drugs in stage 1 hypertension. Primary prevention is never urgent: the highest band is "this week".
_LOW, _BORDERLINE, _INTERMEDIATE, _HIGH = 0.0, 0.05, 0.075, 0.20
_BANDS = ((_HIGH, "high"), (_INTERMEDIATE, "intermediate"), (_BORDERLINE, "borderline"), (_LOW, "low"))

CARD = Card(
    name="prevent",
    version="2023.1",
    title="PREVENT cardiovascular risk",
    asks="How likely are heart attack, stroke or heart failure in the next 10 and 30 years?",
    meant_for="Adults of 30 to 79 without known cardiovascular disease: shared decisions on prevention.",
    not_for=(
        "People with known coronary disease, stroke, peripheral arterial disease or heart failure, or after "
        "revascularisation of any artery; "
        "pregnancy; dialysis or kidney transplant; values outside the ranges "
        "of the equations; choosing a single drug."
    ),
    needs=(
        Need("date of birth and sex", "Patient", required=True),
        Need("total cholesterol", "Observation", TOTAL_CHOLESTEROL.codes, "P6Y"),
        Need("HDL cholesterol", "Observation", HDL_CHOLESTEROL.codes, "P6Y"),
        Need("systolic blood pressure", "Observation", (*SYSTOLIC.codes, "LOINC/85354-9"), "P2Y"),
        Need("creatinine", "Observation", CREATININE.codes, "P2Y"),
        Need("eGFR", "Observation", EGFR.codes, "P2Y"),
        Need("body mass index", "Observation", (*BMI.codes, *WEIGHT.codes, *HEIGHT.codes), "P2Y"),
        Need("smoking status", "Observation", tuple(sorted(STATUS)), "P2Y"),
        Need("HbA1c", "Observation", HBA1C.codes, "P2Y"),
        Need("urine albumin-to-creatinine ratio", "Observation", URINE_ACR.codes, "P2Y"),
        Need("Social Deprivation Index decile", "Observation", (SDI_CODE,)),
        Need("ejection fraction", "Observation", EJECTION_FRACTION.codes),
        Need("pregnancy status", "Observation", pregnancy.CODES, "P42W"),
        Need("conditions", "Condition"),
        Need("dialysis, kidney transplant, revascularisation", "Procedure"),
        Need("medication orders", "MedicationRequest"),
        Need("reasons of visits", "Encounter"),
        Need("medication statements", "MedicationStatement"),
    ),
    actions=(
        Action(_LOW, Urgency.ROUTINE, "Low (below 5 %): healthy living, ask again in 4 to 6 years."),
        Action(
            _BORDERLINE, Urgency.ROUTINE, "Borderline (5 to below 7.5 %): discuss what else raises the risk."
        ),
        Action(
            _INTERMEDIATE,
            Urgency.ROUTINE,
            "Intermediate (7.5 to below 20 %): discuss a statin; treat blood pressure from 130/80 mmHg on.",
        ),
        Action(_HIGH, Urgency.THIS_WEEK, "High (20 % and above): start prevention and arrange a visit."),
    ),
    owner="Salus, risk",
    sources=(
        f"{_KHAN}, doi:10.1161/CIRCULATIONAHA.123.067626; coefficients: Supplemental Tables S12A to S12J "
        "(pages not verified)",
        "Input limits: AHA PREVENT online calculator, as told by the documentation of preventr 0.12.0 (CRAN)",
        "Inker LA et al., N Engl J Med 2021;385:1737-1749, supplement Table S10 (eGFR; page not verified)",
        "Arnett DK et al., Circulation 2019;140:e596, section 2.2 (bands; page not verified)",
        "2025 AHA/ACC high blood pressure guideline (drugs from 7.5 % on in stage 1 hypertension)",
        "Chobanian AV et al. (JNC 7), JAMA 2003;289:2560-2572 (pressure above 180 mmHg; page not verified)",
        "Grundy SM et al., Circulation 2019;139:e1082, section 4.1 (known disease; lipids every 4-6 years; "
        "page not verified); Sacco RL et al., Stroke 2013;44:2064 (stroke by bleeding; page not verified)",
    ),
    measures=(
        Measured(
            "women", "C-statistic, 10-year CVD (interquartile range)", 0.794, 0.763, 0.809, source=_KHAN
        ),
        Measured("men", "C-statistic, 10-year CVD (interquartile range)", 0.757, 0.727, 0.778, source=_KHAN),
        Measured("women", "calibration slope (interquartile range)", 1.03, 0.81, 1.16, source=_KHAN),
        Measured("men", "calibration slope (interquartile range)", 0.94, 0.81, 1.13, source=_KHAN),
    ),
    notes=(
        "The equation is chosen by what is known: none of HbA1c, urine albumin and Social Deprivation Index: "
        "base; one of them: the base model with it; two or three: the full model and its terms for missing.",
        "The Social Deprivation Index decile of the patient's ZIP code comes as an Observation with code "
        f"{SDI_CODE}; a site's own table makes it.",
        "A drug counts where an order or statement of the last year runs at the moment of the question and "
        "nothing later stops that drug; one that ended within a year (completed: 90 days) or has no date "
        "gives a range.",
        "Diabetes is no where a recorded list of conditions does not hold it, whatever the HbA1c: of 6.5 % "
        "and above the limits say so, and what the figure would be with diabetes. It was a range before, "
        "though the list had answered. It still is one without such a list, or with a drug for glucose.",
        "An HbA1c, urine albumin or Social Deprivation Index outside the range of the equations is an "
        "Abstention, as of a required input: left out, it would make a sicker patient look better.",
        "A systolic blood pressure above 180 mmHg needs treatment whatever the risk (JNC 7: at once or "
        "within a week): the answer says so, with the urgency of the highest row; above 200, where no risk "
        "can be given, the Abstention says it. Older than that week, it says how old it is and asks to "
        "measure again; where it only may be so high, that too.",
        "An ejection fraction of 40 % or less, now or once, leaves heart failure open: without symptoms it "
        "is none yet.",
        "Total CVD, ASCVD, CHD and stroke do not depend on body mass index; only heart failure does.",
        "The 2026 ACC/AHA dyslipidaemia guideline reads the 10-year ASCVD risk: low below 3 %, borderline to "
        "below 5 %, intermediate to below 10 %, high from 10 % on.",
        "A range abstains when it begins below 5 % and ends at 20 % or above, or when neither cholesterol "
        "nor blood pressure nor kidney function was measured: it then supports no action.",
    ),
)


@dataclass(frozen=True, slots=True)
class Prevent:
    """AHA PREVENT 2023."""

    card: Card = field(default=CARD)

    def predict(self, view: View) -> Insight:
        """Answer with a Risk, total CVD in 10 years first; a range or an Abstention where inputs lack."""
        inputs = gather(view)
        refused = _not_for(inputs)
        if refused is not None:
            needed = severe_pressure(inputs) if refused[0].why == "out-of-distribution" else ()
            return insight(self.card, view, refused[0], None, refused[1], needed)
        given = known(inputs)
        found = answers(given, variant(given))
        body = _body(inputs, found)
        urgency = None if isinstance(body, Abstention) else _urgency(inputs, body)
        unread = under_other_codes(view, EJECTION_FRACTION)
        unused = (*left_out(view, inputs.readings), *unread, *unplaced(view), *aged(view, drugs=True))
        said = (*limits(view, inputs), *unused)
        return insight(self.card, view, body, urgency, reasons(view, inputs, found["total_cvd", 10]), said)


def _not_for(inputs: Inputs) -> tuple[Abstention, tuple[Reason, ...]] | None:
    """Return why the patient is not one whom the equations were made for, or None."""
    age = inputs.age
    if not age.usable or age.low < AGES[0] <= age.high or age.low <= AGES[1] < age.high:
        says = "Cannot say whether PREVENT applies: the full date of birth is needed."
        why = capital(age.problem) if age.sources else "Date of birth is not on record"
        absent = Reason(age.sources, 0.0, why, "log-odds", absent="date of birth")
        return Abstention("missing-evidence", says, ("date of birth",)), (absent,)
    if age.high < AGES[0] or age.low > AGES[1]:
        says = f"PREVENT is for {AGES[0]} to {AGES[1]} years of age."
        return Abstention("not-eligible", says), (Reason(age.sources, 0.0, f"Age {age.low:g}", "log-odds"),)
    disease = next((fact for fact in inputs.prior if fact.value), None)
    if disease is not None:
        says = f"PREVENT is for people without known cardiovascular disease: {disease.name} is on record."
        return Abstention("not-eligible", says), (prior_reason(disease),)
    for fact, says in zip(inputs.excluded, _EXCLUDED, strict=True):
        if fact.value:
            return Abstention("not-eligible", f"PREVENT was not made {says}."), (prior_reason(fact),)
    return _outside(inputs)


def _outside(inputs: Inputs) -> tuple[Abstention, tuple[Reason, ...]] | None:
    every = {**inputs.required, **inputs.optional}
    found = [(name, reading) for name, reading in every.items() if reading in inputs.outside]
    if not found:
        return None
    spans = [
        f"{reading.measure.name} {ALL_LIMITS[name][0]:g} to {ALL_LIMITS[name][1]:g}"
        for name, reading in found
    ]
    why = tuple(
        Reason(reading.sources, 0.0, f"{reading.measure.name}: {number(reading)}", "log-odds")
        for _, reading in found
    )
    says = " ".join((f"PREVENT was made for {'; '.join(spans)}.", *severe_pressure(inputs)))
    return Abstention("out-of-distribution", says), why


def _body(inputs: Inputs, found: Answers) -> Risk | Abstention:
    outcomes = tuple(_outcomes(inputs, found))
    first = outcomes[0].estimate
    score = found["total_cvd", 10]
    low, high = probability(score.low), probability(score.high)
    missing = inputs.missing
    if not inputs.measured or (low < _BORDERLINE and high >= _HIGH):
        says = f"Anything from {percent(low, high)} in 10 years is possible: too little is on record."
        return Abstention("missing-evidence", " ".join((says, *severe_pressure(inputs))), missing, first)
    band = _band(low) if _band(low) == _band(high) else f"{_band(low)} to {_band(high)}"
    gap = f"; not known: {', '.join(missing)}" if missing else ""
    says = f"{percent(low, high)} risk of cardiovascular disease in 10 years ({band}){gap}"
    return Risk(outcomes, ". ".join((says, *severe_pressure(inputs))))


def _band(risk: float) -> str:
    return next(name for least, name in _BANDS if risk >= least)


def _outcomes(inputs: Inputs, found: Answers) -> Iterator[Outcome]:
    for (name, years), score in found.items():
        if years == 10 or inputs.age.high <= AGES_30_YEARS[1]:
            yield Outcome(_NAMES[name], _estimate(score), f"{years} years")


def _estimate(found: Answer) -> Estimate:
    low, high = probability(found.low), probability(found.high)
    if found.low == found.high:
        return Estimate(low)
    return Estimate(None, "1", low, high, "missing-inputs")


def _urgency(inputs: Inputs, body: Risk) -> Urgency | None:
    """Return the urgency of the risk; a pressure that needs treatment by itself has the highest row's."""
    row = CARD.action(_HIGH if severe_pressure(inputs) else body.outcomes[0].estimate.upper)
    return row.urgency if row else None


MODEL = Prevent()
