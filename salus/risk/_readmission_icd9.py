"""Diagnoses of a stay, by groups that a clinician would name; ICD-9-CM, with the same in ICD-10(-CM).

The primary diagnosis by its ICD-9-CM category where that is frequent, else by the groups of Strack B et al.,
BioMed Res Int 2014:781670, table 2, and the chapters of ICD-9-CM.
"""

from __future__ import annotations

from collections.abc import Callable

from salus.learning.parameters import Category
from salus.risk._terms import icd9, icd10

PRIMARY = "LOINC/86255-7"
_YES = "yes"
# Categories that are the primary diagnosis of a few hundred stays or more.
_NAMED = {
    "heart failure": "428", "coronary atherosclerosis": "414", "myocardial infarction": "410",
    "other acute heart disease": "411 413", "arrhythmia": "427", "hypertension": "401 402",
    "hypertensive kidney disease": "403 404", "stroke": "431 434 436", "carotid stenosis": "433",
    "transient ischaemia": "435", "arterial disease of the limbs": "440 443 444",
    "pulmonary embolism": "415", "venous thrombosis": "453", "hypotension": "458",
    "pneumonia": "482 486", "aspiration pneumonia": "507", "chronic bronchitis": "491 496", "asthma": "493",
    "pleural effusion": "511", "lung failure": "518", "chest symptoms": "786",
    "general symptoms": "780", "digestive symptoms": "787", "abdominal symptoms": "789",
    "fluid and electrolytes": "276", "obesity": "278", "sepsis": "038", "intestinal infection": "008",
    "acute kidney failure": "584", "urinary infection": "590 599", "kidney stone": "592",
    "other kidney disorder": "593 585", "cellulitis": "681 682", "skin ulcer": "707",
    "bone infection": "730", "osteoarthritis": "715", "back": "721 722 724", "hip fracture": "820",
    "device or graft": "996", "complication of surgery": "997 998", "poisoning by drugs": "965 967 969",
    "gallstones": "574 575", "pancreatitis": "577", "liver disease": "571 572", "gut bleeding": "578",
    "peptic ulcer or gastritis": "531 532 535", "gastroparesis": "536", "diverticula": "562",
    "bowel obstruction": "560", "colitis": "558", "reflux": "530", "appendicitis": "540",
    "anaemia": "280 285",
    "metastatic cancer": "197 198", "lung cancer": "162", "colon cancer": "153 154", "breast cancer": "174",
    "prostate cancer": "185", "lymphoma or leukaemia": "202 203 204 205", "fibroids": "218",
    "mood disorder": "296 311", "schizophrenia": "295", "dementia": "290 294 331", "epilepsy": "345",
    "chemotherapy or aftercare": "V58", "rehabilitation": "V57",
}  # fmt: skip
_BY_CATEGORY = {category: name for name, listed in _NAMED.items() for category in listed.split()}
_DIABETES = {
    "0": "diabetes", "1": "ketoacidosis", "2": "hyperosmolarity", "3": "diabetic coma",
    "4": "diabetic kidney disease", "5": "diabetic eye disease", "6": "diabetic neuropathy",
    "7": "diabetic arterial disease", "8": "other diabetic complication", "9": "other diabetic complication",
}  # fmt: skip
# First category of each group, and its name.
_CHAPTERS = (
    (0, "infection"), (140, "cancer"), (240, "hormones and metabolism"), (280, "blood"), (290, "mental"),
    (320, "nervous system"), (390, "circulation"), (460, "breathing"), (520, "digestion"),
    (580, "kidney and urine"), (630, "pregnancy"), (680, "skin"), (710, "muscles and bones"),
    (740, "symptoms and other"), (800, "injury"),
)  # fmt: skip


def primary(code: str) -> str | None:
    """Return the group of a primary diagnosis in ICD-9-CM (``ICD9CM/250.62``); None for another system's."""
    system, _, told = code.partition("/")
    category, _, rest = told.partition(".")
    if system != "ICD9CM" or not category:
        return None
    if category == "250":
        return _DIABETES.get(rest[:1], "diabetes")
    if category in _BY_CATEGORY:
        return _BY_CATEGORY[category]
    if not category.isdigit():
        return "cause of injury" if category[0] == "E" else "other contact"
    return [name for first, name in _CHAPTERS if first <= int(category)][-1]


def _yes(answer: str) -> str:
    return _YES


def _group(name: str, nine: str, ten: str) -> Category:
    stems = (*icd9(*nine.split()), *icd10(*ten.split()))
    return Category(name, (), {}, _yes, "ICD-9-CM and ICD-10-CM, tabular lists", stems)


def _fifth(of: str) -> Callable[[str], str | None]:
    """Return whether the fifth digit of ICD-9-CM 250 is one of those in `of`."""
    return lambda code: _YES if len(code) == 13 and code[-1] in of else None


def _diabetes(name: str, fifth: str) -> Category:
    source = "ICD-9-CM 250, fifth digit: 1 type 1; 2 type 2, uncontrolled; 3 type 1, uncontrolled"
    return Category(name, (), {}, _fifth(fifth), source, icd9("250"))


# Name of what is among the diagnoses of the stay, ICD-9-CM and ICD-10 stems.
_AMONG = (
    ("heart failure", "428", "I50"),
    ("angina or other acute coronary disease", "411 413", "I20 I24"),
    ("coronary disease", "414", "I25"),
    ("myocardial infarction", "410 412", "I21 I22 I252"),
    ("cardiomyopathy or valve disease", "424 425", "I34 I35 I36 I42"),
    ("arrhythmia", "427", "I47 I48 I49"),
    ("hypertension", "401", "I10"),
    ("hypertensive kidney disease", "403 404", "I12 I13"),
    ("chronic kidney disease", "585", "N18"),
    ("acute kidney failure", "584", "N17"),
    ("other kidney disease", "581 582 583 588 593 447", "N04 N05 N25 N28"),
    ("dialysis or implanted device", "V45", "Z99 Z95"),
    ("arterial disease of the limbs", "440 443", "I70 I73"),
    ("stroke", "431 434 436 438", "I61 I63 I69"),
    ("paralysis", "342 344", "G81 G82 G83"),
    ("transient ischaemia", "435", "G45"),
    ("chronic bronchitis", "491 492 496", "J41 J42 J43 J44"),
    ("asthma", "493", "J45"),
    ("pneumonia", "480 481 482 483 484 485 486", "J12 J13 J14 J15 J16 J17 J18"),
    ("pleural effusion", "511", "J90 J91"),
    ("lung failure", "518", "J80 J96 J98"),
    ("fluid and electrolytes", "276", "E86 E87"),
    ("anaemia", "280 281 282 283 284 285", "D5 D60 D61 D62 D63 D64"),
    ("blood lipids", "272", "E78"),
    ("obesity", "278 V85", "E66 Z68"),
    ("urinary infection", "590 599", "N10 N39"),
    ("cellulitis", "681 682", "L03"),
    ("skin ulcer", "707", "L89 L97"),
    ("bone infection", "730", "M86"),
    ("sepsis", "038", "A40 A41"),
    ("infection by a named germ", "041", "B95 B96"),
    ("complication of a device or graft", "996", "T82 T83 T84 T85 T86"),
    ("complication of surgery", "997 998", "T81"),
    ("metastatic cancer", "196 197 198 199", "C77 C78 C79 C80"),
    ("lung cancer", "162", "C34"),
    ("cancer of the digestive organs", "150 151 153 154 155 156 157", "C15 C16 C18 C19 C20 C22 C25"),
    ("lymphoma or leukaemia", "200 201 202 203 204 205 206 207 208", "C81 C82 C83 C85 C90 C91 C92"),
    ("past cancer", "V10", "Z85"),
    ("liver disease", "070 570 571 572 573", "K70 K72 K73 K74 K76"),
    ("pancreatic disease", "577", "K85 K86"),
    ("gastroparesis or dyspepsia", "536", "K30 K31"),
    ("abdominal symptoms", "787 789", "R10 R11"),
    ("chest symptoms", "786", "R05 R06 R07"),
    ("gangrene or shock", "785", "I96 R57"),
    ("hypotension", "458", "I95"),
    ("dementia", "290 294 331", "F01 F02 F03 G30"),
    ("psychosis", "295 297 298", "F2"),
    ("mood or anxiety disorder", "296 300 311", "F3 F40 F41"),
    ("alcohol or drugs", "291 292 303 304 305", "F1"),
    ("nutrition", "260 261 262 263 783", "E4 R63"),
    ("chemotherapy or aftercare", "V58", "Z51 Z79"),
    ("transplanted organ", "V42", "Z94"),
    ("fracture or dislocation", "80 81 820 821 822 823 824 825 83", "S72 S82"),
    ("diabetic ketoacidosis or coma", "2501 2502 2503", "E101 E111 E100 E110"),
    ("diabetic kidney disease", "2504", "E102 E112"),
    ("diabetic eye disease", "2505 362", "E103 E113"),
    ("diabetic neuropathy", "2506 337 357", "E104 E114"),
    ("diabetic arterial disease", "2507", "E105 E115"),
    ("other diabetic complication", "2508 2509", "E106 E116"),
)
PRIMARY_DIAGNOSIS = Category(
    "primary diagnosis", (PRIMARY,), {}, primary, "Strack 2014, table 2; ICD-9-CM, tabular list"
)
AMONG = (
    *(_group(*one) for one in _AMONG),
    _diabetes("diabetes type 1", "13"),
    _diabetes("uncontrolled diabetes", "23"),
)
