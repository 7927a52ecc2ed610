"""The pytest plugin that ships: packages with rooms of their own test them as the house tests its own.

It answers "does my model keep the house's promises?" for the authors of rooms. It loads nothing heavy, since
pytest imports it in every run on a machine where Salus is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from salus.core.seams import Model


@pytest.fixture
def salus_models() -> dict[str, Model]:
    """Return every model of every room, by name: the house's own and those that joined by entry point."""
    from salus.core.registry import models

    return models()
