"""A demonstration says that it is one wherever it speaks to other systems; anything else never does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.errors import AwayError
from salus.delivery.fhir_find import TYPES
from salus.spine.site import Site
from tests import doors
from tests.browser.ward_site import Ward, demonstration

MARK = ("urn:salus:standing", "demonstration")


@pytest.fixture(scope="module", name="demo")
def demo_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with demonstration(tmp_path_factory.mktemp("marked") / "archive") as ward:
        ward.get("/ward")
        yield ward


def marks(resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(tag["system"], tag["code"]) for tag in resource.get("meta", {}).get("tag", ())]


@pytest.mark.parametrize("kind", [one for one in TYPES if one != "Provenance"])
def test_everything_that_goes_out_over_fhir_is_tagged(demo: Ward, kind: str) -> None:
    found = demo.client.get(f"/fhir/{kind}", params={"_count": 50}).json()["entry"]
    made = [entry["resource"] for entry in found]
    made.append(demo.client.get(f"/fhir/{kind}/{made[0]['id']}").json())
    assert {MARK in marks(one) for one in made} == {True}
    assert [str(issue) for one in made for issue in fhirkit.validate(one)] == []


def test_a_provenance_is_tagged_too(demo: Ward) -> None:
    (subject, *_) = demo.site.archive.subjects()
    found = demo.client.get("/fhir/Provenance", params={"patient": subject}).json()["entry"]
    assert {MARK in marks(entry["resource"]) for entry in found} == {True}


def test_the_capability_statement_says_so(demo: Ward) -> None:
    said = demo.client.get("/fhir/metadata").json()
    assert MARK in marks(said)
    assert "not for care" in said["implementation"]["description"]
    assert [str(issue) for issue in fhirkit.validate(said)] == []


def test_it_is_still_said_while_the_store_is_away(demo: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise AwayError("The store does not answer.")

    assert MARK in marks(demo.client.get("/fhir/metadata").json())
    monkeypatch.setattr(type(demo.site.store), "setting", away)
    assert MARK in marks(demo.client.get("/fhir/metadata").json())


def test_every_service_in_discovery_says_so(demo: Ward) -> None:
    services = demo.client.get("/cds-services").json()["services"]
    assert services
    assert all(one["description"].startswith("Demonstration, not for care. ") for one in services)


def test_the_command_line_says_so(demo: Ward, run_salus: Callable[..., Any]) -> None:
    archive, subject = demo.site.path, demo.site.archive.subjects()[0]
    for words in (("ask", "news2", "--about", subject), ("models",)):
        assert run_salus(*words, "--archive", archive).out.startswith("Demonstration: not for care.\n")
        assert run_salus(*words, "--archive", archive, "--json").json()["demonstration"] is True


@pytest.fixture(name="real")
def real_fixture(tmp_path: Path) -> Iterator[Site]:
    site = doors.live_site(tmp_path / "real")
    export = tmp_path / "export.ndjson"
    export.write_text("".join(json.dumps(one) + "\n" for one in (doors.PATIENT, *doors.deteriorating())))
    spine.read(site, str(export), actor=Actor("test"))
    list(spine.consult(site, actor=Actor("test"), subject="Patient/p1"))
    yield site
    site.close()


def test_nothing_else_is_marked(real: Site, run_salus: Callable[..., Any]) -> None:
    with doors.served(real) as client:
        found = [client.get(path).text for path in ("/fhir/DetectedIssue", "/fhir/metadata", "/cds-services")]
        assert found[0].count("fullUrl") > 0
    where = ("--archive", real.path)
    found += [run_salus("ask", "news2", "--about", "p1", *where).out, run_salus("models", *where).out]
    assert "demonstration" not in "".join(found).lower()
    assert run_salus("models", *where, "--json").json()["demonstration"] is False
