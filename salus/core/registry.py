"""The registry: a file ``salus/<room>/<name>.py`` with MODEL is a model; others join by entry point.

An entry point of the group ``salus.rooms`` names a package of such files, a module that has MODEL, or the
MODEL itself (``module:MODEL``); it is never loaded here, but in a process of its own. What cannot be loaded
is left out, named and said once: one broken file must not silence the others.
"""

from __future__ import annotations

import csv
import logging
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache, partial
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path, PurePath
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, NamedTuple

from salus.core.card import Card
from salus.core.digest import Origin, core_files, is_source, learning_files, room_files, tree_files
from salus.core.errors import UserError, choices, printable
from salus.core.seams import Model
from salus.core.wire import APART

ROOMS = ("risk", "imaging", "genomics", "wearables", "triage", "outbreak", "notes", "drugs", "frontier")
GROUP = "salus.rooms"
_NO_MODEL = "MODEL has no card and predict(view), see salus.core.seams.Model"
_log = logging.getLogger("salus.registry")


class Problem(NamedTuple):
    """A model that cannot be asked here: its name, as far as one is known, and why."""

    name: str
    why: str


class _Told(NamedTuple):
    """What a place said when it was asked for its model: `found` is a model, or None with a reason `why`."""

    place: str
    found: Any
    why: str = ""
    origin: Origin = Origin()


class _All(NamedTuple):
    """Everything that was loaded: the models, what could not be, and where each model comes from."""

    models: dict[str, Model]
    problems: tuple[Problem, ...]
    origins: dict[str, Origin]


class Found(NamedTuple):
    """What stands at a place of an outside package: a model and the file it is in, or `why` there is none."""

    place: str
    model: Any
    why: str = ""
    file: str = ""


def models() -> dict[str, Model]:
    """Return every model by name; `problems` has those that could not be loaded."""
    return _loaded().models


def problems() -> tuple[Problem, ...]:
    """Return what could not be loaded, with its reason: the kind of error and its place, never a value."""
    return _loaded().problems


def origin(name: str) -> Origin:
    """Return where the model `name` of `models()` comes from, and the digest of its files."""
    return _loaded().origins[name]


def model(name: str) -> Model:
    """Return the model `name`; raises UserError that says why it is broken, or lists the choices."""
    known = models()
    if name in known:
        return known[name]
    for broken, why in problems():
        if name.replace("_", "-") == broken:
            raise UserError(f"Model '{broken}' cannot be asked: {why}. Mend or remove it.")
    raise UserError(f"No model is named '{name}'. Choose one of: {choices(name, known)}.")


@cache
def tasks() -> dict[str, Any]:
    """Return what can be learnt or judged, by name: the TASK beside each MODEL of the house's own rooms.

    Of a file that cannot be loaded `problems` tells: it must not silence the others here either.
    """
    every = (getattr(sys.modules.get(told.place), "TASK", None) for told in _house() if not told.why)
    return dict(sorted((one.name, one) for one in every if one is not None))


def task(name: str) -> Any:
    """Return the TASK called `name`; raises UserError that lists the choices."""
    known = tasks()
    if name not in known:
        raise UserError(f"No task is named '{name}'. Choose one of: {choices(name, known)}.")
    return known[name]


@cache
def _loaded() -> _All:
    """Load everything, once; the house's own comes first."""
    own, broken = _gathered(_own(), taken=())
    joined, more = _gathered(_joined(), taken={*own, *(problem.name for problem in broken)})
    for problem in (*broken, *more):
        _log.warning("model %s was left out: %s", *problem)
    told = dict(sorted({**own, **joined}.items()))
    return _All(
        {name: each.found for name, each in told.items()},
        tuple(sorted((*broken, *more))),
        {name: each.origin for name, each in told.items()},
    )


def _gathered(told: Iterable[_Told], taken: Collection[str]) -> tuple[dict[str, _Told], list[Problem]]:
    """Return the models by name, and what is none. Two that claim one name are both left out, or an
    approval of the one could let the other speak; so is one that claims a name of the house (`taken`).
    """
    found: dict[str, _Told] = {}
    broken: list[Problem] = []
    places: dict[str, str] = {}
    for each in told:
        name, why = (_spoken(each.place), each.why) if each.why else (each.found.card.name, "")
        if not each.why and (name in places or name in taken):
            found.pop(name, None)
            why = f"{each.place} and {places.get(name, 'Salus itself')} claim one name; rename one"
        if why:
            broken.append(Problem(name, why))
        else:
            found[name], places[name] = each, each.place
    return found, broken


def _own() -> Iterator[_Told]:
    for told in _house():
        yield told if told.why else told._replace(origin=_of_the_house(told.place))


def _house() -> Iterator[_Told]:
    import salus

    inside = {part.name for part in iter_modules(salus.__path__) if part.ispkg}
    for room in ROOMS:
        if room in inside:
            place = f"salus.{room}"
            yield from _asked(place, partial(import_module, place))


def _of_the_house(place: str) -> Origin:
    own = Path(str(import_module(place).__file__))
    return Origin.of(lambda: {**core_files(), **learning_files(), **room_files(own), own.name: own})


def _joined() -> Iterator[_Told]:
    """Ask each outside package what it holds; they load at the same time, each in its own process."""
    if APART in os.environ:
        return
    entries = sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value))
    for begun in [_Joining(entry) for entry in entries]:
        yield from begun.told()


class _Joining:
    """An outside package whose process was started, and what it says of itself once it is there."""

    def __init__(self, entry: EntryPoint) -> None:
        from salus.core.apart import Apart, answer_within

        self._place, self._package = _named(entry), _package(entry)
        self._files: dict[str, Path] = {}
        self._origin = Origin.of(partial(self._read, entry), self._package)
        same = partial(_unchanged, entry, self._origin.digest)
        self._process = Apart(entry.value, same, answer_within(os.environ))

    def _read(self, entry: EntryPoint) -> dict[str, Path]:
        self._files = _sources(entry)
        return self._files

    def told(self) -> Iterator[_Told]:
        found, why = _tried(self._place, self._process.found)
        if why:
            yield _Told(self._place, None, why)
        for number, each in enumerate(found or ()):
            yield self._model(number, each)

    def _model(self, number: int, told: dict[str, Any]) -> _Told:
        from salus.core.apart import ModelApart, card_of

        place = printable(str(told.get("place")), 80)
        if told.get("why"):
            return _Told(place, None, printable(str(told["why"]), 200))
        card, why = _tried(place, partial(card_of, told.get("card"), self._package))
        if why:
            return _Told(place, None, f"{place} has no card that can be read")
        origin = self._origin
        if Path(str(told.get("file"))).resolve() not in {path.resolve() for path in self._files.values()}:
            origin = Origin(self._package, why=origin.why or "it is loaded from elsewhere than its files lie")
        return _Told(place, ModelApart(card, self._process, number), "", origin)


def _unchanged(entry: EntryPoint, digest: str) -> bool:
    """Whether a package's files are what they were; where they could never be read, nothing is approved."""
    return not digest or Origin.of(partial(_sources, entry)).digest == digest


def found_at(value: str) -> Iterator[Found]:
    """Load what an entry point names, here: for the process of an outside package alone."""
    entry = EntryPoint("", value, GROUP)
    for place, found, why, _ in _asked(_named(entry), entry.load):
        module = sys.modules.get(place) or sys.modules.get(entry.module)
        yield Found(place, found, why, str(getattr(module, "__file__", "")))


def _package(entry: EntryPoint) -> str:
    """Return the distribution that brings an entry point, and its version."""
    told = entry.dist
    named, _ = _tried(entry.name, lambda: f"{told.name} {told.version}" if told else "")
    return printable(named or entry.name, 80)


def _sources(entry: EntryPoint) -> dict[str, Path]:
    """Return the files that an outside package was installed with, and what lies where it is loaded from.

    A record names no file that was put there later, and of an installation to be edited none at all.
    """
    files = dict(_recorded(entry.dist)) if entry.dist else {}
    spec = find_spec(entry.module.partition(".")[0])
    places = list(spec.submodule_search_locations or [str(spec.origin)]) if spec else []
    if len(places) != 1:
        raise FileNotFoundError("it does not lie in one place")
    return {**files, **tree_files(Path(places[0]))}


def _recorded(package: Distribution) -> Iterator[tuple[str, Path]]:
    """Yield each file of an installation's record, one that is missing too (Core Metadata: RECORD)."""
    for row in csv.reader((package.read_text("RECORD") or "").splitlines()):
        if row and is_source(PurePath(row[0])):
            yield row[0], Path(str(package.locate_file(row[0])))


def _named(entry: EntryPoint) -> str:
    return printable(entry.value.replace(":", ".").removesuffix(".MODEL"))


def _asked(place: str, load: Callable[[], Any]) -> Iterator[_Told]:
    """Load what `place` names: a MODEL, a module that has one, or a package of files that may have one."""
    loaded, why = _tried(place, load)
    if why:
        yield _Told(place, None, why)
    elif not isinstance(loaded, ModuleType):
        yield _judged(place, loaded)
    elif hasattr(loaded, "MODEL"):
        yield _judged(place, loaded.MODEL)
    elif hasattr(loaded, "__path__"):
        yield from _files(loaded)
    else:
        yield _Told(place, None, f"{place} has no MODEL")


def _files(room: ModuleType) -> Iterator[_Told]:
    """Ask each file of a room; one whose name starts with ``_``, or that has no MODEL, is not a model."""
    for part in iter_modules(room.__path__):
        if part.name.startswith("_"):
            continue
        place = f"{room.__name__}.{part.name}"
        loaded, why = _tried(place, partial(import_module, place))
        if why:
            yield _Told(place, None, why)
        elif getattr(loaded, "MODEL", None) is not None:
            yield _judged(place, loaded.MODEL)


def _tried(place: str, load: Callable[[], Any]) -> tuple[Any, str]:
    """Return what `load` gives, or why it gave nothing; the words of a foreign error stay out of it."""
    try:
        return load(), ""
    except (Exception, SystemExit) as error:
        lacks = isinstance(error, ImportError) and error.name
        what = f", it needs '{printable(str(lacks))}'" if lacks and lacks != place else ""
        return None, f"{place} cannot be loaded ({type(error).__name__}{what})"


def _judged(place: str, found: Any) -> _Told:
    """Look whether what stands at `place` is a model; a card may be a property, which can fail too."""
    fits, why = _tried(place, partial(_is_model, found))
    return _Told(place, found, why or ("" if fits else f"{place}: {_NO_MODEL}"))


def _is_model(found: Any) -> bool:
    return isinstance(found, Model) and isinstance(found.card, Card) and isinstance(found.card.name, str)


def _spoken(place: str) -> str:
    """Return the name by which people would ask for the model in a file: ``cha2ds2-vasc``."""
    return place.rpartition(".")[2].replace("_", "-")
