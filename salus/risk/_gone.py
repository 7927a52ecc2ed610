"""How a stay in hospital ended for good: the codes of discharge that say death, or a hospice.

Codes: HL7 discharge-disposition, MIMIC-IV on FHIR, the US uniform bill (NUBC patient discharge status),
SNOMED CT (its US edition for hospices, as the measures of CMS use them).
"""

from __future__ import annotations

HL7 = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
MIMIC = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-discharge-disposition"
NUBC = ("https://www.nubc.org/CodeSystem/PatDischargeStatus", "http://www.nubc.org/patient-discharge")
# "Expired", and "expired in a medical facility".
DIED_HERE = frozenset(
    {f"{HL7}|exp", f"{MIMIC}|DIED", "SNOMED/419099009"}
    | {f"{system}|{code}" for system in NUBC for code in ("20", "41")}
)
# "Expired at home", and "expired, place unknown": claims of hospices.
DIED = DIED_HERE | {f"{system}|{code}" for system in NUBC for code in ("40", "42")}
# "Hospice, home", and "hospice, medical facility".
HOSPICE = frozenset(
    {f"{HL7}|hosp", f"{MIMIC}|HOSPICE", "SNOMED/428361000124107", "SNOMED/428371000124100"}
    | {f"{system}|{code}" for system in NUBC for code in ("50", "51")}
)
