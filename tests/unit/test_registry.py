"""What the registry does with a model that cannot be loaded, and with those that join from outside."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import salus.risk
from salus import spine
from salus.core import registry
from salus.core.errors import UserError
from tests.house.source import ROOT
from tests.outside import joined, place_fixture, write  # noqa: F401

GUIDELINES = {"news2", "prevent", "findrisc", "ckd", "cha2ds2-vasc"}
LEARNT = {"icu-mortality", "readmission-30d", "survival-180d", "survival-180d-scores"}
BY_THE_SITE = {"cvd-onset", "diabetes-onset"}
HOUSE = GUIDELINES | LEARNT | BY_THE_SITE
SECRET = "potassium 7.1"
WHOLE = """
    from salus.core.card import Card

    class Outside:
        card = Card("{name}", "1", "Is it so?", "", "", (), (), "", ())

        def predict(self, view):
            raise NotImplementedError

    MODEL = Outside()
"""
BROKEN = {
    "raises": (f"raise RuntimeError({SECRET!r})", "RuntimeError"),
    "lacks": ("import no_such_library.inside", "ModuleNotFoundError, it needs 'no_such_library'"),
    "wrongly_written": ("def f(:\n    pass", "SyntaxError"),
    "ends": ("import sys; sys.exit(3)", "SystemExit"),
    "no_model": ("MODEL = object()", "MODEL has no card"),
    "card_fails": (
        "class M:\n  predict = print\n  @property\n  def card(self): return 1 / 0\nMODEL = M()",
        "ZeroDivisionError",
    ),
    "card_of_another_kind": ("class M:\n  predict = card = print\nMODEL = M()", "MODEL has no card"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_of_the_house_is_left_out_and_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    text, why = BROKEN[name]
    (place / "room").mkdir()
    (place / "room" / f"{name}.py").write_text(text)
    monkeypatch.setattr(salus.risk, "__path__", [*salus.risk.__path__, str(place / "room")])
    with caplog.at_level(logging.WARNING):
        assert set(registry.models()) == HOUSE
        (problem,) = registry.problems()
    registry.tasks.cache_clear()
    assert {"news2", "icu-mortality"} <= set(registry.tasks()), "it silences no task either"
    assert problem.name == name.replace("_", "-")
    assert why in problem.why and f"salus.risk.{name}" in problem.why
    assert SECRET not in problem.why + caplog.text
    assert [record.name for record in caplog.records] == ["salus.registry"], "said once"
    with pytest.raises(UserError, match=r"cannot be asked: .*Mend or remove it"):
        registry.model(name)


def test_asking_for_a_broken_model_says_why(place: Path, tmp_path: Path) -> None:
    write(place / "sepsis_alert.py", f"raise RuntimeError({SECRET!r})")
    joined(place, sepsis="sepsis_alert")
    site = spine.open_site(tmp_path / "site")
    for name in ("sepsis-alert", "sepsis_alert"):
        with pytest.raises(UserError, match=r"sepsis_alert cannot be loaded \(RuntimeError\)"):
            spine.approve(site, name, by="Dr B", because="why not")
    assert spine.approve(site, "news2", by="Dr B", because="validated here").status == "live"
    site.close()


@pytest.mark.parametrize(
    "value", ["outside_rooms", "outside_file", "outside_file:MODEL", "outside_rooms.own"]
)
def test_an_entry_point_names_a_package_a_module_or_a_model(place: Path, value: str) -> None:
    write(place / "outside_rooms" / "__init__.py", "")
    write(place / "outside_rooms" / "own.py", WHOLE.format(name="own"))
    write(place / "outside_rooms" / "no_model_here.py", "")
    write(place / "outside_rooms" / "_private.py", "1 / 0")
    write(place / "outside_file.py", WHOLE.format(name="own"))
    joined(place, any_name=value)
    assert set(registry.models()) == {*HOUSE, "own"}
    assert registry.model("own").card.name == "own"
    assert registry.problems() == ()


@pytest.mark.parametrize(
    ("value", "name", "why"),
    [
        ("not_there", "not-there", "ModuleNotFoundError"),
        ("half:NO_SUCH", "NO-SUCH", "AttributeError"),
        ("half", "half", "has no MODEL"),
        ("half:NONE", "NONE", "MODEL has no card"),
        ("rooms_that_fail", "rooms-that-fail", "ZeroDivisionError"),
    ],
)
def test_an_outside_package_that_fails_takes_nobody_down(
    place: Path, value: str, name: str, why: str
) -> None:
    write(place / "half.py", "NONE = object()")
    write(place / "rooms_that_fail" / "__init__.py", "1 / 0")
    joined(place, any_name=value)
    assert set(registry.models()) == HOUSE
    (problem,) = registry.problems()
    assert problem.name == name and why in problem.why


def test_one_broken_file_of_an_outside_package_leaves_the_others(place: Path) -> None:
    write(place / "outside_rooms" / "__init__.py", "")
    write(place / "outside_rooms" / "own.py", WHOLE.format(name="own"))
    write(place / "outside_rooms" / "torn.py", "import torch_that_is_not_here")
    joined(place, rooms="outside_rooms")
    assert set(registry.models()) == {*HOUSE, "own"}
    assert [problem.name for problem in registry.problems()] == ["torn"]


def test_nobody_takes_a_name_of_the_house(place: Path) -> None:
    write(place / "outside_file.py", WHOLE.format(name="news2"))
    joined(place, rooms="outside_file")
    assert type(registry.model("news2")).__module__ == "salus.risk.news2"
    (problem,) = registry.problems()
    assert problem.name == "news2" and "Salus itself" in problem.why


def test_of_two_outsiders_with_one_name_neither_speaks(place: Path) -> None:
    """An approval holds for a name and a version: it must not depend on which package came first."""
    for name in ("a", "b", "c"):
        write(place / f"outside_{name}.py", WHOLE.format(name="sepsis"))
    joined(place, a="outside_a", b="outside_b", c="outside_c")
    assert set(registry.models()) == HOUSE
    assert [problem.name for problem in registry.problems()] == ["sepsis", "sepsis"]
    assert all("outside_a" in problem.why for problem in registry.problems())


def test_the_command_line_answers_and_names_what_is_broken(
    place: Path, run_salus: Callable[..., Any]
) -> None:
    write(place / "torn.py", f"raise RuntimeError({SECRET!r})")
    joined(place, rooms="torn")
    env = {"PYTHONPATH": f"{ROOT}:{place}"}
    ran = run_salus("models", "--json", env=env)
    said = ran.json()
    assert {row["name"] for row in said["models"]} == HOUSE
    assert said["broken"] == [{"name": "torn", "why": "torn cannot be loaded (RuntimeError)"}]
    assert ran.err.count("torn cannot be loaded") == 1 and SECRET not in ran.err
    told = run_salus("models", env=env).out.splitlines()
    assert told[-1].split()[:3] == ["torn", "-", "broken"]
