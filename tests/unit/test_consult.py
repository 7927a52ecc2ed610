"""Consult: whatever a model does, the answer can be checked, and it is written down once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.core.card import Card
from salus.core.consent import Actor
from salus.core.errors import EvidenceError, RefusedError, UserError
from salus.core.evidence import Event, Timeline
from salus.core.insight import Abstention, Estimate, Finding, Insight, ModelRef, Reason
from salus.core.seams import View
from salus.privacy.gate import open_view
from salus.spine.consult import _ask
from salus.spine.look import look
from salus.spine.moment import last_known
from salus.spine.site import Site
from salus.store.rows import status_content

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHO = Actor("Practitioner/7")
SECRET = "5.4321"
MAN = Timeline.of(
    "Patient/m1",
    [
        Event(("MEDS_BIRTH",), datetime(1950, 1, 1, tzinfo=UTC), source="Patient/m1"),
        Event(("LOINC/9279-1",), NOW, value=30.0, unit="/min", status="final", source="Observation/rr"),
    ],
)


@dataclass(frozen=True, slots=True)
class Misbehaving:
    """A model from outside that breaks one promise."""

    error: Exception | None = None
    evidence: str = "Observation/rr"

    @property
    def card(self) -> Card:
        return Card("outside", "1", "Is it so?", "", "", (), (), "", ())

    def predict(self, view: View) -> Insight:
        if self.error is not None:
            raise self.error
        reasons = (Reason((self.evidence,), 1.0, "because"),)
        body = Finding("x", Estimate(1.0))
        return Insight(
            "Patient/other", ModelRef("outside", "1"), "", NOW + timedelta(days=9), body, None, reasons
        )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = spine.open_site(tmp_path / "site")
    yield opened
    opened.close()


def ask(model: Misbehaving) -> Insight:
    return _ask(model, open_view(MAN, WHO, "direct-care", NOW))


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (EvidenceError("glucose has no unit (Observation/1)."), "missing-evidence"),
        (RefusedError("no."), "not-available"),
        (ValueError(f"cannot use {SECRET}"), "not-available"),
        (ZeroDivisionError(), "not-available"),
    ],
)
def test_a_model_that_fails_abstains_and_leaks_nothing(
    error: Exception, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        insight = ask(Misbehaving(error))
    assert isinstance(insight.body, Abstention)
    assert insight.body.why == why
    assert SECRET not in caplog.text + repr(insight)


@pytest.mark.parametrize("answer", [None, "NEWS2 3", Finding("x", Estimate(1.0))])
def test_a_model_that_answers_with_no_insight_has_failed(answer: object) -> None:
    class Mute(Misbehaving):
        def predict(self, view: View) -> Any:
            return answer

    insight = ask(Mute())
    assert isinstance(insight.body, Abstention)
    assert insight.body.why == "not-available"


def test_a_model_cannot_speak_in_the_name_of_another() -> None:
    class Posing(Misbehaving):
        def predict(self, view: View) -> Insight:
            return replace(super().predict(view), model=ModelRef("news2", "1.0.0"), asks="Is she ill?")

    insight = ask(Posing())
    assert (insight.model, insight.asks) == (ModelRef("outside", "1"), "Is it so?")


def test_a_reason_outside_the_view_is_refused() -> None:
    insight = ask(Misbehaving(evidence="Observation/elsewhere"))
    assert isinstance(insight.body, Abstention)


def test_a_model_cannot_speak_of_another_subject_or_instant() -> None:
    insight = ask(Misbehaving())
    assert (insight.subject, insight.as_of) == ("Patient/m1", NOW)
    assert insight.permit


def test_evidence_of_somebody_else_than_the_subject_named_is_refused(site: Site) -> None:
    for subject in ("Patient/m2", "m2", "urn:x|1", "Group/m1", ""):
        with pytest.raises(UserError, match="another subject"):
            spine.consult(site, actor=WHO, subject=subject, evidence=MAN, asks=["news2"], live_only=False)
    assert [entry.did for entry in site.store.entries()] == ["setting", "setting"], "nothing was looked at"
    for subject in ("Patient/m1", "m1"):
        (insight,) = spine.consult(
            site, actor=WHO, subject=subject, evidence=MAN, asks=["news2"], live_only=False
        )
        assert insight.subject == "Patient/m1"


NOBODY: list[Any] = [Actor(""), Actor("   "), Actor("\n\t"), Actor(None), None, "maria"]  # type: ignore[arg-type]


@pytest.mark.parametrize("nobody", NOBODY)
def test_nobody_in_particular_is_answered(site: Site, nobody: Actor, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="Nobody in particular"):
        spine.consult(site, actor=nobody, evidence=MAN, asks=["news2"], live_only=False)
    with pytest.raises(RefusedError, match="Nobody in particular"):
        open_view(MAN, nobody, "direct-care", NOW)
    with pytest.raises(RefusedError, match="Nobody in particular"):
        spine.read(site, str(tmp_path), actor=nobody)
    assert [entry.did for entry in site.store.entries()] == ["setting", "setting"]


@pytest.mark.parametrize("nobody", NOBODY)
def test_nobody_in_particular_is_shown_a_ward(site: Site, nobody: Any, tmp_path: Path) -> None:
    record = tmp_path / "patient.json"
    record.write_text('{"resourceType": "Patient", "id": "p", "gender": "female"}')
    spine.read(site, str(record), actor=WHO)
    with pytest.raises(RefusedError, match="Nobody in particular"):
        spine.ward(site, actor=nobody)
    rows = spine.ward(site, actor=WHO)
    kept = zip(spine.ward(site, actor=WHO), rows, strict=True)
    assert all(one is other for one, other in kept), "the answers are kept"
    before = site.store.head()
    with pytest.raises(RefusedError, match="Nobody in particular"):
        spine.ward(site, actor=nobody)
    with pytest.raises(RefusedError, match="Nobody in particular"):
        look(site, actor=nobody, subject="", what="RiskAssessment", count=1)
    assert site.store.head() == before


def test_the_same_question_is_written_down_once(site: Site) -> None:
    first = spine.consult(site, actor=WHO, evidence=MAN, asks=["news2"], live_only=False)
    again = spine.consult(site, actor=WHO, evidence=MAN, asks=["news2"], live_only=False)
    assert first == again
    did = [entry.did for entry in site.store.entries()]
    assert did.count("insight") == 1
    assert did.count("look") == 2, "every look is written down"


def test_a_model_that_is_not_live_is_not_asked(site: Site) -> None:
    assert spine.consult(site, actor=WHO, evidence=MAN) == []
    (insight,) = spine.consult(site, actor=WHO, evidence=MAN, asks=["news2"])
    assert isinstance(insight.body, Abstention)
    assert insight.body.why == "not-available"
    spine.approve(site, "news2", by="Dr B", because="validated here")
    (insight,) = spine.consult(site, actor=WHO, evidence=MAN)
    assert insight.model.name == "news2"
    assert not (isinstance(insight.body, Abstention) and insight.body.why == "not-available")


def test_json_and_back(site: Site) -> None:
    for insight in spine.consult(site, actor=WHO, evidence=MAN, live_only=False):
        assert spine.from_json(spine.as_json(insight)) == insight


def test_the_end_of_a_record() -> None:
    assert last_known(MAN, NOW + timedelta(days=1)) == NOW
    assert last_known(Timeline("Patient/empty"), NOW) is None
    assert last_known(MAN.where(["MEDS_BIRTH"]), NOW) is None, "nobody is asked about as of their birth"


def test_unknown_model_lists_the_choices(site: Site) -> None:
    with pytest.raises(UserError, match="news2"):
        spine.consult(site, actor=WHO, evidence=MAN, asks=["news"])


def test_an_insight_id_says_nothing_without_the_sites_key(tmp_path: Path) -> None:
    ids = set()
    for name in ("a", "b"):
        opened = spine.open_site(tmp_path / name)
        (insight,) = spine.consult(opened, actor=WHO, evidence=MAN, asks=["news2"], live_only=False)
        ids.add(insight.id)
        opened.close()
    assert len(ids) == 2, "the same answer has another id at another site"


@pytest.mark.parametrize(
    "wrong",
    [
        {"decision": "agreed"},
        {"decision": "overridden"},
        {"because": "just so"},
        {"because": "evidence-wrong"},
        {"decision": "overridden", "because": "other"},
        {"by": " "},
        {"by": "\u200b"},
        {"by": "Dr\nB"},
        {"insight": "nothing"},
    ],
)
def test_a_review_that_does_not_fit_is_refused_and_not_kept(site: Site, wrong: dict[str, str]) -> None:
    from salus.core.review import Review

    (insight,) = spine.consult(site, actor=WHO, evidence=MAN, asks=["news2"], live_only=False)
    before = site.store.head()
    with pytest.raises(UserError):
        spine.review(site, Review(**{"insight": insight.id, "by": "Dr B", "decision": "accepted", **wrong}))
    assert site.store.head() == before


def test_a_copied_approval_does_not_hold_elsewhere(site: Site, tmp_path: Path) -> None:
    spine.approve(site, "news2", by="Dr B", because="validated here")
    row = site.store.statuses()["news2"]
    other = spine.open_site(tmp_path / "other")
    with other.store.begin() as tx:
        entry = tx.append(row.at, "Dr B", "status", status_content(row))
        tx.set_status("news2", row.version, row.status, row.by, row.because, row.at, row.signature, entry.seq)
    (status,) = [row for row in spine.models(other) if row.name == "news2"]
    assert status.status == "validated"
    assert "not signed for this archive" in status.note
    other.close()
