"""Diseased arteries outside heart and brain, by code: what is peripheral artery disease, and what may be.

Rows of peripheral vascular disease in Quan H et al., Med Care 2005;43:1130-9 (enhanced ICD-9-CM and ICD-10),
cut down to what ESC 2024, table 10, counts: arteries of the limbs, and operations on them or on the abdominal
aorta. What Quan counts beyond that (renal, mesenteric and unnamed arteries, grafts of unnamed vessels) may be
it; an aneurysm alone is not. SNOMED CT after VSAC 2.16.840.1.113762.1.4.1047.21 (atherosclerosis and
peripheral arterial disease).
"""

from __future__ import annotations

from salus.core.codes import ValueSet
from salus.risk._terms import icd9, icd10, snomed

PERIPHERAL_CODES = snomed(
    "399957001",  # peripheral arterial occlusive disease
    "840580004",  # peripheral arterial disease
    "400047006",  # peripheral vascular disease
    "63491006",  # intermittent claudication
    "51274000",  # atherosclerosis of arteries of the extremities
    "233956002",  # aortoiliac atherosclerosis
    "792843009",  # gangrene of a limb by atherosclerosis
    "792844003",  # pain of a limb at rest by atherosclerosis
    "792845002",  # claudication by atherosclerosis
    "238794007",  # ischaemic ulcer of the foot
    "429768000",  # ischaemic ulcer of a toe
    "442439008",  # atherosclerosis of the bypass graft of a limb, and its kinds
    "442693003",
    "442701004",
    "442735001",
    "709584004",
    "709585003",
    "8001000119106",
    "127014009",  # peripheral angiopathy due to diabetes
    "421895002",  # peripheral vascular disorder due to diabetes
    "421365002",  # the same, type 1
    "422166005",  # the same, type 2
)
_DIABETES = ("E08", "E09", "E10", "E11", "E13")
# ICD-10 (WHO) and ICD-10-CM divide I73.8 and the diabetic angiopathies differently: in ICD-10-CM I73.81 is
# erythromelalgia and .59 any other disease of the circulation.
PERIPHERAL_STEMS = (
    *icd10("I702", "I703", "I704", "I705", "I706", "I707", "I7092", "I731", "I7389", "I739", "I792"),
    *("ICD10/I738", *(f"ICD10/E1{kind}5" for kind in range(5))),
    *(f"ICD10CM/{kind}{what}" for kind in _DIABETES for what in ("51", "52")),
    *icd10("Z95820", "Z9862"),
    *icd9("4402", "4403", "4404", "4431", "44381", "44389", "4439", "2507"),
)
VASCULAR_UNCLEAR = ValueSet(
    "a diseased artery, or a graft, whether of the limbs or the aorta as counted not said",
    snomed(
        "233955003",  # atherosclerosis of the abdominal aorta
        "81817003",  # of the aorta
        "39823006",  # generalised
        "441574008",  # of an artery
        "45281005",  # of a renal artery
        "13954005",  # ischaemic ulcer
    ),
    (
        *icd10("I700", "I701", "I708", "I709", "I771", "K551", "K558", "K559", "Z95828"),
        *("ICD10CM/I738", "ICD10/Z958", "ICD10/Z959"),
        *(f"ICD10CM/{kind}59" for kind in _DIABETES),
        *icd9("4400", "4401", "4408", "4409", "4432", "4438", "4471", "5571", "5579", "V434"),
    ),
    "Of the aorta (I70.0; ICD-9-CM 440.0) only complex plaque counts (ESC 2024, table 10); the rest are rows "
    "of Quan 2005 that name no artery of the limbs",
)
