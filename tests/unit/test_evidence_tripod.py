"""TRIPOD+AI in the evidence report: the statement's 27 items in 52 parts, each answered or not, and why."""

from __future__ import annotations

import json
import re
from pathlib import Path

from salus.delivery import evidence as report
from salus.delivery import evidence_items as items
from salus.delivery.evidence_words import plain
from tests.evidence_made import evidence, of_a_range_score
from tests.unit.test_evidence_report import KEYS, section

WHOLE = plain(evidence(800))


def test_every_item_is_there_once_and_in_order() -> None:
    named = [row["item"] for row in items.statement()["items"]]
    numbers = [int(re.match(r"\d+", item)[0]) for item in named]  # type: ignore[index]
    assert (len(named), len(set(named)), sorted(set(numbers))) == (52, 52, list(range(1, 28)))
    assert numbers == sorted(numbers)
    kinds = [row["kind"] for row in items.statement()["items"]]
    assert (kinds.count("D"), kinds.count("E"), kinds.count("D;E")) == (8, 4, 40)


def test_each_leads_to_a_section_that_holds_something_or_says_why_not() -> None:
    for made in (WHOLE, of_a_range_score(), {}):
        page = report.page(made)
        for row in re.findall(r'id="tripod".*?</section>', page, flags=re.S)[0].split("<tr role")[2:]:
            jump = re.search(r'href="#(\w+)"', row)
            assert jump or re.search(r"not answered here|does not apply", row), row
            if jump:
                held = re.search(rf'<section class="card( quiet)?" id="{jump[1]}"', page)
                assert held is not None
                assert held[1] is None, jump[1]
            assert len(re.sub(r"<[^>]+>", "", row.rsplit("<td", 1)[1])) > 20


def test_what_a_site_says_goes_first() -> None:
    own = [{"item": "18a", "section": "", "says": "Paid by the hospital itself.", "where": ""}]
    says = section(report.page({**WHOLE, "tripod": own}), "tripod")
    assert "Paid by the hospital itself." in says


def test_the_json_tells_where_each_is_answered(tmp_path: Path) -> None:
    _, data = report.write(WHOLE, tmp_path)
    told = {row["item"]: row for row in json.loads(data.read_text(encoding="utf-8"))["tripod"]}
    assert len(told) == 52
    assert told["14"]["section"] == "groups"
    assert told["18a"]["how"] == items.NOT_HERE
    assert {row["section"] for row in told.values()} <= {*KEYS, ""}


def test_what_is_for_developing_does_not_apply_to_a_guideline() -> None:
    rows_of = items.answered(of_a_range_score(), set(KEYS))
    assert {row["how"] for row in rows_of if row["kind"] == "D"} == {items.DOES_NOT_APPLY}
