"""The 23 drugs of the Diabetes 130-US hospitals set, by their ingredients' codes.

RxNorm ingredients: PheKB's type 2 diabetes algorithm (Pacheco and Thompson, 2012) and, with ATC, CPIC's table
of drugs for the sulfonylureas, metformin and rosiglitazone; the other ATC codes: WHO Collaborating Centre,
ATC/DDD index, A10. A combination has the codes of both its ingredients, and its own of ATC first.
"""

from __future__ import annotations

_METFORMIN, _GLIPIZIDE, _GLYBURIDE = "RxNorm/6809", "RxNorm/4821", "RxNorm/4815"
_GLIMEPIRIDE, _PIOGLITAZONE, _ROSIGLITAZONE = "RxNorm/25789", "RxNorm/33738", "RxNorm/84108"

DRUGS: dict[str, tuple[str, ...]] = {
    "metformin": (_METFORMIN, "ATC/A10BA02"),
    "repaglinide": ("RxNorm/73044", "ATC/A10BX02"),
    "nateglinide": ("RxNorm/274332", "ATC/A10BX03"),
    "chlorpropamide": ("RxNorm/2404", "ATC/A10BB02"),
    "glimepiride": (_GLIMEPIRIDE, "ATC/A10BB12"),
    "acetohexamide": ("RxNorm/173", "ATC/A10BB31"),
    "glipizide": (_GLIPIZIDE, "ATC/A10BB07"),
    "glyburide": (_GLYBURIDE, "ATC/A10BB01"),
    "tolbutamide": ("RxNorm/10635", "ATC/A10BB03"),
    "pioglitazone": (_PIOGLITAZONE, "ATC/A10BG03"),
    "rosiglitazone": (_ROSIGLITAZONE, "ATC/A10BG02"),
    "acarbose": ("RxNorm/16681", "ATC/A10BF01"),
    "miglitol": ("RxNorm/30009", "ATC/A10BF02"),
    "troglitazone": ("RxNorm/72610", "ATC/A10BG01"),
    "tolazamide": ("RxNorm/10633", "ATC/A10BB05"),
    # Names of the set that no list of drugs has; nobody was given either.
    "examide": (),
    "citoglipton": (),
    "insulin": ("RxNorm/5856", "ATC/A10A"),
    "glyburide-metformin": ("ATC/A10BD02", _GLYBURIDE, _METFORMIN),
    "glipizide-metformin": ("ATC/A10BD02", _GLIPIZIDE, _METFORMIN),
    "glimepiride-pioglitazone": ("ATC/A10BD06", _GLIMEPIRIDE, _PIOGLITAZONE),
    "metformin-rosiglitazone": ("ATC/A10BD03", _METFORMIN, _ROSIGLITAZONE),
    "metformin-pioglitazone": ("ATC/A10BD05", _METFORMIN, _PIOGLITAZONE),
}
