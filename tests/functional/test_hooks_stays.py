"""A stay in intensive care at the door: asked for whole, scored as it was learnt, never from a part of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.core.insight import Abstention, Insight, Risk
from salus.core.registry import models
from salus.delivery.cds_hooks_prefetch import MEASUREMENTS, queries
from salus.learning import score
from salus.learning.artefact import Artefact
from salus.learning.features import measured
from salus.learning.task import Case
from salus.record import fhir_pack
from salus.record.sources import physionet2012
from salus.risk.icu_mortality import MODEL, TASK
from salus.spine.bring import bring
from salus.spine.site import Site
from tests import doors
from tests.stays import folder

VIEW = "/cds-services/salus-patient-view"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = doors.live_site(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
def stay(tmp_path: Path) -> dict[str, Any]:
    rows = [f"1,{hour:02}:30,HR,{70 + hour}" for hour in range(47)]
    rows += [f"1,{hour:02}:31,{name},{value}" for hour in (2, 26, 40) for name, value in CHART.items()]
    place = folder(tmp_path / "set", rows)
    (timeline,) = physionet2012.read(place)
    made: dict[str, Any] = json.loads(fhir_pack.prefetch(fhir_pack.made(timeline, with_outcome=False)))
    return made


CHART = {
    "GCS": 15, "Temp": 37, "NISysABP": 120, "NIDiasABP": 70, "NIMAP": 87, "RespRate": 16, "Na": 140, "K": 4,
    "Creatinine": 1, "HCO3": 24, "HCT": 35, "WBC": 9, "Platelets": 200, "Glucose": 120, "Mg": 2, "Urine": 80,
}  # fmt: skip


def test_a_model_that_reads_everything_is_asked_for_in_a_query_of_its_own() -> None:
    """The others are asked for as before: their lists stay whole, and their addresses short."""
    every = {query.key: query for query in queries(tuple(model.card for model in models().values()))}
    assert every[MEASUREMENTS].template == "Observation?patient={{context.patientId}}&_sort=-date&_count=2000"
    assert every["vital-signs"].template.endswith("_count=200")
    assert max(len(query.template) for query in every.values()) < 2_000
    assert {name for name, _ in every[MEASUREMENTS].reads} >= {"icu-mortality"}
    assert "icu-mortality" not in {name for name, _ in every["vital-signs"].reads}


def asked(site: Site, sent: dict[str, Any]) -> Insight:
    """Return what was said of intensive care when `sent` came as the prefetch of a call."""
    with doors.served(site) as ehr:
        context = {"userId": "Practitioner/7", "patientId": "1"}
        told = ehr.post(VIEW, json=doors.call(prefetch=sent, context=context))
    assert told.status_code == 200
    (kept,) = site.store.insights("Patient/1", "icu-mortality")
    return spine.from_json({**json.loads(kept.document), "id": kept.id})


def expected(stay: dict[str, Any]) -> float:
    timeline, _ = bring(json.dumps(stay).encode(), "Patient/1", "stay")
    (case,) = TASK.cases(timeline)
    learnt = MODEL.artefact()
    assert isinstance(case, Case)
    assert isinstance(learnt, Artefact)
    vector = measured(timeline, case.start, case.moment, TASK.parameters, TASK.features)
    return score.score(learnt, vector.values).probability


def test_a_stay_that_is_sent_is_scored_as_it_was_learnt(site: Site, stay: dict[str, Any]) -> None:
    body = asked(site, stay).body
    assert isinstance(body, Risk)
    (outcome,) = body.outcomes
    assert abs((outcome.estimate.value or 0) - expected(stay)) <= 1e-9


@pytest.mark.parametrize("cut", ["a next page", "another key", "not sent"])
def test_a_stay_of_which_a_part_came_is_not_scored_as_if_that_were_all(
    site: Site, stay: dict[str, Any], cut: str
) -> None:
    measured_then = stay.pop("observation")
    few = {**measured_then, "entry": measured_then["entry"][:9]}
    if cut == "not sent":
        stay["vital-signs"] = few
    else:
        key = MEASUREMENTS if cut == "a next page" else "observation"
        stay[key] = few | {"link": [{"relation": "next", "url": "https://ehr.example/next"}]}
    body = asked(site, stay).body
    exact = isinstance(body, Risk) and body.outcomes[0].estimate.low == body.outcomes[0].estimate.high
    assert not exact
    assert isinstance(body, Abstention) or body.outcomes[0].estimate.kind == "missing-inputs"
