"""Permits: one decision, a gated View of 10,000 events, and what the gate adds to reading a population.

A decision is a Rule made anew from 50 provisions and asked once. The View's 10,000 events have 480 different
codings, as a person has after a long stay; the rule looks at codes, labels, classes and the time. The
population is Synthea's, read from an archive and opened for quality; one in twenty said no, one in a hundred
closed a part, and everybody's notes of psychotherapy are closed by the profile. CPU time, in turns: another
process that takes the core keeps it for longer than a decision lasts.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from time import process_time
from typing import Any

from salus.core.consent import DIRECT_CARE, QUALITY, Actor, Permit
from salus.core.evidence import Event, Timeline
from salus.privacy.gate import open_columns, open_view
from salus.privacy.permits import Rule, Rules, rule
from salus.privacy.profiles import profile

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SALUS_DATA_DIR", ROOT.parent / "shared" / "data"))
NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
WHO = Actor("Practitioner/7", "clinician", "", ("Organization/3",))
EVENTS, TURNS = 10_000, 21
_CODES = (
    "LOINC/8867-4",
    "LOINC/2160-0",
    "ICD10CM/F10.20",
    "ICD10CM/I48.91",
    "ATC/N06AB04",
    "SNOMED/77386006",
)
_SCOPES = ("label:SUD", "class:Condition", "code:ICD10CM/I48.91", "label:SEX", "data:Observation/77")


def provisions() -> list[Permit]:
    """Return ten permits of five provisions each, three deep."""
    return [_permit(number) for number in range(10)]


def _permit(number: int) -> Permit:
    def said(effect: str, place: int, *inner: Permit) -> Permit:
        scope = (_SCOPES[(number + place) % len(_SCOPES)],)
        since = NOW - timedelta(days=100 * (number + place))
        return Permit("Patient/1", effect, (), (), scope, (since, None), exceptions=inner, recorded=number)

    deep = said("deny", 3, said("permit", 4))
    return said("permit", number % 3, said("deny", 1, deep), said("permit", 2))


def _timed(work: Callable[[], object], turns: int = TURNS) -> list[float]:
    times = []
    for _ in range(turns):
        at = process_time()
        work()
        times.append(1000 * (process_time() - at))
    return sorted(times)


def decision() -> dict[str, Any]:
    """Return how long a Rule of 50 provisions takes to be made and asked."""
    said, table = provisions(), profile("hipaa")
    event = Event(("LOINC/2160-0",), NOW, source="Observation/1")
    times = _timed(lambda: rule(said, [], table, WHO, DIRECT_CARE, NOW).shows(event), 500)
    return {"provisions": 50, "p50_ms": round(median(times), 3), "p95_ms": round(times[475], 3)}


def view() -> dict[str, Any]:
    """Return how long a View of 10,000 events takes, with a rule and without one."""
    draw = Random(1)
    events = [
        Event(
            (draw.choice(_CODES), f"LOINC/{draw.randrange(80)}-1"),
            NOW - timedelta(hours=draw.randrange(50_000)),
            source=f"{draw.choice(('Observation', 'Condition'))}/{number}",
        )
        for number in range(EVENTS)
    ]
    whole, said, table = Timeline.of("Patient/1", events), provisions(), profile("hipaa")

    def gated() -> object:
        made = rule(said, [], table, WHO, DIRECT_CARE, NOW)
        return open_view(whole, WHO, DIRECT_CARE, NOW, rule=made)

    plain = _timed(lambda: open_view(whole, WHO, DIRECT_CARE, NOW))
    ruled = _timed(gated)
    left = len(gated().timeline)  # type: ignore[attr-defined]
    return {
        "events": EVENTS,
        "left": left,
        "without_a_rule_ms": round(median(plain), 2),
        "p50_ms": round(median(ruled), 2),
        "p95_ms": round(ruled[-2], 2),
    }


def population() -> dict[str, Any]:
    """Return what rules add to reading a population and opening it."""
    import polars as pl

    from salus.record.archive import Archive
    from salus.record.bulk import read_place
    from salus.record.population import of_archive

    with tempfile.TemporaryDirectory() as folder:
        read_place(str(DATA / "synthea-r4-617-clinical"), Path(folder) / "a")
        archive = Archive.open(Path(folder) / "a")

        def opened(rules: Rules | None) -> int:
            found = of_archive(archive, lambda _: True)
            cases = found.subjects.select("subject", pl.lit(NOW.replace(tzinfo=None)).alias("moment"))
            return open_columns(found.events, cases, WHO, QUALITY, "a benchmark", rules=rules).height

        subjects = archive.subjects()
        whole, cut = opened(None), opened(_rules(subjects))
        times: dict[str, list[float]] = {"without": [], "with": []}
        for _ in range(7):
            times["without"] += _timed(lambda: opened(None), 1)
            times["with"] += _timed(lambda: opened(_rules(subjects)), 1)
    plain, ruled = median(times["without"]), median(times["with"])
    return {
        "subjects": len(subjects),
        "events": whole,
        "left": cut,
        "read_and_opened_ms": round(plain),
        "the_same_by_rules_ms": round(ruled),
        "added_percent": round(100 * (ruled / plain - 1), 1),
    }


def _rules(subjects: list[str]) -> Rules:
    table = profile("hipaa")

    def made(*said: Permit) -> Rule:
        return rule(said, [], table, WHO, QUALITY, NOW)

    no = [Permit("Patient/1", "deny", (QUALITY,))]
    part = [Permit("Patient/1", "deny", (QUALITY,), scope=("label:SEX",))]
    of = {one: made(*no) for one in subjects[::20]} | {one: made(*part) for one in subjects[7::100]}
    return Rules(of, made())


def main() -> dict[str, Any]:
    """Return every figure."""
    return {"decision": decision(), "view": view(), "population": population()}


if __name__ == "__main__":
    print(json.dumps(main()))
