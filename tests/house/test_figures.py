"""Every figure that the README states comes out of a run of the benchmarks."""

from __future__ import annotations

import json

from benchmarks._table import BEGIN, END, ROWS, filled, table
from tests.house.source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results.json"
REPORT = {
    "ran": {
        "at": "2026-01-31T08:00:00+00:00",
        "python": "3.11.7",
        "machine": "Linux",
        "versions": {"polars": "2"},
    },
    "figures": {"base": {"base_install_mb": 5, "demo": {"seconds": 1.5}}},
}


def test_the_table_is_what_the_last_run_measured():
    inside = README.split(BEGIN)[1].split(END)[0].strip()
    assert inside == (table(json.loads(RESULTS.read_text())) if RESULTS.exists() else "")


def test_figures_stand_in_the_table_and_nowhere_else():
    outside = README.split(BEGIN)[0] + README.split(END)[1]
    assert not [word for word in ("≤", " ms", " MB", " seconds", "per second", "p95") if word in outside]


def test_a_figure_that_was_not_measured_is_not_shown():
    told = table(REPORT)
    assert "| 5 MB |" in told
    assert "1.5 s" in told
    assert "import salus" not in told


def test_filling_twice_changes_nothing():
    assert filled(filled(README, REPORT), REPORT) == filled(README, REPORT)


def test_rows_are_said_once():
    assert len({row.path for row in ROWS}) == len(ROWS)
