"""Serving equals training: what a CDS Hooks prefetch says of a stay is what the set's own columns say.

A make soak takes a thousand stays; every other run a share of them, of both sets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from math import isnan
from pathlib import Path
from random import Random

import polars as pl
import pytest

from salus import spine
from salus.cli import main
from salus.core.consent import DIRECT_CARE, TRAINING, Actor
from salus.core.evidence import Timeline
from salus.core.insight import Abstention, Insight, Risk
from salus.learning import score
from salus.learning.artefact import Artefact
from salus.learning.features import Level, Vector, measured
from salus.learning.task import Case
from salus.privacy.gate import open_view
from salus.record import fhir_pack
from salus.record.population import Population, timelines
from salus.record.sources import physionet2012
from salus.risk.icu_mortality import MODEL, TASK
from salus.spine.bring import bring
from salus.spine.cases import Cases, gather
from salus.spine.share import Wanted, share_set
from tests.conftest import IN_SOAK
from tests.stays import STAY, folder

MANY = 500 if IN_SOAK else 25
ACTOR = Actor("tester")
MASKED = b'"dataAbsentReason":{"coding":[{"code":"masked"}]}'


@pytest.fixture(scope="module")
def found(data_set: Callable[[str], Path]) -> Population:
    """Return stays of both sets: the first of each."""
    whole = physionet2012.population(data_set("physionet2012"))
    mine = whole.subjects.group_by("site", maintain_order=True).head(MANY)
    events = whole.events.filter(pl.col("subject").is_in(mine["subject"].to_list()))
    return replace(whole, events=events, subjects=mine)


def gathered(found: Population) -> Cases:
    return gather(TASK, found, actor=ACTOR, purpose=TRAINING, basis=found.licence)


def only_case(timeline: Timeline) -> Case:
    (case,) = TASK.cases(timeline)
    assert isinstance(case, Case)
    return case


def served(raw: bytes, subject: str) -> tuple[Case, Vector]:
    """Return the case and the features of a prefetch, as a model is given them at the door."""
    timeline, account = bring(raw, subject, "prefetch")
    assert not account.rejected
    case = only_case(timeline)
    view = open_view(timeline, ACTOR, DIRECT_CARE, case.moment)
    return case, measured(view.timeline, case.start, case.moment, TASK.parameters, TASK.features)


def prefetch(timeline: Timeline, with_outcome: bool = False) -> bytes:
    return fhir_pack.prefetch(fhir_pack.made(timeline, with_outcome=with_outcome))


# Features are rounded to nine decimals: where two sums differ in their last bit, a digit may fall either way,
# and so may that of what is made of two such features.
NEAR = 2.5e-9


def differing(one: Mapping[str, Level], other: Mapping[str, Level]) -> list[str]:
    """Return the names of the features that differ, or are missing in one alone."""
    return [name for name in one if not _same(one[name], other[name])]


def _same(one: Level, other: Level) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return isnan(one) == isnan(other) and not abs(one - other) > NEAR
    return one == other


def test_a_stay_sent_as_a_prefetch_has_the_features_it_was_learnt_from(found: Population) -> None:
    cases = gathered(found)
    rows = dict(zip((case.subject for case in cases.asked), cases.values.iter_rows(named=True), strict=True))
    assert len(rows) == 2 * MANY
    for timeline in timelines(found):
        case, vector = served(prefetch(timeline), timeline.subject)
        own = only_case(timeline)
        assert (case.id, case.start, case.moment) == (own.id, own.start, own.moment)
        source = measured(timeline, own.start, own.moment, TASK.parameters, TASK.features)
        assert repr(vector.values) == repr(source.values)
        assert differing(vector.values, rows[timeline.subject]) == []
        assert vector.hidden == frozenset()


def test_how_it_ended_changes_no_feature(found: Population) -> None:
    for timeline in islice(timelines(found), 10):
        without, told = (served(prefetch(timeline, how), timeline.subject) for how in (False, True))
        assert (without[0].outcome, told[0].outcome) == (None, only_case(timeline).outcome)
        assert repr(without[1].values) == repr(told[1].values)


@pytest.mark.parametrize("absent", ["masked", "unknown", "error", "not-permitted"])
def test_what_was_withheld_not_sent_or_cannot_be_read_is_never_not_measured(
    found: Population, absent: str
) -> None:
    timeline = next(iter(timelines(found)))
    whole, hidden = served(prefetch(timeline), timeline.subject)[1], set()
    parts = fhir_pack.made(timeline, with_outcome=False)
    for code, name in (("8867-4", "heart rate"), ("2160-0", "creatinine")):
        masked = [_masked(one, code, absent) for one in parts]
        assert masked != parts
        _, vector = served(fhir_pack.prefetch(masked), timeline.subject)
        assert vector.hidden == {name}
        hidden |= vector.hidden
    assert whole.hidden == frozenset()
    assert hidden == {"heart rate", "creatinine"}


def _masked(one: fhir_pack.Packed, code: str, absent: str) -> fhir_pack.Packed:
    kind, raw = one
    if f'"code":"{code}"'.encode() not in raw:
        return one
    before = raw[: raw.index(b'"valueQuantity"')]
    return kind, before + MASKED.replace(b"masked", absent.encode()) + b"}"


def test_an_entry_that_cannot_be_decoded_is_hidden_too(found: Population) -> None:
    timeline = next(iter(timelines(found)))
    parts = fhir_pack.made(timeline, with_outcome=False)
    at = next(at for at, (_, raw) in enumerate(parts) if b'"2160-0"' in raw)
    kind, raw = parts[at]
    parts[at] = (kind, raw.replace(b'"effectiveDateTime":"2000', b'"effectiveDateTime":"soon 2000'))
    said, account = bring(fhir_pack.prefetch(parts), timeline.subject, "prefetch")
    assert len(account.rejected) == 1
    case = only_case(said)
    vector = measured(said, case.start, case.moment, TASK.parameters, TASK.features)
    assert vector.hidden == {"creatinine"}


def test_shuffled_and_changed_outcomes_give_the_same_features(tmp_path: Path) -> None:
    """Nothing of the outcome files reaches a feature, whatever they say or lack."""
    stays = [line.replace("{}", str(key)) for key in range(2, 12) for line in STAY]
    rows = [*stays, *(f"{key},{key:02}:30,BUN,{key * 7}" for key in range(2, 12))]
    keys, random = range(1, 12), Random(7)
    outcomes = [f"{key},{key},{key},{key + 2},{key * 10},{key % 2}" for key in keys]
    died = [line.rsplit(",", 1)[1] for line in outcomes]
    random.shuffle(died)
    shuffled = [f"{line.rsplit(',', 1)[0]},{how}" for line, how in zip(outcomes, died, strict=True)]
    other = [f"{key},99,24,{60 - key},-1,{how}" for key, how in zip(keys, died, strict=True)]
    first = gathered(physionet2012.population(folder(tmp_path / "0", rows, outcomes)))
    for number, changed in enumerate((shuffled, other), 1):
        found = gathered(physionet2012.population(folder(tmp_path / str(number), rows, changed)))
        assert found.values.equals(first.values, null_equal=True)
        assert [case.id for case in found.asked] == [case.id for case in first.asked]
        told = {case.id: case.outcome for case in found.asked}
        assert told == {str(key): how == "1" for key, how in zip(keys, died, strict=True)}
        assert found.outcomes != first.outcomes
    assert first.values["urea nitrogen, mean"].n_unique() > 5


def test_what_is_dated_after_the_moment_changes_no_feature(tmp_path: Path) -> None:
    late = [f"1,{hours}:00,HR,{hours}" for hours in (49, 72, 500)] + ["1,48:01,Urine,999"]
    one = gathered(physionet2012.population(folder(tmp_path / "0")))
    other = gathered(physionet2012.population(folder(tmp_path / "1", late)))
    assert other.values.equals(one.values, null_equal=True)


def test_the_order_of_the_rows_changes_no_feature(tmp_path: Path) -> None:
    rows = [f"1,{at // 3:02}:10,HR,{60 + at * 7 % 31}.{at}" for at in range(60)]
    mixed = rows[:]
    Random(3).shuffle(mixed)
    one, other = (
        gathered(physionet2012.population(folder(tmp_path / str(at), every)))
        for at, every in enumerate((rows, mixed))
    )
    assert other.values.equals(one.values, null_equal=True)


def test_who_else_is_in_the_set_changes_no_feature(found: Population) -> None:
    """Neither the number of a set's stays nor their neighbours inform a stay."""
    few = found.subjects.head(5)
    mine = found.events.filter(pl.col("subject").is_in(few["subject"].to_list()))
    alone = replace(found, subjects=few, events=mine)
    assert gathered(alone).values.equals(gathered(found).values.head(5), null_equal=True)


def estimate(insight: Insight) -> float | None:
    assert isinstance(insight.body, Risk | Abstention)
    if isinstance(insight.body, Abstention):
        return None if insight.body.estimate is None else insight.body.estimate.value
    return insight.body.outcomes[0].estimate.value


def test_a_stay_that_is_sent_has_the_probability_that_testing_gives_it(
    found: Population, tmp_path: Path
) -> None:
    """Through the spine, as a CDS Hooks call goes; who is unlike those it learnt from has no number there."""
    cases, learnt = gathered(found), MODEL.artefact()
    assert isinstance(learnt, Artefact)
    expected = dict(
        zip((case.subject for case in cases.asked), score.table(learnt, cases.values)[0], strict=True)
    )
    site, answered = spine.open_site(tmp_path), 0
    for timeline in timelines(found):
        came, _ = bring(prefetch(timeline), timeline.subject, "prefetch")
        (insight,) = spine.consult(
            site, actor=ACTOR, evidence=came, asks=["icu-mortality"], as_of=datetime(2000, 1, 3, tzinfo=UTC),
            live_only=False,
        )  # fmt: skip
        value = estimate(insight)
        answered += value is not None
        assert value is None or abs(value - expected[timeline.subject]) <= 1e-9
    site.close()
    assert answered > MANY


def test_a_stay_handed_on_and_read_into_an_archive_has_it_too(
    found: Population, data_set: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, learnt = gathered(found), MODEL.artefact()
    assert isinstance(learnt, Artefact)
    wanted = Wanted(tmp_path / "nd", cases=(cases.asked[0].id,))
    share_set(data_set("physionet2012"), wanted, actor=ACTOR)
    archive = str(tmp_path / "site")
    assert main(["read", str(tmp_path / "nd"), "--archive", archive]) == 0
    capsys.readouterr()
    about = ["--about", cases.asked[0].id, "--as-of", "2000-01-03T00:00:00Z"]
    assert main(["ask", "icu-mortality", *about, "--archive", archive, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    value = told["body"]["outcomes"][0]["estimate"]["value"]
    assert abs(value - score.table(learnt, cases.values)[0][0]) <= 1e-9
