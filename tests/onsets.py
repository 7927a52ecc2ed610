"""An artefact of cvd-onset that nobody trained, and a practice whose patients it is asked about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from salus.core.registry import task as find_task
from salus.learning import artefact
from salus.learning.features import Feature
from tests.additive import MADE, document

AGE, PRESSURE = "age", "systolic blood pressure, last"
_AMBULATORY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}


def written(path: Path, **more: Any) -> Path:
    """Write an artefact of the task with two curves; more: other parts of the document."""
    task = find_task("cvd-onset")
    pressure = next(one.name for one in task.features if one.name.startswith("systolic") and _is_last(one))
    inputs = artefact.inputs_for(task, [AGE, pressure])
    terms = [
        {"feature": 0, "edges": [], "scores": [0.0], "missing": 0.0, "counts": [0, 1000],
         "knots": [30.0, 84.0], "heights": [-1.0, 1.0]},
        {"feature": 1, "edges": [140.0], "scores": [-0.2, 0.6], "missing": 0.0, "counts": [100, 600, 300]},
    ]  # fmt: skip
    span = {"value": 0.75, "low": 0.7, "high": 0.8}
    everyone = {"by": "everyone", "group": "everyone", "n": 1000, "events": 130, "auroc": span,
                "observed_expected": None, "note": ""}  # fmt: skip
    told = {"task": task.name, "asks": task.asks, "outcome": task.outcome, "horizon": task.horizon,
            "measures": [everyone], "made": {**MADE, "data": {**MADE["data"], "title": "A practice"}},
            "threshold": {"value": 0.2, "misses": 4.0, "chosen": "by hand"}, **more}  # fmt: skip
    made = artefact.of(document([one.as_json() for one in inputs], terms, **told))
    path.write_bytes(made.dumps())
    return path


def _is_last(one: Feature) -> bool:
    return one.how == "last"


def practice(
    people: Iterable[tuple[str, int, float]],
    years: Iterable[int] = (2020, 2023),
    ill: Iterable[str] = (),
    disease: str = "22298006",
    men: Iterable[str] = (),
) -> Iterator[dict[str, Any]]:
    """Yield people as FHIR: name, year of birth, systolic pressure; a visit in each of `years`.

    The pressure is measured at the second visit. ill: who has `disease` (SNOMED CT; a heart attack) a year
    after that. men: who is one.
    """
    years, ill, men = tuple(years), frozenset(ill), frozenset(men)
    for name, born, pressure in people:
        mine = {"subject": {"reference": f"Patient/{name}"}}
        yield {
            "resourceType": "Patient",
            "id": name,
            "gender": "male" if name in men else "female",
            "birthDate": f"{born}-01-02",
        }
        for year in years:
            during = {"start": f"{year}-05-01T09:00:00Z", "end": f"{year}-05-01T09:30:00Z"}
            yield {"resourceType": "Encounter", "id": f"{name}-{year}", "status": "finished",
                   "class": _AMBULATORY, "period": during, **mine}  # fmt: skip
        yield {"resourceType": "Observation", "id": f"{name}-bp", "status": "final", **mine,
               "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
               "effectiveDateTime": f"{years[1]}-05-01T09:00:00Z",
               "valueQuantity": {"value": pressure, "unit": "mm[Hg]", "code": "mm[Hg]",
                                 "system": "http://unitsofmeasure.org"}}  # fmt: skip
        if name in ill:
            yield {"resourceType": "Condition", "id": f"{name}-mi", **mine,
                   "code": {"coding": [{"system": "http://snomed.info/sct", "code": disease}]},
                   "clinicalStatus": {"coding": [{"code": "active"}]},
                   "onsetDateTime": f"{years[1] + 1}-05-01"}  # fmt: skip


def exported(folder: Path, people: Iterable[tuple[str, int, float]], **more: Any) -> Path:
    """Write them as an export; return its folder."""
    folder.mkdir()
    lines = [json.dumps(one) + "\n" for one in practice(people, **more)]
    (folder / "all.ndjson").write_text("".join(lines), encoding="utf-8")
    return folder
