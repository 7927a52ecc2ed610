"""What operations tell of a disease: revascularised arteries, dialysis, a transplant.

Codes after ICD-9-CM volume 3 and ICD-10-PCS (tables 021, 027, 02C, 03, 04 and 5A1), CPT, and VSAC for SNOMED
CT. What was done is proof of what it was done for; what only words name, what was broken off and what does
not say its artery leaves the question open.
"""

from __future__ import annotations

from collections.abc import Callable

from salus.core.codes import ValueSet, meant
from salus.core.evidence import Event
from salus.core.seams import View
from salus.risk import _snomed as listed
from salus.risk import _words as words
from salus.risk._inputs import DONE, Fact, worded
from salus.risk._terms import cpt, icd9_procedure, pcs, snomed

# FHIR R4 event-status of what did not take place; "stopped", "on-hold", "unknown" do not say how far it went.
NOT_DONE = frozenset({"not-done", "preparation", "entered-in-error"})
_WALKED = ("ICD9PROC/", "ICD10PCS/", "CPT/")

REVASCULARISED = ValueSet(
    "coronary revascularisation",
    snomed(
        "232717009",  # coronary artery bypass grafting
        "415070008",  # percutaneous coronary intervention
        "36969009",  # placement of a stent in a coronary artery
        "11101003",  # percutaneous transluminal coronary angioplasty
    )
    | listed.REVASCULARISED
    # Bypass with veins, both, and arteries; percutaneous intervention, as it is and as it was coded to 2012.
    | cpt(*range(33510, 33537), *range(92920, 92945), 92980, 92981, 92982, 92984, 92995, 92996),
    pcs(*(f"02{operation}{arteries}" for operation in "17C" for arteries in "0123"))
    + icd9_procedure("360", "361", "362", "363", "0066", "1755"),
    "ESC 2024, table 10; ICD-10-PCS bypass (021), dilation (027) and extirpation (02C) of coronary arteries; "
    "ICD-9-CM volume 3 36.0 to 36.3, 00.66 (angioplasty), 17.55 (atherectomy)",
    words.CORONARY_OPERATION,
)
# Body parts of table 04: iliac, femoral, popliteal, tibial, peroneal and foot arteries; 0 is the abdominal
# aorta.
_LEGS = "CDEFHJKLMNPQRSTUVW"
LEGS_REVASCULARISED = ValueSet(
    "revascularisation of the legs or the abdominal aorta",
    snomed("444588006", "771453009")  # repair of an abdominal aortic aneurysm: endovascular, with a stent
    # Angioplasty, stent and atherectomy of the legs and the aorta: from 2026, from 2011, and before.
    | cpt(*range(37254, 37300), *range(37220, 37236))
    | cpt(35452, 35454, 35456, 35459, 35470, 35472, 35473, 35474, 35481, 35482, 35483, 35485, 35491)
    | cpt(35492, 35493, 35495)
    # Bypass with a vein, the vein in its bed, and other material, from the armpit or the aorta down.
    | cpt(35521, 35533, *range(35537, 35541), 35556, 35558, 35563, 35565, 35566, 35570, 35571)
    | cpt(35583, 35585, 35587, 35621, 35623, 35637, 35638, 35646, 35647, 35654, 35656, 35661, 35663)
    | cpt(35665, 35666, 35671)
    # Endarterectomy of leg, iliac artery and abdominal aorta.
    | cpt(*range(35302, 35307), 35331, 35351, 35355, 35361, 35363, 35371, 35372)
    # Aneurysm of the abdominal aorta and the legs: open, endovascular to 2017 and since.
    | cpt(35081, 35082, 35091, 35092, 35102, 35103, 35131, 35132, 35141, 35142, 35151, 35152)
    | cpt(*range(34800, 34806), *range(34830, 34833), *range(34701, 34709), *range(34841, 34849)),
    pcs(*(f"04{operation}{part}" for operation in "17" for part in _LEGS), "X27")
    + pcs(*(f"04{operation}0" for operation in "17BCQRUV"))
    + icd9_procedure("3925", "3929", "3818", "3834", "3838", "3844", "3848", "3864", "3971", "3978", "0060"),
    "ESC 2024, table 10 (peripheral revascularisation; intervention on the abdominal aorta); CPT 2026 and "
    "its earlier years; ICD-10-PCS bypass (041), dilation (047, X27), every repair of the abdominal aorta; "
    "ICD-9-CM volume 3 39.25 (aorta-iliac-femoral bypass), 39.29 (peripheral bypass), 38.18 (endarterectomy "
    "of the leg), 38.38 and 38.48 (its artery resected or replaced), 00.60 (stent of the superficial femoral "
    "artery), 38.34, 38.44, 38.64, 39.71 and 39.78 (abdominal aorta)",
    words.LEG_OPERATION,
)
NECK_REVASCULARISED = ValueSet(
    "carotid revascularisation",
    listed.CAROTID_REVASCULARISED
    | cpt(35301, 35390, *range(37215, 37219), 35501, 35506, *range(35508, 35511), 35526, 35601, 35606)
    | cpt(35626, 35642),
    pcs(*(f"03{operation}{part}" for operation in ("1", "7", "C") for part in "HJKLMN"))
    + icd9_procedure("3812", "3922", "3928", "0061", "0063"),
    "Grundy 2019, section 4.1 (arterial revascularisation); VSAC 2.16.840.1.113883.3.117.1.7.1.204; "
    "ICD-10-PCS bypass (031), dilation (037) and extirpation (03C) of carotid arteries; ICD-9-CM "
    "volume 3 38.12, 39.22 and 39.28 (bypass), 00.61, 00.63",
    words.CAROTID_OPERATION,
)
ARTERY_NOT_TOLD = ValueSet(
    "an operation on an artery, or on a dialysis shunt, which of them not said",
    cpt(34151, 34201, 34203, *range(37184, 37187)),
    pcs(*(f"04{operation}{part}" for operation in "CRU" for part in _LEGS))
    + icd9_procedure("3808", "3814", "3816", "3924", "3926", "3950", "3990", "0055", "1756"),
    "ICD-9-CM volume 3 38.08 (a clot removed), 38.14, 38.16, 39.24, 39.26, 39.50, 39.90, 00.55, 17.56; "
    "ICD-10-PCS 04C (a clot or plaque removed), 04R and 04U (a wall replaced or patched); CPT 34151, 34201, "
    "34203, 37184 to 37186 (a clot removed)",
)
# MIMIC-IV, table d_items; which of them are dialysis: MIMIC Code Repository, mimic-iv/concepts/treatment/rrt.
_MIMIC = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-d-items"
SESSION = ValueSet(
    "dialysis session",
    snomed(
        "265764009",  # renal dialysis
        "302497006",  # haemodialysis
        "71192002",  # peritoneal dialysis
        "714749008",  # continuous renal replacement therapy
    )
    | listed.DIALYSIS
    # 90951-90970: monthly and daily services for end-stage renal disease.
    | cpt(90935, 90937, 90945, 90947, *range(90951, 90971))
    | frozenset(f"{_MIMIC}|{item}" for item in (225441, 225802, 225803, 225805, 225809, 225955)),
    (*pcs("5A1D", "3E1M39Z"), *icd9_procedure("3995", "5498")),
    "SNOMED CT; CPT 90935 and 90937 haemodialysis, 90945 and 90947 other dialysis; ICD-10-PCS 5A1D and "
    "3E1M39Z (peritoneal); ICD-9-CM volume 3 39.95 haemodialysis, 54.98 peritoneal dialysis; MIMIC-IV",
    words.DIALYSIS,
)
DIALYSIS_ACCESS = ValueSet(
    "an access or a filter for dialysis",
    frozenset(f"{_MIMIC}|{item}" for item in (224270, 225436)),
    icd9_procedure("3895", "3927", "3942"),
    "ICD-9-CM volume 3 38.95, 39.27, 39.42 (catheter, fistula and shunt for dialysis); of MIMIC-IV the "
    "catheter and the change of a filter, by which its code repository tells no running dialysis",
)


def operations(view: View) -> tuple[Event, ...]:
    """Return the procedures on record but those that did not take place."""
    return view.timeline.where(kind="Procedure", test=lambda event: event.status not in NOT_DONE).events


def names(event: Event, meaning: ValueSet) -> bool:
    """Whether the words of a procedure may mean it; a code whose list is walked here has said it."""
    if any(code.startswith(_WALKED) for code in meant(event)):
        return False
    said = event.value if isinstance(event.value, str) else ""
    return bool(meaning.words) and words.spoken(f"{worded(event)}; {said}".lower(), meaning.words)


def with_operations(
    view: View, fact: Fact, surely: tuple[ValueSet, ...], perhaps: tuple[ValueSet, ...] = ()
) -> Fact:
    """Return `fact`, or what was done, where that is more than `fact` knows.

    surely: operations that prove it. perhaps: those that leave it open.
    """
    if fact.value:
        return fact
    found = operations(view)
    for meaning in surely:
        done = tuple(event for event in found if event.status in DONE and meaning.has(event))
        if done:
            return Fact(meaning.name, True, done, meaning.name)
    return opened(fact, found, surely, perhaps)


def opened(
    fact: Fact, found: tuple[Event, ...], surely: tuple[ValueSet, ...], perhaps: tuple[ValueSet, ...] = ()
) -> Fact:
    """Return `fact`, or that it is not known where one of the procedures `found` may show it."""
    tests: list[tuple[str, Callable[[Event], bool]]] = [
        (
            "a procedure of which it is not told when, or whether to its end",
            lambda event: any(one.has(event) for one in surely),
        ),
        *((one.name, one.has) for one in perhaps),
        ("a procedure that words name", lambda event: any(names(event, one) for one in surely)),
    ]
    told = [(why, event) for event in found for why, test in tests if test(event)]
    if not told:
        return fact
    why = "; ".join(dict.fromkeys(why for why, _ in told))
    says = f"{fact.says}; {why}" if fact.value is None else f"{fact.name}: {why}"
    return Fact(fact.name, None, (*fact.events, *dict.fromkeys(event for _, event in told)), says)
