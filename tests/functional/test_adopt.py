"""A site lets a model answer by what it trained itself: who decided, what answers, and what ends by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.cli import main
from salus.core.consent import Actor
from salus.core.errors import RefusedError, UserError
from salus.delivery.web.pages import models as models_page
from salus.spine.adopt import adopt, restore
from salus.spine.adopted import here
from salus.spine.models import statuses
from salus.spine.site import Site, open_site
from salus.store.ledger import verify
from tests import doors
from tests.conftest import ROOT
from tests.onsets import exported, written
from tests.store_fixtures import change, url_fixture  # noqa: F401

WHO = {"by": "Dr Adopt", "because": "board 2026-31"}
NAME, ASKER = "cvd-onset", Actor("Practitioner/7")
PEOPLE = (("1", 1950, 162.0), ("2", 1985, 118.0))


@pytest.fixture
def site(tmp_path: Path, url: str) -> Iterator[Site]:
    """A practice with two patients, its state in SQLite and in PostgreSQL."""
    opened = open_site(tmp_path / "site", url)
    spine.read(opened, str(exported(tmp_path / "export", PEOPLE)), actor=ASKER)
    yield opened
    opened.close()


def ask(site: Site, subject: str = "Patient/1") -> Any:
    (insight,) = spine.consult(site, actor=ASKER, subject=subject, asks=[NAME], live_only=False)
    return insight


def risk(insight: Any) -> float:
    return float(insight.body.outcomes[0].estimate.value)


def test_a_model_answers_by_what_was_adopted_and_by_what_ships_again(site: Site, tmp_path: Path) -> None:
    before = ask(site)
    assert (before.body.kind, before.body.why) == ("abstention", "not-available")
    told = adopt(site, str(written(tmp_path / "artefact.json")), **WHO)
    digest = sha256((tmp_path / "artefact.json").read_bytes()).hexdigest()
    assert (told.artefact, told.status) == (digest, "validated")
    first = ask(site)
    assert first.model.version == f"1.0.0+{digest[:8]}", "a person tells it from the one that ships"
    adopt(site, str(written(tmp_path / "artefact.json", intercept=0.5)), **WHO)
    assert risk(ask(site)) > risk(first)
    assert restore(site, NAME, **WHO).artefact == ""
    assert ask(site).body == before.body
    assert site.store.artefact(digest) is not None, "what once answered is kept"
    entries = [entry.did for entry in site.store.entries()]
    assert entries.count("adopt") == 3
    assert verify(site.store.entries()).intact
    assert list(site.store.check_records()) == []


def test_the_ledger_names_what_was_adopted_and_who_answers_for_it(site: Site, tmp_path: Path) -> None:
    told = adopt(site, str(written(tmp_path / "artefact.json")), **WHO)
    entry, kept = site.store.newest("adopt") or (None, {})
    assert entry is not None and entry.who == "Dr Adopt"
    assert kept == {
        "model": NAME, "artefact": told.artefact, "version": "1.0.0", "data": "A practice",
        "data_digest": "0" * 64, "n": 1000, "events": 130,
        "auroc": {"value": 0.75, "low": 0.7, "high": 0.8}, **WHO,
    }  # fmt: skip
    assert "A practice (1,000 cases); adopted by Dr Adopt" in told.adopted


def test_adopting_ends_an_approval_until_somebody_approves_again(site: Site, tmp_path: Path) -> None:
    spine.approve(site, NAME, by="Dr B", because="read whole")
    shipped = statuses(site)[NAME]
    adopt(site, str(written(tmp_path / "artefact.json")), **WHO)
    ended = statuses(site)[NAME]
    assert (ended.status, ended.by) == ("validated", "")
    assert "before what it answers by was chosen anew" in ended.note
    assert ended.digest != shipped.digest, "an approval is of the artefact too"
    assert spine.consult(site, actor=ASKER, subject="Patient/1") == []
    assert spine.approve(site, NAME, by="Dr B", because="read its evidence").status == "live"
    (insight,) = spine.consult(site, actor=ASKER, subject="Patient/1")
    assert insight.judged
    restore(site, NAME, **WHO)
    assert statuses(site)[NAME].status == "validated", "going back is a choice that nobody approved either"
    assert statuses(site)[NAME].digest == shipped.digest


def test_the_ward_and_the_pages_show_what_was_adopted(site: Site, tmp_path: Path) -> None:
    adopt(site, str(written(tmp_path / "artefact.json")), **WHO)
    spine.approve(site, NAME, by="Dr B", because="read its evidence")
    (row,) = [row for row in spine.ward(site, actor=ASKER) if row.subject == "Patient/1"]
    first = risk(row.insights[0])
    page = models_page.one(site, NAME)
    assert page["card"].version == row.insights[0].model.version
    assert any("A practice" in source for source in page["card"].sources)
    adopt(site, str(written(tmp_path / "artefact.json", intercept=0.5)), **WHO)
    assert spine.ward(site, actor=ASKER)[0].insights == ()
    spine.approve(site, NAME, by="Dr B", because="read its evidence")
    (row,) = [row for row in spine.ward(site, actor=ASKER) if row.subject == "Patient/1"]
    assert risk(row.insights[0]) > first


def test_another_process_hears_of_it_at_once(site: Site, url: str, tmp_path: Path) -> None:
    """A server that runs does not go on answering by what was taken back."""
    file = str(written(tmp_path / "artefact.json"))
    adopt(site, file, **WHO)
    spine.approve(site, NAME, by="Dr B", because="read its evidence")
    assert len(spine.ward(site, actor=ASKER)[0].insights) == 1
    other = open_site(tmp_path / "site", url)
    adopt(other, str(written(tmp_path / "artefact.json", intercept=0.5)), **WHO)
    assert spine.ward(site, actor=ASKER)[0].insights == ()
    spine.approve(other, NAME, by="Dr B", because="read its evidence")
    (now,) = spine.ward(site, actor=ASKER)[0].insights
    assert now.model.version == here(other)[NAME].model.card.version
    other.close()


DAMAGE = {
    "a byte": "UPDATE artefact SET document = '{}'",
    "gone": "DELETE FROM artefact",
    "another entry": "UPDATE opening SET content = '{\"model\":\"cvd-onset\"}' WHERE kind = 'adopt'",
}


@pytest.mark.parametrize("how", DAMAGE)
def test_bytes_without_their_hash_answer_nothing(site: Site, url: str, tmp_path: Path, how: str) -> None:
    file = str(written(tmp_path / "artefact.json"))
    adopt(site, file, **WHO)
    spine.approve(site, NAME, by="Dr B", because="read its evidence")
    change(site.store, DAMAGE[how])
    again = open_site(tmp_path / "site", url)
    insight = ask(again)
    assert (insight.body.kind, insight.body.why) == ("abstention", "not-available")
    assert "adopted here" in insight.body.says
    if how != "another entry":
        (failed,) = spine.consult(again, actor=ASKER, subject="Patient/1")
        assert failed.failed, "a live model that fails is shown to have failed, and not left out"
        assert "salus audit verify" in failed.body.says
    verdict = spine.verify(again)
    assert not verdict.intact
    named = statuses(site)[NAME].artefact[:8] if how != "another entry" else "entry"
    assert any(named in problem for problem in verdict.problems)
    with pytest.raises(RefusedError, match="cannot be approved"):
        spine.approve(again, NAME, by="Dr B", because="as it is")
    adopt(again, file, **WHO)
    assert ask(again).judged, "the same file mends it"
    if how != "another entry":
        assert spine.verify(again).intact
    again.close()


def test_a_choice_that_nobody_made_answers_nothing(site: Site, tmp_path: Path) -> None:
    """Somebody who holds the store points the newest choice at an artefact of before, which is whole."""
    first = adopt(site, str(written(tmp_path / "artefact.json")), **WHO).artefact
    second = adopt(site, str(written(tmp_path / "artefact.json", intercept=0.5)), **WHO).artefact
    newest = "(SELECT MAX(seq) FROM opening WHERE kind = 'adopt')"
    pointed = f"REPLACE(content, '{second}', '{first}')"
    change(site.store, f"UPDATE opening SET content = {pointed} WHERE seq = {newest}")
    insight = ask(site)
    assert (insight.body.kind, insight.body.why) == ("abstention", "not-available")
    assert not spine.verify(site).intact


def test_what_the_task_no_longer_knows_answers_nothing(site: Site) -> None:
    """As where an update of Salus defines a feature otherwise than the artefact learnt it."""
    raw = (ROOT / "salus/risk/artefacts/icu_mortality.json").read_bytes()
    with site.store.begin() as tx:
        digest = tx.put_artefact(raw)
        tx.append(site.now(), "Dr Adopt", "adopt", {"model": NAME, "artefact": digest, "version": "1.0.0"})
    insight = ask(site)
    assert (insight.body.kind, insight.body.why) == ("abstention", "not-available")
    assert "it answers 'icu-mortality'" in insight.body.says
    assert insight.model.version == f"1.0.0+{digest[:8]}"


def test_the_pages_say_who_adopted_what_and_show_its_answer(site: Site, tmp_path: Path) -> None:
    adopt(site, str(written(tmp_path / "artefact.json")), **WHO)
    spine.approve(site, NAME, by="Dr B", because="read its evidence")
    version = here(site)[NAME].model.card.version
    with doors.served(site) as client:
        one, every, audit = (client.get(path).text for path in ("/models/cvd-onset", "/models", "/audit"))
        patient = client.get(f"/patients/{site.archive.number('Patient/1')}").text
        ward = client.get("/ward").text
    for page in (one, every):
        assert "learnt from A practice (1,000 cases); adopted by Dr Adopt" in page
        assert version in page
    assert "chose what a model answers by" in audit
    assert "talk about prevention" in patient.lower()
    assert "Learnt from A practice" in patient
    assert "Measured on A practice" in patient
    assert "Measured elsewhere" not in patient
    assert "Talk about prevention" in ward, "what follows stands on the card of what answers here"


def test_an_artefact_that_was_slipped_in_is_found(site: Site) -> None:
    change(site.store, f"INSERT INTO artefact VALUES ('{'a' * 64}', '{{}}')")
    assert any("slipped in" in problem for problem in spine.verify(site).problems)


def test_what_answers_is_read_once(site: Site, tmp_path: Path) -> None:
    adopt(site, str(written(tmp_path / "artefact.json")), **WHO)
    assert here(site)[NAME].model is here(site)[NAME].model


def test_what_cannot_be_adopted_is_refused_and_nothing_is_kept(site: Site, tmp_path: Path) -> None:
    file = written(tmp_path / "artefact.json")
    adopt(site, str(file), **WHO)
    for wrong, says in (
        (lambda: adopt(site, str(file), **WHO), "adopted already"),
        (lambda: adopt(site, str(file), by="", because="x"), "needs who"),
        (lambda: adopt(site, str(file), by="Dr B", because=" "), "needs who"),
        (lambda: restore(site, "news2", **WHO), "answers by what ships"),
        (lambda: restore(site, "no-such", **WHO), "No model is named"),
    ):
        with pytest.raises(UserError, match=says):
            wrong()
    assert [entry.did for entry in site.store.entries()].count("adopt") == 1


@pytest.fixture
def salus(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def place(tmp_path: Path, salus: Callable[..., tuple[int, str, str]]) -> Path:
    code, _, err = salus("read", exported(tmp_path / "export", PEOPLE), "--archive", tmp_path / "site")
    assert code == 0, err
    return tmp_path / "site"


def test_the_command_line_says_it_in_words_and_in_json(salus: Any, place: Path, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    written(tmp_path / "made" / "artefact.json")
    who = ("--archive", place, "--by", "Dr Adopt", "--because", "board 2026-31")
    code, out, err = salus("models", "adopt", tmp_path / "made", *who, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert set(told) == {"name", "version", "asks", "status", "note", "digest", "artefact", "adopted"}
    assert (told["name"], told["status"]) == (NAME, "validated")
    _, out, _ = salus("models", "--archive", place, "--json")
    (row,) = [row for row in json.loads(out)["models"] if row["name"] == NAME]
    assert (row["artefact"], row["version"]) == (told["artefact"], told["version"])
    code, out, _ = salus("ask", NAME, "--about", "1", "--archive", place, "--json")
    assert json.loads(out)["body"]["kind"] == "risk"
    assert (
        "learnt from A practice (1,000 cases); adopted by Dr Adopt" in salus("models", "--archive", place)[1]
    )
    code, out, _ = salus("models", "adopt", NAME, "--shipped", *who)
    assert code == 0
    assert "answers by what ships again" in out
    assert salus("audit", "verify", "--archive", place)[0] == 0


@pytest.mark.parametrize(
    ("made", "code", "says"),
    [
        ({"task": "icu-mortality"}, 4, "is not what the task calls so"),
        ({"task": "no-such"}, 2, "What learns here: cvd-onset"),
        ({"task": "news2"}, 2, "What learns here: cvd-onset"),
        (None, 4, "name the file that 'salus train' wrote"),
    ],
)
def test_a_file_that_is_not_of_a_task_here_is_refused(
    salus: Any, place: Path, tmp_path: Path, made: dict[str, str] | None, code: int, says: str
) -> None:
    file = tmp_path / "other.json" if made is None else written(tmp_path / "other.json", **made)
    who = ("--archive", place, "--by", "Dr Adopt", "--because", "x", "--json")
    got, out, err = salus("models", "adopt", file, *who)
    assert (got, json.loads(out)["code"]) == (code, code)
    assert says in err


def test_a_file_that_was_changed_is_refused(salus: Any, place: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "other.json")
    file.write_text(file.read_text().replace("0.6", "0.7"))
    got, _, err = salus("models", "adopt", file, "--archive", place, "--by", "Dr Adopt", "--because", "x")
    assert got == 4
    assert "it was changed" in err
