"""How well do the kidneys work, is it chronic, and how likely is kidney failure? For primary care and wards.

eGFR by CKD-EPI 2021 (Inker, N Engl J Med 2021;385:1737), category and risk group by KDIGO 2024 (Kidney Int
2024;105(4S):S117), kidney failure in 2 and 5 years by the 4-variable KFRE (Tangri, JAMA 2011;305:1553 and
2016;315:164). A creatinine that jumps (KDIGO AKI 2012) is said to be no steady state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from salus.core.card import Action, Card, Measured, Need
from salus.core.insight import Abstention, Estimate, Finding, Insight, Outcome, Reason, Urgency
from salus.core.seams import View
from salus.risk import _pregnancy as pregnancy
from salus.risk._egfr import made_by
from salus.risk._kfre import HORIZONS, NORTH_AMERICA, failure_range
from salus.risk._kidney_change import Jump
from salus.risk._kidney_inputs import ACUTE, RISEN, Kidneys, gather
from salus.risk._kidney_stage import GROUP_NAMES, joined
from salus.risk._kidney_words import STEP, limits, moved, reasons
from salus.risk._labs import CREATININE, EGFR, URINE_ACR
from salus.risk._placed import aged, blank_since, left_out, unplaced
from salus.risk._points import insight
from salus.risk._say import capital, how_old, percent, span

_ADULT = 18
_FAILURE = "kidney failure"
_UNIT = "mL/min/{1.73_m2}"
_GRAMS = "Grams ME et al., J Am Soc Nephrol 2023;34:482-494"
_TANGRI = "Tangri N et al., JAMA 2016;315:164-174"

CARD = Card(
    name="ckd",
    version="2024.1",
    title="Kidney function and KDIGO stage",
    asks="How well do the kidneys work, is it chronic, and how likely is kidney failure?",
    meant_for="Adults with a creatinine or eGFR on record: staging and planning the care of CKD.",
    not_for=(
        "Under 18 years, pregnancy, dialysis; dosing of drugs with a narrow margin; people whose muscle mass "
        "makes creatinine misleading (amputation, wasting, body building)."
    ),
    needs=(
        Need("date of birth and sex", "Patient", required=True),
        Need("creatinine", "Observation", CREATININE.codes, "P3Y"),
        Need("eGFR", "Observation", EGFR.codes, "P3Y"),
        Need("urine albumin-to-creatinine ratio", "Observation", URINE_ACR.codes, "P3Y"),
        Need("pregnancy status", "Observation", pregnancy.CODES, "P42W"),
        Need("reasons of visits", "Encounter"),
        Need("conditions", "Condition"),
        Need("dialysis, kidney transplant", "Procedure"),
    ),
    actions=(
        Action(1, Urgency.ROUTINE, "Low risk (KDIGO green): measure once a year where there is a reason to."),
        Action(2, Urgency.ROUTINE, "Moderately increased risk (yellow): treat, measure once a year."),
        Action(
            3,
            Urgency.ROUTINE,
            "High risk (orange): treat the cause, measure twice a year; G1A3, G2A3: three times, nephrology.",
        ),
        Action(
            4,
            Urgency.THIS_WEEK,
            "Very high risk (red): treat, nephrology, measure three times a year; G4A3 and G5: four or more.",
        ),
        Action(
            RISEN,
            Urgency.THIS_WEEK,
            "Creatinine is 1.5 times an older value or more, or eGFR 35 % lower: see the patient, repeat it "
            "within 72 hours.",
        ),
        Action(
            ACUTE,
            Urgency.TODAY,
            "Creatinine is rising, or eGFR falling: look for acute kidney injury and its cause today.",
        ),
    ),
    owner="Salus, risk",
    sources=(
        "Inker LA et al., N Engl J Med 2021;385:1737-1749, supplement Table S10 (eGFR; page not verified); "
        "the same figures: NIDDK, Glomerular Filtration Rate Equations, Adults",
        "KDIGO 2024 CKD guideline, Kidney Int 2024;105(4S):S117-S314: practice points 1.1.3.1 and 1.1.3.2 "
        "(chronicity), 2.1.1 (monitoring), 2.2.1 to 2.2.3 (risk of kidney failure), pages S149-S169; 1.3 "
        "(staging), from S169 on; checked against the summaries of others, figures' pages not verified",
        "KDIGO's figure of how often to measure, by GFR and albuminuria: cells checked against its reprint "
        "in ADA, Standards of Care 2024, section 11 (abridged, Clin Diabetes 2024;42:212); its page in KDIGO "
        "2024 not verified",
        "KDIGO 2012 AKI guideline, Kidney Int Suppl 2012;2:19-36: 2.1.1 (definition), Table 2 (stages), "
        "Table 11 (acute kidney disease); checked against the section as reproduced",
        "ADQI 16 Workgroup (Chawla LS et al.), Nat Rev Nephrol 2017;13:241-257 (acute kidney disease: from 7 "
        "to 90 days after an injury; the abstract and others' summaries were read)",
        "NHS England, Patient Safety Alert NHS/PSA/D/2014/010, 2014 (AKI algorithm: median of 8 to 365 days; "
        "checked against public implementations); Think Kidneys and RCGP, Responding to AKI Warning Stage "
        "Test Results for Adults in Primary Care, 2016, Table 1 (response times; cells not verified)",
        "Tangri N et al., JAMA 2011;305:1553-1559; Tangri N et al., JAMA 2016;315:164-174, Table 3 and "
        "eAppendix (KFRE by region; pages not verified)",
        f"{_GRAMS} (KFRE with CKD-EPI 2021)",
    ),
    measures=(
        Measured("all 31 cohorts, 2 years", "C-statistic, 4-variable KFRE", 0.90, 0.89, 0.92, source=_TANGRI),
        Measured("all 31 cohorts, 5 years", "C-statistic, 4-variable KFRE", 0.88, 0.86, 0.90, source=_TANGRI),
    ),
    notes=(
        "The action table is entered with KDIGO's risk group (1 to 4) or, where the latest creatinine is of "
        "the week before as_of, with its rise. 6 is KDIGO's acute kidney injury: to 1.5 times within 7 days, "
        "or by 0.3 mg/dL within 48 hours. Over the last value of 8 to 365 days before that is so much lower "
        "(the span of the AKI algorithm of NHS England, which takes the median) nobody knows how fast it "
        "rose: from 1.5 times on it is 5, from twice on 6, and the answer says that the speed is not known. "
        "A rise that has stood for more than a week is 5, and for three months none. A reported eGFR that "
        "fell by 35 % or more is read in the same way, by RIFLE's half for twice.",
        "In acute kidney disease, possible or proven, no KFRE is given: it is for chronic disease.",
        "An eGFR, by creatinine or as reported, that is more than one category better than the other kind of "
        "the same day or the week before contradicts it: both are allowed for. Where it is worse, it counts.",
        "Dialysis is a condition, or a session (Procedure) within the last three months; one without a date "
        "or in words only, or an access for it, leaves it open and withholds the risk of kidney failure.",
        "Chronic: an unbroken run of eGFR below 60, or of albuminuria of 30 mg/g or more, of 90 days. An "
        "eGFR below 60 is proven by its own run alone: lasting albuminuria makes no first low eGFR chronic.",
        "KFRE is recalibrated by region: North America, and every answer names it. Elsewhere a room makes "
        "its own model with Kidney(region='outside North America') as its MODEL. Open: no door and no "
        "setting of a site changes the region yet.",
        "A reported eGFR is told by the equation that LOINC gives its code; 88293-6 and 48643-1 apply a "
        "coefficient for race, which KDIGO 2024 advises against.",
        "KDIGO 2024, 2.2.1 to 2.2.3: a 5-year risk of 3 to 5 % calls for nephrology, a 2-year risk above "
        "10 % for a team, above 40 % for preparing replacement therapy.",
    ),
)


@dataclass(frozen=True, slots=True)
class Kidney:
    """eGFR, KDIGO category and the KFRE. region: which recalibration of the KFRE is used."""

    region: str = NORTH_AMERICA
    card: Card = field(default=CARD)

    def predict(self, view: View) -> Insight:
        """Answer with a Finding: eGFR, its KDIGO category, and the risk of kidney failure as parts."""
        kidneys = gather(view)
        looked_at = (kidneys.creatinine, kidneys.egfr, kidneys.acr)
        unused = (*left_out(view, looked_at), *unplaced(view), *aged(view, drugs=False))
        refused = _not_for(view, kidneys)
        if refused is not None:
            said = (*unused, *kidneys.elsewhere) if refused[0].why == "missing-evidence" else ()
            return insight(self.card, view, refused[0], None, refused[1], said)
        parts = (*self._failure(kidneys), *_albumin(kidneys))
        body = Finding("CKD stage", _estimate(kidneys), _category(kidneys), _says(kidneys, parts), parts)
        said = (*limits(view, kidneys), *unused, *blank_since(view, kidneys.pregnant))
        return insight(self.card, view, body, _urgency(kidneys), reasons(view, kidneys), said)

    def _failure(self, kidneys: Kidneys) -> Iterator[Outcome]:
        if not kidneys.below_60 or not kidneys.kfre_fits:
            return
        of = f"{_FAILURE} (KFRE 4-variable, {self.region}; eGFR {made_by(kidneys.egfr)})"
        ages, acr = (kidneys.age.low, kidneys.age.high), (kidneys.acr.low, kidneys.acr.high)
        sexes = ("female", "male") if kidneys.sex is None else (kidneys.sex,)
        egfr = (kidneys.egfr.low, kidneys.egfr.high)
        for years in HORIZONS:
            low, high = failure_range(ages, sexes, egfr, acr, years=years, region=self.region)
            yield Outcome(of, _spanned(low, high, 4, "1"), f"{years} years")


def _not_for(view: View, kidneys: Kidneys) -> tuple[Abstention, tuple[Reason, ...]] | None:
    """Return why the patient cannot be staged, or None."""
    age = kidneys.age
    if not age.usable or age.low < _ADULT <= age.high:
        known = capital(age.problem) if age.sources else "Date of birth is not on record"
        absent = Reason(age.sources, 0.0, known, STEP, absent="date of birth")
        says = "Cannot say whether the equation applies: the full date of birth is needed."
        return Abstention("missing-evidence", says, ("date of birth",)), (absent,)
    if age.high < _ADULT:
        why = Reason(age.sources, 0.0, f"Age {age.low:g}", STEP)
        return Abstention("not-eligible", "The adult equation does not apply under 18 years."), (why,)
    for fact, says in (
        (kidneys.pregnant, "Creatinine equations do not hold in pregnancy."),
        (kidneys.replaced, "Filtration cannot be told from creatinine on dialysis."),
    ):
        if fact.value:
            return Abstention("not-eligible", says), (Reason(fact.sources, 0.0, says, STEP),)
    return _nothing_measured(view, kidneys)


def _nothing_measured(view: View, kidneys: Kidneys) -> tuple[Abstention, tuple[Reason, ...]] | None:
    egfr = kidneys.egfr
    if egfr.usable and not _supports_nothing(kidneys):
        return None
    problem = egfr.problem or kidneys.creatinine.problem
    if egfr.at is None and kidneys.elsewhere:
        problem = "no creatinine, and no eGFR from it, on record under a code that is read here"
    last = f" The last is from {how_old(view, egfr.at)}." if egfr.at is not None else ""
    says = f"Kidney function cannot be told: {problem.rstrip('.')}.{last}"
    absent = Reason(egfr.sources, 0.0, capital(problem), STEP, absent="creatinine or eGFR")
    estimate = _estimate(kidneys) if egfr.usable else None
    return Abstention("missing-evidence", says, ("creatinine or eGFR",), estimate), (absent,)


def _supports_nothing(kidneys: Kidneys) -> bool:
    """Whether filtration may be anything from normal to severely reduced, and no rise calls for anything."""
    return not kidneys.rise_row and kidneys.g[0] in ("G1", "G2") and kidneys.g[-1] in ("G4", "G5")


def _estimate(kidneys: Kidneys) -> Estimate:
    return _spanned(kidneys.egfr.low, kidneys.egfr.high, 1, _UNIT)


def _albumin(kidneys: Kidneys) -> Iterator[Outcome]:
    if kidneys.acr.usable:
        estimate = _spanned(kidneys.acr.low, kidneys.acr.high, 1, "mg/g")
        yield Outcome("urine albumin-to-creatinine ratio", estimate)


def _spanned(low: float, high: float, digits: int, unit: str) -> Estimate:
    if low == high:
        return Estimate(round(low, digits), unit)
    return Estimate(None, unit, round(low, digits), round(high, digits), "missing-inputs")


def _category(kidneys: Kidneys) -> str:
    albumin = joined(kidneys.a) if kidneys.acr.usable else ""
    gap = " " if " " in joined(kidneys.g) and albumin else ""
    return f"{joined(kidneys.g)}{gap}{albumin}{_unproven(kidneys)}"


def _unproven(kidneys: Kidneys) -> str:
    if not kidneys.abnormal or kidneys.chronic:
        return ""
    return ", chronicity of eGFR unproven" if kidneys.albumin_run.chronic else ", chronicity unproven"


def _says(kidneys: Kidneys, parts: tuple[Outcome, ...]) -> str:
    egfr = f"eGFR {span(kidneys.egfr.low, kidneys.egfr.high, 0)}"
    if kidneys.jump is not None:
        stage = _category(kidneys)
        return f"{egfr}, but {_moving(kidneys.jump)}: not a steady state, the stage ({stage}) may not hold"
    least, most = kidneys.groups
    group = GROUP_NAMES[least] if least == most else f"{GROUP_NAMES[least]} to {GROUP_NAMES[most]}"
    albumin = "" if kidneys.acr.usable else "; urine albumin not known"
    none = "no sign of chronic kidney disease in it or in urine albumin, " if _nothing_found(kidneys) else ""
    return f"{_category(kidneys)}: {egfr}, {none}KDIGO risk {group}{albumin}{_failing(parts)}"


def _nothing_found(kidneys: Kidneys) -> bool:
    """Whether filtration and albumin are normal, and no disease of the kidneys is on the list."""
    listed = (kidneys.recorded, kidneys.transplanted, kidneys.failed)
    return not kidneys.abnormal and kidneys.acr.usable and not any(fact.value for fact in listed)


def _moving(found: Jump) -> str:
    if found.since is not found.after or found.of is EGFR:
        injury = found.of_a_week and found.stood is None
        return f"{moved(found)}, acute kidney {'injury' if injury else 'disease'} is possible"
    return f"creatinine is {'rising' if found.rising else 'falling'}"


def _failing(parts: tuple[Outcome, ...]) -> str:
    """Say the five-year risk of kidney failure, where it is given."""
    for part in parts:
        if part.horizon == "5 years":
            low, high = part.estimate.low, part.estimate.high
            value = part.estimate.value
            ends = (value, value) if value is not None else (low or 0.0, high or 0.0)
            return f"; {_FAILURE} in 5 years: {percent(*ends)}{part.of.removeprefix(_FAILURE)}"
    return ""


def _urgency(kidneys: Kidneys) -> Urgency | None:
    row = CARD.action(kidneys.rise_row or kidneys.groups[1])
    return row.urgency if row else None


MODEL = Kidney()
