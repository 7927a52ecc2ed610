"""The registry: a file ``salus/<room>/<name>.py`` with MODEL is a model; others join by entry point."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import ModuleType

from salus.core.errors import UserError, choices
from salus.core.seams import Model

ROOMS = ("risk", "imaging", "genomics", "wearables", "triage", "outbreak", "notes", "drugs", "frontier")
GROUP = "salus.rooms"


def _in(room: ModuleType) -> list[Model]:
    """Return the models among a room's files; a file whose name starts with ``_`` is not asked."""
    names = [part.name for part in iter_modules(room.__path__) if not part.name.startswith("_")]
    found = [getattr(import_module(f"{room.__name__}.{name}"), "MODEL", None) for name in names]
    return [model for model in found if model is not None]


def _rooms() -> list[ModuleType]:
    import salus

    inside = {part.name for part in iter_modules(salus.__path__) if part.ispkg}
    house = [import_module(f"salus.{room}") for room in ROOMS if room in inside]
    return house + [entry.load() for entry in entry_points(group=GROUP)]


@cache
def models() -> dict[str, Model]:
    """Return every model by name.

    Raises UserError when two models claim one name or a MODEL is none.
    """
    found: dict[str, Model] = {}
    for room in _rooms():
        for model in _in(room):
            if not isinstance(model, Model):
                raise UserError(
                    f"{room.__name__}: MODEL has no card and predict(view); see salus.core.seams.Model."
                )
            name = model.card.name
            if name in found:
                raise UserError(
                    f"{room.__name__}: another model is already named '{name}'. Rename one of them."
                )
            found[name] = model
    return dict(sorted(found.items()))


def model(name: str) -> Model:
    """Return the model `name`; raises UserError that lists the choices, nearest first."""
    known = models()
    if name not in known:
        raise UserError(f"No model is named '{name}'. Choose one of: {choices(name, known)}.")
    return known[name]
