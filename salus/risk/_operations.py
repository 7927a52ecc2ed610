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
# Body parts of table 04: common and external iliac, femoral, popliteal, tibial, peroneal and foot arteries.
_LEGS = "CDHJKLMNPQRSTUVW"
LEGS_REVASCULARISED = ValueSet(
    "revascularisation of the legs or the abdominal aorta",
    snomed("444588006")  # endovascular repair of an abdominal aortic aneurysm
    # Lower-extremity angioplasty, stent and atherectomy; bypass from the aorta or the groin downward.
    | cpt(*range(37220, 37236), 35556, 35566, 35571, 35583, 35585, 35587, 35646, 35656, 35661, 35666, 35671),
    pcs(*(f"04{operation}{part}" for operation in "17" for part in _LEGS), "0410", "04R0", "04V0")
    + icd9_procedure("3925", "3818", "3844", "3971"),
    "ESC 2024, table 10 (peripheral revascularisation; intervention on the abdominal aorta); ICD-10-PCS "
    "bypass (041) and dilation (047); ICD-9-CM volume 3 39.25 (aorta-iliac-femoral bypass), 38.18 "
    "(endarterectomy of the leg), 38.44 and 39.71 (abdominal aorta)",
    words.LEG_OPERATION,
)
NECK_REVASCULARISED = ValueSet(
    "carotid revascularisation",
    snomed("66951008") | cpt(35301, 37215, 37216),
    pcs(*(f"03{operation}{part}" for operation in ("1", "7", "C") for part in "HJKLMN"))
    + icd9_procedure("3812", "0061", "0063"),
    "Grundy 2019, section 4.1 (arterial revascularisation); SNOMED CT 66951008; "
    "ICD-10-PCS bypass (031), dilation (037) and extirpation (03C) of carotid arteries; "
    "ICD-9-CM volume 3 38.12, 00.61, 00.63",
    words.CAROTID_OPERATION,
)
ARTERY_NOT_TOLD = ValueSet(
    "an operation on an artery, or on a dialysis shunt, which of them not said",
    frozenset(),
    pcs(*(f"04C{part}" for part in _LEGS))
    + icd9_procedure("3814", "3816", "3929", "3950", "3990", "0055", "0060", "1756"),
    "ICD-9-CM volume 3 38.14, 38.16, 39.29, 39.50, 39.90, 00.55, 00.60, 17.56; ICD-10-PCS 04C (a clot or "
    "plaque removed)",
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
