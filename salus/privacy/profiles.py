"""What holds where the patient said nothing: a site's profile, as a table that a privacy officer can read.

Three are shipped (`profiles/gdpr.json`, `hipaa.json`, `opt-in.json`), each line with its law and clause; a
site writes a file of the same form. What each field means is in `docs/reference/permits.md`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from salus.core.consent import DENY, PERMIT, PURPOSES, ROLES
from salus.core.errors import EvidenceError, UserError, choices, printable

_SHIPPED = Path(__file__).parent / "profiles"
DEFAULT = "gdpr"
_OF_CLOSED = {"labels", "purposes", "roles", "ages", "lifted_by", "basis"}
_LIFTED_BY = ("label", "patient")


@dataclass(frozen=True, slots=True)
class Default:
    """What holds for one purpose where no permit speaks: `effect`, by the law and clause in `basis`."""

    effect: str
    basis: str


@dataclass(frozen=True, slots=True)
class Closed:
    """What a profile closes by its label; open only where a permit names the label.

    purposes, roles: empty means every one. ages: (from, below) of the subject in whole years; None: any age.
    by_patient: only the patient's own permit lifts it.
    """

    labels: frozenset[str]
    purposes: tuple[str, ...]
    roles: tuple[str, ...]
    ages: tuple[int, int] | None
    by_patient: bool
    basis: str

    def covers(self, role: str, purpose: str, age: int | None) -> bool:
        """Whether it is closed to this role for this purpose; an age that nobody knows may be one of them."""
        aged = self.ages is None or age is None or self.ages[0] <= age < self.ages[1]
        return aged and role in (self.roles or (role,)) and purpose in (self.purposes or (purpose,))


@dataclass(frozen=True, slots=True)
class Proxy:
    """Who may act for a patient: by which relationship, below which age (None: any), on which law."""

    relationship: str
    below: int | None
    basis: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One table: what holds for each purpose, what is closed by label, and who may act for whom."""

    name: str
    title: str
    defaults: Mapping[str, Default]
    closed: tuple[Closed, ...] = ()
    proxies: tuple[Proxy, ...] = ()

    def closed_to(self, role: str, purpose: str, age: int | None) -> tuple[Closed, ...]:
        """Return what is closed by label to this role, for this purpose, of a subject of this age."""
        return tuple(one for one in self.closed if one.covers(role, purpose, age))

    def may_act(self, relationship: str, age: int | None) -> Proxy | None:
        """Return on which line somebody may act for a subject of `age`; None: on none.

        Where an age bounds it and nobody knows the age, nobody may.
        """
        for one in self.proxies:
            if one.relationship == relationship and (
                one.below is None or (age is not None and age < one.below)
            ):
                return one
        return None


def shipped() -> tuple[str, ...]:
    """Return the names of the profiles that come with Salus."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.json")))


@cache
def profile(name: str = DEFAULT) -> Profile:
    """Return a shipped profile by its name, or a site's own by the path of its file (it ends in ``.json``).

    Raises UserError for a name that is none, EvidenceError for a file that is no profile.
    """
    if name.endswith(".json"):
        return read(Path(name))
    if name not in shipped():
        raise UserError(
            f"There is no profile '{printable(name)}'. There are: {choices(name, shipped())}; "
            "or the path of your own file, ending in .json."
        )
    return read(_SHIPPED / f"{name}.json")


def read(path: Path) -> Profile:
    """Return the profile in the file at `path`; raises EvidenceError with file, place and remedy."""
    reader = _Reader(path)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EvidenceError(f"The profile '{path}' cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"The profile '{path}' is no JSON: {error}.") from None
    return reader.profile(reader.table(told, "$"))


class _Reader:
    """Reads one file; whatever is wrong is said with its place."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _refuse(self, at: str, remedy: str) -> EvidenceError:
        return EvidenceError(f"The profile '{self._path}' is wrong at {at}: {remedy}")

    def profile(self, told: dict[str, Any]) -> Profile:
        self._only(told, {"name", "title", "about", "purposes", "closed", "proxies"}, "$")
        purposes = self.table(told.get("purposes"), "$.purposes")
        self._only(purposes, set(PURPOSES.values()), "$.purposes")
        missing = [one for one in PURPOSES.values() if one not in purposes]
        if missing:
            raise self._refuse("$.purposes", f"say what holds for '{missing[0]}' too: permit or deny.")
        return Profile(
            self._text(told, "name", "$"),
            self._text(told, "title", "$"),
            {one: self._default(purposes[one], f"$.purposes.{one}") for one in PURPOSES.values()},
            tuple(self._closed(one, at) for at, one in self._list(told, "closed")),
            tuple(self._proxy(one, at) for at, one in self._list(told, "proxies")),
        )

    def table(self, told: object, at: str) -> dict[str, Any]:
        if not isinstance(told, dict):
            raise self._refuse(at, "an object belongs here: {...}.")
        return told

    def _only(self, told: Mapping[str, Any], known: set[str], at: str) -> None:
        for name in told:
            if name not in known:
                raise self._refuse(f"{at}.{printable(name)}", f"there is: {choices(name, known)}.")

    def _text(self, told: Mapping[str, Any], name: str, at: str) -> str:
        found = told.get(name)
        if not isinstance(found, str) or not found.strip():
            raise self._refuse(f"{at}.{name}", "say it in words.")
        return found

    def _list(self, told: Mapping[str, Any], name: str) -> list[tuple[str, dict[str, Any]]]:
        found = told.get(name, [])
        if not isinstance(found, list):
            raise self._refuse(f"$.{name}", "a list belongs here: [...].")
        return [
            (at, self.table(one, at)) for at, one in ((f"$.{name}[{n}]", one) for n, one in enumerate(found))
        ]

    def _default(self, told: object, at: str) -> Default:
        found = self.table(told, at)
        self._only(found, {"effect", "basis"}, at)
        if found.get("effect") not in (PERMIT, DENY):
            raise self._refuse(f"{at}.effect", "write 'permit' or 'deny'.")
        return Default(found["effect"], self._text(found, "basis", at))

    def _words(self, told: Mapping[str, Any], name: str, known: tuple[str, ...], at: str) -> tuple[str, ...]:
        found = told.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise self._refuse(f"{at}.{name}", 'a list of words belongs here: ["..."].')
        for one in found:
            if known and one not in known:
                raise self._refuse(f"{at}.{name}", f"there is: {choices(one, known)}.")
        return tuple(found)

    def _closed(self, told: dict[str, Any], at: str) -> Closed:
        self._only(told, _OF_CLOSED, at)
        labels = self._words(told, "labels", (), at)
        if not labels:
            raise self._refuse(f"{at}.labels", "name at least one label.")
        if told.get("lifted_by") not in _LIFTED_BY:
            raise self._refuse(f"{at}.lifted_by", "write 'label' (a permit that names it) or 'patient'.")
        return Closed(
            frozenset(labels),
            self._words(told, "purposes", tuple(PURPOSES.values()), at),
            self._words(told, "roles", ROLES, at),
            self._ages(told.get("ages"), f"{at}.ages"),
            told["lifted_by"] == "patient",
            self._text(told, "basis", at),
        )

    def _ages(self, told: object, at: str) -> tuple[int, int] | None:
        if told is None:
            return None
        if isinstance(told, list) and len(told) == 2 and all(type(one) is int for one in told):
            since, below = told
            if 0 <= since < below:
                return since, below
        raise self._refuse(at, "two whole years belong here, the first inside, the second not: [12, 18].")

    def _proxy(self, told: dict[str, Any], at: str) -> Proxy:
        self._only(told, {"relationship", "below", "basis"}, at)
        below = told.get("below")
        if below is not None and (type(below) is not int or below <= 0):
            raise self._refuse(f"{at}.below", "an age in whole years belongs here, or null for any age.")
        return Proxy(self._text(told, "relationship", at), below, self._text(told, "basis", at))
