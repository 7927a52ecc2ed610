"""OperationOutcome: how both doors say what was wrong and where; never a patient's value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Issue:
    """One problem (FHIR R4 OperationOutcome.issue).

    code: of the value set issue-type. path: FHIRPath-like ("CDSHooksRequest.context.patientId").
    tolerated: the element is passed over and the request is still answered.
    """

    severity: str
    code: str
    path: str
    message: str
    tolerated: bool = False


def outcome(issues: Iterable[Issue]) -> dict[str, object]:
    """Return the OperationOutcome; what is tolerated is a warning in it."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(one) for one in issues]}


def _issue(issue: Issue) -> dict[str, object]:
    body: dict[str, object] = {
        "severity": "warning" if issue.tolerated else issue.severity,
        "code": issue.code,
        "details": {"text": issue.message},
    }
    if issue.path:
        body["expression"] = [issue.path]
    return body


def one(code: str, message: str, path: str = "", severity: str = "error") -> dict[str, object]:
    """Return an OperationOutcome of a single issue."""
    return outcome([Issue(severity, code, path, message)])
