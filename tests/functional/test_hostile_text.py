"""What a record calls things is shown as text: no link, picture or code out of it, at any door."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fhirkit
import httpx
import markdown_it
import pytest

from salus import spine
from salus.core.consent import Actor
from salus.record.sources.ward import write_ward
from tests import doors

# A picture, a link, HTML, bare addresses, a switch of the writing direction, an escape to the terminal.
HOSTILE = "![p](http://e.x/p)[a](javascript:x)<img src=x>http://e.x WWW.e.x\u202e\x1b[31m <script>"
TEXTS = {"display", "text", "family", "given", "title", "description", "comment", "city", "line"}


def spoilt(node: Any, key: str = "") -> Any:
    """Return `node` with every text that somebody wrote replaced."""
    if isinstance(node, dict):
        return {name: spoilt(part, name) for name, part in node.items()}
    if isinstance(node, list):
        return [spoilt(part, key) for part in node]
    return HOSTILE if isinstance(node, str) and key in TEXTS else node


@dataclass(frozen=True)
class Spoilt:
    """A ward in which every text is hostile, read into an archive and served."""

    archive: Path
    client: httpx.Client
    insights: list[Any]
    prefetch: dict[str, Any]


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoilt]:
    folder = tmp_path_factory.mktemp("hostile")
    write_ward(folder / "export")
    resources = []
    for path in (folder / "export").glob("*.ndjson"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        # Every other measurement loses its unit to the text, so that answers with and without it are seen.
        found = [spoil_unit(spoilt(one)) if place % 2 else spoilt(one) for place, one in enumerate(lines)]
        resources += found
        path.write_text("".join(json.dumps(one) + "\n" for one in found))
    site = doors.live_site(folder / "archive")
    spine.read(site, str(folder / "export"), actor=Actor("test"))
    rows = spine.ward(site, actor=Actor("test"))
    with doors.served(site) as client:
        insights = [insight for row in rows for insight in row.insights]
        yield Spoilt(folder / "archive", client, insights, of_each(resources))
    site.close()


def spoil_unit(resource: dict[str, Any]) -> dict[str, Any]:
    quantity = resource.get("valueQuantity")
    return (
        {**resource, "valueQuantity": {**quantity, "unit": HOSTILE, "code": HOSTILE}}
        if quantity
        else resource
    )


def of_each(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Return, by patient, everything known as one Bundle."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in resources:
        about = one.get("subject", one.get("patient", {})).get("reference", "")
        name = one["id"] if one["resourceType"] == "Patient" else about.removeprefix("Patient/")
        found.setdefault(name, []).append(one)
    return {name: doors.searchset(each) for name, each in found.items() if name.startswith("ward-")}


def test_the_words_are_there_to_be_shown(ward: Spoilt) -> None:
    said = json.dumps([spine.as_json(insight) for insight in ward.insights])
    assert "Statin: ![p]" in said and "Unit '![p]" in said


def test_no_page_holds_more_than_text(ward: Spoilt) -> None:
    beds = re.findall(r'href="(/patients/\d+)"', ward.client.get("/ward").text)
    assert len(set(beds)) >= 20
    paths = [f"{bed}{more}" for bed in dict.fromkeys(beds) for more in ("", "/record")]
    pages = [ward.client.get(path) for path in ("/ward", "/audit", *paths)]
    assert all(page.status_code == 200 for page in pages)
    assert any("&lt;img src=x&gt;" in page.text for page in pages)
    for page in pages:
        for text in ("<img src=x", "\u202e", "\x1b", 'href="javascript', 'href="http://e.x'):
            assert text not in page.text


def rendered(markdown: str) -> list[str]:
    """Return the kinds of tokens that a reader of Markdown makes."""
    tokens = markdown_it.MarkdownIt("commonmark").parse(markdown)
    return [part.type for token in tokens for part in (token, *(token.children or ()))]


ACTIVE = {"link_open", "image", "html_inline", "html_block", "heading_open", "fence", "code_inline"}


def test_no_card_holds_an_active_word(ward: Spoilt) -> None:
    seen = 0
    for name, bundle in ward.prefetch.items():
        context = {"userId": "Practitioner/7", "patientId": name}
        call = doors.call(context=context, prefetch=bundle)
        answer = ward.client.post("/cds-services/salus-patient-view", json=call)
        for card in answer.json().get("cards", []):
            seen += "img src=x" in card["detail"]
            assert not ACTIVE & set(rendered(card["detail"]))
            assert card["detail"].replace("\n", " ").isprintable() and card["summary"].isprintable()
            assert "http://" not in card["detail"] and "WWW.e" not in card["detail"]
    assert seen


@pytest.mark.parametrize("kind", ["Observation", "RiskAssessment", "GuidanceResponse", "DetectedIssue"])
def test_no_note_over_fhir_holds_an_active_word(ward: Spoilt, kind: str) -> None:
    entries = ward.client.get(f"/fhir/{kind}", params={"_count": 200}).json().get("entry", [])
    assert entries
    for entry in entries:
        assert [str(issue) for issue in fhirkit.validate(entry["resource"])] == []
        for note in entry["resource"].get("note", []):
            assert not ACTIVE & set(rendered(note["text"]))
            assert note["text"].isprintable()


def test_the_terminal_is_not_steered(ward: Spoilt, run_salus: Callable[..., Any]) -> None:
    told = [insight for insight in ward.insights if "img src=x" in json.dumps(spine.as_json(insight))]
    assert told
    for insight in told[:3]:
        words = ("ask", insight.model.name, "--about", insight.subject, "--archive", ward.archive)
        assert run_salus(*words).out.replace("\n", "").isprintable()
