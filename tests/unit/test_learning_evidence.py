"""Evidence: every part is what its measure says, everything is JSON, and nobody is left out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from salus.core.errors import EvidenceError, UserError
from salus.learning.calibrate import ece, expit, in_the_large, slope_and_intercept
from salus.learning.conformal import covered, quantiles
from salus.learning.decide import at_threshold
from salus.learning.evidence import beside_physician, evidence, of_risk, of_score
from salus.learning.intervals import auroc_told
from salus.learning.measure import event1, event2

CHANCE = np.random.default_rng(41)
N = 1_500
LOGIT = CHANCE.normal(-1.5, 1.3, N)
RISK = expit(LOGIT)
SEEN = CHANCE.random(N) < RISK
SEX = CHANCE.choice(["women", "men"], N)
ABSTAINED = CHANCE.random(N) < 0.02
CONFORMAL = quantiles(SEEN, RISK)


def _told(**changed) -> dict:
    asked = {"threshold": 0.2, "misses": 4.0, "groups": {"sex": SEX}, "quantiles": CONFORMAL,
             "abstained": ABSTAINED, "challenge": True, "draws": 100} | changed  # fmt: skip
    return evidence(SEEN, LOGIT, **asked)


TOLD = _told()


def test_it_is_plain_json():
    assert json.loads(json.dumps(TOLD, allow_nan=False)) == TOLD


def test_each_part_is_what_its_measure_says():
    assert (TOLD["n"], TOLD["events"]) == (N, SEEN.sum())
    assert TOLD["auroc"]["value"] == pytest.approx(roc_auc_score(SEEN, RISK))
    assert TOLD["auprc"]["value"] == pytest.approx(average_precision_score(SEEN, RISK))
    calibration = TOLD["calibration"]
    assert calibration["slope"] == pytest.approx(slope_and_intercept(SEEN, LOGIT)[0])
    assert calibration["intercept"] == pytest.approx(in_the_large(SEEN, LOGIT))
    assert calibration["ece"] == ece(SEEN, RISK)
    assert len(calibration["table"]) == 10
    assert TOLD["threshold"] == {**at_threshold(SEEN, RISK, 0.2), "misses": 4.0}
    assert TOLD["conformal"] == covered(CONFORMAL, SEEN, RISK)
    assert TOLD["event1"] == event1(SEEN, RISK, 0.2) and TOLD["event2"] == event2(SEEN, RISK)
    assert [row["group"] for row in TOLD["groups"]] == ["men", "women"]
    assert {row["measure"] for row in TOLD["gaps"]} == {"auroc", "observed_expected", "true_positive_rate"}
    assert len(TOLD["decision"]) == 99


def test_each_interval_holds_its_value():
    for name in ("auroc", "auprc", "brier"):
        assert TOLD[name]["low"] < TOLD[name]["value"] < TOLD[name]["high"]
    for name in ("slope", "intercept"):
        low, high = TOLD["calibration"]["intervals"][name]
        assert low < TOLD["calibration"][name] < high


def test_an_ece_that_is_small_by_luck_lies_in_its_interval():
    """Outcomes as even as they can be: ten risks, and of each as many with the outcome as it says."""
    risk = np.repeat(np.arange(1, 10) / 10, 100)
    seen = np.concatenate([np.arange(100) < 10 * tenth for tenth in range(1, 10)])
    calibration = of_risk(seen, risk, threshold=0.5, draws=100)["calibration"]
    low, high = calibration["intervals"]["ece"]
    assert low <= calibration["ece"] < 1e-9 < high


def test_who_was_abstained_from_counts_in_every_measure():
    without = _told(abstained=None)
    assert TOLD["abstained"] == ABSTAINED.sum() > 0 == without["abstained"]
    assert {**without, "abstained": TOLD["abstained"]} == TOLD


def test_the_same_seed_gives_the_same_evidence():
    assert _told() == TOLD
    assert _told(seed=2)["auroc"] != TOLD["auroc"]


def test_what_was_not_asked_for_is_not_there():
    told = _told(quantiles=None, challenge=False, groups=None)
    assert not {"conformal", "event1", "event2"} & set(told)
    assert (told["groups"], told["gaps"]) == ([], [])


def test_the_rate_of_a_group_may_be_taken_at_the_top_share():
    told = _told(share=0.2)
    assert told["flag"] == {"share": 0.2, "threshold": None, "flagged": N * 0.2}
    assert told["threshold"] == TOLD["threshold"]
    assert _told()["flag"] == {"share": None, "threshold": 0.2, "flagged": TOLD["threshold"]["flagged"]}


def test_probabilities_alone_give_the_same():
    told = of_risk(SEEN, RISK, threshold=0.2, draws=100)
    assert told["auroc"] == TOLD["auroc"]
    assert told["calibration"]["slope"] == pytest.approx(TOLD["calibration"]["slope"])


def test_a_probability_is_judged_as_it_was_said():
    """0.3 by way of its log-odds is 0.30000000000000004 or less; who said 0.3 stands at the threshold."""
    p = np.repeat([0.1, 0.3, 0.7], 40)
    told = of_risk(np.arange(120) % 3 == 0, p, threshold=0.3, draws=10)
    assert told["threshold"]["flagged"] == 80


@pytest.mark.parametrize(("logit", "says"), [
    (np.zeros(40), "All cases have the same risk"),
    (np.where(np.arange(40) < 20, 1.0, -1.0), "without a fault"),
], ids=["constant", "separated"])  # fmt: skip
def test_where_there_is_no_slope_the_note_says_why(logit: np.ndarray, says: str):
    told = evidence(np.arange(40) < 20, logit, threshold=0.5, draws=20)
    assert told["calibration"]["slope"] is None and says in told["calibration"]["note"]
    assert told["calibration"]["ece"] >= 0 and told["auroc"]["value"] in (0.5, 1.0)


def test_what_cannot_be_evidence_is_said():
    with pytest.raises(EvidenceError, match="none of these had it"):
        evidence(np.zeros(N, dtype=bool), LOGIT, threshold=0.2)
    with pytest.raises(EvidenceError, match="Case 1 has no log-odds"):
        evidence(SEEN, np.r_[np.nan, LOGIT[1:]], threshold=0.2)
    with pytest.raises(UserError, match="2 marks of abstention"):
        _told(abstained=[True, False])


def test_a_score_with_points_is_judged_on_its_own_scale():
    points = np.clip((LOGIT + 4).round(), 0, 7)
    told = of_score(SEEN, points, 5.0, draws=50)
    assert told["auroc"]["value"] == pytest.approx(roc_auc_score(SEEN, points))
    assert told["threshold"]["flagged"] == (points >= 5).sum() and told["threshold"]["value"] == 5.0


def test_the_physician_and_the_model_are_compared_on_the_same_people():
    own = np.where(np.arange(N) % 5 == 0, np.nan, LOGIT + CHANCE.normal(0, 2, N))
    both = own + LOGIT
    told = beside_physician(SEEN, LOGIT, own, both, draws=200)
    given = np.isfinite(own)
    assert told["physician"]["n"] == given.sum() and told["physician"]["events"] == SEEN[given].sum()
    assert told["physician"]["value"] == pytest.approx(roc_auc_score(SEEN[given], own[given]))
    assert told["together"]["value"] == pytest.approx(roc_auc_score(SEEN[given], both[given]))
    gained = told["together"]["value"] - told["physician"]["value"]
    assert told["difference"]["value"] == pytest.approx(gained)
    assert 0 < told["difference"]["low"] < gained < told["difference"]["high"]
    alone = auroc_told(SEEN[given], LOGIT[given], draws=200)
    assert told["model_alone"] == {**alone, "n": given.sum(), "events": SEEN[given].sum()}


def test_without_a_physician_s_estimate_there_is_no_comparison():
    with pytest.raises(EvidenceError, match="No case has a physician's estimate"):
        beside_physician(SEEN, LOGIT, np.full(N, np.nan), LOGIT)
