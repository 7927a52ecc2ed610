"""Write the insight of every worked example anew from its record, after a model or its artefact has changed.

Usage: python scripts/write_examples.py [BEGINNING ...]
BEGINNING: of the folders to write (``icu-mortality``); every one without it. Read the difference before it is
committed: the tests compare with what stands there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from salus.core.consent import DIRECT_CARE, Actor  # noqa: E402
from salus.core.registry import model  # noqa: E402
from salus.privacy.gate import open_view  # noqa: E402
from salus.record.fhir import bundle  # noqa: E402
from salus.spine.shape import as_json  # noqa: E402

EXAMPLES = ROOT / "salus" / "risk" / "examples"


def main(beginnings: list[str]) -> int:
    """Write the insights and say which of them changed."""
    for case in chosen(beginnings):
        place = case / "insight.json"
        before = place.read_text(encoding="utf-8")
        after = json.dumps(said(case), indent=2, ensure_ascii=False) + "\n"
        # The same in other escapes is no change.
        if json.loads(after) != json.loads(before):
            place.write_text(after, encoding="utf-8")
            print(case.name)  # noqa: T201
    return 0


def chosen(beginnings: list[str]) -> Iterator[Path]:
    """Yield the folders whose names begin so."""
    for case in sorted(EXAMPLES.glob("*/")):
        if not beginnings or case.name.startswith(tuple(beginnings)):
            yield case


def said(case: Path) -> dict[str, Any]:
    """Return what the model of an example says of its record, at the moment that its insight names."""
    asked = json.loads((case / "insight.json").read_text(encoding="utf-8"))
    (timeline,), account = bundle((case / "record.json").read_bytes(), "record.json")
    if account.rejected:
        raise SystemExit(f"{case.name}: {account.rejected}")
    as_of = datetime.fromisoformat(asked["as_of"])
    view = open_view(timeline, Actor("Practitioner/example"), DIRECT_CARE, as_of)
    insight = as_json(model(asked["model"]["name"]).predict(view))
    # Through JSON and back, so that tuples and lists are alike.
    told: dict[str, Any] = json.loads(json.dumps(insight))
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
