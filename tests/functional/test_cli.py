"""The command line as a person and as a program use it: its shapes and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BODY_KINDS = {"risk", "finding", "advice", "signal", "draft", "abstention"}
NAMES = {
    *("news2", "prevent", "findrisc", "ckd", "cha2ds2-vasc", "icu-mortality", "readmission-30d"),
    *("survival-180d", "survival-180d-scores", "cvd-onset", "diabetes-onset"),
}
# What a site has to train before they answer: a demonstration has nothing to show of them.
BARE = {"cvd-onset", "diabetes-onset"}
URGENCIES = ["now", "today", "this week", "routine"]


@pytest.fixture(scope="module")
def demo(
    run_salus: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """The demonstration, made once: its archive and what it printed."""
    archive = tmp_path_factory.mktemp("demo") / "archive"
    ran = run_salus("demo", "--no-serve", "--json", "--archive", archive)
    return archive, ran.json()


def test_demo_shape(demo: tuple[Path, dict[str, Any]]) -> None:
    _, said = demo
    assert set(said) == {"patients", "insights", "abstentions", "seconds", "ward"}
    assert 20 <= said["patients"] <= 40
    assert said["patients"] == len(said["ward"])
    for row in said["ward"]:
        assert set(row) == {"subject", "urgency", "cannot_judge", "model", "says", "reason"}
    ranked = [URGENCIES.index(row["urgency"]) for row in said["ward"] if row["urgency"]]
    assert ranked == sorted(ranked), "most urgent first"
    assert ranked[0] == 0, "the ward that ships has somebody who needs help now"


def test_demo_again_changes_nothing(demo: tuple[Path, dict[str, Any]], run_salus: Callable[..., Any]) -> None:
    archive, first = demo
    again = run_salus("demo", "--no-serve", "--json", "--archive", archive).json()
    assert {**again, "seconds": 0} == {**first, "seconds": 0}


def test_ask_shape(demo: tuple[Path, dict[str, Any]], run_salus: Callable[..., Any]) -> None:
    archive, said = demo
    for name in sorted(NAMES):
        insight = run_salus(
            "ask", name, "--about", said["ward"][0]["subject"], "--archive", archive, "--json"
        ).json()
        assert {"id", "subject", "model", "as_of", "body", "reasons", "limits", "permit"} <= set(insight)
        assert insight["model"]["name"] == name
        assert insight["model"]["version"]
        assert insight["body"]["kind"] in BODY_KINDS
        for reason in insight["reasons"]:
            assert {"evidence", "weight", "says"} <= set(reason)
        json.dumps(insight, allow_nan=False)


def test_ask_takes_the_bare_id_too(demo: tuple[Path, dict[str, Any]], run_salus: Callable[..., Any]) -> None:
    archive, said = demo
    subject = said["ward"][0]["subject"]
    bare = run_salus(
        "ask", "news2", "--about", subject.removeprefix("Patient/"), "--archive", archive, "--json"
    )
    full = run_salus("ask", "news2", "--about", subject, "--archive", archive, "--json")
    assert bare.json() == full.json()


def test_models_start_validated(run_salus: Callable[..., Any], tmp_path: Path) -> None:
    shipped = run_salus("models", "--json").json()["models"]
    assert {row["name"] for row in shipped} == NAMES
    for row in shipped:
        assert {"name", "version", "asks", "status"} <= set(row)
        assert row["status"] == "validated"
        assert len(bytes.fromhex(row["digest"])) == 32


def test_approve_makes_live_and_is_signed_for_here(
    demo: tuple[Path, dict[str, Any]], run_salus: Callable[..., Any], tmp_path: Path, a_bundle: Path
) -> None:
    run_salus("read", a_bundle, "--archive", tmp_path / "a", "--json")
    told = ("--by", "Dr A. Okafor", "--because", "validated on our ward")
    run_salus("models", "approve", "news2", "--archive", tmp_path / "a", *told)
    status = {row["name"]: row["status"] for row in _models(run_salus, tmp_path / "a")}
    assert status["news2"] == "live"
    assert {status[name] for name in NAMES - {"news2"}} == {"validated"}
    shown = {row["name"]: row["status"] for row in _models(run_salus, demo[0])}
    assert {shown[name] for name in BARE} == {"validated"}
    assert shown["news2"] == shown["icu-mortality"] == "live"


def _models(run_salus: Callable[..., Any], archive: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = run_salus("models", "--archive", archive, "--json").json()["models"]
    return rows


def test_a_demonstration_approves_nowhere_else(
    run_salus: Callable[..., Any], tmp_path: Path, a_bundle: Path
) -> None:
    run_salus("read", a_bundle, "--archive", tmp_path / "a")
    told = ("--by", "demonstration", "--because", "why not")
    ran = run_salus("models", "approve", "news2", "--archive", tmp_path / "a", *told, check=False)
    assert ran.code == 3
    assert "demonstration" in ran.err


def test_a_demonstration_does_not_open_a_real_archive(
    run_salus: Callable[..., Any], tmp_path: Path, a_bundle: Path
) -> None:
    run_salus("read", a_bundle, "--archive", tmp_path / "a")
    ran = run_salus("demo", "--no-serve", "--archive", tmp_path / "a", check=False)
    assert ran.code == 3
    assert "no demonstration" in ran.err


@pytest.fixture
def a_bundle(tmp_path: Path) -> Path:
    """One man with a breathing rate, as a Bundle in a file."""
    man = {"resourceType": "Patient", "id": "m1", "gender": "male", "birthDate": "1950-02-03"}
    seen = {
        "resourceType": "Observation",
        "id": "rr",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "9279-1"}]},
        "subject": {"reference": "Patient/m1"},
        "effectiveDateTime": "2026-01-02T03:04:05Z",
        "valueQuantity": {"value": 30, "system": "http://unitsofmeasure.org", "code": "/min"},
    }
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": man}, {"resource": seen}],
    }
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle))
    return path


def test_read_counts_add_up(run_salus: Callable[..., Any], tmp_path: Path, a_bundle: Path) -> None:
    said = run_salus("read", a_bundle, "--archive", tmp_path / "a", "--json").json()
    assert {"resources", "as_events", "as_context", "rejected", "events", "subjects", "cpu_seconds"} <= set(
        said
    )
    counted = sum(said["as_events"].values()) + sum(said["as_context"].values()) + len(said["rejected"])
    assert said["resources"] == counted == 2


def test_validated_model_answers_at_the_command_line_and_says_so(
    run_salus: Callable[..., Any], tmp_path: Path, a_bundle: Path
) -> None:
    run_salus("read", a_bundle, "--archive", tmp_path / "a")
    said = run_salus("ask", "news2", "--about", "m1", "--archive", tmp_path / "a", "--json").json()
    assert said["model"]["status"] == "validated"
    assert said["as_of"] == "2026-01-02T03:04:05Z"
    words = run_salus("ask", "news2", "--about", "m1", "--archive", tmp_path / "a").out
    assert "validated here" in words


@pytest.mark.parametrize(("day", "known"), [
    ("2026-01-02", True), ("2026-01-02T00:00", False), ("2026-01-01", False),
    ("2026-01-02T03:04:05", True), ("2026-01-02T03:04:05+14:00", False),
])  # fmt: skip
def test_a_day_is_its_end_and_a_time_without_a_zone_is_utc(
    run_salus: Callable[..., Any], tmp_path: Path, a_bundle: Path, day: str, known: bool
) -> None:
    run_salus("read", a_bundle, "--archive", tmp_path / "a")
    asked = ("ask", "news2", "--about", "m1", "--archive", tmp_path / "a", "--as-of", day, "--json")
    said = run_salus(*asked).json()
    assert said["as_of"].startswith("2026-01-02T23:59:59") or day != "2026-01-02"
    assert any(reason["evidence"] == ["Observation/rr"] for reason in said["reasons"]) is known


def test_review_and_audit(demo: tuple[Path, dict[str, Any]], run_salus: Callable[..., Any]) -> None:
    archive, said = demo
    subject = said["ward"][0]["subject"]
    insight = run_salus("ask", "news2", "--about", subject, "--archive", archive, "--json").json()["id"]
    before = run_salus("audit", "verify", "--archive", archive, "--json").json()
    run_salus(
        "review", insight, "overridden", "--by", "Dr B", "--because", "already-done", "--archive", archive
    )
    after = run_salus("audit", "verify", "--archive", archive, "--json").json()
    assert before["intact"] and after["intact"]
    assert after["entries"] == before["entries"] + 1
    kept = run_salus("audit", "verify", "--archive", archive, "--head", before["head"], "--json").json()
    assert kept["intact"], "an older head that was kept elsewhere is still in the chain"


WRONG = [
    (("ask", "news3", "--about", "x"), 2, "news2"),
    (("ask", "news2", "--about", "nobody-here"), 2, "nobody-here"),
    (("review", "0" * 32, "accepted", "--by", "Dr B"), 2, "No insight"),
    (("audit", "verify", "--head", "00"), 2, "64 hex digits"),
    (("audit", "verify", "--head", "0" * 64), 2, "head of zeros"),
    (("audit", "verify", "--head", "f" * 64), 3, ""),
]


@pytest.mark.parametrize(("words", "code", "says"), WRONG)
def test_wrong_use_says_what_to_do(
    demo: tuple[Path, dict[str, Any]],
    run_salus: Callable[..., Any],
    words: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    ran = run_salus(*words, "--archive", demo[0], check=False)
    assert ran.code == code, ran.err
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_no_archive_says_how_to_make_one(run_salus: Callable[..., Any], tmp_path: Path) -> None:
    ran = run_salus("ask", "news2", "--about", "x", "--archive", tmp_path / "none", "--json", check=False)
    assert ran.code == 2
    assert "salus read" in json.loads(ran.out)["says"]
    assert not (tmp_path / "none").exists(), "asking makes nothing"


def test_a_place_that_is_not_there(run_salus: Callable[..., Any], tmp_path: Path) -> None:
    ran = run_salus("read", tmp_path / "gone", "--archive", tmp_path / "a", check=False)
    assert ran.code == 2
    assert "gone" in ran.err


BADLY_SAID = [
    ("raed",),
    (),
    ("ask", "news2"),
    ("models", "bogus"),
    ("demo", "--port", "x"),
    ("demo", "--as-of", "yesterday"),
    ("review", "x", "maybe", "--by", "y", "--archive", "z"),
    ("audit",),
    ("models", "--arch", "z"),
]


@pytest.mark.parametrize("words", BADLY_SAID, ids=" ".join)
def test_what_is_said_badly_is_an_error_in_json_too(
    run_salus: Callable[..., Any], words: tuple[str, ...]
) -> None:
    ran = run_salus(*words, "--json", check=False)
    said = json.loads(ran.out)
    assert (ran.code, said["code"], said["error"]) == (2, 2, "UserError")
    assert "--help" in said["says"] and said["says"] in ran.err
    assert run_salus(*words, check=False).out == ""


@pytest.mark.parametrize("text", ["", "\n\n", '{"resourceType": "Bundle", "type": "collection"}'])
def test_an_export_with_nothing_in_it_says_so(
    run_salus: Callable[..., Any], tmp_path: Path, text: str
) -> None:
    (tmp_path / "export.ndjson").write_text(text)
    ran = run_salus("read", tmp_path / "export.ndjson", "--archive", tmp_path / "a")
    assert "holds no resource" in ran.out
    (tmp_path / "empty").mkdir()
    assert run_salus("read", tmp_path / "empty", "--archive", tmp_path / "b", check=False).code == 2


def test_serving_makes_no_archive_by_mistake(run_salus: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("typo", "folder"):
        ran = run_salus("serve", "--archive", tmp_path / name, "--json", check=False)
        assert ran.code == 2
        assert "--new" in json.loads(ran.out)["says"]
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_a_new_archive_is_not_laid_over_another(
    demo: tuple[Path, dict[str, Any]], run_salus: Callable[..., Any]
) -> None:
    ran = run_salus("serve", "--new", "--archive", demo[0], check=False)
    assert ran.code == 2
    assert "leave out --new" in ran.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "salus.example", ""])
@pytest.mark.parametrize("more", [(), ("--dev-no-jwt",), ("--dev-no-jwt", "--behind-login")])
def test_pages_without_a_login_are_not_opened_to_a_network(
    demo: tuple[Path, dict[str, Any]], run_salus: Callable[..., Any], host: str, more: tuple[str, ...]
) -> None:
    ran = run_salus("serve", "--archive", demo[0], "--host", host, *more, check=False)
    assert ran.code == 3
    assert "127.0.0.1" in ran.err


def test_pages_without_a_sign_in_are_not_opened_to_a_network(
    demo: tuple[Path, dict[str, Any]], run_salus: Callable[..., Any]
) -> None:
    more = ("--insecure-no-sign-in", "--behind-login")
    ran = run_salus("serve", "--archive", demo[0], "--host", "0.0.0.0", *more, check=False)
    assert ran.code == 3
    assert "--insecure-no-sign-in" in ran.err
