"""What a model answers whose groups have a calibration and a threshold of their own: of whom which holds."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from math import fsum
from typing import Any

import numpy as np
import pytest

from salus.core.codes import SEX
from salus.core.evidence import Absence, Event
from salus.core.insight import Abstention, Insight, Risk, Urgency
from salus.learning import apart, score
from salus.learning import artefact as artefacts
from salus.learning.artefact import Artefact
from salus.learning.learnt import Learnt
from tests.additive import GROUPS, any_document, any_values
from tests.learnt_views import LACTATE, PARTS, PULSE, asked, model, patient, stay, told
from tests.risk_views import SUBJECT, seen

HOURS = timedelta(hours=1)
CALM = seen(PULSE.codes[0], 80.0, "/min", before=10 * HOURS, name="pulse")
HIGH = seen(LACTATE.codes[0], 5.0, "mmol/L", before=9 * HOURS, name="lactate")
WHOLE = {"slope": 1.0, "intercept": 0.0}


def own(how: str = "both", **groups: Any) -> Learnt:
    """The model made by hand, its groups by sex told apart; of each its intercept and its threshold."""
    return model(calibration=WHOLE, apart=part(how, **groups))


def part(how: str = "both", **groups: Any) -> dict[str, Any]:
    listed = [
        {"group": name, "calibration": {"slope": 1.0, "intercept": shift}, "threshold": at, "how": "by hand"}
        for name, (shift, at) in groups.items()
    ]
    return {"by": "sex", "how": how, "chosen": "so that each is right", "groups": listed, "kept": ["other"]}


def value(insight: Insight) -> float:
    assert isinstance(insight.body, Risk)
    found = insight.body.outcomes[0].estimate.value
    assert found is not None
    return found


def logit(chance: float) -> float:
    return float(np.log(chance / (1 - chance)))


def test_a_persons_own_group_holds_and_it_is_said():
    case = (stay(), *patient(), CALM, HIGH)
    plain, moved = asked(*case), asked(*case, of=own(female=(0.7, 0.2)))
    assert logit(value(moved)) == pytest.approx(logit(value(plain)) + 0.7, abs=1e-9)
    (says,) = [one for one in moved.limits if "own group" in one]
    mine = "calibration and threshold of this person's own group (sex: female)"
    assert says == f"The {mine} is used, so that each is right."
    assert fsum(one.weight for one in moved.reasons) == pytest.approx(
        logit(value(moved)) - 0.7 + 2.0, abs=1e-9
    )


def test_of_a_group_that_has_nothing_of_its_own_the_whole_models_hold_and_it_is_said():
    case, of_women = (stay(), *patient(sex="male"), CALM, HIGH), own(female=(0.7, 0.2))
    assert asked(*case, of=of_women).body == asked(*case).body
    (says,) = [one for one in asked(*case, of=of_women).limits if "of all people is used" in one]
    assert "this person's group by sex (male) has none of its own" in says


def test_where_the_group_is_not_known_the_whole_models_hold_and_it_is_said():
    case = (stay(), patient()[0], CALM, HIGH)
    plain, moved = (_often_unknown(**more) for more in ({}, {"apart": part(female=(0.7, 0.2))}))
    found = asked(*case, of=moved)
    assert found.body == asked(*case, of=plain).body
    assert value(found) > 0
    assert any("this person's group by sex is not known" in one for one in found.limits)


def _often_unknown(**more: Any) -> Learnt:
    """The model, where the sex of 50 of those that it learnt from was not known."""
    document = told(calibration=WHOLE, **more)
    document["terms"][3]["counts"] = [50, 450, 500, 0]
    return model().with_artefact(artefacts.of(document).dumps())


def test_where_nothing_was_learnt_of_those_without_a_group_it_may_be_any():
    """Nearly everybody's sex was known in training: what its absence means was not learnt."""
    found = asked(stay(), patient()[0], CALM, HIGH, of=own(female=(0.7, 0.2)))
    of_women = value(asked(stay(), *patient(), CALM, HIGH, of=own(female=(0.7, 0.2))))
    estimate = _estimate(found)
    assert estimate.low < of_women <= estimate.high + 1e-12


def test_where_the_group_is_withheld_the_range_covers_every_groups_answer():
    born, _ = patient()
    hidden = (born, Event((SEX,), value=Absence.WITHHELD, source=SUBJECT))
    found = asked(stay(), *hidden, CALM, HIGH, of=own(female=(0.7, 0.2)))
    estimate = _estimate(found)
    for sex in ("female", "male"):
        said = value(asked(stay(), *patient(sex=sex), CALM, HIGH, of=own(female=(0.7, 0.2))))
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= said <= estimate.high
    assert any("cannot be seen" in one for one in found.limits)
    plain = _estimate(asked(stay(), *hidden, CALM, HIGH))
    assert (estimate.low, estimate.high > plain.high) == (plain.low, True)  # type: ignore[operator]


def _estimate(found: Insight) -> Any:
    return found.body.estimate if isinstance(found.body, Abstention) else found.body.outcomes[0].estimate  # type: ignore[union-attr]


def test_a_groups_own_threshold_decides_what_follows():
    case = (stay(), *patient(), CALM)
    plain = asked(*case)
    assert plain.urgency is Urgency.ROUTINE
    found = asked(*case, of=own("threshold", female=(0.0, 0.05)))
    assert (value(found), found.urgency) == (value(plain), Urgency.TODAY)
    assert isinstance(found.body, Risk)
    assert found.body.says.endswith(f". {PARTS.above}"), (
        "the card's table goes by the whole model's threshold"
    )


def _drawn(seed: int) -> Artefact:
    chance = random.Random(seed)
    while True:
        made = artefacts.of(any_document(chance))
        if made.apart is not None and made.terms:
            return made


@pytest.mark.parametrize("seed", range(40))
def test_a_table_says_of_each_what_a_single_case_is_told(seed: int):
    """And what each term adds still adds up to the logit, whoever is asked about."""
    made, chance = _drawn(seed), random.Random(seed + 1000)
    rows = [any_values(chance, made) for _ in range(30)]
    groups = [chance.choice((None, "never listed", *GROUPS)) for _ in rows]
    frame = {one.name: _column([row[one.name] for row in rows]) for one in made.inputs}
    risk, logits, limits = apart.table(made, frame, groups)
    for at, (row, group) in enumerate(zip(rows, groups, strict=True)):
        single = apart.of_group(made, group)
        found = score.score(single, row)
        assert found.logit == pytest.approx(logits[at], rel=1e-12, abs=1e-9)
        assert found.probability == pytest.approx(risk[at], abs=1e-9)
        assert found.base + fsum(one for _, one in found.contributions) == pytest.approx(
            found.logit, abs=1e-9
        )
        assert single.threshold == limits[at]
        low, high = apart.spans(made, row, {"sex"})
        assert low - 1e-12 <= found.probability <= high + 1e-12


def _column(values: list[Any]) -> Any:
    if any(isinstance(one, str) for one in values):
        return values
    return [float("nan") if one is None else one for one in values]


@pytest.mark.parametrize("seed", range(10))
def test_without_the_part_it_is_the_file_that_it_was(seed: int):
    made = replace(_drawn(seed), apart=None)
    assert b'"apart"' not in made.dumps()
    assert apart.of_group(made, "female") is made
    assert apart.variants(made) == (made,)
