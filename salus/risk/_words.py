"""The words by which records name conditions, as patterns in small letters: never proof, only a question.

Abbreviations are whole words, as clinicians write them (Stedman's Medical Abbreviations); German names stand
beside the English, as ICD-10-GM writes them.
"""

from __future__ import annotations

import re
from functools import lru_cache

STROKE = (
    r"(?<!heat )stroke", "cerebral infarct", "cerebrovascular accident", "transient (cerebral )?isch",
    r"lacunar infarct", r"cerebellar infarct", r"cva\b", r"tias?\b", "schlaganfall", "hirninfarkt",
)  # fmt: skip
VASCULAR = (
    "myocardial infarct", "heart attack", "coronary", "angina", r"isch(a)?emic heart", "claudication",
    r"peripheral (arter|vascular)", "arterial occlusive", r"(limb|leg)([ -]threatening)? isch",
    "stemi", "nstemi", r"cad\b", r"chd\b", r"ihd\b", r"acs\b", r"[ao]?mi\b",
    r"pad\b", r"pvd\b", r"paod\b", r"cabg\b", r"pt?ca\b", r"pci\b", r"khk\b", r"pavk\b", "myokardinfarkt",
    "herzinfarkt", "koronar",
)  # fmt: skip
CARDIAC_ARREST = ("cardiac arrest", "sudden cardiac death", "herzstillstand")
DIABETES = (
    r"(?<!gestational )diabetes(?! insipidus)", "diabetic", r"niddm", r"iddm", r"t[12] ?dm\b", r"t1d\b",
    r"t2d\b", r"dm ?([12]|i{1,2})?\b",
)  # fmt: skip
HEART_FAILURE = (
    "heart failure", "cardiac failure", "ventricular failure", r"chf\b", r"hf[mrp]+ef\b", r"hf\b", r"ccf\b",
    r"lvf\b", "herzinsuffizienz", r"lvsd\b", "ventricular (systolic )?dysfunction",
    r"(ischa?emic|dilated) cardiomyopath",
)  # fmt: skip
FIBRILLATION = (
    r"(?<!ventricular )fibrillation", r"(?<!ventricular )flutter", r"p?af\b", r"a-?fib\b", "vorhofflimmern",
    "vorhofflattern", r"afl\b",
)  # fmt: skip
HYPERTENSION = (
    r"(?<!pulmonary )(?<!portal )(?<!ocular )(?<!intracranial )(?<!gestational )hypertensi(on|ve)",
    r"htn\b", r"hbp\b", "high blood pressure", r"(?<!pulmonale )(?<!portale )hypertonie", "bluthochdruck",
)  # fmt: skip
PREGNANCY = (
    r"(?<!no )(?<!not )(?<!previous )(?<!prior )(?<!past )(?<!after )(?<!planning )pregnan",
    r"(?<!pre)gestation\b", r"(first|second|third|1st|2nd|3rd) trimester", r"(?<!nicht )schwanger", r"ssw\b",
    "pre-?eclampsia", r"eclampsia", r"gestational (diabetes|hypertension)", r"gravid(a|ity)?\b",
)  # fmt: skip
# What is no pregnancy of today, however the word stands in it.
_NO_PREGNANCY = re.compile(
    r"\b(negative|not|non|nonpregnan\w*|post-?partum|postnatal|infertil\w*|ectopic scar)\b|contracept|"
    r"after (pregnan|delivery)|pregnan\w* history|pregnancy wanted|planning|ruled out|exclu(ded|des|sion)|"
    r"terminat|abort|ausschlu|ausgeschlossen"
)
# What speaks of a pregnancy that was, where it stands before the word; behind it, of something else that was.
_PAST = re.compile(r"\b(previous|prior|past|history|h/o)\b")
_PREGNANT = re.compile(r"pregnan|trimester|schwanger|gravid|gestation|eclampsia")
# Words that name a pregnancy itself, and those beside which they only speak of one.
PLAIN_PREGNANCY = re.compile(r"\bpregnan(t|cy)\b|\b(first|second|third|1st|2nd|3rd) trimester\b|schwanger")
OF_PREGNANCY = re.compile(
    r"\b(tests?|counsel\w*|educat\w*|fear\w*|suspected|possible|probable|risk of|desire\w*|wish\w*|wants?|"
    r"prevent\w*|partner|wife|verdacht|test|wunsch)\b|\?"
)


def is_no_pregnancy(said: str) -> bool:
    """Whether words that name a pregnancy say that there is none today."""
    past, named = _PAST.search(said), _PREGNANT.search(said)
    was = past is not None and (named is None or past.start() < named.start())
    return was or _NO_PREGNANCY.search(said) is not None


# Behind these words stands a reason, which may name what is past ("pregnancy due to history of ...").
BECAUSE = re.compile(r"\b(due to|because of|secondary to|wegen)\b")
HIGH_GLUCOSE = (
    "prediabet", "pre-diabet", "impaired glucose", "impaired fasting", "hyperglyc", "gestational diabetes",
    r"gdm\b", r"igt\b", r"ifg\b",
)  # fmt: skip
# What comes before dialysis ("predialysis clinic"), or is done without, is none.
DIALYSIS = (
    r"(?<!pre-)(?<!pre )(?<!no )(?<!not on )(?<!without )(?!pre-?)\w*dialy[sz]", r"capd\b", r"ccpd\b",
    r"crrt\b", r"cvvh(d|df)?\b", r"renal replacement therap", r"(on|maintenance|chronic) hd\b",
    "nierenersatz",
)  # fmt: skip
KIDNEY_TRANSPLANT = (
    r"(kidney|renal|pancreas[- ](and )?kidney)( \w+)? (allo)?(transplant|graft)",
    "kidney-pancreas transplant",
    r"transplant(ed|ation of)?( \w+)? (kidney|ren)", "nierentransplant", r"n?tx niere", r"ktx\b",
)  # fmt: skip
KIDNEY_FAILURE = (r"esr[df]\b", r"eskd\b", r"end[- ]stage (renal|kidney)", "terminale niereninsuffizienz")
KIDNEY = (
    r"ckd\b", "chronic (kidney|renal) (disease|failure|insuff)", *DIALYSIS, *KIDNEY_TRANSPLANT,
    *KIDNEY_FAILURE,
)  # fmt: skip
HYPERTROPHIC = (r"hypertrophic (obstructive )?cardiomyopath", r"ho?cm\b")
CARDIAC_AMYLOIDOSIS = (
    r"(cardiac|heart|transthyretin|attr)[\w -]* amyloid", r"attr-cm\b",
    r"amyloid\w* (cardiomyopath|of the heart)",
)  # fmt: skip
TOBACCO = (
    r"(?<!former )(?<!past )(?<!ex-)(?<!ex )(?<!non)(?<!non-)(?<!never )(?<!passive )smoker",
    r"(?<!smokeless )tobacco (use|abuse|dependence|user)", r"nicotine dependence", r"raucher\b",
)  # fmt: skip
# A replaced heart valve or a narrow mitral valve, of which words alone may tell.
VALVE = (
    r"(mechanical|prosthetic|artificial|bioprosthetic) [\w ]*valve", r"valve (replacement|prosthesis)",
    r"(mitral|aortic) prosthesis", r"mitral (valve )?stenosis", "mitralstenose", "klappenersatz",
    r"valve implantation", r"tav[ir]\b",
)  # fmt: skip
BIOLOGICAL_VALVE = (
    r"bio-?prosthe", r"biological [\w ]*valve", r"tav[ir]\b", "transcatheter aortic valve", "porcine",
    "xenograft", "homograft",
)  # fmt: skip
# Operations on arteries, told in words alone; what only looks at an artery (angiography) opens none, nor does
# work on a vein.
CORONARY_OPERATION = (
    r"coronary[\w ,-]* (bypass|graft|stent|angioplast|atherectom|intervention|revasculari[sz])",
    r"(coronary|heart) bypass", r"ca[bv]g\b", r"acvb\b", r"pci\b", r"ptca\b", r"drug[- ]eluting stent",
    r"aorto-?[ck]oronar", r"koronar\w*[ -](bypass|stent|angioplast)", r"koronarstent", r"bypass-?op\b",
)  # fmt: skip
LEG_OPERATION = (
    r"(fem(oral|oro)?|ax(illary|illo)?)[ -]?(bi-?)?(fem|pop|tib|distal)\w*[\w ]* ?(bypass|graft)",
    r"aorto-?(bi-?)?(iliac|femoral)[\w ]* (bypass|graft)",
    r"(iliac|femoral|popliteal|tibial|peripheral|lower (limb|extremity))(?! (vein|venous))[\w ]* "
    r"(angioplast|stent|atherectom|endarterectom|bypass|revasculari[sz])",
    r"evar\b", r"aortic aneurysm[\w ]* repair", r"repair of[\w ]* aortic aneurysm",
)  # fmt: skip
CAROTID_OPERATION = (
    r"[ck]arotis?d?[\w ]*[ -](endarterect|thrombendarteri|stent|angioplast|revasculari[sz])", "endarterectom",
    r"tcar\b",
)  # fmt: skip
# Common complaints that are none of what these models ask: a list that names them only in words stays a list.
OTHERS = (
    r"(pulmona(ry|le)|portale?|ocular|intracranial) hypert", "diabetes insipidus", "heat stroke",
    "sinusitis", "bronchitis", "pharyngitis", "otitis", "common cold", "influenza", "pneumonia", "asthma",
    "copd", "gastritis", "reflux", r"gerd\b", "appendicitis", "hernia", "osteoarthritis", "back pain",
    "migraine", "headache", "depressi", "anxiety", "insomnia", "eczema", "psoriasis", "acne", "fracture",
    "sprain", "laceration", "anaemia", "anemia", "hypothyroid", "hyperlipid", "hypercholesterol", "dyslipid",
    "obesity", "gout", "cataract", "glaucoma", "allerg", "urinary tract infection", r"uti\b", "cellulitis",
)  # fmt: skip
_EVERY = (
    *STROKE, *VASCULAR, *DIABETES, *HEART_FAILURE, *FIBRILLATION, *HYPERTENSION, *PREGNANCY, *HIGH_GLUCOSE,
    *KIDNEY, *CARDIAC_ARREST, *HYPERTROPHIC, *CARDIAC_AMYLOIDOSIS, *TOBACCO,
    *OTHERS,
)  # fmt: skip
# What denies, of that which follows it in its clause: "AF, no evidence of thrombus" is AF. What is "not well
# controlled" or was "never treated" is there.
_FRONT = (
    r"no\b(?!\.? ?\d)|(?:without|denie[sd]|negative for|absence of)\b|"
    r"(?:never|not)\b(?: (?:been )?(?:known to have|diagnosed with|suffering from))|"
    r"(?:never|not)\b(?= (?:an? |known )?(?:have|having|had|been|diabet|pregnan|hypertensive))"
)
_ELSEWHERE = r"(?:family history|at risk|screening|denie[sd])\b"
_DENIAL = re.compile(rf"\b(?:{_FRONT}|{_ELSEWHERE})")
# Before a denial of all that is said stands at most who is meant.
_ALL_DENIED = re.compile(
    rf"\s*(?:(?:the|patient|pt|he|she|has|have|had|does|did|is|was|there)\b\s*)*(?:{_FRONT})|.*\b{_ELSEWHERE}"
)
# Where its clause ends; a comma ends it but in a list ("no history of stroke, TIA or MI"), and what has "no
# complications" is there.
_END = re.compile(r"[;.()]| - |\b(but|with|in|due to|complication\w*)\b|,(?![^;.()]*\b(or|nor)\b)")
_LEAD = re.compile(r"[\s:,-]*")
# What denies straight before the word itself, and straight behind it.
_BEFORE = re.compile(r"\bnon[- ](?=diabetic|hypertensive|pregnan)")
_BEHIND = re.compile(
    r"\w*( mellitus)?[,:]? ?\(?((screening(?! ?:| positive)|ruled out|excluded|family history)\b|"
    r"(no(?!\. ?\d)|none|negative|denied|absent)\s*($|[;.,)]))"
)


@lru_cache(maxsize=1 << 14)
def _denied(said: str) -> tuple[tuple[int, int], ...]:
    """Return from where to where `said` speaks of what is not."""
    found = []
    for denial in _DENIAL.finditer(said):
        lead = _LEAD.match(said, denial.end())
        start = lead.end() if lead else denial.end()
        end = _END.search(said, start)
        found.append((start, end.start() if end else len(said)))
    return tuple(found)


def _stands(said: str, word: re.Match[str]) -> bool:
    if any(start <= word.start() < end for start, end in _denied(said)) or _BEHIND.match(said, word.end()):
        return False
    return not any(denial.end() == word.start() for denial in _BEFORE.finditer(said))


@lru_cache(maxsize=1 << 14)
def spoken(said: str, words: tuple[str, ...]) -> bool:
    """Return whether `said`, in small letters, names what `words` mean, and does not deny it."""
    return any(_stands(said, found) for word in words for found in re.finditer(rf"\b{word}", said))


@lru_cache(maxsize=1 << 14)
def understood(said: str) -> bool:
    """Return whether `said`, in small letters, names anything that is known here, or is all a denial."""
    first = _END.split(said, maxsplit=1)[0]
    return bool(_ALL_DENIED.match(first)) or any(re.search(rf"\b{word}", said) for word in _EVERY)
