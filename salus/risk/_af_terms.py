"""Which codes mean atrial fibrillation, the items of CHA2DS2-VA, and what changes its advice.

Items after ESC 2024, table 10, save that treatment alone leaves hypertension or diabetes open;
codes after Friberg L et al., Eur Heart J 2012;33:1500-10 (ICD-10),
Quan H et al., Med Care 2005;43:1130-9 (ICD-9-CM and ICD-10), and the SNOMED CT findings that records use.
"""

from __future__ import annotations

from salus.core.codes import ValueSet
from salus.risk import _drugs as drugs
from salus.risk import _snomed as listed
from salus.risk import _words as words
from salus.risk._arteries import PERIPHERAL_CODES, PERIPHERAL_STEMS
from salus.risk._inputs import named
from salus.risk._terms import (
    INFARCTIONS,
    ISCHAEMIC_STROKES,
    cpt,
    icd9,
    icd9_procedure,
    icd10,
    pcs,
    snomed,
)

ATRIAL_FIBRILLATION = ValueSet(
    "atrial fibrillation or flutter",
    snomed(
        "49436004",  # atrial fibrillation
        "282825002",  # paroxysmal
        "440059007",  # persistent
        "706923002",  # longstanding persistent
        "440028005",  # permanent
        "426749004",  # chronic
        "314208002",  # rapid
        "120041000119109",  # with rapid ventricular response
        "233910005",  # lone
        "233911009",  # non-rheumatic
        "195080001",  # atrial fibrillation and flutter
        "312442005",  # history of atrial fibrillation
        "5370000",  # atrial flutter
        "427665004",  # paroxysmal flutter
        "720448006",  # typical flutter
        "15964901000119107",  # atypical flutter
        "715395008",  # familial
        "300996004",  # controlled
    )
    | listed.ATRIAL_FIBRILLATION,
    icd10("I48") + icd9("42731", "42732"),
    "NLM value set 2.16.840.1.113883.3.117.1.7.1.202 (Joint Commission); ICD-10 I48; ICD-9-CM 427.31, 427.32",
    words.FIBRILLATION,
)

HYPERTENSION = ValueSet(
    "hypertension",
    snomed(
        "38341003",  # hypertensive disorder
        "59621000",  # essential
        "1201005",  # benign essential
        "78975002",  # malignant essential
        "70272006",  # malignant
        "31992008",  # secondary
        "56218007",  # systolic
        "48146000",  # diastolic
        "64715009",  # hypertensive heart disease
        "38481006",  # hypertensive renal disease
        "86234004",  # hypertensive heart and renal disease
    )
    | listed.HYPERTENSION,
    icd10("I10", "I11", "I12", "I13", "I15", "I16", "I1A", "O10", "O11")
    + icd9("401", "402", "403", "404", "405", "6420", "6421", "6422", "6427"),
    "Quan 2005, table 2 (hypertension, uncomplicated and complicated); ICD-10-CM I16, I1A (resistant); "
    "pre-existing hypertension in pregnancy: O10, O11, ICD-9-CM 642.0-642.2, 642.7",
    words.HYPERTENSION,
)

# Arterial and not bleeding: pulmonary embolism and intracranial haemorrhage are no such event.
STROKE = ValueSet(
    "stroke, TIA or arterial embolism",
    snomed(
        "230690007",  # cerebrovascular accident
        "422504002",  # ischaemic stroke
        "432504007",  # cerebral infarction
        "371041009",  # embolic stroke
        "371040005",  # thrombotic stroke
        "413758000",  # cardioembolic stroke
        "266257000",  # transient ischaemic attack
        "275526006",  # history of cerebrovascular accident
        "54687002",  # arterial embolism
        "426814001",  # transient ischaemia due to atrial fibrillation
    )
    | ISCHAEMIC_STROKES
    | listed.RETINAL_INFARCTION,
    icd10("I63", "I64", "G450", "G451", "G452", "G453", "G458", "G459", "G46", "I74", "I75", "I693", "Z8673")
    + icd10("H340", "H341", "H3423")
    + icd9("43301", "43311", "43321", "43331", "43381", "43391", "43401", "43411", "43491")
    + icd9("435", "436", "444", "445", "V1254", "36231", "36232", "36234"),
    "Friberg 2012, with G45.4 (transient global amnesia) left out; ICD-9-CM with infarction (fifth digit 1); "
    "G46 after VSAC 2.16.840.1.113762.1.4.1047.44; atheroembolism (I75; ICD-9-CM 445) as arterial embolism; "
    "infarction of the retina (H34.0, H34.1, H34.23; ICD-9-CM 362.31, 362.32, 362.34) by the definition of "
    "Sacco et al., Stroke 2013;44:2064",
    words.STROKE,
)
STROKE_UNCLEAR = ValueSet(
    "late effects of a stroke, or a narrowed artery of the retina, of unknown kind",
    snomed("776009", "333281000119108", "338891000119100"),  # partial occlusion of a retinal artery
    icd10("I694", "I698", "I699", "H342") + icd9("438", "36233"),
    "ICD-10 I69.4, I69.8, I69.9 and ICD-9-CM 438 do not tell bleeding from infarction; H34.2 and ICD-9-CM "
    "362.33 may be a plaque that stops no blood",
)

# A heart failure that lasts keeps its own code (I50); a stroke or infarction that is over has no other.
CIRCULATION_PAST = ValueSet(
    "a past disease of the circulation, which one is not said",
    frozenset({"ICD10CM/Z86.7", "ICD10CM/Z867"}),
    ("ICD10/Z867", *icd9("V1250")),
    "ICD-10 (WHO) and ICD-10-GM Z86.7, the only code for an old stroke, TIA or infarction; ICD-10-CM "
    "divides it (Z86.73 is the stroke); ICD-9-CM V12.50",
)

HEART_UNCLEAR = ValueSet(
    "cardiomyopathy or an impaired left ventricle, how far not said",
    snomed(
        "134401001",  # left ventricular systolic dysfunction
        "426856002",  # ischaemic cardiomyopathy
        "85898001",  # cardiomyopathy
        "399020009",  # dilated cardiomyopathy
        "233873004",  # hypertrophic cardiomyopathy
    ),
    icd10("I42", "I43", "I255") + icd9("425"),
    "Quan 2005 counts cardiomyopathy (I42, I43, I25.5; ICD-9-CM 425) as heart failure; it may be without. "
    "ESC 2024, table 10: heart failure, or moderate to severe systolic impairment (ejection fraction 40 %)",
)

VASCULAR = ValueSet(
    "vascular disease",
    snomed(
        "53741008",  # coronary arteriosclerosis
        "443502000",  # atherosclerosis of coronary artery
        "233970002",  # coronary artery stenosis
        "414545008",  # ischaemic heart disease
        "413838009",  # chronic ischaemic heart disease
        "22298006",  # myocardial infarction
        "57054005",  # acute myocardial infarction
        "401303003",  # acute ST elevation infarction
        "401314000",  # acute non-ST elevation infarction
        "1755008",  # old myocardial infarction
        "399211009",  # history of myocardial infarction
        "394659003",  # acute coronary syndrome
        "194828000",  # angina
        "4557003",  # preinfarction syndrome
        "233819005",  # stable angina
        "426856002",  # ischaemic cardiomyopathy
    )
    | INFARCTIONS
    | PERIPHERAL_CODES
    | listed.CORONARY,
    icd10("I20", "I21", "I22", "I23", "I24", "I25", "Z951", "Z955", "Z9861")
    + icd9("410", "411", "412", "413", "414", "V4581", "V4582")
    + PERIPHERAL_STEMS,
    "ESC 2024, table 10: coronary disease and its revascularisation, peripheral artery disease",
    words.VASCULAR,
)

MITRAL_STENOSIS = ValueSet(
    "rheumatic mitral stenosis",
    snomed("86466006"),
    icd10("I050", "I052") + icd9("3940", "3942"),
    "ICD-10 I05.0, I05.2; ICD-9-CM 394.0, 394.2; SNOMED CT 86466006",
)
VALVE = ValueSet(
    "replaced heart valve or mitral stenosis",
    snomed(
        "79619009",  # mitral stenosis
        "34068001",  # replacement of a heart valve
        "26212005",  # of the aortic valve
        "53059001",  # of the mitral valve
        "720583008",  # transcatheter implantation of a mitral valve
    )
    # CPT: aortic (33405-33413), mitral, tricuspid and pulmonary replacement.
    | cpt(33405, 33406, *range(33410, 33414), 33430, 33465, 33475),
    icd10("Z952", "Z954", "I342", "I080", "I081", "I083")
    + icd9("V433", "3960", "3961", "3968")
    + pcs(*(f"02R{valve}" for valve in "FGHJ"))
    + icd9_procedure("352"),
    "ICD-10 Z95.2, Z95.4, I34.2, and I08.0, I08.1, I08.3 (several valves, which may mean mitral stenosis); "
    "ICD-9-CM V43.3, 396.0, 396.1, 396.8; ICD-10-PCS 02RF to 02RJ (replacement of a heart valve); "
    "ICD-9-CM volume 3 35.2 (open replacement of a heart valve); CPT: mechanical and biological valves are "
    "not told apart",
    words.VALVE,
)
BIOLOGICAL_VALVE = ValueSet(
    "biological heart valve",
    snomed(
        "773996000",  # transcatheter aortic valve implantation
        "1217005008",  # the same, biological
    )
    | cpt(*range(33361, 33367)),
    icd10("Z953")
    + icd9("V422")
    + icd9_procedure("3505", "3506", "3507", "3508", "3509", "3521", "3523")
    + pcs("X2RF", *(f"02R{valve}{way}{tissue}" for valve in "FGHJ" for way in "034" for tissue in "78K")),
    "ICD-10 Z95.3 and ICD-9-CM V42.2 (xenogenic, by transplant); CPT 33361-33366 and ICD-9-CM volume 3 "
    "35.05-35.09 (through a catheter), 35.21 and 35.23 (with a tissue graft); ICD-10-PCS X2RF and 02R with "
    "tissue (device 7, 8, K)",
    words.BIOLOGICAL_VALVE,
)
# Of several valves: which of them is narrow, and whether any is, these do not say.
SEVERAL_VALVES = ValueSet(
    "disease of several heart valves",
    frozenset(),
    icd10("I080", "I081", "I083") + icd9("3968"),
    "ICD-10 I08.0, I08.1, I08.3; ICD-9-CM 396.8",
)
ANTICOAGULATE_ANYWAY = ValueSet(
    "hypertrophic cardiomyopathy",
    snomed("233873004", "45227007"),  # and its obstructive kind
    icd10("I421", "I422") + icd9("4251"),
    "ESC 2024, recommendation table 6",
    words.HYPERTROPHIC,
)
CARDIAC_AMYLOIDOSIS = ValueSet(
    "cardiac amyloidosis",
    snomed("16573007"),  # senile
    (),
    "ESC 2024, recommendation table 6",
    words.CARDIAC_AMYLOIDOSIS,
)
# Of the heart only where both stand on record (ICD-10: E85 with I43 behind it).
AMYLOIDOSIS = ValueSet(
    "amyloidosis",
    snomed("17602002"),
    icd10("E85") + icd9("2773"),
    "ICD-10 E85; ICD-9-CM 277.3",
)
AMYLOID_ANGIOPATHY = ValueSet(
    "cerebral amyloid angiopathy",
    frozenset(),
    icd10("I680"),
    "ICD-10 I68.0, coded with E85",
    (r"(cerebral|intracranial) amyloid", r"amyloid angiopath"),
)
DISEASE_IN_HEART = ValueSet(
    "cardiomyopathy in a disease classified elsewhere",
    frozenset(),
    icd10("I43") + icd9("4257"),
    "ICD-10 I43; ICD-9-CM 425.7 (nutritional and metabolic cardiomyopathy)",
)
LONG_TERM_ANTICOAGULANT = ValueSet(
    "long-term anticoagulant",
    frozenset(),
    icd10("Z7901", "Z921") + icd9("V5861"),
    "ICD-10-CM Z79.01; ICD-10 Z92.1; ICD-9-CM V58.61",
)

# ATC B01AA vitamin K antagonists, B01AE07 dabigatran, B01AF direct factor Xa inhibitors; heparins are no
# long-term prevention of stroke.
is_oral_anticoagulant = named(
    *drugs.ANTICOAGULANTS,
    atc=("B01AA", "B01AE07", "B01AF"),
    codes=frozenset({"RxNorm/11289", "RxNorm/1364430", "RxNorm/1114195", "RxNorm/1599538", "RxNorm/1037042"}),
)
is_vitamin_k_antagonist = named(
    *drugs.VITAMIN_K_ANTAGONISTS, atc=("B01AA",), codes=frozenset({"RxNorm/11289"})
)
