"""A pytest plugin for one test: write down every collected test that is marked as a known gap."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    found = {
        item.nodeid: mark.kwargs.get("reason", "")
        for item in session.items
        for mark in item.iter_markers("xfail")
    }
    Path(os.environ["SALUS_GAPS"]).write_text(json.dumps(found))
