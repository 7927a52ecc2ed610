"""The ward that ships: thirty invented patients as FHIR R4, so that a fresh clone has somebody to look after.

For `salus demo`, for tests and for teaching. Everything hangs on one instant and one seed, so the same call
writes the same bytes; the seed moves only the day of quiet readings before each case's own.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from salus.record.sources.ward_cases import CASES
from salus.record.sources.ward_terms import (
    ACVPU,
    BODY,
    CONDITIONS,
    CONSCIOUSNESS,
    DRUGS,
    HABITS,
    LABS,
    LIPIDS,
    LOINC,
    NUMBERED,
    SIGNS,
    SMOKES,
    SMOKING,
    SNOMED,
    UCUM,
    Case,
    Lab,
    Vitals,
)

Resource = dict[str, Any]

WARD_INSTANT = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
# HL7 v3 ActReason HTEST: "test health data"; every resource says that it is about nobody.
_TEST_DATA = {"security": [{"system": f"{_TERMINOLOGY}/v3-ActReason", "code": "HTEST"}]}
_ABSENT = f"{_TERMINOLOGY}/data-absent-reason"
_EVERY_HOURS, _QUIET_HOURS = 4, 24
_LIPIDS = ("cholesterol", "hdl", "cholesterol-molar", "hdl-molar")


def ward_resources(seed: int = 7) -> list[Resource]:
    """Return every resource of the ward: three of context, then each patient's own."""
    drawn = random.Random(seed)
    return [*_context(), *(resource for case in CASES for resource in _chart(case, drawn))]


def write_ward(folder: Path, seed: int = 7) -> Path:
    """Write the ward into `folder` as Bulk NDJSON, a file a resource type, and return `folder`."""
    by_type: dict[str, list[str]] = defaultdict(list)
    for resource in ward_resources(seed):
        by_type[resource["resourceType"]].append(json.dumps(resource, ensure_ascii=False))
    folder.mkdir(parents=True, exist_ok=True)
    for kind, lines in by_type.items():
        (folder / f"{kind}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _when(hours_before: float) -> str:
    moment = WARD_INSTANT - timedelta(hours=hours_before)
    return moment.replace(second=0, microsecond=0).isoformat()


def _day(years_before: float) -> str:
    return (WARD_INSTANT - timedelta(days=365.25 * years_before)).date().isoformat()


def _coding(system: str, code: str, display: str = "") -> Resource:
    return {"system": system, "code": code, **({"display": display} if display else {})}


def _concept(*codings: Resource, text: str = "") -> Resource:
    return {"coding": list(codings), **({"text": text} if text else {})}


def _context() -> list[Resource]:
    hospital = {"resourceType": "Organization", "id": "ward-hospital", "name": "Salus Example Hospital"}
    ward = {
        "resourceType": "Location",
        "id": "ward-a",
        "name": "Ward A",
        "managingOrganization": {"reference": "Organization/ward-hospital"},
    }
    nurse = {
        "resourceType": "Practitioner",
        "id": "ward-nurse",
        "name": [{"family": "Example", "given": ["Nurse"]}],
    }
    return [{**resource, "meta": _TEST_DATA} for resource in (hospital, ward, nurse)]


def _chart(case: Case, drawn: random.Random) -> Iterator[Resource]:
    """Yield everything on record about one patient, marked as test data."""
    parts = [
        _patient(case),
        _encounter(case),
        *_lists(case),
        *(_condition(case, *row) for row in case.conditions),
        *(_order(case, name) for name in case.drugs),
        *_social(case),
        *(part for vitals in (*_quiet(case, drawn), *case.vitals) for part in _signs(case, vitals)),
        *(_result(case, lab) for lab in case.labs),
        *_lipid_reports(case),
        *(_filled(extra, case) for extra in case.extra),
    ]
    for part in parts:
        yield {**part, "meta": _TEST_DATA}


def _of(case: Case, kind: str, slug: str, **fields: Any) -> Resource:
    about = {"subject": {"reference": f"Patient/{case.id}"}}
    return {"resourceType": kind, "id": f"{case.id}-{slug}", **about, **fields}


def _patient(case: Case) -> Resource:
    older = [extra for extra in case.extra if extra["resourceType"] == "Patient"]
    links = [{"other": {"reference": f"Patient/{case.id}-old"}, "type": "replaces"} for _ in older]
    return {
        "resourceType": "Patient",
        "id": case.id,
        "active": True,
        # 2.999 is the arc that ISO 9834 keeps for examples.
        "identifier": [{"type": NUMBERED, "system": "urn:oid:2.999.1.1", "value": case.id.upper()}],
        "name": [{"use": "official", "family": case.family, "given": case.given.split()}],
        "gender": case.sex,
        "birthDate": case.born,
        **({"link": links} if links else {}),
    }


def _encounter(case: Case) -> Resource:
    return _of(
        case,
        "Encounter",
        "stay",
        status="in-progress",
        **{"class": _coding(f"{_TERMINOLOGY}/v3-ActCode", "IMP", "inpatient encounter")},
        period={"start": _when(24 * case.admitted)},
        location=[{"location": {"reference": "Location/ward-a", "display": f"Bed {case.id[-2:]}"}}],
    )


def _lists(case: Case) -> Iterator[Resource]:
    """Lists that somebody recorded as empty: "no" is known here, and not merely absent."""
    rows = (("problems", "11450-4", case.no_problems), ("medications", "10160-0", case.no_drugs))
    for slug, code, empty in rows:
        if empty:
            reason = _concept(_coding(f"{_TERMINOLOGY}/list-empty-reason", "nilknown", "Nil Known"))
            yield _of(
                case, "List", f"no-{slug}", status="current", mode="snapshot", date=_when(24 * case.admitted),
                code=_concept(_coding(LOINC, code)), emptyReason=reason,
            )  # fmt: skip


def _condition(case: Case, name: str, years: float, status: str, verification: str) -> Resource:
    snomed, display, icd = CONDITIONS[name]
    codes = (
        _coding(SNOMED, snomed, display),
        _coding("http://hl7.org/fhir/sid/icd-10-cm", icd),
    )
    verified = _concept(_coding(f"{_TERMINOLOGY}/condition-ver-status", verification))
    fields: Resource = {"code": _concept(*codes, text=display), "onsetDateTime": _day(years)}
    if verification != "entered-in-error":
        # FHIR R4 con-5: what was entered in error has no clinical status.
        fields["clinicalStatus"] = _concept(_coding(f"{_TERMINOLOGY}/condition-clinical", status))
    if status == "resolved":
        fields["abatementDateTime"] = _day(years - 0.1)
    problem = _concept(_coding(f"{_TERMINOLOGY}/condition-category", "problem-list-item"))
    slug = name.replace(" ", "-")
    return _of(case, "Condition", slug, verificationStatus=verified, category=[problem], **fields)


def _order(case: Case, name: str) -> Resource:
    rxnorm, atc, written = DRUGS[name]
    codes = (
        _coding("http://www.nlm.nih.gov/research/umls/rxnorm", rxnorm),
        _coding("http://www.whocc.no/atc", atc, name.capitalize()),
    )
    drug = _concept(*codes, text=written)
    return _of(
        case, "MedicationRequest", name, status="active", intent="order", medicationCodeableConcept=drug,
        authoredOn=_when(24 * case.admitted),
    )  # fmt: skip


def _observation(case: Case, slug: str, category: str, hours: float, **fields: Any) -> Resource:
    group = _concept(_coding(f"{_TERMINOLOGY}/observation-category", category))
    fixed: Resource = {
        "status": "final",
        "category": [group],
        "effectiveDateTime": _when(hours),
        "performer": [{"reference": "Practitioner/ward-nurse"}],
    }
    return _of(case, "Observation", slug, **{**fixed, **fields})


def _social(case: Case) -> Iterator[Resource]:
    if case.smokes:
        answer = _concept(_coding(SNOMED, *SMOKES[case.smokes]))
        code = _concept(_coding(LOINC, *SMOKING))
        yield _observation(
            case, "smoking", "social-history", 24 * case.admitted, code=code, valueCodeableConcept=answer
        )


def _quantity(value: float, unit: str, written: str | None, comparator: str = "") -> Resource:
    """`unit` is the UCUM code that belongs there; any other `written` goes out as bare text."""
    bound = {"comparator": comparator} if comparator else {}
    if written == unit:
        return {"value": value, **bound, "unit": unit, "system": UCUM, "code": unit}
    return {"value": value, **bound, **({"unit": written} if written else {})}


def _result(case: Case, lab: Lab) -> Resource:
    code, display, unit = LABS[lab.name]
    hours = 24 * lab.days
    fields: Resource = {"note": [{"text": lab.note}]} if lab.note else {}
    if lab.name not in BODY | HABITS:
        fields["issued"] = _when(max(hours - 1.5, 0.0))
    return _observation(
        case, f"{lab.name}-{int(hours * 60)}", _category(lab.name), hours,
        status=lab.status, code=_concept(_coding(LOINC, code, display)),
        valueQuantity=_quantity(lab.value, unit, lab.unit or unit, lab.comparator), **fields,
    )  # fmt: skip


def _category(name: str) -> str:
    if name in HABITS:
        return "social-history"
    return "vital-signs" if name in BODY else "laboratory"


def _lipid_reports(case: Case) -> Iterator[Resource]:
    """Results that came on one panel are also named by its report; the panel adds no result of its own."""
    panel = [lab for lab in case.labs if lab.name in _LIPIDS]
    if len(panel) > 1:
        hours = 24 * panel[0].days
        results = [{"reference": f"Observation/{_result(case, lab)['id']}"} for lab in panel]
        yield _of(
            case, "DiagnosticReport", "lipids", status="final", code=_concept(_coding(LOINC, *LIPIDS)),
            effectiveDateTime=_when(hours), issued=_when(hours - 1.5), result=results,
        )  # fmt: skip


def _signs(case: Case, vitals: Vitals) -> Iterator[Resource]:
    """One Observation a sign, as FHIR's vital signs profiles have it; blood pressure as a panel of two."""
    minutes = int(vitals.at * 60)
    for name, (code, display, unit) in SIGNS.items():
        value = getattr(vitals, name)
        if value is None and name not in vitals.absent:
            continue
        said = (
            {"valueQuantity": _quantity(value, *_units(vitals, name, unit))}
            if value is not None
            else {
                "dataAbsentReason": _concept(
                    _coding(f"{_TERMINOLOGY}/data-absent-reason", vitals.absent[name])
                )
            }
        )
        concept = _concept(_coding(LOINC, code, display))
        yield _observation(case, f"{name}-{minutes}", "vital-signs", vitals.at, code=concept, **said)
    if vitals.bp:
        yield _pressure(case, vitals, minutes)
    if vitals.mind:
        yield _consciousness(case, vitals, minutes)


def _units(vitals: Vitals, name: str, unit: str) -> tuple[str, str | None]:
    """Return the UCUM unit and what the sender wrote; another UCUM unit is sent as such."""
    written = vitals.units.get(name, unit)
    return (written, written) if written == "[degF]" else (unit, written)


def _pressure(case: Case, vitals: Vitals, minutes: int) -> Resource:
    assert vitals.bp is not None
    rows = (("8480-6", "Systolic blood pressure"), ("8462-4", "Diastolic blood pressure"))
    parts = [
        {
            "code": _concept(_coding(LOINC, *row)),
            "valueQuantity": _quantity(value, "mm[Hg]", "mm[Hg]"),
        }
        for row, value in zip(rows, vitals.bp, strict=True)
    ]
    panel = _concept(_coding(LOINC, "85354-9", "Blood pressure panel with all children optional"))
    return _observation(case, f"bp-{minutes}", "vital-signs", vitals.at, code=panel, component=parts)


def _consciousness(case: Case, vitals: Vitals, minutes: int) -> Resource:
    assert vitals.mind is not None
    loinc, display, snomed = CONSCIOUSNESS
    code = _concept(_coding(LOINC, loinc, display), _coding(SNOMED, snomed))
    answer = _concept(_coding(SNOMED, *ACVPU[vitals.mind]))
    return _observation(case, f"mind-{minutes}", "exam", vitals.at, code=code, valueCodeableConcept=answer)


def _quiet(case: Case, drawn: random.Random) -> Iterator[Vitals]:
    """The day before the case's own first readings: the same signs, a little to either side of them."""
    if not case.vitals:
        return
    first = case.vitals[0]
    for step in range(_QUIET_HOURS // _EVERY_HOURS, 0, -1):
        yield _beside(replace(first, at=first.at + step * _EVERY_HOURS, absent={}), drawn)


def _beside(vitals: Vitals, drawn: random.Random) -> Vitals:
    def near(value: float | None, by: float, top: float = 400) -> float | None:
        return None if value is None else round(min(value + drawn.randint(-2, 2) * by, top), 1)

    bp = vitals.bp and (vitals.bp[0] + drawn.randint(-6, 6), vitals.bp[1] + drawn.randint(-4, 4))
    return replace(
        vitals,
        breaths=near(vitals.breaths, 1),
        spo2=near(vitals.spo2, 1, 99),
        pulse=near(vitals.pulse, 2),
        bp=bp,
        temperature=near(vitals.temperature, 0.1),
    )


def _filled(template: Any, case: Case) -> Any:
    """Fill ``{id}`` and ``{at:HOURS}`` into a resource that a case gives whole."""
    if isinstance(template, dict):
        return {key: _filled(value, case) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, case) for value in template]
    if not isinstance(template, str):
        return template
    if template.startswith("{at:"):
        return _when(float(template[4:-1]))
    return template.replace("{id}", case.id)
