"""The names by which records call drugs: for pressure, lipids, glucose or clotting, and for none of these.

Ingredients are WHO INNs (and their US names), by ATC class; brands are as RxNorm lists them (BN) and, for
Germany, the Rote Liste. A text that holds none of these names may mean any drug.
"""

from __future__ import annotations

import re
from functools import lru_cache

# ATC C10AA and the statin combinations. One public synthetic set writes "Simvistatin".
STATINS = (
    r"\w*vastatin", "simvistatin", "lipitor", "crestor", "zocor", "livalo", "zypitamag", "pravachol",
    "lescol", "mevacor", "altoprev", "vytorin", "inegy", "caduet", "roszet", "nustendi", "sortis",
    "ezallor", "liptruzet",
)  # fmt: skip
# ATC C02, C03, C07, C08, C09; a thiazide in any spelling ends in "thiazide".
BLOOD_PRESSURE = (
    "captopril", "enalapril", "lisinopril", "ramipril", "benazepril", "quinapril", "perindopril",
    "fosinopril", "trandolapril", "moexipril", "cilazapril", "zofenopril", "aliskiren", "losartan",
    "valsartan", "candesartan", "irbesartan", "olmesartan", "telmisartan", "azilsartan", "eprosartan",
    "atenolol", "metoprolol", "bisoprolol", "carvedilol", "nebivolol", "propranolol", "labetalol",
    "nadolol", "acebutolol", "pindolol", "betaxolol", "toprol", "amlodipine", "amlodipin", "nifedipin",
    "felodipin", "isradipin", "nicardipin", "nisoldipin", "lercanidipin", "lacidipin", "nitrendipin",
    "diltiazem", "verapamil", r"\w*thiazid", "chlorthalidone", "chlortalidon", "indapamid", "metolazone",
    "furosemid", "lasix", "torsemide", "torasemid", "bumetanide", "spironolacton", "eplerenon",
    "amiloride", "triamteren", "hydralazin", "clonidin", "methyldopa", "doxazosin", "prazosin",
    "terazosin", "minoxidil", "moxonidin", "esmolol", "sotalol", "nimodipin", "clevidipin", "guanfacine",
    "reserpine", "hctz", "zestril", "prinivil", "zestoretic", "norvasc", "entresto", "diovan", "exforge",
    "cozaar", "hyzaar", "atacand", "avapro", "benicar", "micardis", "tribenzor", "twynsta", "edarbi",
    "vasotec", "altace", "lotensin", "lotrel", "accupril", "coversyl", "tenormin", "lopressor",
    "bystolic", "coreg", "inderal", "cardizem", "tiazac", "adalat", "procardia", "plendil", "microzide",
    "aldactone", "inspra", "dyazide", "maxzide", "bumex", "demadex", "catapres", "cardura", "minipress",
    "hytrin", "tekturna", "caduet", "delix", "beloc", "concor", "blopress",
)  # fmt: skip
# ATC A10: insulins and the other drugs that lower glucose.
GLUCOSE = (
    "insulin", "metformin", "glipizid", "glyburide", "glibenclamid", "gliclazid", "glimepirid", r"\w*gliptin",
    r"\w*gliflozin", "pioglitazon", "rosiglitazon", "acarbose", "repaglinid", "nateglinid", "liraglutid",
    "semaglutid", "dulaglutid", "exenatid", "tirzepatid", "lixisenatid", "glucophage", "januvia",
    "janumet", "jardiance", "farxiga", "forxiga", "invokana", "ozempic", "rybelsus", "victoza",
    "trulicity", "byetta", "mounjaro", "lantus", "levemir", "tresiba", "toujeo", "basaglar", "humalog",
    "novolog", "novorapid", "apidra", "humulin", "novolin", "amaryl", "glucotrol", "tradjenta",
    "semglee", "rezvoglar", "admelog", "lyumjev", "fiasp", "soliqua", "xultophy", "bydureon", "adlyxin",
    "steglatro", "qtern", "glyxambi", "synjardy", "xigduo", "invokamet", "segluromet", "trijardy",
    "kombiglyze", "onglyza", "jentadueto", "nesina", "kazano", "oseni", "actos", "actoplus", "avandia",
    "prandin", "starlix", "precose", "glyset", "symlin", "miglitol", "pramlintid", "tolbutamid",
    "tolazamid", "chlorpropamid", "gliquidon", "voglibos", "glynase", "glucovance", "actrapid",
    "insulatard", "insuman",
)  # fmt: skip
# ATC B01AA vitamin K antagonists, B01AE07 dabigatran, B01AF direct factor Xa inhibitors.
VITAMIN_K_ANTAGONISTS = (
    "warfarin", "coumadin", "jantoven", "marevan", "marcumar", "falithrom", "sintrom", "acenocoumarol",
    "phenprocoumon", "fluindione",
)  # fmt: skip
ANTICOAGULANTS = (
    *VITAMIN_K_ANTAGONISTS, "apixaban", "eliquis", "rivaroxaban", "xarelto", "edoxaban", "lixiana",
    "savaysa", "dabigatran", "pradaxa",
)  # fmt: skip
# A class of drugs is no vitamin, no calcium and no glucose, though its name begins with them.
_VITAMIN = r"vitamin(?![\s-]*k[\s-]*(?:antag|inhib|epox))"
_CALCIUM = r"calcium(?![\s-]*(?:channel|entry|antag|block|kanal))"
_SUGAR = r"glucose(?![\s-]*(?:lower|reduc|senk))"
# None of these: commonest of the WHO Model List of Essential Medicines (23rd, 2023) and of hospital charts.
_OTHERS = (
    "paracetamol", "acetaminophen", "tylenol", "aspirin", "acetylsalicylic", "clopidogrel", "prasugrel",
    "ticagrelor", "heparin", "enoxaparin", "dalteparin", "fondaparinux", "alteplase", "ibuprofen",
    "naproxen", "diclofenac", "ketorolac", "celecoxib", "indomethacin", "meloxicam", "metamizol",
    "morphine", "oxycodone", "hydrocodone", "hydromorphone", "fentanyl", "tramadol", "codeine",
    "methadone", "buprenorphine", "naloxone", "meperidine", "tapentadol", "ketamine", "propofol",
    "midazolam", "lorazepam", "diazepam", "clonazepam", "alprazolam", "temazepam", "zolpidem", "zopiclon",
    "haloperidol", "quetiapine", "olanzapine", "risperidone", "aripiprazole", "clozapine", "lithium",
    "sertraline", "fluoxetine", "citalopram", "paroxetine", "venlafaxine", "duloxetine", "mirtazapin",
    "bupropion", "trazodone", "amitriptyline", "nortriptyline", "gabapentin", "pregabalin", "phenytoin",
    "valpro", "carbamazepine", "levetiracetam", "lamotrigine", "topiramate", "levodopa", "donepezil",
    "memantine", "methylphenidate", "amoxicillin", "ampicillin", "penicillin", "piperacillin",
    "cefazolin", "ceftriaxone", "cefepime", "cephalexin", "cefuroxime", "meropenem", "imipenem",
    "vancomycin", "gentamicin", "tobramycin", "azithromycin", "clarithromycin", "erythromycin",
    "doxycycline", "ciprofloxacin", "levofloxacin", "moxifloxacin", "metronidazole", "clindamycin",
    "linezolid", "trimethoprim", "sulfamethoxazole", "nitrofurantoin", "fluconazole", "nystatin",
    "aciclovir", "acyclovir", "oseltamivir", "ivermectin", "hydroxychloroquine", "omeprazol",
    "pantoprazol", "esomeprazol", "lansoprazol", "famotidin", "ranitidin", "sucralfate", "ondansetron",
    "metoclopramid", "prochlorperazine", "docusate", "senna", "bisacodyl", "polyethylene glycol",
    "lactulose", "loperamide", "simethicone", "mesalamin", "prednison", "prednisolon",
    "methylprednisolone", "hydrocortisone", "dexamethasone", "budesonide", "fluticasone", "salbutamol",
    "albuterol", "ipratropium", "tiotropium", "salmeterol", "formoterol", "montelukast", "theophylline",
    "cetirizin", "loratadin", "fexofenadin", "diphenhydramine", "levothyroxin", "methimazole",
    "estradiol", "norethi", "levonorgestrel", "ethinyl", "medroxyprogesterone", "etonogestrel",
    "mestranol", "tamoxifen", "anastrozole", "methotrexate", "allopurinol", "colchicine", "alendron",
    "calcium carbonate", "calcium gluconate", "cholecalciferol", _VITAMIN, "folic acid", "thiamine",
    "cyanocobalamin", "ferrous", "potassium chloride", "magnesium", "sodium chloride",
    "sodium bicarbonate", "dextrose", _SUGAR, "ringer", "sterile water", "vaccine", "tamsulosin",
    "finasteride", "oxybutynin", "sildenafil", "tadalafil", "digoxin", "amiodaron", "nitroglycerin",
    "isosorbide", "ezetimib", "norepinephrine", "epinephrine", "phenylephrine", "atropine", "lidocaine",
    "bupivacaine", "cyclobenzaprine", "baclofen", "tizanidine", "sumatriptan", "nicotine", "tacrolimus",
    "mycophenolate", "azathioprine", "cyclophosphamide", "multivitamin", "melatonin", "guaifenesin",
    "benzonatate", "epoetin", "filgrastim", "ziprasidone", "fenofibrate", "triamcinolone",
    "blood sugar diagnostic", "pen needle", "lancet", "alcohol swab", "midodrine",
    "octreotide", "spiriva", "buspirone", "clotrimazole", "miconazole", "fish oil", "omega",
    "hydroxyzine", "d5w", "glycopyrrolate", "artificial tears", "phytonadione", "sevelamer", "ativan",
    "colace", "synthroid", "hydroxyurea", "iron", "ferric", _CALCIUM, "clobetasol", "mupirocin",
    "ascorbic acid", "albumin", "phenobarbital", "chlorhexidine", "sennosides", "psyllium", "ursodiol",
    "acetylcysteine", "scopolamine", "meclizine", "desmopressin", "sodium phosphate",
    "potassium phosphate", "vasopressin", "rocuronium", "cisatracurium", "dexmedetomidine", "milrinone",
    "benzocaine", "tuberculin",
)  # fmt: skip
# What WHO INNs put before a name for a mirror image or a close relative, which acts alike (levamlodipine,
# dihydralazine, esomeprazole). Any other beginning makes another drug: apraclonidine is no clonidine.
_PREFIXES = "es|levo?|dex|des|ar|nor|race|di(?:hydro)?|val|fos|amino|multi|ethinyl|methyl|co-?"


def naming(*names: str) -> re.Pattern[str]:
    """Return a pattern that finds words, in small letters, which begin with one of `names`."""
    return re.compile(rf"(?<![^\W\d_])(?:{_PREFIXES})?(?:{'|'.join(names)})")


# A class of drugs that a question is about: where none of the drugs asked for is named beside it, any of the
# class may be meant. An anticoagulant citrate is put into a line, not into a patient.
_CLASS = re.compile(
    r"\b(?:anti-?coagula(?!\w* citrate)|vitamin[\s-]*k[\s-]*(?:antag|inhib)|vka\b|n?oacs?\b|doacs?\b|"
    r"anti-?hypertens|"
    r"(?:calcium|kalzium)\w*[\s-]*(?:channel|entry|antag|block|kanal)|beta[\s-]*block|ace[\s-]*(?:inhib|hemm)|"
    r"angiotensin|diuretic|diuretik|water (?:pill|tablet)|anti-?diabet|hypoglyc?aemic agent|sulfonylurea|"
    r"sglt|glp[\s-]*1|dpp[\s-]*4|glucose[\s-]*lower|lipid[\s-]*lower|poly-?pill|blutverd|blutdruck)"
)
# A syringe by itself holds nothing; after a name it is the form of a drug.
_SYRINGE = re.compile(
    r"\W*(?:(?:bd|disposable|sterile|safety|oral|empty|luer\S*|\d+(?:[.,]\d+)?|ml|cc)\W+)*syringes?\b"
)
_TARGETS = naming(*STATINS, *BLOOD_PRESSURE, *GLUCOSE, *ANTICOAGULANTS)
_KNOWN = naming(*STATINS, *BLOOD_PRESSURE, *GLUCOSE, *ANTICOAGULANTS, *_OTHERS)
# RxNorm Technical Documentation: the name of a clinical or branded drug spells every ingredient, its strength
# ("10 MG", in these units and capitals) and its dose form; a branded one puts the brand in brackets behind.
_FORMS = "Oral|Inject|Topical|Inhal|Prefilled|Metered|Ophthal|Nasal|Transdermal|Vaginal|Rectal|Implant|Chew"
_SPELT = re.compile(rf"\d (?:MG|MCG|UNT|MEQ|ML|ACTUAT|%)(?:/\w+)?\b.* (?:{_FORMS})")


# What brands hold, where one stops for another: anticoagulants and statins (RxNorm BN, Rote Liste).
_BRANDS = {
    "coumadin": "warfarin", "jantoven": "warfarin", "marevan": "warfarin", "marcumar": "phenprocoumon",
    "falithrom": "phenprocoumon", "sintrom": "acenocoumarol", "eliquis": "apixaban", "lixiana": "edoxaban",
    "xarelto": "rivaroxaban", "savaysa": "edoxaban", "pradaxa": "dabigatran", "lipitor": "atorvastatin",
    "sortis": "atorvastatin", "crestor": "rosuvastatin", "ezallor": "rosuvastatin", "zocor": "simvastatin",
    "simvistatin": "simvastatin", "livalo": "pitavastatin", "zypitamag": "pitavastatin",
    "pravachol": "pravastatin", "lescol": "fluvastatin", "mevacor": "lovastatin", "altoprev": "lovastatin",
}  # fmt: skip
_NAMES = re.compile(rf"{naming(*STATINS, *BLOOD_PRESSURE, *GLUCOSE, *ANTICOAGULANTS).pattern}\w*")


@lru_cache(maxsize=1 << 14)
def ingredients(said: str) -> frozenset[str]:
    """Return the drugs that `said` names; one drug gives one name, with or without the German ending."""
    return frozenset(_BRANDS.get(name, name).rstrip("e") for name in _NAMES.findall(said.lower()))


@lru_cache(maxsize=1 << 14)
def recognised(codes: tuple[str, ...], said: str) -> bool:
    """Return whether `said` names a drug that is known here, or spells all its ingredients as RxNorm does."""
    low = said.lower()
    if _CLASS.search(low) and not _TARGETS.search(low):
        return False
    if _KNOWN.search(low) or _SYRINGE.match(low):
        return True
    return any(code.startswith("RxNorm/") for code in codes) and bool(_SPELT.search(said))
