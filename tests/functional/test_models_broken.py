"""A model that cannot be loaded is named wherever one looks for it, without its own words; others go on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import salus.risk
from salus.core import registry
from tests import doors

SECRET = "potassium 7.1"
WHY = "salus.risk.torn_apart cannot be loaded (RuntimeError)"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A server with a file in a room that raises; the registry begins anew before and after."""
    room = tmp_path / "room"
    room.mkdir()
    (room / "torn_apart.py").write_text(f"raise RuntimeError({SECRET!r})")
    monkeypatch.setattr(salus.risk, "__path__", [*salus.risk.__path__, str(room)])
    registry._loaded.cache_clear()
    site = doors.live_site(tmp_path / "site")
    with doors.served(site) as client:
        yield client
    site.close()
    registry._loaded.cache_clear()
    sys.modules.pop("salus.risk.torn_apart", None)


def test_the_models_page_names_it_and_says_why(server: httpx.Client) -> None:
    text = server.get("/models").text
    assert "1 model cannot be loaded" in text
    assert f"<strong>torn-apart</strong>: {WHY}" in text
    assert SECRET not in text and "Traceback" not in text
    live = len(registry.models())
    assert f"{live} live of {live}" in text
    assert f'{live} live models, <a href="/models">1 cannot be loaded</a>' in server.get("/ward").text


def test_operators_are_told_and_the_others_go_on(server: httpx.Client) -> None:
    answer = server.get("/healthz")
    check = answer.json()["checks"]["models"]
    assert (answer.status_code, check["status"]) == (200, "ok")
    assert set(check["live"]) == set(registry.models()) >= {"news2", "icu-mortality"}
    assert check["broken"] == [{"name": "torn-apart", "why": WHY}]
    assert SECRET not in answer.text
    assert "\nsalus_models_broken 1\n" in server.get("/metrics").text
    assert server.get("/healthz/live").status_code == 200


def test_where_all_can_be_loaded_nothing_is_said(tmp_path: Path) -> None:
    site = doors.live_site(tmp_path / "site")
    with doors.served(site) as client:
        assert "cannot be loaded" not in client.get("/models").text
        assert client.get("/healthz").json()["checks"]["models"]["broken"] == []
        assert "\nsalus_models_broken 0\n" in client.get("/metrics").text
    site.close()
