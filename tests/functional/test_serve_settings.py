"""What `salus serve` is told of its doors: what cannot work is refused at the start, and nothing is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from salus.cli import main

BAD = [
    ("--base-url", "not a url"), ("--base-url", "salus.example"), ("--base-url", ""),
    ("--base-url", "https://user:word@salus.example"), ("--base-url", "https://salus.example/?a=b"),
    ("--base-url", "https://salus.example/a b"), ("--base-url", "javascript:alert(1)"),
    ("--fhir-server", "ftp://ehr.example/fhir"), ("--fhir-server", "https://ehr.example/fhir#x"),
    ("--fhir-server", "https:///fhir"),
    ("--frame-ancestor", "https://a.example; script-src *"), ("--frame-ancestor", "https://a.example *"),
    ("--frame-ancestor", "https://a.example,b.example"), ("--frame-ancestor", "'unsafe-inline'"),
    ("--frame-ancestor", "https://a.example\r\nSet-Cookie:x"), ("--frame-ancestor", ""),
    ("--frame-ancestor", "*"), ("--frame-ancestor", "https://*"), ("--frame-ancestor", "*:443"),
    ("--trust", "https://ehr.example/=no/such/file.json"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "text"), BAD)
def test_a_setting_that_cannot_work_is_refused_by_name_and_nothing_is_made(
    option: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    place = tmp_path / "site"
    said = ["serve", "--new", "--archive", str(place), "--port", str(free_port), option, text]
    assert main(said) == 2
    assert option in capsys.readouterr().err
    assert not place.exists()


def test_settings_that_work_are_taken(tmp_path: Path) -> None:
    from salus.delivery.serve import _address, _origin

    for base in ("https://salus.example", "http://127.0.0.1:8000/", "https://[::1]:8443/cds", "http://h/a/b"):
        assert _address("--base-url", base) == base
    for origin in (
        "https://ehr.example",
        "https://*.ehr.example:8443",
        "ehr.example",
        "https:",
        "http://h:*/a/",
    ):
        assert _origin(origin) == origin
