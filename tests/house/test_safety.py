"""The hazard log is whole, and every test that it names exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.source import ROOT

LOG = (ROOT / "SAFETY.md").read_text(encoding="utf-8")
HAZARDS = re.findall(r"^### (H\d+)\. .+\n((?:.+\n?)+)", LOG.replace("\r", ""), flags=re.M)
FIELDS = ["Sequence", "Harm", "Severity", "Control", "Verified by", "Probability", "Residual"]
SEVERITIES = {"negligible", "minor", "serious", "critical", "catastrophic"}
PROBABILITIES = {"improbable", "remote", "occasional", "probable", "frequent"}
NAMED = sorted(
    {(file, test) for _, body in HAZARDS for file, test in re.findall(r"`(tests/\S+?)::(\w+)`", body)}
)


def test_the_sections_that_a_site_needs():
    for heading in (
        "Intended use",
        "What it is not",
        "Before clinical use",
        "How to report harm",
        "Hazard log",
    ):
        assert f"## {heading}\n" in LOG


def test_hazards_are_numbered_without_a_gap():
    assert [name for name, _ in HAZARDS] == [f"H{number}" for number in range(1, len(HAZARDS) + 1)]


@pytest.mark.parametrize(("name", "body"), HAZARDS, ids=[name for name, _ in HAZARDS])
def test_hazard_is_whole(name, body):
    assert re.findall(r"^- \*\*(.+?):\*\*", body, flags=re.M) == FIELDS
    assert re.search(r"Severity:\*\* (\w+)\n", body)[1] in SEVERITIES
    assert re.search(r"Probability:\*\* (\w+)\n", body)[1] in PROBABILITIES
    assert re.search(r"`tests/\S+::\w+`", body), "a control that no test verifies is a hope"


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[f"{file}::{test}" for file, test in NAMED])
def test_named_test_exists(file, test):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
