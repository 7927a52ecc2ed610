"""HL7's validator cases for CDS Hooks: the same issues, by severity, code and path, and no others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from salus.delivery.cds_hooks_check import check_request, check_response, check_services
from tests import doors

_CHECKS = {
    "CDSHooksRequest": check_request,
    "CDSHooksResponse": check_response,
    "CDSHooksServices": check_services,
}
CASES = (
    "services-good", "services-order-select-extensions",
    "request-pv-good", "request-bad-1", "request-order-sign-bad-2", "request-order-sign-good",
    "request-order-select-good", "request-order-select-bad", "request-order-select-extensions",
    "request-patient-view-good", "request-patient-view-bad",
    "response-good", "response-empty-source", "response-empty", "response-empty2", "response-link",
    "response-no-link", "response-source-link", "response-suggestion", "response-two-cards",
)  # fmt: skip


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> dict[str, dict[str, Any]]:
    manifest = json.loads((shared_data / "cds-hooks-cases/cdshooks/manifest-cdshooks.json").read_text())
    return {case["name"].removeprefix("cdshooks-"): case for case in manifest}


def _expected(folder: Path, case: dict[str, Any]) -> list[dict[str, Any]]:
    document = json.loads((folder / "outcomes" / Path(case["logical"]["java"]).name).read_text())
    return document.get("issue", [])


def _of(issue: dict[str, Any]) -> tuple[str, str, str]:
    return issue["severity"], issue["code"], issue["expression"][0]


def test_every_case_of_the_manifest_is_run(cases: dict[str, dict[str, Any]]) -> None:
    assert set(cases) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, cases: dict[str, dict[str, Any]], shared_data: Path) -> None:
    case, folder = cases[name], shared_data / "cds-hooks-cases"
    document = json.loads((folder / "cdshooks" / Path(case["file"]).name).read_text())
    issues = _CHECKS[case["logical"]["format"].rpartition("/")[2]](document)
    found = Counter((issue.severity, issue.code, issue.path) for issue in issues)
    assert found == Counter(_of(issue) for issue in _expected(folder, case))


@pytest.fixture(scope="module")
def ehr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    site = doors.live_site(tmp_path_factory.mktemp("cases") / "site")
    with doors.served(site) as client:
        yield client
    site.close()


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("request")])
def test_the_door_takes_and_refuses_the_same_requests(
    name: str, cases: dict[str, dict[str, Any]], shared_data: Path, ehr: httpx.Client
) -> None:
    case, folder = cases[name], shared_data / "cds-hooks-cases"
    document = json.loads((folder / "cdshooks" / Path(case["file"]).name).read_text())
    answer = ehr.post(f"/cds-services/salus-{document['hook']}", json=document)
    expected = {_of(issue)[2] for issue in _expected(folder, case)}
    if not expected:
        assert answer.status_code == 200, answer.text
        return
    assert answer.status_code == 400
    told = {path for issue in answer.json()["issue"] for path in issue["expression"]}
    assert told == expected
