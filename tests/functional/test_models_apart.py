"""A model from an outside package runs in a process of its own: what it does costs its own answer only."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.core import apart, registry
from salus.core.consent import Actor
from salus.core.errors import AwayError, RefusedError, UserError
from salus.core.evidence import Event, Timeline
from salus.core.insight import Abstention, Insight
from salus.spine.site import Site
from tests import doors
from tests.house.source import ROOT
from tests.outside import MODEL, ONCE, joined, place_fixture, write  # noqa: F401

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHO = Actor("Practitioner/7")
SECRET = "potassium 7.1"
FAILED = ["hangs", "spins", "ends", "killed", "exits", "raises", "nothing", "other", "long", "types", "pipes"]


@pytest.fixture
def site(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("SALUS_STORE", "postgresql://salus:secret@db/salus")
    monkeypatch.setenv("SALUS_MODEL_SECONDS", "2")
    write(place / "outside_file.py", MODEL)
    joined(place, outside="outside_file")
    opened = spine.open_site(place / "site")
    yield opened
    opened.close()


def asked(site: Site, subject: str, *asks: str) -> list[Insight]:
    source = "Observation/rr"
    event = Event(("LOINC/9279-1",), NOW, value=30.5, unit="/min", status="final", source=source)
    evidence = Timeline.of(f"Patient/{subject}", [event])
    return spine.consult(
        site, actor=WHO, evidence=evidence, asks=asks or ["outside"], live_only=False, as_of=NOW
    )


def says(site: Site, subject: str) -> str:
    (insight,) = asked(site, subject)
    return str(getattr(insight.body, "says", ""))


def starts(place: Path) -> list[int]:
    return [int(line) for line in (place / "started").read_text().split()]


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid: int, within: float = 10) -> bool:
    until = time.monotonic() + within
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_running(pid)


def test_it_is_never_loaded_where_the_records_are(place: Path, site: Site) -> None:
    (insight,) = asked(site, "m1")
    assert (insight.subject, insight.model.name, insight.permit != "") == ("Patient/m1", "outside", True)
    assert insight.body.estimate.value == 30.5  # type: ignore[union-attr]
    pid = int(says(site, "pid"))
    assert pid != os.getpid() and starts(place) == [pid], "one process, and it stays"
    assert "outside_file" not in sys.modules


def test_it_is_handed_the_view_alone(site: Site) -> None:
    told = says(site, "view")
    opens = {"image", "note", "signal", "variants"}
    assert {"as_of", "permit", "purpose", "subject", "timeline", "withheld", *opens} == {
        word for word in told.split()[1:] if not word.startswith("_")
    }


def test_its_process_knows_nothing_of_ours(site: Site) -> None:
    assert set(says(site, "environment").split()) <= {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "SALUS_APART"}
    assert says(site, "folder") == "/"


def test_one_that_asks_the_models_of_the_house_starts_no_others(place: Path, site: Site) -> None:
    more = "from salus.core import registry\n    assert 'news2' in registry.models()\n    HERE ="
    write(place / "outside_file.py", MODEL.replace("HERE =", more, 1))
    registry._loaded.cache_clear()
    assert int(says(site, "pid")) and len(starts(place)) == 1


def test_its_card_says_where_it_is_from(site: Site) -> None:
    card = registry.model("outside").card
    assert card.package == "outside 1.0", "whatever it says of itself"
    assert card.notes[0].startswith(
        "From an outside package: outside 1.0. It is not under Salus's import rules"
    )
    assert registry.origin("outside").package == "outside 1.0"
    assert {model.card.package for name, model in registry.models().items() if name != "outside"} == {""}


@pytest.mark.parametrize("how", FAILED)
def test_what_goes_wrong_costs_its_own_answer_only(
    site: Site, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    registry.models()
    began = time.monotonic()
    with caplog.at_level(logging.DEBUG):
        told = {insight.model.name: insight for insight in asked(site, how, "outside", "news2")}
    assert time.monotonic() - began < 10
    body = told["outside"].body
    assert isinstance(body, Abstention) and body.why == "not-available"
    assert told["news2"].model.name == "news2" and "not-available" not in repr(told["news2"].body)
    assert ("model outside failed" in caplog.text and "Error" in caplog.text) or how == "exits"
    assert SECRET not in caplog.text + repr(told) and "Patient/" not in caplog.text
    assert isinstance(asked(site, "m1")[0].body, type(asked(site, "m2")[0].body)), "and it answers again"
    assert not isinstance(asked(site, "m1")[0].body, Abstention)


def test_what_it_prints_is_in_nobodys_way(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    assert says(site, "prints") == ""
    assert not isinstance(asked(site, "prints")[0].body, Abstention)
    assert capfd.readouterr() == ("", "")


def test_what_it_says_of_the_evidence_is_told(site: Site) -> None:
    (insight,) = asked(site, "unit")
    assert isinstance(insight.body, Abstention)
    assert (insight.body.why, insight.body.says) == (
        "missing-evidence", "potassium has no unit (Observation/rr).",
    )  # fmt: skip


def test_a_reason_outside_the_view_is_refused(site: Site) -> None:
    (insight,) = asked(site, "elsewhere")
    assert isinstance(insight.body, Abstention) and "not in the record" in insight.body.says


def test_one_that_fails_again_and_again_is_left_alone_for_a_while(
    place: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        asked(site, "ends")
    assert len(starts(place)) == apart.FAILURES
    assert "left alone" in says(site, "m1")
    monkeypatch.setattr(apart, "CALM_S", 0.0)
    assert not isinstance(asked(site, "m1")[0].body, Abstention)
    assert all(ends(pid) for pid in starts(place)[:-1])


def test_threads_get_the_answers_to_their_own_questions(site: Site) -> None:
    model, site_view = registry.model("outside"), [f"m{number}" for number in range(60)]
    from salus.privacy.gate import open_view

    def ask(number: int) -> bool:
        event = Event(("LOINC/9279-1",), NOW, value=float(number), source=f"Observation/{number}")
        view = open_view(Timeline.of(site_view[number], [event]), WHO, "direct-care", NOW)
        told = model.predict(view)
        return told.subject == site_view[number] and told.body.estimate.value == number  # type: ignore[union-attr]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(60)))


def test_a_process_that_was_ended_while_nobody_asked_is_not_missed(place: Path, site: Site) -> None:
    pid = int(says(site, "pid"))
    os.kill(pid, signal.SIGKILL)
    assert ends(pid)
    assert not isinstance(asked(site, "m1")[0].body, Abstention)
    assert len(starts(place)) == 2


def test_what_changed_meanwhile_does_not_speak_in_the_place_of_what_was_approved(
    place: Path, site: Site
) -> None:
    spine.approve(site, "outside", by="Dr B", because="read whole")
    with (place / "outside_file.py").open("a") as file:
        file.write("\n")
    assert not isinstance(asked(site, "m1")[0].body, Abstention), "what was loaded goes on"
    asked(site, "ends")
    for _ in range(3):
        assert "start Salus again" in says(site, "m1")
    assert len(starts(place)) == 2


def test_after_a_fork_each_has_a_process_of_its_own(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    pid, here = int(says(site, "pid")), os.getpid()
    child = registry.model("outside").process._child  # type: ignore[attr-defined]
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: here + 1)
        assert not child.is_there
    assert child.is_there and is_running(pid)


def test_it_ends_with_what_loaded_it_and_takes_along_what_it_started(place: Path, site: Site) -> None:
    pid, started = int(says(site, "pid")), int(says(site, "starts"))
    assert is_running(pid) and is_running(started)
    registry._loaded.cache_clear()
    assert ends(pid) and ends(started)


ASKS = """
import sys, threading
from datetime import datetime, UTC
from salus.core import registry
from salus.core.consent import Actor
from salus.core.evidence import Event, Timeline
from salus.privacy.gate import open_view
now = datetime(2026, 1, 1, tzinfo=UTC)
event = Event(("LOINC/9279-1",), now, value=1.0, source="Observation/1")
view = open_view(Timeline.of(sys.argv[1], [event]), Actor("me"), "direct-care", now)
model = registry.model("outside")
print("ready", flush=True)
model.predict(view)
print("answered", flush=True)
threading.Event().wait(600)
"""


@pytest.mark.parametrize("how", ["m1", "hangs", "spins"])
def test_it_dies_with_its_parent_even_when_that_is_killed(place: Path, site: Site, how: str) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{place}"}
    parent = subprocess.Popen(
        [sys.executable, "-c", ASKS, f"Patient/{how}"], env=env, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    if how == "m1":
        assert parent.stdout.readline() == "answered\n"
    time.sleep(0.2)
    parent.kill()
    parent.communicate()
    (pid,) = starts(place)
    assert ends(pid)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import os; os._exit(0)", "ChildProcessError"),
        ("import time; time.sleep(600)", "TimeoutError"),
        ("import os; [os.write(n, b'abcdefgh') for n in (3, 4)]", ""),
    ],
)
def test_a_package_whose_process_cannot_load_it_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    monkeypatch.setattr(apart, "LOAD_WITHIN_S", 1.0)
    write(place / "bad.py", text)
    joined(place, bad="bad")
    assert "news2" in registry.models()
    (problem,) = registry.problems()
    assert problem.name == "bad" and problem.why.startswith("bad cannot be loaded (") and why in problem.why


@pytest.mark.parametrize(
    "wrong", ['"a/b"', '""', '"-x"', "'<b>'", '"x" * 41', "7", 'type("S", (str,), {})("")']
)
def test_a_card_that_cannot_be_read_or_named_is_none(place: Path, wrong: str) -> None:
    write(place / "outside_file.py", MODEL.replace('Card("outside"', f"Card({wrong}"))
    joined(place, outside="outside_file")
    assert "news2" in registry.models()
    (problem,) = registry.problems()
    assert problem.name == "outside-file"


@pytest.mark.parametrize(
    "need",
    [
        '"Observation?x"', '"Observation&_count=9"', '"observation"', '"Observation", ("LOINC/1&patient=2",)',
        '"Observation", ("LOINC/1,LOINC/2",)', '"Observation", ("",)', '"Observation", (), "a day"',
        '"Observation", (), "P1D "',
    ],
)  # fmt: skip
def test_a_need_that_would_change_a_search_is_none(place: Path, need: str) -> None:
    head = "from salus.core.card import Need\n    from salus.core.card import Action, Card"
    text = MODEL.replace("from salus.core.card import Action, Card", head)
    for told, broken in ((need, 1), ('"Observation", ("LOINC/9279-1", "urn:x|7"), "P1D"', 0)):
        write(
            place / "outside_file.py", text.replace('"", "", (), (Act', f'"", "", (Need("x", {told}),), (Act')
        )
        joined(place, outside="outside_file")
        registry._loaded.cache_clear()
        assert len(registry.problems()) == broken


def test_it_is_shown_wherever_models_are(place: Path, run_salus: Callable[..., Any], tmp_path: Path) -> None:
    write(place / "outside_file.py", MODEL)
    joined(place, outside="outside_file")
    env = {"PYTHONPATH": f"{ROOT}:{place}"}
    said = run_salus("demo", "--no-serve", "--json", "--archive", tmp_path / "ward", env=env).json()
    rows = run_salus("models", "--archive", tmp_path / "ward", "--json", env=env).json()["models"]
    assert said["insights"] == said["patients"] * sum(row["status"] == "live" for row in rows)
    (row,) = [row for row in rows if row["name"] == "outside"]
    assert (row["status"], row["package"], len(row["digest"])) == ("live", "outside 1.0", 64)
    lines = run_salus("models", env=env).out.splitlines()
    assert [line for line in lines if "from an outside package: outside 1.0" in line]
    assert all(ends(pid) for pid in starts(place))


def test_one_that_is_busy_is_said_to_be(site: Site) -> None:
    model = registry.model("outside")
    process = model.process  # type: ignore[attr-defined]
    with process._turn, pytest.raises(AwayError, match="busy"):
        from salus.privacy.gate import open_view

        model.predict(open_view(Timeline("Patient/1"), WHO, "direct-care", NOW))


def test_a_ward_does_not_keep_for_long_that_a_model_gave_no_answer(
    place: Path, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    breathing = doors.observation("rr", "9279-1", 20, "/min")
    entries = [{"resource": doors.PATIENT}, {"resource": breathing}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    (tmp_path / "p.json").write_text(json.dumps(bundle))
    spine.read(site, str(tmp_path / "p.json"), actor=WHO)
    write(place / "outside_file.py", MODEL.replace("act = view", "once() ; act = view") + ONCE)
    registry._loaded.cache_clear()
    spine.approve(site, "outside", by="Dr B", because="read whole")
    (row,) = spine.ward(site, actor=WHO)
    assert isinstance(row.insights[0].body, Abstention)
    assert spine.ward(site, actor=WHO)[0] is row, "for a minute"
    later = datetime.now(UTC) + timedelta(seconds=61)
    monkeypatch.setattr(Site, "now", lambda _: later)
    (row,) = spine.ward(site, actor=WHO)
    assert not isinstance(row.insights[0].body, Abstention)
    kept = later + timedelta(days=9)
    monkeypatch.setattr(Site, "now", lambda _: kept)
    assert spine.ward(site, actor=WHO)[0] is row, "whole answers are kept"


def test_the_pages_say_where_it_is_from(site: Site) -> None:
    spine.approve(site, "outside", by="Dr B", because="read whole")
    with doors.served(site) as client:
        assert "from an outside package: outside 1.0" in client.get("/models").text
        card = client.get("/models/outside").text
        assert "From an outside package: outside 1.0." in card and registry.origin("outside").digest in card
        assert "From an outside package" not in client.get("/models/news2").text


@pytest.mark.parametrize("wrong", ["", "soon", "0", "-1", "61", "nan", "inf"])
def test_a_time_that_is_none_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("SALUS_MODEL_SECONDS", wrong)
    with pytest.raises(UserError, match="SALUS_MODEL_SECONDS"):
        registry.models()


def test_one_that_is_loaded_from_elsewhere_than_its_files_lie_is_never_live(
    place: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the parent finds by its name is not what runs: then the digest would be of something else."""
    write(place / "elsewhere" / "outside_file.py", "")
    monkeypatch.setattr(registry, "_sources", lambda _: {"x": place / "elsewhere" / "outside_file.py"})
    assert registry.origin("outside").digest == ""
    with pytest.raises(RefusedError, match="loaded from elsewhere"):
        spine.approve(site, "outside", by="Dr B", because="why not")


def test_a_hook_is_answered_by_the_others_while_one_hangs(place: Path, site: Site) -> None:
    write(place / "outside_file.py", MODEL.replace('"hangs"', '"p1"'))
    registry._loaded.cache_clear()
    for name in ("outside", "news2"):
        spine.approve(site, name, by="Dr B", because="read whole")
    with doors.served(site) as client:
        answer = client.post("/cds-services/salus-patient-view", json=doors.call())
        assert answer.status_code == 200, answer.text
        said = " ".join(card["summary"] + card.get("detail", "") for card in answer.json()["cards"])
        assert "NEWS2" in said and "outside failed and gave no answer" in said
        assert "outside" in client.get("/healthz").json()["checks"]["models"]["failed_seconds_ago"]
