"""What a clinician did with a card comes back and becomes a review: once, by the right person, never lost."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from salus import spine
from salus.core.review import REASON_SYSTEM
from salus.core.seams import Channel
from salus.delivery.answers import Workers
from salus.delivery.app import Settings
from salus.delivery.cds_hooks import CdsHooks
from salus.delivery.cds_hooks_feedback import LONGEST_NOTE
from salus.delivery.cds_hooks_service import card_key
from salus.spine.site import Site
from tests import doors
from tests.doors import report

VIEW = "/cds-services/salus-patient-view"
FEEDBACK = VIEW + "/feedback"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = doors.live_site(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
def ehr(site: Site) -> Iterator[httpx.Client]:
    with doors.served(site) as client:
        yield client


def cards(ehr: httpx.Client, user: str = "Practitioner/7") -> list[dict[str, Any]]:
    context = {"userId": user, "patientId": "p1"}
    found: list[dict[str, Any]] = ehr.post(VIEW, json=doors.call(context=context)).json()["cards"]
    return found


def send(ehr: httpx.Client, *reports: dict[str, Any]) -> httpx.Response:
    return ehr.post(FEEDBACK, json={"feedback": list(reports)})


def test_an_override_becomes_a_review_by_the_one_who_saw_the_card(ehr: httpx.Client, site: Site) -> None:
    card = cards(ehr, "Practitioner/nurse")[0]
    because = {"reason": {"code": "already-done", "system": REASON_SYSTEM}, "userComment": "on oxygen"}
    assert send(ehr, report(card["uuid"], overrideReason=because)).status_code == 200
    (review,) = site.store.reviews(subject="Patient/p1")
    assert (review.by, review.decision) == ("Practitioner/nurse", "overridden")
    assert (review.because, review.note) == ("already-done", "on oxygen")
    assert spine.verify(site).intact


def test_an_acceptance_becomes_a_review(ehr: httpx.Client, site: Site) -> None:
    assert send(ehr, report(cards(ehr)[0]["uuid"], "accepted")).status_code == 200
    assert [review.decision for review in site.store.reviews()] == ["accepted"]


def test_many_cards_in_one_call(ehr: httpx.Client, site: Site) -> None:
    shown = [*cards(ehr), *cards(ehr)]
    answer = send(ehr, *(report(card["uuid"], "accepted") for card in shown))
    assert answer.status_code == 200
    assert len(site.store.reviews()) >= len(shown)


def test_a_card_of_several_insights_is_a_review_of_each(ehr: httpx.Client, site: Site) -> None:
    folded = [card for card in cards(ehr) if card["summary"].startswith(("Could not", "Nothing"))]
    send(ehr, *(report(card["uuid"], "accepted") for card in folded))
    reviewed = {review.insight for review in site.store.reviews()}
    alone = {row.id for row in site.store.insights()} - reviewed
    assert len(reviewed) >= len(folded) > 0
    assert alone


def test_a_report_that_comes_twice_is_kept_once(ehr: httpx.Client, site: Site) -> None:
    said = report(cards(ehr)[0]["uuid"])
    assert [send(ehr, said).status_code for _ in range(3)] == [200, 200, 200]
    assert len(site.store.reviews()) == 1


OTHER = {"reason": {"code": "other", "system": REASON_SYSTEM}}


@pytest.mark.parametrize("given", [{}, {"overrideReason": OTHER}])
def test_an_override_that_says_no_reason_is_taken_all_the_same(
    ehr: httpx.Client, site: Site, given: dict[str, Any]
) -> None:
    """CDS Hooks 2.0, feedback: overrideReason is optional, and so is its userComment."""
    assert send(ehr, report(cards(ehr)[0]["uuid"], **given)).status_code == 200
    (review,) = site.store.reviews()
    assert (review.decision, review.because, review.note) == ("overridden", "other", "")


def test_a_reason_of_the_ehrs_own_is_kept_in_words(ehr: httpx.Client, site: Site) -> None:
    own = {"reason": {"code": "77", "system": "https://ehr.example/reasons", "display": "Duplicate"}}
    send(ehr, report(cards(ehr)[0]["uuid"], overrideReason=own))
    (review,) = site.store.reviews()
    assert (review.because, review.note) == ("other", "Duplicate (https://ehr.example/reasons|77)")


def test_an_unknown_card_is_not_found_and_the_others_are_kept(ehr: httpx.Client, site: Site) -> None:
    known = cards(ehr)[0]["uuid"]
    answer = send(ehr, report(str(uuid4())), report(known))
    assert answer.status_code == 404
    assert answer.json()["issue"][0]["expression"] == ["CDSHooksFeedback.feedback[0].card"]
    assert len(site.store.reviews()) == 1


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"card": "x"}, "card"),
        ({"outcome": "ignored"}, "outcome"),
        ({"outcomeTimestamp": "yesterday"}, "outcomeTimestamp"),
        ({"outcomeTimestamp": "2026-01-31T08:00:00"}, "outcomeTimestamp"),
        ({"outcomeTimestamp": "2026-02-30T08:00:00Z"}, "outcomeTimestamp"),
        ({"outcomeTimestamp": "2026-01-31T25:00:00Z"}, "outcomeTimestamp"),
        ({"overrideReason": "no"}, "overrideReason"),
        ({"overrideReason": {"reason": "no"}}, "overrideReason.reason"),
        ({"overrideReason": {"reason": {"display": "no"}}}, "overrideReason.reason"),
        ({"overrideReason": {"reason": {"code": {"x": 1}}}}, "overrideReason.reason.code"),
        ({"overrideReason": {"userComment": 7}}, "overrideReason.userComment"),
    ],
)
def test_an_unsound_report_is_refused_with_the_path(
    ehr: httpx.Client, change: dict[str, Any], path: str
) -> None:
    answer = send(ehr, {**report(str(uuid4())), **change})
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == [f"CDSHooksFeedback.feedback[0].{path}"]


@pytest.mark.parametrize("element", ["userComment", "reason.display", "reason.code"])
def test_words_are_kept_whole_or_refused_by_name(ehr: httpx.Client, site: Site, element: str) -> None:
    card = cards(ehr)[0]["uuid"]

    def given(text: str) -> dict[str, Any]:
        reason = {"code": "z", "system": "https://ehr.example/reasons", "display": "y"}
        said: dict[str, Any] = {"reason": reason, "userComment": "x"}
        (reason if element.startswith("reason") else said)[element.rpartition(".")[2]] = text
        return said

    refused = send(ehr, report(card, overrideReason=given("w" * (LONGEST_NOTE + 1))))
    assert refused.status_code == 400
    issue = refused.json()["issue"][0]
    assert issue["expression"] == [f"CDSHooksFeedback.feedback[0].overrideReason.{element}"]
    assert f"{LONGEST_NOTE:,} characters" in issue["details"]["text"]
    assert site.store.reviews() == []
    whole = "w" * LONGEST_NOTE
    said = given(whole)
    if element == "reason.code":
        del said["reason"]["display"]
    assert send(ehr, report(card, overrideReason=said)).status_code == 200
    assert all(whole in one.note for one in site.store.reviews())
    assert site.store.reviews()


def test_one_unsound_report_of_many_is_named_and_none_is_kept(ehr: httpx.Client, site: Site) -> None:
    known = cards(ehr)[0]["uuid"]
    answer = send(ehr, report(known), report(known, "ignored"), report("x"))
    assert answer.status_code == 400
    *bad, note = answer.json()["issue"]
    named = [issue["expression"][0].removeprefix("CDSHooksFeedback.feedback") for issue in bad]
    assert named == ["[1].outcome", "[2].card"]
    assert "Nothing of this call was kept" in note["details"]["text"]
    assert site.store.reviews() == []


def hours(count: float) -> str:
    """Return the time so many hours from now."""
    return (datetime.now(UTC) + timedelta(hours=count)).isoformat(timespec="seconds")


@pytest.mark.parametrize(("off", "says"), [(1, "future"), (24 * 365, "future"), (-48, "before the card")])
def test_a_time_at_which_nobody_can_have_acted_is_refused(
    ehr: httpx.Client, site: Site, off: float, says: str
) -> None:
    known = cards(ehr)[0]["uuid"]
    answer = send(ehr, report(known), report(known, outcomeTimestamp=hours(off)))
    assert answer.status_code == 400
    first = answer.json()["issue"][0]
    assert first["expression"] == ["CDSHooksFeedback.feedback[1].outcomeTimestamp"]
    assert says in first["details"]["text"]
    assert site.store.reviews() == []


@pytest.mark.parametrize("off", [0.05, -5])
def test_a_clock_that_is_a_little_off_costs_no_decision(ehr: httpx.Client, site: Site, off: float) -> None:
    known = cards(ehr)[0]["uuid"]
    assert send(ehr, report(known, outcomeTimestamp=hours(off))).status_code == 200
    (review,) = site.store.reviews()
    assert review.at is not None
    assert abs(review.at - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"feedback": 7}', b"\xff"])
def test_a_body_that_is_no_feedback_is_refused(ehr: httpx.Client, body: bytes) -> None:
    assert ehr.post(FEEDBACK, content=body).status_code == 400


def test_feedback_to_an_unknown_service_is_not_found(ehr: httpx.Client) -> None:
    assert ehr.post("/cds-services/other/feedback", json={"feedback": []}).status_code == 404


def test_the_door_is_a_channel(site: Site, ehr: httpx.Client) -> None:
    settings = Settings()
    door = CdsHooks(site, settings, Workers(1, 1))
    assert isinstance(door, Channel)
    assert door.hear(report(cards(ehr)[0]["uuid"])).decision == "overridden"


def ordering() -> dict[str, Any]:
    """Return a call while an order is signed, with all that is known as one Bundle."""
    orders = {"resourceType": "Bundle", "type": "collection", "entry": []}
    context = {"userId": "Practitioner/7", "patientId": "p1", "draftOrders": orders}
    everything = doors.searchset([doors.PATIENT, *doors.deteriorating()])
    return doors.call("order-sign", context=context, prefetch=everything)


def test_nobody_who_orders_is_nagged(ehr: httpx.Client) -> None:
    cards = ehr.post("/cds-services/salus-order-sign", json=ordering()).json()["cards"]
    assert all(card["indicator"] != "info" for card in cards)


class Locked:
    """Another process that holds the store's write lock."""

    def __init__(self, path: Path) -> None:
        self._other = sqlite3.connect(path, isolation_level=None)

    def __enter__(self) -> None:
        self._other.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._other.execute("ROLLBACK")
        self._other.close()


@pytest.fixture
def hasty(site: Site) -> Iterator[httpx.Client]:
    with doors.served(site, Settings(insecure_no_jwt=True, hook_patience_s=0.3)) as client:
        yield client


def test_a_locked_store_says_so_where_one_reads_and_steps_aside_where_one_orders(
    hasty: httpx.Client, site: Site
) -> None:
    with Locked(site.path / "salus.db"):
        answer = hasty.post(VIEW, json=doors.call())
        (card,) = answer.json()["cards"]
        assert answer.headers["x-salus-away"] == "true"
        assert (answer.status_code, card["indicator"]) == (200, "info")
        assert "nothing was computed" in card["summary"]
        sign = hasty.post("/cds-services/salus-order-sign", json=ordering())
        assert sign.status_code == 503
        assert sign.json()["resourceType"] == "OperationOutcome"


def test_it_answers_again_when_the_store_is_back(hasty: httpx.Client, site: Site) -> None:
    with Locked(site.path / "salus.db"):
        assert "x-salus-away" in hasty.post(VIEW, json=doors.call()).headers
    answer = hasty.post(VIEW, json=doors.call())
    while "x-salus-away" in answer.headers:
        answer = hasty.post(VIEW, json=doors.call())
    assert answer.json()["cards"][0]["indicator"] == "critical"
    assert spine.verify(site).intact


def test_feedback_that_cannot_be_kept_is_refused_and_kept_when_it_comes_again(
    ehr: httpx.Client, site: Site
) -> None:
    said = report(cards(ehr)[0]["uuid"])
    with Locked(site.path / "salus.db"):
        answer = send(ehr, said)
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
    assert send(ehr, said).status_code == 200
    assert len(site.store.reviews()) == 1


def test_feedback_goes_to_the_service_that_gave_the_card(ehr: httpx.Client, site: Site) -> None:
    card = cards(ehr)[0]
    elsewhere = "/cds-services/salus-encounter-start/feedback"
    answer = ehr.post(elsewhere, json={"feedback": [report(card["uuid"], "accepted")]})
    assert answer.status_code == 404
    assert not site.store.reviews(subject="Patient/p1")


def test_what_is_kept_of_a_card_is_read_once_however_many_reports_name_it(
    ehr: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, looks = cards(ehr)[0], []
    since = datetime.now(UTC)
    said = [
        report(card["uuid"], "accepted") | {"outcomeTimestamp": (since + timedelta(seconds=n)).isoformat()}
        for n in range(50)
    ]
    read = type(site.store).reviews
    monkeypatch.setattr(type(site.store), "reviews", lambda *a, **k: looks.append(k) or read(*a, **k))
    assert send(ehr, *said, *said).status_code == 200
    assert len(looks) == 1
    assert len(read(site.store, subject="Patient/p1")) == 50


def test_more_reports_than_a_call_may_hold_are_refused_whole(ehr: httpx.Client, site: Site) -> None:
    card = cards(ehr)[0]["uuid"]
    assert send(ehr, *[report(card, "accepted")] * 1001).status_code == 413
    assert not site.store.reviews(subject="Patient/p1")


def test_cards_that_came_too_late_are_not_on_record_as_shown(site: Site) -> None:
    """The EHR heard that nothing was computed; what ends after that must not say otherwise."""
    before = site.store.head()[0]
    with (
        doors.served(site, Settings(insecure_no_jwt=True, hook_patience_s=0.3)) as ehr,
        closing(sqlite3.connect(site.path / "salus.db", isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        told = ehr.post(VIEW, json=doors.call()).json()["cards"]
        other.execute("ROLLBACK")
        time.sleep(1)
    assert "Salus is away" in told[0]["summary"]
    assert site.store.head()[0] == before


def test_the_same_report_at_the_same_moment_is_kept_once_and_costs_no_other(
    ehr: httpx.Client, site: Site
) -> None:
    """An EHR that waited too long sends again while the first call is still being kept."""
    evidence = doors.searchset([doors.PATIENT, *doors.deteriorating()])
    shown = ehr.post(VIEW, json=doors.call(prefetch=evidence)).json()["cards"]
    first, second = (report(card["uuid"]) for card in shown[:2])
    with ThreadPoolExecutor(6) as many:
        sent = [many.submit(send, ehr, *said) for said in [(first,), (first, second), (second, first)] * 4]
    assert {one.result().status_code for one in sent} == {200}
    kept = site.store.reviews()
    assert len({one.id for one in kept}) == len(kept)
    assert {one.insight for one in kept} == {one.insight for one in kept_of(site, [first, second])}
    assert spine.verify(site).intact


def kept_of(site: Site, reports: list[dict[str, Any]]) -> list[Any]:
    """Return what the cards of `reports` showed."""
    keys = (card_key("patient-view", one["card"], place) for one in reports for place in range(9))
    return [card for key in keys if (card := site.store.hook_card(key)) is not None]
