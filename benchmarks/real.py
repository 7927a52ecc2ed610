"""What real records could and could not answer: the demonstration over two exports, counted.

MIMIC-IV on FHIR demo (100 real patients) and Synthea (615 invented ones), each read whole, each patient
asked by every model at the end of their own record. NEWS2 is also asked at each patient's last recorded
pulse, since in MIMIC the vital signs stop where the emergency department does. The figures fill a page of
the documentation.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from time import process_time
from typing import Any

from salus.core.consent import Actor
from salus.core.insight import Finding, Insight, Risk
from salus.spine import Site, consult, ward
from salus.spine.demo import ACTOR, fill, open_demonstration

DATA = Path(os.environ.get("SALUS_DATA_DIR") or Path(__file__).resolve().parents[2] / "shared" / "data")
SETS = ("mimic-iv-fhir-demo", "synthea-r4-617-clinical")
PULSE = ("LOINC/8867-4",)


def main() -> dict[str, object]:
    """Return the counts of each set."""
    return {name: _counted(DATA / name) for name in SETS}


def _counted(place: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        site = open_demonstration(Path(folder) / "archive")
        began = process_time()
        account = fill(site, str(place))
        rows = ward(site, actor=ACTOR)
        spent = process_time() - began
        insights = [insight for row in rows for insight in row.insights]
        found = {
            "resources": account.resources,
            "unaccounted": account.resources - _accounted(account),
            "rejected": len(account.rejected),
            "patients": len(rows),
            "insights": len(insights),
            "cpu_seconds": round(spent, 1),
            "urgency": Counter(str(row.urgency or "none") for row in rows),
            "models": {
                name: _answers(insights, name) for name in sorted({one.model.name for one in insights})
            },
            "news2_at_last_pulse": Counter(map(_kind, _at_last_pulse(site))),
        }
        site.close()
    return found


def _accounted(account: Any) -> int:
    return sum(account.as_events.values()) + sum(account.as_context.values()) + len(account.rejected)


def _answers(insights: list[Insight], name: str) -> dict[str, int]:
    return dict(Counter(_kind(insight) for insight in insights if insight.model.name == name))


def _kind(insight: Insight) -> str:
    """One number, a range, or why there is neither."""
    body = insight.body
    if isinstance(body, Risk):
        return "range" if body.outcomes[0].estimate.value is None else "one number"
    if isinstance(body, Finding):
        return "range" if body.estimate.value is None else "one number"
    return str(getattr(body, "why", body.kind))


def _at_last_pulse(site: Site) -> list[Insight]:
    asked = []
    for subject in site.archive.subjects():
        timeline = site.archive.timeline(subject)
        pulse = timeline.last(PULSE)
        if pulse is not None and pulse.time is not None:
            moment = max(pulse.time, pulse.known_at or pulse.time)
            asked += consult(site, actor=Actor("bench"), evidence=timeline, asks=["news2"], as_of=moment)
    return asked


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
