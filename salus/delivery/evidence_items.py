"""Where the evidence report answers each item of TRIPOD+AI, or why not; and where all of it comes from.

The 27 items with their 52 parts are those of Collins et al., BMJ 2024;385:e078378, in words of our own; they
are data (`tripod.json`), so that a reviewer can check them without reading code.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from salus.delivery.evidence_parts import Cell, Lines, Link, Section, Table
from salus.delivery.evidence_words import Part, count, moment, named, outcome, part, real, rows

HERE = Path(__file__).parent
NOT_HERE = "not answered here"
DOES_NOT_APPLY = "does not apply"


@cache
def statement() -> Mapping[str, Any]:
    """Return the items as they ship."""
    found: Mapping[str, Any] = json.loads((HERE / "tripod.json").read_text(encoding="utf-8"))
    return found


def answered(evidence: Part, filled: Collection[str]) -> list[dict[str, str]]:
    """Return each item with the section that answers it ("" where none does) and what is said of it.

    filled: the sections of this page that hold something. What the evidence itself says of an item (its part
    `tripod`) goes before what ships.
    """
    # What an earlier page filled in by itself is made anew.
    own = {str(row.get("item")): row for row in rows(evidence, "tripod") if "how" not in row}
    return [_one(item, own.get(item["item"]), evidence, filled) for item in statement()["items"]]


def _one(item: Part, own: Part | None, evidence: Part, filled: Collection[str]) -> dict[str, str]:
    found = {key: str(item[key]) for key in ("item", "topic", "kind", "asks")}
    if own and (own.get("says") or own.get("where")):
        section = str(own.get("section") or "")
        says = str(own.get("says") or own.get("where"))
        return {**found, "section": section if section in filled else "", "says": says, "how": "answered"}
    if item["kind"] == "D" and not part(evidence, "reading"):
        return {
            **found,
            "section": "",
            "says": "The model was not developed from data here.",
            "how": DOES_NOT_APPLY,
        }
    if item["section"] in filled and all(_there(evidence.get(key)) for key in item["needs"]):
        how = "answered" if item["whole"] else "answered in part"
        return {**found, "section": item["section"], "says": item["says"], "how": how}
    return {**found, "section": "", "says": item["otherwise"], "how": NOT_HERE}


def _there(value: Any) -> bool:
    return value is not None and value not in ("", [], {}, ())


def tripod(evidence: Part, asked: Mapping[str, str], filled: Collection[str]) -> Section:
    """The table of items; `asked` names each section by its question."""
    found = answered(evidence, filled)
    cells = tuple(
        (f"{row['item']} {row['topic']}", row["kind"], row["asks"], _where(row, asked), _begun(row["says"]))
        for row in found
    )
    whole, some = (sum(row["how"] == how for row in found) for how in ("answered", "answered in part"))
    rest = sum(row["how"] == NOT_HERE for row in found)
    says = (
        f"Of {len(found)} parts of the 27 items, this page answers {whole}, and another {some} in part; "
        f"{rest} are not answered here, each with the reason. D is for developing, E for judging.",
        f"{statement()['cite']} {statement()['words']}",
    )
    heads = ("Item", "For", "What is asked", "Where", "What is there, or why not")
    return Section("tripod", "Where is each item of TRIPOD+AI answered?", says, (Table("", heads, cells),))


def _begun(says: str) -> str:
    return says[:1].upper() + says[1:].rstrip(".") + "."


def _where(row: Mapping[str, str], asked: Mapping[str, str]) -> Cell:
    if row["section"]:
        before = "In part: " if row["how"] == "answered in part" else ""
        return Link(f"{before}{asked[row['section']]}", row["section"])
    return "answered" if row["how"] == "answered" else row["how"]


def provenance(evidence: Part) -> Section:
    """Which data, under which licence; which code, which seed, which libraries; on what it was fitted."""
    on, ran, made = (part(evidence, key) for key in ("on", "ran", "made"))
    judged = (
        *_of_data(on),
        ("Cases", count(evidence.get("n")) if real(evidence.get("n")) is not None else ""),
        (
            f"With {outcome(evidence)}",
            count(evidence["events"]) if real(evidence.get("events")) is not None else "",
        ),
        *_of_run(ran),
    )
    fitted = part(made, "data")
    trained = (
        *_of_data(fitted),
        ("Cases", count(fitted["n"]) if real(fitted.get("n")) is not None else ""),
        ("Left out", count(fitted["excluded"]) if real(fitted.get("excluded")) is not None else ""),
        (
            f"With {outcome(evidence)}",
            count(fitted["events"]) if real(fitted.get("events")) is not None else "",
        ),
        *_of_run(made),
    )
    tables = [_facts(says, table) for says, table in (("Judged", judged), ("Fitted", trained))]
    shown = tuple(table for table in tables if table.rows)
    whole = Lines(
        (f"Model: {named(evidence)}", "The same in a form for machines: report.json, beside this page.")
    )
    return Section(
        "provenance",
        "Where does all this come from?",
        (),
        (whole, *shown) if shown else (),
        "Neither data nor code are named in this evidence: nobody can repeat it from this page.",
    )


def _of_data(found: Part) -> tuple[tuple[str, str], ...]:
    named_so = (
        ("Data", "title"),
        ("Set", "name"),
        ("Years", "years"),
        ("Licence", "licence"),
        ("To cite", "cite"),
        ("SHA-256", "digest"),
    )
    return tuple((says, str(found.get(key) or "")) for says, key in named_so)


def _of_run(found: Part) -> tuple[tuple[str, str], ...]:
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(part(found, "libraries").items()))
    known = "" if found.get("seed") is None else str(found["seed"])
    rows_of = ("When", moment(found.get("at"))), ("Code", str(found.get("code") or ""))
    return (*rows_of, ("Seed", known), ("Libraries", libraries))


def _facts(caption: str, found: tuple[tuple[str, str], ...]) -> Table:
    return Table(caption, ("What", ""), tuple(row for row in found if row[1]))
