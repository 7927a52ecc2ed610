"""Fairness: equal to fairlearn's counts, with intervals, and silent where there is too little to judge."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, true_positive_rate
from sklearn.metrics import roc_auc_score

from salus.core.errors import UserError
from salus.learning.fair import (
    AUROC,
    RATE,
    RATIO,
    TOO_FEW,
    UNKNOWN,
    by_group,
    gap,
    gaps,
    in_order,
    judged,
    met,
    named,
    top_share,
)
from salus.learning.intervals import auroc_told, observed_expected, share_told

CHANCE = np.random.default_rng(21)
N = 4_000
RISK = CHANCE.beta(1, 3, N)
SEX = np.array(["women", "men"], dtype=object)[CHANCE.integers(2, size=N)]
AGE = np.array(["75 and over", "45 to under 75", "under 45", None], dtype=object)[
    CHANCE.choice(4, N, p=[0.3, 0.5, 0.15, 0.05])
]
SEEN = CHANCE.random(N) < np.where(SEX == "men", RISK, RISK**2)
GROUPS = {"sex": SEX, "age": AGE}
CASES = judged(SEEN, RISK, top_share(RISK, 0.2))


def test_the_true_positive_rates_are_those_of_fairlearn():
    frame = MetricFrame(
        metrics=true_positive_rate, y_true=SEEN, y_pred=CASES.flags, sensitive_features=SEX.astype(str)
    )
    rows = by_group(CASES, {"sex": SEX}, draws=20)
    assert {row["group"]: row[RATE]["value"] for row in rows} == pytest.approx(dict(frame.by_group))
    made = gap(CASES, named(SEX, N))
    assert made is not None and made.value == pytest.approx(frame.difference())


def test_where_two_ways_to_tell_people_apart_meet_it_is_fairlearn_s_too():
    known = np.array([one is not None for one in AGE])
    frame = MetricFrame(
        metrics=roc_auc_score, y_true=SEEN[known], y_pred=RISK[known],
        sensitive_features=[f"{one}, {other}" for one, other in zip(SEX[known], AGE[known], strict=True)],
    )  # fmt: skip
    rows = [row for row in by_group(CASES, GROUPS, draws=20) if row["by"] == "sex and age"]
    found = {row["group"]: row[AUROC]["value"] for row in rows if row[AUROC] and row["group"] != UNKNOWN}
    assert len(found) >= 5
    for name, value in found.items():
        assert value == pytest.approx(frame.by_group[name])


def test_each_row_is_what_the_group_alone_would_give():
    (row,) = [row for row in by_group(CASES, {"sex": SEX}) if row["group"] == "women"]
    women = SEX == "women"
    assert (row["n"], row["events"]) == (women.sum(), SEEN[women].sum())
    assert row[RATIO] == pytest.approx(observed_expected(SEEN[women], RISK[women]))
    assert row[RATE] == pytest.approx(share_told(CASES.flags[women & SEEN]))
    alone = auroc_told(SEEN[women], RISK[women])
    assert row[AUROC]["value"] == alone["value"]
    assert (row[AUROC]["low"], row[AUROC]["high"]) == pytest.approx((alone["low"], alone["high"]), abs=0.005)
    assert row["note"] == ""


def test_every_case_is_in_one_row_of_each_kind():
    rows = by_group(CASES, GROUPS, draws=5)
    assert [row["by"] for row in rows] == sorted(
        (row["by"] for row in rows), key=["sex", "age", "sex and age"].index
    )
    for by in ("sex", "age", "sex and age"):
        mine = [row for row in rows if row["by"] == by]
        assert sum(row["n"] for row in mine) == N
        assert sum(row["events"] for row in mine) == SEEN.sum()


def _sized(events: int, without: int) -> dict:
    y = np.r_[SEEN[:0], np.repeat([True, False, True, False], [events, without, 300, 900])]
    names = np.repeat(["few", "many"], [events + without, 1_200])
    risk = np.random.default_rng(1).random(len(y))
    rows = by_group(judged(y, risk, risk > 0.8), {"site": names}, draws=50)
    return next(row for row in rows if row["group"] == "few")


@pytest.mark.parametrize(("events", "without"), [(24, 500), (500, 24), (0, 50), (50, 0), (0, 1)])
def test_a_group_that_is_too_small_has_no_number(events: int, without: int):
    row = _sized(events, without)
    assert (row["n"], row["events"], row["note"]) == (events + without, events, TOO_FEW)
    assert (row[AUROC], row[RATIO], row[RATE]) == (None, None, None)


def test_a_rate_needs_a_hundred_events():
    below, enough = _sized(99, 500), _sized(100, 500)
    assert below[RATE] is None and below[AUROC] and "fewer than 100 events" in below["note"]
    assert enough[RATE] and enough["note"] == ""


def test_groups_are_listed_as_people_would():
    names = ["75 and over", "under 5", "5 to under 75", UNKNOWN, "under 5"]
    assert in_order(names) == ["under 5", "5 to under 75", "75 and over", UNKNOWN]
    assert in_order(["women", "men", UNKNOWN, "a"]) == ["a", "men", "women", UNKNOWN]


def test_groups_that_meet():
    assert met(np.array(["a", UNKNOWN]), np.array(["b", "b"])).tolist() == ["a, b", UNKNOWN]


def test_only_the_pairs_that_are_asked_for_meet():
    assert {row["by"] for row in by_group(CASES, GROUPS, (), draws=5)} == {"sex", "age"}


def test_a_gap_says_between_whom_and_holds_itself():
    told = {(row["by"], row["measure"]): row for row in gaps(CASES, GROUPS)}
    row = told["sex", RATIO]
    assert (row["highest"], row["lowest"]) == ("men", "women")
    assert 0 < row["low"] < row["value"] < row["high"]
    assert told["sex", RATE]["value"] > 0 and ("age", AUROC) in told


def test_a_gap_needs_two_groups_that_can_be_judged():
    names = np.array(["all"] * (N - 30) + ["few"] * 30, dtype=object)
    assert gap(CASES, names) is None
    assert gaps(CASES, {"site": names}) == []
    with pytest.raises(UserError, match="one of true_positive_rate"):
        gap(CASES, names, "accuracy")


def test_the_top_share_is_flagged_and_whoever_is_level_with_it():
    assert top_share(np.arange(10.0), 0.2).tolist() == [False] * 8 + [True] * 2
    assert top_share(np.array([1.0, 2.0, 2.0, 2.0, 3.0]), 0.4).tolist() == [False, True, True, True, True]
    assert top_share(np.arange(3.0), 0.01).sum() == 1
    with pytest.raises(UserError, match="share that is flagged"):
        top_share(np.arange(3.0), 0.0)


def test_lengths_that_do_not_fit_are_said():
    with pytest.raises(UserError, match="3 flags for 4000 cases"):
        judged(SEEN, RISK, [True] * 3)
    with pytest.raises(UserError, match="1 groups for 4000 cases"):
        by_group(CASES, {"sex": ["men"]})


def test_people_who_come_again_are_drawn_together():
    twice = judged(*(np.repeat(each, 2) for each in (SEEN, RISK, CASES.flags, np.arange(N))))
    rows = by_group(twice, {"sex": np.repeat(SEX, 2)})
    for row, once in zip(rows, by_group(CASES, {"sex": SEX}), strict=True):
        for measure in (AUROC, RATIO, RATE):
            assert row[measure] == pytest.approx(once[measure], abs=1e-9)


def test_a_group_whose_risks_are_all_nothing_has_no_ratio():
    names = np.where(np.arange(N) < 1_000, "none", "some").astype(object)
    cases = judged(SEEN, np.where(names == "none", 0.0, RISK), CASES.flags)
    rows = {row["group"]: row for row in by_group(cases, {"site": names}, draws=20)}
    assert rows["none"][RATIO] is None and rows["none"][AUROC]["value"] == 0.5
    assert gap(cases, names, RATIO) is None
