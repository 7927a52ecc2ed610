"""What an error becomes over HTTP: the status of its class, and words that name no path of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from salus.core.errors import AwayError, EvidenceError, RefusedError, SalusError, UserError
from salus.delivery.answers import Answer, Busy, TooLarge, refusal
from salus.store.engine import of_store, url_of


def told(answer: Answer) -> str:
    assert isinstance(answer.document, dict)
    (issue,) = answer.document["issue"]
    return str(issue["details"]["text"])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UserError("Write a date, not '/min'."), 400),
        (EvidenceError("The unit '/min' is not known."), 400),
        (RefusedError("No permit."), 403),
        (TooLarge("Send less."), 413),
        (AwayError("Too late."), 503),
        (Busy("Try again."), 503),
    ],
)
def test_a_callers_mistake_is_named_in_its_own_words(error: SalusError, status: int) -> None:
    answer = refusal(error)
    assert (answer.status, told(answer)) == (status, str(error))


@pytest.mark.parametrize("kind", [AwayError, EvidenceError, UserError])
def test_what_is_wrong_with_the_store_is_no_callers_mistake(kind: type[SalusError], tmp_path: Path) -> None:
    error = of_store(kind, url_of(tmp_path / "Stroke Unit" / "salus.db"), "is damaged.")
    assert "Stroke Unit" in str(error), "the command line says where"
    answer = refusal(error)
    assert (answer.status, told(answer)) == (503, "The store is damaged.")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("path", ["'/data/ward'", "/data/ward", "'../ward'", "./ward", r"C:\ward"])
def test_no_other_error_of_ours_names_a_path(path: str) -> None:
    answer = refusal(AwayError(f"The records in {path} are away."))
    assert answer.status == 503
    assert "ward" not in told(answer) and "log" in told(answer)
