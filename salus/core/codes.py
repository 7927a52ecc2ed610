"""Code systems: FHIR's URIs against the short names that Events carry (``LOINC/8867-4``)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from salus.core.evidence import Event

# FHIR R4 4.3.0 "Using Codes", terminologies-systems; NDC and CVX from the same table.
SYSTEMS = {
    "http://loinc.org": "LOINC",
    "http://snomed.info/sct": "SNOMED",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/icd-10": "ICD10",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "http://www.cms.gov/Medicare/Coding/ICD10": "ICD10PCS",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "http://www.whocc.no/atc": "ATC",
    "http://www.ama-assn.org/go/cpt": "CPT",
    "http://unitsofmeasure.org": "UCUM",
    "http://terminology.hl7.org/CodeSystem/v3-ActCode": "ActCode",
}
# Other URIs under which the same codes travel: MIMIC-IV on FHIR publishes ICD codes, without their dots,
# under its own systems (its StructureDefinition mimic-condition); older feeds use OIDs (HL7 OID registry).
_ALIASES = {
    "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-diagnosis-icd10": "ICD10CM",
    "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-diagnosis-icd9": "ICD9CM",
    "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-procedure-icd10": "ICD10PCS",
    "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-procedure-icd9": "ICD9PROC",
    "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-medication-name": "text",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED",
    "urn:oid:2.16.840.1.113883.6.88": "RxNorm",
    "urn:oid:2.16.840.1.113883.6.90": "ICD10CM",
    "urn:oid:2.16.840.1.113883.6.103": "ICD9CM",
    "urn:oid:2.16.840.1.113883.6.104": "ICD9PROC",
    "urn:oid:2.16.840.1.113883.6.4": "ICD10PCS",
    "urn:oid:2.16.840.1.113883.6.12": "CPT",
    "urn:oid:2.16.840.1.113883.6.3": "ICD10",
    "urn:oid:2.16.840.1.113883.6.73": "ATC",
    "http://terminology.hl7.org/CodeSystem/icd9cm": "ICD9CM",
    # HL7 Deutschland, basisprofil-de-r4: the German modification keeps the stems of ICD-10.
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": "ICD10",
    "http://fhir.de/CodeSystem/bfarm/atc": "ATC",
}
_SHORT = SYSTEMS | _ALIASES
# ICD-9-CM has one URI for two lists (HL7 Terminology, ICD-9-CM procedure codes): diagnoses, and in volume 3
# operations. Without its dot 556.9 (ulcerative colitis) is 55.69 (kidney transplantation), so the
# operations have a short name of their own.
_DIAGNOSES, _OPERATIONS = "ICD9CM/", "ICD9PROC/"
URIS = {short: uri for uri, short in SYSTEMS.items()} | {"ICD9PROC": "http://hl7.org/fhir/sid/icd-9-cm"}

# Security labels (FHIR R4 6.1.1.4): HL7 v3 ActCode and Confidentiality, under the addresses of R4 and of STU3
# and by their OIDs. Their codes travel alone (``ETHUD``, ``R``), all others with their system (``urn:x|y``).
_LABELS = {
    "http://terminology.hl7.org/CodeSystem/v3-ActCode": "ActCode",
    "http://hl7.org/fhir/v3/ActCode": "ActCode",
    "urn:oid:2.16.840.1.113883.5.4": "ActCode",
    "http://terminology.hl7.org/CodeSystem/v3-Confidentiality": "Confidentiality",
    "http://hl7.org/fhir/v3/Confidentiality": "Confidentiality",
    "urn:oid:2.16.840.1.113883.5.25": "Confidentiality",
}
LEVELS = ("U", "L", "M", "N", "R", "V")

# MEDS 0.4 reserves these two; every other code of ours is SYSTEM/code.
BIRTH = "MEDS_BIRTH"
DEATH = "MEDS_DEATH"
# LOINC "Sex"; its value is FHIR's administrative gender (male, female, other, unknown).
SEX = "LOINC/46098-0"
# LOINC "Discharge disposition": how a stay ended, known at its end. Its value is the answer as it was coded.
DISPOSITION = "LOINC/55128-3"

# Lists recorded as empty: SNOMED CT "No current problems or disability", "No known medications", and
# the HL7 IPS code system absent-unknown-uv-ips.
_IPS = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
NO_KNOWN_PROBLEMS = frozenset({"SNOMED/160245001", f"{_IPS}|no-known-problems"})
NO_KNOWN_MEDICATIONS = frozenset({"SNOMED/787481004", f"{_IPS}|no-known-medications"})


# RFC 3986 section 3.1: a scheme. No short name of ours could stand before its colon.
_is_absolute = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:").match
# What a record calls a thing in words stands beside its codes under this name (``text/Warfarin 3 mg``):
# local drug codes mean nothing elsewhere, and the ingredient's name does.
TEXT = "text"


def short(system: str | None, code: str) -> str:
    """Return ``LOINC/8867-4`` for a FHIR Coding; an unlisted system keeps its own URI (``urn:x|7``).

    A code without a system is ``|7``, as FHIR R4 3.1.1.4.10 writes a token of none, and so is one whose
    system is no absolute URI: whatever it looks like, nobody has said that it is a code of ours.
    """
    if not system:
        return f"|{code}"
    name = _SHORT.get(system)
    if name:
        return f"{name}/{code}"
    return f"{system}|{code}" if _is_absolute(system) else f"|{system}|{code}"


def label(system: str | None, code: str) -> str:
    """Return a security label as evidence carries it and permits name it (``ETHUD``, ``R``, ``urn:x|y``)."""
    known = _LABELS.get(system or "")
    if known is None or (code in LEVELS) != (known == "Confidentiality"):
        return f"{system or ''}|{code}"
    return code


def labelled(label: str) -> tuple[str, str]:
    """Return (system URI, code) of a security label; the inverse of `label`."""
    if "|" in label:
        system, _, code = label.rpartition("|")
        return system, code
    name = "Confidentiality" if label in LEVELS else "ActCode"
    return f"http://terminology.hl7.org/CodeSystem/v3-{name}", label


def uri(code: str) -> tuple[str, str]:
    """Return (system URI, code) of an Event code; the inverse of `short`."""
    if "|" in code:
        system, _, rest = code.partition("|")
        return system, rest
    system, slash, rest = code.partition("/")
    return (URIS[system], rest) if slash and system in URIS else ("", code)


def meant(event: Event) -> tuple[str, ...]:
    """Return the codes of `event` by what they mean there: ICD-9-CM on a Procedure is volume 3."""
    if event.kind != "Procedure":
        return event.codes
    return tuple(
        _OPERATIONS + code.removeprefix(_DIAGNOSES) if code.startswith(_DIAGNOSES) else code
        for code in event.codes
    )


@dataclass(frozen=True, slots=True)
class ValueSet:
    """One clinical meaning, as the codes that carry it.

    codes: exact codes (``SNOMED/49436004``). stems: code beginnings, without dots, for hierarchies
    that are in the code itself (``ICD10CM/I48`` holds I48.91). source: where the set comes from.
    words: patterns in small letters that may name it where only words are known; never proof of it.
    """

    name: str
    codes: frozenset[str] = frozenset()
    stems: tuple[str, ...] = ()
    source: str = ""
    words: tuple[str, ...] = ()

    def has(self, event: Event) -> bool:
        """Whether any coding of `event` is in the set."""
        if event.coded(self.codes):
            return True
        # ICD writes capitals; some senders do not.
        return bool(self.stems) and any(
            code.replace(".", "").upper().startswith(self.stems) for code in meant(event)
        )
