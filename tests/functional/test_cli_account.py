"""Accounts at the command line, and the server that asks for them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from salus import spine
from tests.people import PASSWORD, form, signed_in

SERVE = "import sys; from salus.cli import main; sys.exit(main())"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    spine.open_site(tmp_path / "site").close()
    return tmp_path / "site"


def test_an_account_is_made_listed_changed_reset_and_closed(
    place: Path, run_salus: Callable[..., Any]
) -> None:
    def said(*words: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(run_salus("account", *words, "--archive", place, "--json").out)
        return told

    made = said("add", "kim", "--role", "proxy", "--subject", "Patient/7", "--until", "2030-12-31")
    assert (made["role"], made["one_time_password"], made["second_factor"]) == ("proxy", True, False)
    assert made["about"] == [
        {"subject": "Patient/7", "from": None, "until": "2030-12-31T23:59:59.999999+00:00"}
    ]
    assert re.fullmatch(r"([a-z2-9]{4}-){4}[a-z2-9]{4}", made["first_password"])
    assert "first_password" not in said("list")["accounts"][0]
    assert (
        said("change", "kim", "--role", "clinician", "--person", "Practitioner/7")["actor"]
        == "Practitioner/7"
    )
    assert said("reset", "kim")["first_password"] != made["first_password"]
    assert said("close", "kim")["closed"]
    ran = run_salus("account", "reset", "kim", "--archive", place, check=False)
    assert (ran.code, "closed" in ran.err) == (2, True)
    site = spine.open_site(place)
    try:
        deeds = [(entry.who.split(":")[0], entry.did) for entry in site.store.entries()][2:]
        assert deeds == [("cli", did) for did in ("account", "password", "account", "password", "account")]
        assert spine.verify(site).intact
    finally:
        site.close()


def test_in_words_the_password_is_shown_once_with_what_becomes_of_it(
    place: Path, run_salus: Callable[..., Any]
) -> None:
    out = run_salus("account", "add", "maria", "--role", "clinician", "--archive", place).out
    assert "shown this once" in out
    assert "maria" in run_salus("account", "list", "--archive", place).out
    for words in (
        ("add", "maria", "--role", "clinician"),
        ("add", "x", "--role", "patient"),
        ("close", "nobody"),
    ):
        assert run_salus("account", *words, "--archive", place, check=False).code == 2


def test_a_server_of_an_archive_asks_for_a_sign_in_and_tells_how_the_first_account_is_made(
    place: Path, free_port: int
) -> None:
    said = [
        "serve",
        "--archive",
        str(place),
        "--port",
        str(free_port),
        "--second-factor",
        "nobody",
        "--sign-in",
    ]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *said], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        code = next(
            found[1]
            for line in process.stderr
            if (found := re.search(r"/welcome with this code: (\w{32})", line))
        )
        with httpx.Client(base_url=f"http://127.0.0.1:{free_port}", timeout=30) as client:
            assert _answered(client).headers["location"].startswith("/sign-in?next=")
            fields = {**form(client, "/welcome", "/welcome"), "name": "first", "password": PASSWORD}
            assert client.post("/welcome", data={**fields, "setup": code}).status_code == 303
            assert client.get("/accounts").status_code == 200
            # Who runs the server is nobody's clinician.
            assert client.get("/ward").status_code == 404
            client.cookies.clear()
            assert signed_in(client, "first").status_code == 303
            assert {"/sign-in", "/account", "/accounts/{name}/close"} <= set(
                client.get("/openapi.json").json()["paths"]
            )
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _answered(client: httpx.Client) -> httpx.Response:
    for _ in range(300):
        try:
            return client.get("/ward")
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not begin to answer")
