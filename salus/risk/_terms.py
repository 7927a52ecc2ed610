"""Clinical meanings that several risk models share, as the codes that carry them.

ICD stems hold their whole hierarchy (``ICD10CM/I50`` holds I50.22); SNOMED CT has no order in its codes, so
the findings that records really use are listed one by one. Drugs are told by ATC stem, RxNorm ingredient
or international non-proprietary name (WHO INN) in the text as written.
"""

from __future__ import annotations

from salus.core.codes import ValueSet


def icd10(*stems: str) -> tuple[str, ...]:
    """Return stems for ICD-10 and ICD-10-CM alike."""
    return tuple(f"{system}/{stem}" for stem in stems for system in ("ICD10", "ICD10CM"))


def icd9(*stems: str) -> tuple[str, ...]:
    """Return stems for ICD-9-CM."""
    return tuple(f"ICD9CM/{stem}" for stem in stems)


def snomed(*codes: str) -> frozenset[str]:
    """Return SNOMED CT codes as Events carry them."""
    return frozenset(f"SNOMED/{code}" for code in codes)


DIABETES = ValueSet(
    "diabetes",
    snomed(
        "73211009",  # diabetes mellitus
        "44054006",  # type 2
        "46635009",  # type 1
        "8801005",  # secondary
        "199223000",  # in pregnancy or before it, first seen then
        "127013003",  # diabetic renal disease
        "368581000119106",  # neuropathy due to type 2
        "422034002",  # retinopathy associated with type 2
        "1551000119108",  # nonproliferative retinopathy due to type 2
        "1501000119109",  # proliferative retinopathy due to type 2
        "97331000119101",  # macular oedema and retinopathy due to type 2
        "90781000119102",  # microalbuminuria due to type 2
        "157141000119108",  # proteinuria due to type 2
        "60951000119105",  # blindness due to type 2
    )
    - snomed("199223000"),
    icd10("E08", "E09", "E10", "E11", "E12", "E13", "E14") + icd9("249", "250"),
    "Quan et al., Med Care 2005;43:1130 (diabetes); ICD-10-CM E08-E13 without gestational O24",
)
