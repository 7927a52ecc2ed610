"""What ships and under which terms: the licence, the notices, the locked versions, the bill of materials."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from salus.core.codes import SYSTEMS
from tests.house.source import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKED = {
    line.split("==")[0].lower().replace("_", "-")
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if "==" in line
}


def _name(requirement: str) -> str:
    return re.split(r"[<>=~!\[ ]", requirement)[0].lower().replace("_", "-")


BASE = {_name(requirement) for requirement in PROJECT["dependencies"]}
TOOLS = {_name(one) for one in PROJECT["optional-dependencies"]["test"]} - {"salus-clinical"}


def test_licence_is_apache_2():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("name", sorted(SYSTEMS.values()))
def test_every_code_system_has_its_notice(name):
    spoken = {"SNOMED": "SNOMED CT", "ICD10": "ICD-10", "ICD10CM": "ICD-10-CM", "ICD10PCS": "ICD-10-PCS",
              "ICD9CM": "ICD-9-CM", "ActCode": "HL7"}  # fmt: skip
    assert spoken.get(name, name) in (ROOT / "NOTICE").read_text()


def test_every_dependency_is_locked():
    extras = {_name(one) for group in PROJECT["optional-dependencies"].values() for one in group}
    assert (BASE | extras) - {"salus-clinical"} <= LOCKED


def test_every_dependency_of_the_base_says_why_it_is_there():
    reasons = (ROOT / "docs" / "decisions" / "0001-dependencies.md").read_text().lower()
    assert [name for name in sorted(BASE) if name not in reasons] == []


@pytest.fixture(scope="module")
def sbom() -> dict:
    done = subprocess.run(
        ["make", "-s", "sbom"], cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((ROOT / "build" / "sbom.cdx.json").read_text())


def test_the_bill_of_materials_is_valid_cyclonedx(sbom: dict):
    version = SchemaVersion.from_version(sbom["specVersion"])
    assert JsonStrictValidator(version).validate_str(json.dumps(sbom)) is None


def test_the_bill_of_materials_lists_what_ships_and_no_tools(sbom: dict):
    listed = {part["name"].lower().replace("_", "-") for part in sbom["components"]}
    assert listed >= BASE
    assert not listed & (TOOLS - BASE)
    assert not listed & {"pip", "setuptools", "wheel"}
    assert "htmx.org" in listed
    assert sbom["metadata"]["component"]["name"] == PROJECT["name"]


def test_every_part_names_its_version(sbom: dict):
    assert [part["name"] for part in sbom["components"] if not part.get("version")] == []


def _bill(folder: Path, **told: str) -> dict:
    """Return what the script makes of a small bill of an environment."""
    parts = ["salus-needs==1", "pip==23.2.1", "setuptools==65.5.0"]
    bom = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {"bom-ref": "root", "name": "salus-clinical", "type": "application"}},
        "components": [{"bom-ref": one, "name": one.split("==")[0], "version": one.split("==")[1],
                        "type": "library"} for one in parts],
        "dependencies": [{"ref": "root", "dependsOn": parts[:1]}, {"ref": parts[1]}, {"ref": parts[2]},
                         {"ref": parts[0], "dependsOn": parts[2:]}],
    }  # fmt: skip
    place = folder / "bom.json"
    place.write_text(json.dumps(bom))
    command = [sys.executable, ROOT / "scripts" / "bill_of_materials.py", place]
    subprocess.run(command, cwd=folder, env={**os.environ, **told}, check=True)
    found: dict = json.loads(place.read_text())
    return found


def test_the_bill_has_what_was_vendored_and_not_what_installs(tmp_path: Path):
    bill = _bill(tmp_path)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert [part["name"] for part in bill["components"]] == ["salus-needs", "htmx.org"]
    script = (ROOT / "salus" / "delivery" / "web" / "static" / "htmx.min.js").read_bytes()
    htmx = bill["components"][1]
    assert htmx["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(script).hexdigest()}]
    assert f"htmx {htmx['version']}, Zero-Clause BSD" in (ROOT / "NOTICE").read_text()
    needs = {need["ref"]: need.get("dependsOn", []) for need in bill["dependencies"]}
    assert needs == {"root": [htmx["bom-ref"], "salus-needs==1"], "salus-needs==1": [], htmx["bom-ref"]: []}


def test_the_bill_is_of_the_time_of_its_sources(tmp_path: Path):
    first, again = (_bill(tmp_path, SOURCE_DATE_EPOCH="1795600000") for _ in range(2))
    assert first == again
    assert first["metadata"]["timestamp"] == "2026-11-25T09:46:40Z"
    told = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, check=False)
    if told.stdout:
        at = datetime.fromtimestamp(int(told.stdout), UTC)
        assert _bill(tmp_path)["metadata"]["timestamp"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        "pip",
        "wheel",
        "-qq",
        "--disable-pip-version-check",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        ".",
    ]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_carries_its_terms_and_all_that_it_reads(wheel: Path):
    inside = ZipFile(wheel).namelist()
    for name in ("licenses/LICENSE", "licenses/NOTICE"):
        assert any(path.endswith(name) for path in inside)
    ours = {path for path in inside if path.startswith("salus/")}
    kept = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "salus").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert ours == kept
    assert not any(path.startswith("tests/") for path in inside)


def test_the_wheel_does_its_main_job_with_the_base_alone(wheel: Path, sbom: dict, tmp_path: Path):
    """No extra, no test tool and no checkout: what a hospital installs."""
    base = ROOT / "build" / "base" / "bin"
    command = [
        "pip",
        "install",
        "-qq",
        "--disable-pip-version-check",
        "--no-deps",
        "--force-reinstall",
        str(wheel),
    ]
    subprocess.run([base / "python", "-m", *command], check=True, capture_output=True)
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [base / "salus", "demo", "--no-serve", "--json", "--archive", "demo"],
        cwd=tmp_path, env=alone, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["insights"] > 0
