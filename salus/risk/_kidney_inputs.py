"""What the kidney model asks of a View: filtration, albuminuria, their past, and who it is not for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from salus.core.measures import Reading, read
from salus.core.seams import View
from salus.risk._egfr import kidney_function
from salus.risk._elsewhere import elsewhere
from salus.risk._inputs import Fact, age, condition, hinted, sex
from salus.risk._kfre import EGFR_LIMITS
from salus.risk._kidney_change import Jump, change, fall
from salus.risk._kidney_history import Run, albuminuria_since, low_filtration_since
from salus.risk._kidney_pregnancy import undecided
from salus.risk._kidney_replacement import on_dialysis, transplanted
from salus.risk._kidney_stage import a_categories, g_categories, groups, whole
from salus.risk._labs import CREATININE, URINE_ACR
from salus.risk._pregnancy import pregnant
from salus.risk._terms import DIALYSIS, KIDNEY_DISEASE, KIDNEY_FAILURE, KIDNEY_TRANSPLANT

# KDIGO 2024, practice point 2.1.1: at least yearly in CKD; one missed year is allowed for.
WITHIN = timedelta(days=2 * 365.25)
# KDIGO 2012 AKI guideline, 2.1.1: what rises by 1.5 times does so within a week; a later report stands alone.
SETTLED = timedelta(days=7)
# Rows of the card's action table for a creatinine that rises or a filtration that falls. How fast it went
# over an older value than a week is not known. KDIGO 2012, Table 2: twice the baseline is stage 2 (and half
# the filtration RIFLE's injury; Bellomo, Crit Care 2004;8:R204); Think Kidneys and RCGP, Responding to AKI
# Warning Stage Test Results for Adults in Primary Care (2016), Table 1: stage 1 within 72 hours, stage 2
# within 24. What has stood for more than a week is no injury of today, but may be one that nobody saw.
RISEN, ACUTE = 5, 6
DOUBLED = 2.0


@dataclass(frozen=True, slots=True)
class Kidneys:
    """Everything that was asked of the View; an unusable `egfr` means that nothing can be staged."""

    age: Reading
    sex: str | None
    creatinine: Reading
    egfr: Reading
    acr: Reading
    low_run: Run
    albumin_run: Run
    jump: Jump | None
    jump_is_new: bool
    elsewhere: tuple[str, ...]
    recorded: Fact
    replaced: Fact
    transplanted: Fact
    failed: Fact
    pregnant: Fact

    @property
    def g(self) -> tuple[str, ...]:
        """Every G category that is possible."""
        return g_categories((self.egfr.low, self.egfr.high))

    @property
    def a(self) -> tuple[str, ...]:
        """Every A category that is possible."""
        if not self.acr.usable:
            return a_categories(None)
        # Below 3 mg/mmol is A1 in both of KDIGO's columns: a bound is none of its own range.
        ends = [URINE_ACR.allowed(event) for event in self.acr.events]
        return a_categories((min(low for low, _ in ends), max(high for _, high in ends)))

    @property
    def groups(self) -> tuple[int, int]:
        """The least and the greatest KDIGO risk group (1 to 4)."""
        return groups(self.g, self.a)

    @property
    def below_60(self) -> bool:
        """Whether filtration may be reduced (G3a and beyond)."""
        return whole(self.egfr.low) < EGFR_LIMITS[1]

    @property
    def abnormal(self) -> bool:
        """Whether anything found would be chronic kidney disease, if it lasts."""
        return self.below_60 or (self.acr.usable and self.a[-1] != "A1")

    @property
    def chronic(self) -> bool:
        """Whether three months of the same abnormality are on record: of the eGFR, where that is low.

        Albuminuria that lasts is chronic disease, and says nothing of an eGFR that fell below 60 since.
        """
        return self.low_run.chronic or (self.albumin_run.chronic and not self.below_60)

    @property
    def rise_row(self) -> int:
        """The row of the action table that a change for the worse leads to, if measured in the last week."""
        if self.jump is None or not (self.jump.worse and self.jump_is_new):
            return 0
        sudden = self.jump.of_a_week or self.jump.times >= DOUBLED
        return ACUTE if sudden and self.jump.stood is None else RISEN

    @property
    def why_no_kfre(self) -> str:
        """Why the risk of kidney failure cannot be given; "" when it can."""
        if not self.acr.usable:
            return "it needs the urine albumin-to-creatinine ratio"
        if self._acute:
            return self._acute
        if self.transplanted.value or self.failed.value:
            return "kidney failure or a transplant is on record"
        if self.maybe_replaced:
            return f"whether kidneys failed or were replaced is not sure ({'; '.join(self.maybe_replaced)})"
        if not self.age.usable:
            return "it needs the date of birth"
        fits = EGFR_LIMITS[0] <= self.egfr.low and whole(self.egfr.high) < EGFR_LIMITS[1]
        return "" if fits else "the equation was made for eGFR of 10 to 59"

    @property
    def _acute(self) -> str:
        """What shows that the disease is not chronic yet; "" where nothing does."""
        if self.jump is not None:
            return f"the {self.jump.of.name} is not in a steady state"
        if self.low_run.recent:
            return "eGFR was 60 or more within three months, and the equation is for chronic disease"
        return ""

    @property
    def maybe_replaced(self) -> tuple[str, ...]:
        """What the record names of dialysis, a transplant or kidney failure, and does not decide."""
        asked = (
            (self.replaced, DIALYSIS),
            (self.transplanted, KIDNEY_TRANSPLANT),
            (self.failed, KIDNEY_FAILURE),
        )
        return tuple(fact.says for fact, meaning in asked if hinted(fact, meaning))

    @property
    def kfre_fits(self) -> bool:
        """Whether the kidney failure risk equation applies."""
        return not self.why_no_kfre

    @property
    def pregnancy_undecided(self) -> str:
        """What the record leaves open of a pregnancy; "" where nothing."""
        return undecided(self.pregnant, self.sex, self.age)


def gather(view: View) -> Kidneys:
    """Ask `view` for everything that the kidney model needs."""
    egfr = kidney_function(view, WITHIN)
    creatinine = read(view.timeline, CREATININE, view.as_of, WITHIN)
    found = _unsettled(view, egfr)
    return Kidneys(
        age=age(view),
        sex=sex(view)[0],
        creatinine=creatinine,
        egfr=egfr,
        acr=read(view.timeline, URINE_ACR, view.as_of, WITHIN),
        low_run=low_filtration_since(view),
        albumin_run=albuminuria_since(view),
        jump=found,
        jump_is_new=found is not None and view.as_of - found.after.at < SETTLED,
        elsewhere=elsewhere(view, (egfr, replace(creatinine, at=egfr.at)), WITHIN),
        recorded=condition(view, KIDNEY_DISEASE),
        replaced=on_dialysis(view),
        transplanted=transplanted(view),
        failed=condition(view, KIDNEY_FAILURE),
        pregnant=pregnant(view),
    )


def _unsettled(view: View, egfr: Reading) -> Jump | None:
    """Return the change of creatinine; without one, or long before the last filtration, the fall of that."""
    found = change(view)
    if found is None or (egfr.at is not None and egfr.at - found.after.at >= SETTLED):
        return fall(view)
    return found
