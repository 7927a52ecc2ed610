"""Clinical meanings that several risk models share, as the codes that carry them.

ICD stems hold their whole hierarchy (``ICD10CM/I50`` holds I50.22); SNOMED CT has no order in its codes, so
the findings that records really use are listed one by one. Drugs are told by ATC stem, RxNorm ingredient
or international non-proprietary name (WHO INN) in the text as written.
"""

from __future__ import annotations

from salus.core.codes import ValueSet
from salus.core.evidence import Event
from salus.risk import _drugs as drugs
from salus.risk import _snomed as listed
from salus.risk import _words as words
from salus.risk._inputs import named, worded


def icd10(*stems: str) -> tuple[str, ...]:
    """Return stems for ICD-10 and ICD-10-CM alike."""
    return tuple(f"{system}/{stem}" for stem in stems for system in ("ICD10", "ICD10CM"))


def icd9(*stems: str) -> tuple[str, ...]:
    """Return stems for ICD-9-CM."""
    return tuple(f"ICD9CM/{stem}" for stem in stems)


def icd9_procedure(*stems: str) -> tuple[str, ...]:
    """Return stems for volume 3 of ICD-9-CM, which lists operations."""
    return tuple(f"ICD9PROC/{stem}" for stem in stems)


def pcs(*stems: str) -> tuple[str, ...]:
    """Return stems for ICD-10-PCS."""
    return tuple(f"ICD10PCS/{stem}" for stem in stems)


def cpt(*codes: int) -> frozenset[str]:
    """Return CPT codes as Events carry them."""
    return frozenset(f"CPT/{code}" for code in codes)


def snomed(*codes: str) -> frozenset[str]:
    """Return SNOMED CT codes as Events carry them."""
    return frozenset(f"SNOMED/{code}" for code in codes)


def rxnorm(*codes: str) -> frozenset[str]:
    """Return RxNorm concept codes as Events carry them."""
    return frozenset(f"RxNorm/{code}" for code in codes)


# Subtypes as openly published code lists hold them: SNOMED CT has no order in its codes.
_DIABETES_SUBTYPES = (
    "111552007", "313435000", "313436004", "11530004", "237599002", "190368000", "190372001", "190388001",
    "190389009", "290002008", "314771006", "314772004", "314893005", "314902007", "314903002", "314904008",
    "359638003", "359642000", "395204000", "401110002", "420270002", "420279001", "420422005", "420436000",
    "420486006", "420514000", "420715001", "420756003", "420789003", "420825003", "420868002", "420918009",
    "421165007", "421305000", "421326000", "421365002", "421468001", "421631007", "421750000", "421779007",
    "421847006", "421893009", "421986006", "422228004", "23045005", "28032008", "81531005", "443694000",
    "444073006", "426875007", "51002006", "5368009", "237604008", "127014009", "199229001", "199230006",
)  # fmt: skip
_HEART_FAILURE_SUBTYPES = (
    "443254009", "443343001", "46113002", "314206003", "10091002", "25544003", "195111005", "195112003",
    "10633002", "111283005", "364006", "10335000", "359617009", "92506005", "44313006", "788950000",
    "5148006", "424404003", "195114002", "698594003", "426263006", "426611007", "101281000119107",
    "67431000119105", "67441000119101", "717840005", "443253003", "443344007", "153931000119109",
    "153941000119100", "153951000119103",
)  # fmt: skip
_INFARCTIONS = (
    "73795002", "54329005", "10273003", "15990001", "52035003", "58612006", "62695002", "65547006",
    "70211005", "70422006", "76593002", "79009004", "129574000", "304914007", "307140009",
)  # fmt: skip
INFARCTIONS = snomed(*_INFARCTIONS) | listed.INFARCTIONS
ISCHAEMIC_STROKES = (
    snomed(
        *("195189003", "195190007", "195185009", "195186005", "71444005", "75543006", "95457000", "95460007"),
        *(
            "230691006",
            "230698000",
            "307766002",
            "307767006",
            "373606000",
            "413102000",
            "724424009",
            "724425005",
        ),
        *("724426006", "125081000119106", "140911000119109", "140921000119102", "141281000119101"),
        *("118951000119103", "723083001", "195243003", "441526008"),
    )
    | listed.STROKES
)

DIABETES = ValueSet(
    "diabetes",
    snomed(
        "73211009",  # diabetes mellitus
        "44054006",  # type 2
        "46635009",  # type 1
        "8801005",  # secondary
        "127013003",  # diabetic renal disease
        "368581000119106",  # neuropathy due to type 2
        "422034002",  # retinopathy associated with type 2
        "1551000119108",  # nonproliferative retinopathy due to type 2
        "1501000119109",  # proliferative retinopathy due to type 2
        "97331000119101",  # macular oedema and retinopathy due to type 2
        "90781000119102",  # microalbuminuria due to type 2
        "157141000119108",  # proteinuria due to type 2
        "60951000119105",  # blindness due to type 2
        *_DIABETES_SUBTYPES,
    )
    | listed.DIABETES,
    icd10("E08", "E09", "E10", "E11", "E12", "E13", "E14", "O240", "O241", "O242", "O243", "O248")
    + icd9("249", "250", "6480"),
    "Quan et al., Med Care 2005;43:1130; ICD-10-CM E08 to E13; pre-existing in pregnancy (O24.0-O24.3, "
    "O24.8, ICD-9-CM 648.0); without gestational diabetes (O24.4)",
    words.DIABETES,
)
HEART_FAILURE = ValueSet(
    "heart failure",
    snomed(
        "84114007",  # heart failure
        "42343007",  # congestive
        "88805009",  # chronic congestive
        "48447003",  # chronic
        "56675007",  # acute
        "85232009",  # left
        "367363000",  # right
        "417996009",  # systolic
        "418304008",  # diastolic
        "441481004",  # chronic systolic
        "441530006",  # chronic diastolic
        "703272007",  # with reduced ejection fraction
        "446221000",  # with preserved ejection fraction
        *_HEART_FAILURE_SUBTYPES,
    )
    | listed.HEART_FAILURE,
    icd10("I50", "I110", "I130", "I132", "I0981", "I9713")
    + icd9("428", "39891", "40201", "40211", "40291", "40401", "40403", "40411", "40413", "40491", "40493"),
    "Quan et al., Med Care 2005;43:1130 (congestive heart failure), without the cardiomyopathies; ICD-10-CM "
    "I97.13 (after an operation)",
    words.HEART_FAILURE,
)
# 2018 AHA/ACC cholesterol guideline (Grundy, Circulation 2019;139:e1082), section 4.1: clinical ASCVD is an
# acute coronary syndrome, infarction, angina, revascularisation, stroke, TIA, or peripheral arterial disease.
ATHEROSCLEROTIC_DISEASE = ValueSet(
    "atherosclerotic cardiovascular disease",
    snomed(
        "53741008",  # coronary arteriosclerosis
        "414545008",  # ischaemic heart disease
        "443502000",  # atherosclerosis of coronary artery
        "22298006",  # myocardial infarction
        "57054005",  # acute myocardial infarction
        "401303003",  # acute ST elevation infarction
        "401314000",  # acute non-ST elevation infarction
        "399211009",  # history of myocardial infarction
        "1755008",  # old myocardial infarction
        "394659003",  # acute coronary syndrome
        "194828000",  # angina
        "4557003",  # preinfarction syndrome
        "233819005",  # stable angina
        "230690007",  # cerebrovascular accident
        "422504002",  # ischaemic stroke
        "432504007",  # cerebral infarction
        "266257000",  # transient ischaemic attack
        "275526006",  # history of cerebrovascular accident
        "399957001",  # peripheral arterial occlusive disease
        "840580004",  # peripheral arterial disease
        "400047006",  # peripheral vascular disease
        "233985008",  # abdominal aortic aneurysm
    )
    | INFARCTIONS
    | ISCHAEMIC_STROKES
    | snomed("64586002")  # stenosis of a carotid artery
    | listed.ATHEROSCLEROSIS
    | listed.CORONARY,
    icd10("I20", "I21", "I22", "I23", "I24", "I25", "I63", "I64", "I693", "G450", "G451", "G452", "G458")
    + icd10("G459", "I65", "I66", "I672", "I70", "I71", "I739", "I790", "Z951", "Z955", "Z9861", "Z8673")
    + icd9("410", "411", "412", "413", "414", "433", "434", "435", "436", "4370", "438", "440", "441", "4439")
    + icd9("V4581", "V4582", "V1254"),
    "Grundy et al., Circulation 2019;139:e1082, section 4.1; codes after Quan et al., Med Care 2005;43:1130; "
    "narrowed arteries of neck and brain (I65, I66, I67.2; ICD-9-CM 433, 434, 437.0) after VSAC "
    "2.16.840.1.113762.1.4.1047.21",
    (*words.STROKE, *words.VASCULAR),
)
DIALYSIS = ValueSet(
    "dialysis",
    snomed("105502003", "265764009", "302497006", "698074000", "236435004"),
    icd10("Z992", "Z49") + icd9("V4511", "V56"),
    "ICD-10-CM Z99.2 dependence on renal dialysis, Z49 care for it; ICD-9-CM V45.11, V56",
    words.DIALYSIS,
)
KIDNEY_TRANSPLANT = ValueSet(
    "kidney transplant",
    snomed("161665007", "737295003", "70536003") | listed.KIDNEY_TRANSPLANT | cpt(50360, 50365),
    icd10("Z940", "T861") + icd9("V420") + pcs("0TY0", "0TY1") + icd9_procedure("5569"),
    "ICD-10-CM Z94.0 kidney transplant status, T86.1 its complications; ICD-9-CM V42.0; CPT 50360 and 50365, "
    "ICD-10-PCS 0TY, ICD-9-CM volume 3 55.69 (transplantation of a kidney; 55.61 is the patient's own)",
    words.KIDNEY_TRANSPLANT,
)
KIDNEY_FAILURE = ValueSet(
    "kidney failure",
    snomed("46177005", "236434000", "236435004", "236436003"),
    icd10("N186") + icd9("5856"),
    "ICD-10-CM N18.6 end stage renal disease; ICD-9-CM 585.6; VSAC 2.16.840.1.113883.3.526.3.353. Stage 5 "
    "without dialysis is none: the KFRE was made for stages 3 to 5 (Tangri 2011)",
    words.KIDNEY_FAILURE,
)
KIDNEY_DISEASE = ValueSet(
    "chronic kidney disease",
    snomed("709044004", "431855005", "431856006", "433144002", "431857002", "433146000", "46177005")
    | snomed("700378005", "700379002", "127013003"),
    icd10("N18") + icd9("585"),
    "ICD-10-CM N18; ICD-9-CM 585; SNOMED CT chronic kidney disease and its stages",
)
PREGNANCY = ValueSet(
    "pregnancy",
    snomed("77386006", "72892002", "47200007", "79586000", "34801009", "16356006", "65147003")
    | snomed(
        "57630001",  # first trimester
        "59466002",  # second trimester
        "41587001",  # third trimester
        "237244005",  # singleton
        "237238006",  # of uncertain dates
        "237239003",  # low risk
        "169560008",  # urine test confirms
        "65727000",  # intrauterine
        "83074005",  # unplanned
        "64254006",  # triplet
        "60810003",  # quadruplet
        "90968009",  # prolonged
        "87527008",  # at term
        "10231000132102",  # in-vitro fertilisation
        "102872000",  # on oral contraceptive
        "102875003",  # surrogate
        "127364007",  # primigravida
        "398254007",  # pre-eclampsia
        "41114007",  # mild pre-eclampsia
        "46764007",  # severe pre-eclampsia
        "15938005",  # eclampsia
        "198992004",  # eclampsia in pregnancy
        "48194001",  # pregnancy-induced hypertension
        "95605009",  # HELLP syndrome
        "11687002",  # gestational diabetes
        "415105001",  # placental abruption
        "87527008",  # term pregnancy
    ),
    icd10("Z33", "Z34", "Z35", "Z321", "Z3201", "Z3A", "O")
    + icd9("V22", "V23", "V7242", "63", "64", "65", "66", "67"),
    "ICD-10-CM chapter XV with Z33, Z34, Z3A, Z32.01; ICD-10 (WHO) Z35 supervision of high-risk pregnancy, "
    "Z32.1 pregnancy confirmed; ICD-9-CM 630-679 with V22, V23, V72.42; SNOMED CT pregnant, "
    "with trimesters and kinds as the code list primis-covid19-vacc-uptake-preg names them",
    words.PREGNANCY,
)
PREGNANCY_OVER = ValueSet(
    "delivery or end of pregnancy",
    snomed(
        "177184002",  # normal delivery procedure
        "11466000",  # caesarean section
        "66348005",  # childbirth
        "17369002",  # miscarriage
        "19169002",  # miscarriage in first trimester
    ),
    icd10("O03", "O04", "O8", "O90", "O91", "O92", "Z332", "Z37", "Z39")
    + icd9("634", "635", "636", "637", "650", "67", "V24", "V27"),
    "ICD-10-CM O03, O04, O80-O82, O85-O92, Z33.2, Z37, Z39; ICD-9-CM 634-637, 650, 670-679, V24, V27",
)

# ATC C10AA and the statin combinations of C10BA and C10BX (WHO Collaborating Centre; C10BA10 holds none).
_COMBINED = ("01", "02", "03", "04", "05", "06", "07", "08", "09", "11", "12")
is_statin = named(
    *drugs.STATINS,
    atc=("C10AA", "C10BX", *(f"C10BA{number}" for number in _COMBINED)),
    codes=rxnorm("83367", "36567", "301542", "42463", "6472", "41127", "861634"),
)

_BLOOD_PRESSURE_RXNORM = (
    "29046", "52175", "17767", "5487", "6918", "1202", "4603", "69749", "3827", "35296", "18867", "20352",
    "3443", "11170", "2599", "9997", "2409", "321064", "73494", "83818", "214354", "7417", "5470", "19484",
    "8787", "49276", "1998", "35208", "31555", "10763", "5764", "6185",
)  # fmt: skip
# ATC A10 drugs used in diabetes: insulins and the others, by their INNs.
is_glucose_drug = named(
    *drugs.GLUCOSE,
    atc=("A10",),
    codes=rxnorm("6809", "5856"),
)

# ATC C02 antihypertensives, C03 diuretics, C07 beta blockers, C08 calcium channel blockers, C09 agents acting
# on the renin-angiotensin system; the names are their INNs. A thiazide in any spelling ends in "thiazide".
_lowers_blood_pressure = named(
    *drugs.BLOOD_PRESSURE,
    atc=("C02", "C03", "C07", "C08", "C09"),
    codes=rxnorm(*_BLOOD_PRESSURE_RXNORM),
)
_OUTSIDE = ("topical", "cutaneous", "scalp", "hair", "shampoo", "foam", "ophthalmic", "eye drop", "lotion")


def is_blood_pressure_drug(event: Event) -> bool | None:
    """Whether it is a drug for high blood pressure; what is put on skin or eyes (minoxidil) is none."""
    said = worded(event).lower()
    if any(word in said for word in _OUTSIDE) and not any(code.startswith("ATC/C") for code in event.codes):
        return False
    return _lowers_blood_pressure(event)
