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


def practice(people: Iterable[tuple[str, int, float]]) -> Iterator[dict[str, Any]]:
    """Yield people as FHIR: name, year of birth, systolic pressure; two visits, three years apart."""
    for name, born, pressure in people:
        yield {"resourceType": "Patient", "id": name, "gender": "female", "birthDate": f"{born}-01-02"}
        for year in (2020, 2023):
            during = {"start": f"{year}-05-01T09:00:00Z", "end": f"{year}-05-01T09:30:00Z"}
            yield {"resourceType": "Encounter", "id": f"{name}-{year}", "status": "finished",
                   "class": _AMBULATORY, "subject": {"reference": f"Patient/{name}"},
                   "period": during}  # fmt: skip
        yield {"resourceType": "Observation", "id": f"{name}-bp", "status": "final",
               "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
               "subject": {"reference": f"Patient/{name}"}, "effectiveDateTime": "2023-05-01T09:10:00Z",
               "valueQuantity": {"value": pressure, "unit": "mm[Hg]", "code": "mm[Hg]",
                                 "system": "http://unitsofmeasure.org"}}  # fmt: skip


def exported(folder: Path, people: Iterable[tuple[str, int, float]]) -> Path:
    """Write them as an export; return its folder."""
    folder.mkdir()
    lines = [json.dumps(one) + "\n" for one in practice(people)]
    (folder / "all.ndjson").write_text("".join(lines), encoding="utf-8")
    return folder
