"""By which number is this patient known here? The medical record number; every other where it is asked for.

Source: FHIR R4 Identifier.type, HL7 v2 table 0203 "Identifier type". A social security number or a passport
identifies a person to everybody: it belongs on no page that is open on a ward.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

UNTYPED = "Identifier"
KINDS = {
    "MR": "Medical record number",
    "MRT": "Temporary medical record number",
    "PI": "Patient number",
    "AN": "Account number",
    "VN": "Visit number",
    "SS": "Social security number",
    "SB": "Social beneficiary number",
    "NI": "National identifier",
    "NIIP": "National insurance payor number",
    "JHN": "Jurisdictional health number",
    "HC": "Health card number",
    "MC": "Medicare number",
    "MA": "Medicaid number",
    "MB": "Member number",
    "DL": "Driver's licence number",
    "PPN": "Passport number",
    "TAX": "Tax number",
    "BCT": "Birth certificate number",
    "DR": "Donor number",
}
# What a hospital itself gives its patients, the best known first.
_OWN = ("MR", "PI", "MRT")
# Where nothing says what an identifier is, its system may: of the United States' registers, those of FHIR R4
# (us-ssn) and of the OID arc 2.16.840.1.113883.4, which has licences and passports too.
_OF_THE_STATE = ("http://hl7.org/fhir/sid/us-", "urn:oid:2.16.840.1.113883.4.")


@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifier, what it is in words, and who gives it. code: HL7 v2-0203, where the record has one."""

    kind: str
    value: str
    system: str = ""
    code: str = ""


def identifiers(known: Sequence[str], kinds: Sequence[str]) -> tuple[Identifier, ...]:
    """Return every identifier once, with its kind in words.

    known: ``system|value``. kinds: of each its code or words; none at all in an older archive.
    """
    found = []
    for one, code in zip_longest(known, kinds[: len(known)], fillvalue=""):
        system, _, value = one.partition("|")
        found.append(Identifier(KINDS.get(code, code or UNTYPED), value, system, code))
    return tuple(dict.fromkeys(found))


def shown(known: Iterable[Identifier]) -> Identifier | None:
    """Return the one that stands beside the name: the hospital's own, else the first without a kind."""
    every = list(known)
    for code in _OWN:
        if found := next((one for one in every if one.code == code), None):
            return found
    return next((one for one in every if not one.code and not one.system.startswith(_OF_THE_STATE)), None)
