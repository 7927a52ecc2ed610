"""The evidence report: every section of it, honest where a part is absent, and safe with any text."""

from __future__ import annotations

import json
import math
import os
import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.core.errors import UserError
from salus.delivery import evidence as report
from salus.delivery.evidence_words import natural, plain, rows
from tests.browser.ward_site import Page
from tests.evidence_made import evidence, of_a_range_score

KEYS = [
    *(
        "asks",
        "answer",
        "flow",
        "discrimination",
        "calibration",
        "decision",
        "threshold",
        "conformal",
        "groups",
    ),
    *("mitigation", "together", "stability", "reading", "examples", "ends", "limits", "tripod", "provenance"),
]
WHOLE = plain(evidence(800))
HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(1)>\"' {{ 7*7 }} \u202e\x1b[31m"


def section(page: str, key: str) -> str:
    """Return the text of one section, without its tags."""
    found = re.search(rf'<section[^>]* id="{key}".*?</section>', page, flags=re.S)
    assert found, key
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])))


@pytest.fixture(scope="module")
def page() -> str:
    return report.page(WHOLE)


def test_it_asks_in_the_order_of_those_who_read_it(page: str) -> None:
    assert re.findall(r'<section[^>]* id="(\w+)"', page) == KEYS


def test_the_answer_is_told_of_a_thousand_people(page: str) -> None:
    says, counts = section(page, "answer"), natural(WHOLE)
    assert counts is not None
    alerts = counts["true"] + counts["false"]
    assert f"it alerts for {alerts:,}: {counts['true']} of these alerts are right" in says
    assert f"misses {counts['missed']}." in says
    assert page.count('class="found"') == 2


def test_every_measure_stands_with_its_interval(page: str) -> None:
    found = WHOLE["auroc"]
    assert f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})" in section(
        page, "discrimination"
    )
    slope, ends = WHOLE["calibration"]["slope"], WHOLE["calibration"]["intervals"]["slope"]
    assert f"{slope:.2f} ({ends[0]:.2f} to {ends[1]:.2f})" in section(page, "calibration")
    assert "by chance, and" in section(page, "calibration")
    assert "One miss was taken to weigh as much as 9 false alarms." in section(page, "threshold")
    assert "an alert is worth its cost from 10 in 100 on" in section(page, "threshold")
    assert "the model adds something" in section(page, "together")
    assert "90 in 100, in each class" in section(page, "conformal")


def test_the_table_of_calibration_is_the_picture(page: str) -> None:
    picture = re.search(r'id="calibration".*?</section>', page, flags=re.S)
    assert picture is not None
    bands = WHOLE["calibration"]["table"]
    assert picture[0].count('class="whisker"') == len(bands)
    for band in bands:
        assert f"{band['predicted'] * 100:.1f} in 100" in picture[0]


def test_a_group_too_small_shows_no_number() -> None:
    small = {"by": "sex", "group": "nobody", "n": 9, "events": 2, "auroc": None, "observed_expected": None}
    page = report.page({**WHOLE, "groups": [*WHOLE["groups"], {**small, "note": "too few to judge"}]})
    row = re.search(r"<tr[^>]*><th[^>]*>nobody</th>.*?</tr>", page, flags=re.S)
    assert row is not None
    assert row[0].count("too few to judge") == 2
    assert "svg" not in row[0]
    few = sum(each["auroc"] is None for each in WHOLE["groups"]) + 1
    assert f"{few} group" in section(page, "groups")


def test_a_group_in_which_more_happens_is_named() -> None:
    ratio = {"value": 1.4, "low": 1.1, "high": 1.8}
    row = {"by": "payer", "group": "none", "n": 500, "events": 90, "auroc": WHOLE["auroc"]}
    says = section(report.page({"groups": [{**row, "observed_expected": ratio}]}), "groups")
    assert "none, 1.40 (1.10 to 1.80), more than it says" in says
    assert "1 in 20" in says


@pytest.mark.parametrize("key", sorted(WHOLE))
def test_without_any_one_part_the_page_is_whole(key: str) -> None:
    page = report.page({name: part for name, part in WHOLE.items() if name != key})
    assert re.findall(r'<section[^>]* id="(\w+)"', page) == KEYS


@pytest.mark.parametrize("key", sorted(set(KEYS) - {"asks", "tripod"}))
def test_an_empty_evidence_says_so_everywhere(key: str) -> None:
    page = report.page({})
    says = section(page, key)
    assert "svg" not in says
    assert re.search(r"\b(not|no|No|Neither|nobody)\b", says.split("?", 1)[1]), says
    assert not re.search(r"\d", re.sub("AUROC|1,000|20 in 100", "", says)), says


@pytest.mark.parametrize(
    "broken", [None, 3, "text", [], {}, [None, 3, "x"], {"value": None}, float("nan"), True]
)
@pytest.mark.parametrize("key", sorted(WHOLE))
def test_a_part_of_another_kind_breaks_nothing(key: str, broken: Any) -> None:
    made = {**WHOLE, key: broken}
    assert "</html>" in report.page(made)
    assert report.summary(made)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([-1e300, 1e-300]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(WHOLE)), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.data())
def test_no_number_breaks_a_page(data: st.DataObject) -> None:
    """Whatever stands where a number was: the page is whole, and says neither NaN nor infinity."""
    made = json.loads(json.dumps(WHOLE))
    for _ in range(data.draw(st.integers(1, 4))):
        node: Any = made
        while True:
            keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
            key = data.draw(st.sampled_from(keys))
            deeper = isinstance(node[key], dict | list) and len(node[key]) > 0
            if not deeper or data.draw(st.integers(0, 3)) == 0:
                node[key] = data.draw(ANY)
                break
            node = node[key]
    page = report.page(made)
    assert not re.search(r"[\">( ×](nan|inf|−inf|-inf)\b", page)
    assert re.findall(r'<section[^>]* id="(\w+)"', page) == KEYS


def test_no_text_becomes_markup() -> None:
    def spoilt(node: Any) -> Any:
        if isinstance(node, dict):
            return {key if key in known else HOSTILE: spoilt(part) for key, part in node.items()}
        if isinstance(node, list):
            return [spoilt(part) for part in node]
        return HOSTILE if isinstance(node, str) else node

    known = set(re.findall(r'"(\w+)":', json.dumps(WHOLE)))
    made = spoilt(plain(WHOLE))
    page = report.page(made)
    assert page.count("</style>") == 1
    assert "<script" not in page
    assert "<img" not in page
    assert "{{ 7*7 }}" in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert not [name for name in Page(page).inline if name.startswith("on")]


def test_the_page_stands_alone(page: str) -> None:
    assert not re.search(r'(src|href)="(?!#|data:,)', page)
    assert not re.search(r"url\(|@import|<script|<link rel=\"stylesheet", page)
    assert "default-src 'none'" in page


def test_what_links_point_at_is_there(page: str) -> None:
    for text in (page, report.page({}), report.page(of_a_range_score())):
        found = Page(text)
        assert len(found.ids) == len(set(found.ids))
        assert set(found.jumps) | set(found.pointed) <= set(found.ids)


def test_both_files_are_written_whole(tmp_path: Path) -> None:
    html, data = report.write(
        {**WHOLE, "auprc": {"value": math.nan, "low": -math.inf}}, tmp_path / "new" / "one"
    )
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")
    text = data.read_text(encoding="utf-8")
    told = json.loads(text, parse_constant=pytest.fail)
    assert list(told) == sorted(told)
    assert told["auprc"] == {"value": None, "low": None}
    assert {key: part for key, part in told.items() if key not in ("auprc", "tripod")} == {
        key: part for key, part in plain(WHOLE).items() if key != "auprc"
    }
    assert sorted(each.name for each in html.parent.iterdir()) == ["report.html", "report.json"]


def test_writing_twice_gives_the_same(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in report.write(WHOLE, tmp_path)]
    again = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [path.read_bytes() for path in report.write(again, tmp_path)][1] == first[1]
    assert [path.read_bytes() for path in report.write(WHOLE, tmp_path)] == first


def test_a_failed_writing_leaves_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    html, _ = report.write(WHOLE, tmp_path)
    before = html.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        report.write({}, tmp_path)
    assert html.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be written to .*file"):
        report.write(WHOLE, tmp_path / "file")


def test_numbers_of_other_libraries_are_plain() -> None:
    made = {
        "n": numpy.int64(3),
        "auroc": {"value": numpy.float64("nan")},
        "table": numpy.array([[1.0, numpy.inf]]),
    }
    assert plain(made) == {"n": 3, "auroc": {"value": None}, "table": [[1.0, None]]}


def test_the_summary_is_short_and_agrees_with_the_page(page: str) -> None:
    lines = report.summary(WHOLE)
    assert len(lines) <= 9
    assert max(map(len, lines)) <= 160
    counts = natural(WHOLE)
    assert counts is not None
    assert f"{counts['true']} right and {counts['false']} false; {counts['missed']} missed" in "\n".join(
        lines
    )
    assert len(report.summary({})) == 1


def test_a_range_score_is_judged_by_both_ends() -> None:
    page, made = report.page(of_a_range_score()), of_a_range_score()["ends"]
    says = section(page, "ends")
    for side in ("lower", "upper"):
        assert f"{made[side]['auroc']['value']:.3f}" in says
        assert f"{made[side]['threshold']['sensitivity']['value']:.3f}" in says
    assert "no learnt shapes" in section(page, "reading")


def test_points_are_no_risk() -> None:
    page, lines = report.page(of_a_range_score()), report.summary(of_a_range_score())
    assert "It alerts from a score of 5 on." in section(page, "threshold")
    assert any("Alert from a score of 5 on: of 1,000 people" in line for line in lines)
    assert "Its points say no risk" in section(page, "calibration")
    assert "Happened over said" not in section(page, "groups")


@pytest.mark.parametrize(("learnt", "judged", "says"), [
    ("ab", "ab", "the very people"),
    ("ab#set-a", "ab#set-a", "the very people"),
    ("ab", "ab#set-b", "Among these people"),
    ("ab#set-a", "ab", "Among these people"),
    ("ab#set-a", "ab#set-b", ""),
    ("ab", "cd", ""),
    ("", "", ""),
])  # fmt: skip
def test_who_learnt_from_those_it_is_judged_on_says_so_at_the_top(
    learnt: str, judged: str, says: str
) -> None:
    made = {**WHOLE, "on": {"digest": judged}, "made": {"data": {"digest": learnt}}}
    top = report.page(made).partition("<nav")[0]
    assert ("learnt from" in top) == bool(says)
    assert says in top
    assert any(says in line and "learnt from" in line for line in report.summary(made)) == bool(says)


def test_gaps_say_between_whom() -> None:
    says = section(report.page(evidence()), "groups")
    for gap in evidence()["gaps"]:
        ends = f"{gap['value']:.3f} ({gap['low']:.3f} to {gap['high']:.3f})".replace("-", "−")
        assert f"{gap['highest']} {gap['lowest']} {ends}" in says


def test_a_mitigation_stands_before_and_after() -> None:
    says = section(report.page(evidence()), "mitigation")
    for row in evidence()["mitigation"]:
        assert row["name"] in says
        assert f"{row['before']['gap']['value']:.3f}" in says
        assert f"{row['after']['gap']['value']:.3f}" in says
        for group in ("75 and over", "45 to under 75"):
            rate = row["after"][group]["true_positive_rate"]
            assert f"{rate['value']:.3f} ({rate['low']:.3f} to {rate['high']:.3f})" in says


def test_natural_frequencies_follow_from_shares_where_none_were_counted() -> None:
    made = {
        "n": 200,
        "events": 20,
        "threshold": {"sensitivity": {"value": 0.8}, "specificity": {"value": 0.9}},
    }
    assert natural(made) == {"of": 1000, "true": 80, "missed": 20, "false": 90}
    assert natural({**made, "events": None}) is None


def test_shapes_tell_of_each_step_and_of_what_was_not_measured(page: str) -> None:
    says = section(page, "reading")
    assert f"6 to under 9 ×{math.exp(0.5):.2f} 500" in says
    assert f"13 and over ×{math.exp(-0.45):.2f} 1,880" in says
    assert f"not measured ×{math.exp(0.05):.2f} 120" in says
    assert f"cardiac ×{math.exp(-0.6):.2f}" in says
    # A line from -0.1 at 10 to 0.2 at 80 lies on the steps: at 60 that is 0.4 and then 0.55 besides.
    line = -0.1 + 50 / 70 * 0.3
    assert f"60 to under 80 ×{math.exp(0.55 + line):.2f} to ×{math.exp(0.75):.2f}" in says


@pytest.mark.parametrize(("kind", "happened", "says"), [
    ("right", True, "Found"), ("right", False, "Rightly left alone"), ("wrong", True, "Missed"),
    ("wrong", False, "False alarm"),
])  # fmt: skip
def test_an_example_is_called_as_among_the_thousand(kind: str, happened: bool, says: str) -> None:
    made = {
        "kind": kind,
        "outcome": happened,
        "probability": 0.3,
        "reasons": [{"says": "age", "weight": 0.7}],
    }
    text = section(report.page({"examples": [made]}), "examples")
    assert f"{says} It said about 30 in 100." in text
    assert "odds ×2.0" in text


def test_hours_are_not_drawn_below_nothing() -> None:
    shape = {"feature": "since", "edges": [0.0, 5.0, 40.0], "scores": [0.0, 0.1, 0.2, 0.3]}
    ticks = re.findall(r'y="211" text-anchor="middle">([^<]*)<', report.page({"shapes": [shape]}))
    assert ticks[0] == "0"


def test_a_full_size_one_stays_small_enough_to_send() -> None:
    many = [{**one, "feature": f"{one['feature']} {place}"} for place in range(20) for one in WHOLE["shapes"]]
    groups = [{**row, "by": f"{row['by']} {place}"} for place in range(6) for row in rows(WHOLE, "groups")]
    page = report.page({**WHOLE, "shapes": many, "groups": groups})
    assert len(page.encode()) < 600_000
    assert page.count('<figure class="shown">') == 2 + 8
