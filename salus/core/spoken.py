"""Words by which records name the vital signs and the results that models ask for.

For codes that no list here holds: such words never make a value evidence. They tell that it may be one, so
that an older value under a known code is not taken for the latest without a word. In English and German.
"""

from __future__ import annotations

import re
from functools import lru_cache

# What beside the name makes it another thing: another being, no measurement of this moment, or a setting.
_OTHER = (
    r"\bf(o)?etal|\bf(o)?etus|\bgoal|\btarget|\balarm|\blimit|\bsetting|\bset\b|\bscore|\bmean\b|\baverage|"
    r"\bmin(imum)?\b|\bmax(imum)?\b|\b24[ -]?h|\bexercise|\banesthesia|\bhistory\b"
)
# name of the measure: (what names it, what beside it makes it another thing)
_WORDS = {
    "systolic blood pressure": (
        r"systol|blood ?pressure|blutdruck|\b(n?i?bp|abp|rr sys)\b|\bsbp\b",
        r"^(?!.*systol).*diastol|venous|pulmonary|ventric|intracranial|cuff|\bmap\b|end systol|volume",
    ),
    "pulse": (
        r"\bpulse?\b|heart ?rate|\bhr\b|herzfrequenz|pulsfrequenz",
        r"pulse (pressure|volume|strength|quality|deficit|wave|width)|rhythm|saturation|sp ?o2|"
        r"^(?!.*(rate|frequenz)).*\bpulse ?ox",
    ),
    "temperature": (
        r"temperatur|\btemp\b",
        r"room|ambient|environment|water|bath|blanket|storage|incubator|gas",
    ),
    "respiratory rate": (
        r"\bresp(\.|irat\w*)? ?rate|respirations|breath\w* ?rate|breaths|atemfrequenz|\brr\b",
        r"mechanical|machine|\brr sys|\brr dias",
    ),
    "oxygen saturation": (
        r"saturation|\bs[ap] ?o2\b|\bsats?\b|pulse ?ox|s(ä|ae)ttigung",
        r"venous|venös|cerebral|tissue|iron|transferrin|cord\b|rate|frequenz",
    ),
    "creatinine": (
        r"creatinin|kreatinin",
        r"urin|ratio|clearance|albumin|protein|/ ?creat|/ ?krea|kinase|fluid|dialysate|\bgfr|glomerular",
    ),
    "diastolic blood pressure": (
        r"diastol",
        r"end[ -]?diastol|volume|dimension|diameter|function|pulmonary|ventric|venous|murmur|thick|\bmap\b",
    ),
    "left ventricular ejection fraction": (
        r"ejection ?fraction|\blv ?ef\b|ejektionsfraktion|auswurffraktion",
        r"\bright|\brv ?ef|\batri|gall ?bladder|rechts",
    ),
    "glucose": (
        r"gluco[sz]e|glukose|blutzucker|blood sugar",
        r"urin|harn|fluid|liquor|\bcsf\b|dehydrogenase|phosphat|insulin|peptid|hormone|cortisol|antibod|estimated",
    ),
    "HbA1c": (r"\bhb ?a1c|\ba1c\b|h(a)?emoglobin a1c|glyc(at|osylat)ed h(a)?emoglobin", r"estimated"),
    "eGFR": (r"\be?gfr\b|glomerular filtration|glomeruläre", r"stage|categor|\bckd g\d"),
}
_NAMES = {
    name: (re.compile(names, re.IGNORECASE), re.compile(f"{_OTHER}|{other}", re.IGNORECASE))
    for name, (names, other) in _WORDS.items()
}


@lru_cache(maxsize=1 << 16)
def names(measure: str, words: str) -> bool:
    """Return whether `words` plainly name the measure called `measure`."""
    named, other = _NAMES[measure]
    return named.search(words) is not None and other.search(words) is None


def names_any(words: str) -> bool:
    """Return whether `words` plainly name any of these measures."""
    return any(names(measure, words) for measure in _NAMES)
