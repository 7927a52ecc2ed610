"""What PREVENT needs, read from a View: each input with where it came from, or why it is not known.

The limits of each input are those of AHA PREVENT (Khan et al., Circulation 2024;149:430, and its online
calculator): outside them the equations were not made, and nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from salus.core.evidence import Event
from salus.core.measures import Measure, Reading, read
from salus.core.seams import View
from salus.risk._body import body_mass_index
from salus.risk._diabetes import diabetes
from salus.risk._egfr import kidney_function
from salus.risk._inputs import Fact, age, sex
from salus.risk._labs import CREATININE, HBA1C, HDL_CHOLESTEROL, TOTAL_CHOLESTEROL, URINE_ACR
from salus.risk._measures import SYSTOLIC
from salus.risk._prevent_equation import Known, Span
from salus.risk._prevent_prior import excluded, prior
from salus.risk._smoking import smokes
from salus.risk._taken import drug
from salus.risk._terms import is_blood_pressure_drug, is_statin

# Adults without known disease have lipids measured every 4 to 6 years (2018 AHA/ACC cholesterol guideline,
# Grundy, Circulation 2019;139:e1082, section 4.1); the rest is repeated yearly (blood pressure: USPSTF, JAMA
# 2021;325:1650; GFR and albuminuria: KDIGO 2024, practice point 2.1.1). One missed year is allowed for.
LIPIDS_WITHIN = timedelta(days=6 * 365.25)
OTHERS_WITHIN = timedelta(days=2 * 365.25)
# A repeat prescription is renewed within a year; an order that ended before that is not current treatment.
ORDERED_WITHIN = timedelta(days=365)

# Nobody has given the Social Deprivation Index a LOINC code: a site writes the decile of the patient's ZIP
# code (Robert Graham Center, SDI 2015-2019 by ZCTA) as an Observation with this code of our own.
SDI_CODE = "urn:salus|sdi-decile"
SDI = Measure("Social Deprivation Index decile", (SDI_CODE,), "1", 1, 10, unitless=True)

AGES = (30, 79)
AGES_30_YEARS = (30, 59)
LIMITS: Mapping[str, Span] = {
    "total_c": (130, 320),
    "hdl": (20, 100),
    "sbp": (90, 200),
    "egfr": (15, 140),
}
BMI_LIMITS = (18.5, 40)  # from 18.5 to below 40
# A ratio beyond what the equations hold for must be told from none: it is read up to 1000 g/g, far above any
# urine's, where the measure itself ends at their limit.
_ANY_ACR = replace(URINE_ACR, high=1e6)
# What a change of unit leaves: 140.446 mmol/mol is 15.00000008 % by the NGSP equation.
_DUST = 1e-6
OPTIONAL_LIMITS: Mapping[str, Span] = {"hba1c": (3, 15), "acr": (0.1, 25000), "sdi": (1, 10)}
ALL_LIMITS: Mapping[str, Span] = {**LIMITS, **OPTIONAL_LIMITS}


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that was asked of the View. sex None: not recorded as female or male."""

    as_of: datetime
    age: Reading
    sex: str | None
    sex_events: tuple[Event, ...]
    required: Mapping[str, Reading]
    creatinine: Reading
    bmi: Reading
    optional: Mapping[str, Reading]
    facts: Mapping[str, Fact]
    prior: tuple[Fact, ...]
    excluded: tuple[Fact, ...]

    @property
    def readings(self) -> tuple[Reading, ...]:
        """Every measurement that was looked for."""
        return (*self.required.values(), self.creatinine, self.bmi, *self.optional.values())

    @property
    def outside(self) -> tuple[Reading, ...]:
        """Readings that lie wholly outside what the equations were made for, optional ones too.

        Leaving an optional one out would make a sicker patient look better than one just inside.
        """
        every = {**self.required, **self.optional}
        return tuple(
            reading
            for name, reading in every.items()
            if reading.usable and not _overlap(reading, ALL_LIMITS[name])
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not known, in words, for what total cardiovascular disease needs."""
        readings = [_name(reading) for reading in self.required.values() if not reading.usable]
        facts = [fact.name for fact in self.facts.values() if fact.value is None]
        return (*(["sex"] if self.sex is None else []), *readings, *facts)

    @property
    def measured(self) -> bool:
        """Whether anything at all of what the equations weigh was measured."""
        return any(reading.usable for reading in self.required.values())


def _name(reading: Reading) -> str:
    return "creatinine or eGFR" if reading.measure.name in ("eGFR", "creatinine") else reading.measure.name


def _overlap(reading: Reading, limits: Span) -> bool:
    return reading.low <= limits[1] + _DUST and reading.high >= limits[0] - _DUST


def gather(view: View) -> Inputs:
    """Ask `view` for every input of PREVENT."""
    since = view.as_of - ORDERED_WITHIN
    of_sex, sex_events = sex(view)
    return Inputs(
        as_of=view.as_of,
        age=age(view),
        sex=of_sex,
        sex_events=sex_events,
        required={
            "total_c": read(view.timeline, TOTAL_CHOLESTEROL, view.as_of, LIPIDS_WITHIN),
            "hdl": read(view.timeline, HDL_CHOLESTEROL, view.as_of, LIPIDS_WITHIN),
            "sbp": read(view.timeline, SYSTOLIC, view.as_of, OTHERS_WITHIN),
            "egfr": kidney_function(view, OTHERS_WITHIN),
        },
        creatinine=read(view.timeline, CREATININE, view.as_of, OTHERS_WITHIN),
        bmi=body_mass_index(view, OTHERS_WITHIN),
        optional={
            "hba1c": read(view.timeline, HBA1C, view.as_of, OTHERS_WITHIN),
            "acr": read(view.timeline, _ANY_ACR, view.as_of, OTHERS_WITHIN),
            "sdi": read(view.timeline, SDI, view.as_of),
        },
        facts={
            "diabetes": diabetes(view, by_list=True),
            "smoking": smokes(view, OTHERS_WITHIN),
            "bp_treated": drug(view, "blood pressure drugs", is_blood_pressure_drug, since),
            "statin": drug(view, "statin", is_statin, since),
        },
        prior=prior(view),
        excluded=excluded(view),
    )


def known(inputs: Inputs) -> Known:
    """Return what the equations may assume: the limits of an input stand in for what is not known of it."""
    span = {name: _span(reading, LIMITS[name]) for name, reading in inputs.required.items()}
    optional = {name: _optional(reading, OPTIONAL_LIMITS[name]) for name, reading in inputs.optional.items()}
    fact = {name: found.options for name, found in inputs.facts.items()}
    return Known(
        sexes=("female", "male") if inputs.sex is None else (inputs.sex,),
        ages=tuple(range(int(inputs.age.low), int(inputs.age.high) + 1)),
        total_c=span["total_c"],
        hdl=span["hdl"],
        sbp=span["sbp"],
        bmi=_span(inputs.bmi, BMI_LIMITS) if mass_fits(inputs.bmi) else None,
        egfr=span["egfr"],
        diabetes=fact["diabetes"],
        smoking=fact["smoking"],
        bp_treated=fact["bp_treated"],
        statin=fact["statin"],
        hba1c=optional["hba1c"],
        acr=optional["acr"],
        sdi=optional["sdi"],
    )


def mass_fits(bmi: Reading) -> bool:
    """Whether heart failure can be estimated: the index is within its limits, or not known."""
    return not bmi.usable or (bmi.low < BMI_LIMITS[1] and bmi.high >= BMI_LIMITS[0])


def _span(reading: Reading, limits: Span) -> Span:
    if not reading.usable or not _overlap(reading, limits):
        return limits
    least, most = limits
    return min(max(reading.low, least), most), max(min(reading.high, most), least)


def _optional(reading: Reading, limits: Span) -> Span | None:
    return _span(reading, limits) if reading.usable else None
