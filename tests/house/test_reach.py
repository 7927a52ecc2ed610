"""What a room, a door and the core may reach for; and that each of these rules catches who goes around it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator

import pytest

from tests.house.reach import importing, impure, into_the_gate, past_the_spine
from tests.house.source import ROOMS, ROOT, Module, modules, snippet

Rule = Callable[[Module], Iterator[str]]


def test_rooms_have_no_files_clock_chance_or_network() -> None:
    assert [wrong for module in modules() if module.package in ROOMS for wrong in impure(module)] == []


@pytest.mark.parametrize("rule", [importing, into_the_gate, past_the_spine])
def test_nobody_reaches_past_what_stands_between(rule: Rule) -> None:
    assert [wrong for module in modules() for wrong in rule(module)] == []


IMPURE = """
import os
import os.path as where
import io
import pathlib
import time
import random
import socket
import ftplib
import http.client
import linecache
import fileinput
import codecs
import builtins
import importlib
import importlib.resources
import types
import inspect
import numpy
from importlib import import_module
from importlib.resources import files
from os import environ as settings
from dataclasses import sys
from json import codecs
import dataclasses; dataclasses.sys.modules
import json; json.codecs.open
import statistics; statistics.random.random()
import functools as f; f.__builtins__
from datetime import datetime; datetime.now()
from datetime import datetime; clock = datetime.now
from datetime import datetime as d; list(map(d.utcnow, ()))
from datetime import date; field(default_factory=date.today)
import datetime; getattr(datetime.datetime, "now")()
import datetime; getattr(datetime.datetime, "n" + "ow")()
from datetime import datetime; datetime.__dict__["now"]
from operator import methodcaller; methodcaller("now")(cls)
from operator import attrgetter; attrgetter("a.__globals__")(f)
import operator as o; o.attrgetter(name)(f)
import typing; typing.get_type_hints(x)
open("x")
read = open
print("x")
input()
eval("1")
exec("x = 1")
compile("1", "x", "eval")
__import__("os")
__builtins__["open"]
globals()["x"]
vars(x)
getattr(x, "__class__")
().__class__.__base__.__subclasses__()
(lambda: 0).__globals__
(x for x in y).gi_frame.f_back
""".strip().splitlines()


@pytest.mark.parametrize("text", IMPURE)
def test_a_room_that_reaches_out_is_caught(text: str) -> None:
    assert list(impure(snippet(text))) != []


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime, timedelta; datetime(2026, 1, 1) + timedelta(days=1)",
        "import re; re.compile('x')",
        "from json import loads; loads('{}')",
        "view.timeline.last().time; event.code; urgency.NOW",
        "getattr(spans, name); getattr(spans, 'name', None)",
        "from operator import attrgetter; sorted(x, key=attrgetter('time'))",
        "from collections.abc import Mapping; from typing import Any",
        "object.__setattr__(self, 'x', 1)",
        "from salus.core.measures import read",
    ],
)
def test_a_pure_model_is_left_alone(text: str) -> None:
    assert list(impure(snippet(text))) == []


def test_a_room_brings_its_own_coefficients_and_nobody_elses() -> None:
    text = "from importlib.resources import files; files('x')"
    assert list(impure(snippet(text, "salus.risk._prevent_equation"))) == []
    assert list(impure(snippet("import importlib.resources", "salus.risk._prevent_equation"))) != []


IMPORTING = [
    "import importlib",
    "from importlib import import_module as load",
    "from importlib.metadata import entry_points",
    "import pkgutil",
    "__import__('salus.risk.news2')",
]


# What no file may do, whatever its room.
LOADING = [
    "from importlib import import_module",
    "from importlib import import_module as load; load('salus.record.archive')",
    "import importlib; importlib.import_module('salus.record.archive')",
    "import importlib.util as u; u.find_spec('salus.record')",
    "import sys; sys.modules['salus.record.archive']",
    "from sys import modules; modules['salus.privacy.gate']",
    "import pkgutil; pkgutil.resolve_name('salus.privacy.gate:open_view')",
    "import runpy; runpy.run_module('salus.privacy.gate')",
    "__import__('salus.record.archive')",
    "exec('import salus.privacy.gate')",
    "eval('1')",
]


@pytest.mark.parametrize("text", IMPORTING)
def test_the_core_loads_nothing_by_name(text: str) -> None:
    assert list(importing(snippet(text, "salus.core.units"))) != []
    assert list(importing(snippet(text, "salus.core.registry"))) == []


@pytest.mark.parametrize("text", LOADING)
def test_only_the_registry_loads_by_name(text: str) -> None:
    for name in ("salus.delivery.web.desk", "salus.cli", "salus.spine.read", "salus.record.fhir"):
        assert list(importing(snippet(text, name))) != []
    assert list(importing(snippet(text, "salus.core.registry"))) == []


INTO_THE_GATE = [
    "from salus.privacy.gate import _GatedView",
    "from salus.privacy.gate import _known as known",
    "import salus.privacy.gate; salus.privacy.gate._GatedView",
    "from salus.privacy import gate; gate._GatedView(a, b, c, d, e)",
    "import salus.privacy.gate as g; made = g._GatedCohort",
    "from salus.privacy import gate; getattr(gate, '_GatedView')",
]


@pytest.mark.parametrize("text", INTO_THE_GATE)
def test_what_the_gate_keeps_to_itself_is_nobodys(text: str) -> None:
    for name in ("salus.spine.consult", "salus.testing.conformance", "salus.delivery.app"):
        assert list(into_the_gate(snippet(text, name))) != []
    assert list(into_the_gate(snippet(text, "salus.privacy.gate"))) == []


PAST_THE_SPINE = [
    "from salus.record.archive import Archive",
    "from salus.privacy.gate import open_view",
    "import salus.store.store as s",
    "from salus import store",
    "from salus.risk.news2 import MODEL",
    "import salus; salus.store.store.open_store",
    "with site.store.begin() as tx: tx.append(at, who, 'look', {})",
    "begin = site.store.begin",
    "getattr(site.store, 'begin')()",
    "import sqlite3; sqlite3.connect('salus.db')",
    "import salus.spine.consult as c; c.open_view",
    "from salus.spine.consult import open_view",
    "from salus.spine.site import Archive",
    "site.archive.timeline('Patient/1')",
    "archive = site.archive; archive.scan()",
    "site.archive.raw('Observation/1')",
]


@pytest.mark.parametrize("text", PAST_THE_SPINE)
def test_a_door_that_goes_around_the_spine_is_caught(text: str) -> None:
    for name in ("salus.cli", "salus.cli_words", "salus.delivery.web.desk"):
        assert list(past_the_spine(snippet(text, name))) != []
    assert list(past_the_spine(snippet(text, "salus.spine.read"))) == []


def test_a_door_may_take_what_the_spine_offers() -> None:
    text = "from salus.spine.bring import Account, bring; from salus.spine import read, consult"
    assert list(past_the_spine(snippet(text, "salus.delivery.web.desk"))) == []


def _command_line() -> set[str]:
    """Return the files that the command line is made of."""
    return {module.name for module in modules() if module.name.startswith("salus.cli")}


def test_every_door_is_under_the_linters_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (held,) = [contract for contract in contracts if contract["name"].startswith("Doors reach evidence")]
    assert set(held["source_modules"]) == {"salus.delivery", *_command_line()}
    assert {"salus.record", "salus.privacy", "salus.store", "salus.risk"} <= set(held["forbidden_modules"])
