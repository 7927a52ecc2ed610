"""Every model has a whole card, examples that are tests and pages at once, and a table of its own rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from salus.core.registry import models
from salus.core.units import parse
from tests.house.source import ROOMS, ROOT, SALUS

EXAMPLES = sorted(case for room in ROOMS for case in (SALUS / room / "examples").glob("*") if case.is_dir())
NAMES = sorted(models())


def test_the_models_of_the_house_are_there():
    assert set(NAMES) >= {"news2", "prevent", "findrisc", "ckd", "cha2ds2-vasc"}


@pytest.mark.parametrize("name", NAMES)
def test_card_is_whole(name):
    card = models()[name].card
    said = (card.title, card.asks, card.meant_for, card.not_for, card.owner, card.version, card.licence)
    assert all(text.strip() for text in said)
    assert card.asks.endswith("?")
    assert card.needs and card.sources and card.actions and card.hooks
    assert card.status == "validated", "a model ships validated; a site makes it live"


@pytest.mark.parametrize("name", NAMES)
def test_action_table_rises(name):
    rows = models()[name].card.actions
    assert [row.at_least for row in rows] == sorted(row.at_least for row in rows)
    assert all(row.says.strip() for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_needs_can_be_searched_for(name):
    """Prefetch templates and searches are made of them: types are FHIR's, codes carry a system."""
    import fhirkit

    for need in models()[name].card.needs:
        assert need.resource in fhirkit.RESOURCE_TYPES
        assert all("/" in code or "|" in code for code in need.codes), need


@pytest.mark.parametrize("name", NAMES)
def test_has_two_examples_and_a_table_of_its_rules(name):
    mine = [case for case in EXAMPLES if case.name.startswith(f"{name}-")]
    assert len(mine) >= 2
    tables = [path.stem.replace("_", "-") for path in (ROOT / "tests" / "spec").glob("test_*.py")]
    assert any(table.startswith(f"test-{name}") for table in tables)


@pytest.mark.parametrize("case", EXAMPLES, ids=lambda case: case.name)
def test_example_is_whole(case: Path):
    assert (case / "README.md").read_text().strip()
    assert json.loads((case / "record.json").read_text())["resourceType"] == "Bundle"
    insight = json.loads((case / "insight.json").read_text())
    assert case.name.startswith(insight["model"]["name"] + "-")


def test_every_unit_of_a_card_is_known():
    for model in models().values():
        for measured in model.card.measures:
            assert measured.source, f"{model.card.name}: {measured.measure} without a source"
    assert parse("{score}").factor == 1.0
