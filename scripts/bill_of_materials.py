"""Make the bill of materials of an environment one of what ships: with what was vendored, without installers.

Usage: python scripts/bill_of_materials.py BOM
BOM: CycloneDX JSON, changed in place. Its time is SOURCE_DATE_EPOCH (reproducible-builds.org), or else when
the last commit was made: the same sources give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "salus" / "delivery" / "web" / "static"
# They put the packages there, and are no part of what runs.
INSTALLERS = frozenset({"pip", "setuptools", "wheel"})


def main(words: list[str]) -> int:
    """Change the file in place."""
    place = Path(words[0])
    told = shipped(json.loads(place.read_text()), made_at())
    place.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    return 0


def shipped(bom: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return `bom` with what the pages carry, without installers, made at `at`."""
    tools = {part["bom-ref"] for part in bom["components"] if part["name"].lower() in INSTALLERS}
    parts = [part for part in bom["components"] if part["bom-ref"] not in tools]
    vendored = htmx()
    more = {bom["metadata"]["component"]["bom-ref"]: {vendored["bom-ref"]}}
    needs = [
        _needing(need["ref"], ({*need.get("dependsOn", ())} - tools) | more.get(need["ref"], set()))
        for need in bom["dependencies"]
        if need["ref"] not in tools
    ]
    return {
        **bom,
        "metadata": {"timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"), **bom["metadata"]},
        "components": [*parts, vendored],
        "dependencies": [*needs, _needing(vendored["bom-ref"], set())],
    }


def _needing(ref: str, needed: set[str]) -> dict[str, Any]:
    return {"ref": ref, **({"dependsOn": sorted(needed)} if needed else {})}


def htmx() -> dict[str, Any]:
    """Return the script that the pages carry, by the version that it says itself."""
    raw = (STATIC / "htmx.min.js").read_bytes()
    (version,) = re.findall(rb'\bversion:"([0-9.]+)"', raw)
    purl = f"pkg:npm/htmx.org@{version.decode()}"
    return {
        "bom-ref": purl,
        "type": "library",
        "name": "htmx.org",
        "version": version.decode(),
        "description": "Vendored in salus/delivery/web/static",
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(raw).hexdigest()}],
        "licenses": [{"license": {"id": "0BSD", "acknowledgement": "declared"}}],
        "externalReferences": [{"type": "website", "url": "https://htmx.org"}],
    }


def made_at() -> datetime:
    """Return when the sources were made."""
    told = os.environ.get("SOURCE_DATE_EPOCH")
    if told is None:
        command = ["git", "log", "-1", "--format=%ct"]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        told = found.stdout or sys.exit(
            "No git history: set SOURCE_DATE_EPOCH to when the sources were made."
        )
    return datetime.fromtimestamp(int(told), UTC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
