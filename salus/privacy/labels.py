"""Sensitivity labels (HL7 DS4P, v3 ActCode): which evidence is about what many want to keep to themselves.

A label is derived from the codes by the value sets in `labels/*.json`, which are data and not code, or stands
on the resource itself (`meta.security`); both count. Each file names its sources, and what it does not cover:
no value set finds what is only told in free text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from salus.core.codes import LEVELS, TEXT
from salus.core.errors import EvidenceError

_HERE = Path(__file__).parent / "labels"
# HL7 v3 Confidentiality, from the least to the most.
CONFIDENTIALITY = {level: rank for rank, level in enumerate(LEVELS)}
_NORMAL = CONFIDENTIALITY["N"]
# ICD's hierarchy is in the code itself, with or without its dot; ATC's too.
_HIERARCHIES = frozenset({"ICD10CM", "ICD10", "ICD10PCS", "ICD9CM", "ICD9PROC", "ATC"})
_OF_A_FILE = {"title", "labels", "confidentiality", "not_covered", "sets"}
_OF_A_SET = {"systems", "stems", "codes", "words", "source"}
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sets:
    """The value sets of a folder: labels by exact code, by the beginning of a code, and by a word."""

    exact: dict[str, frozenset[str]] = field(default_factory=dict)
    stems: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    words: dict[str, frozenset[str]] = field(default_factory=dict)
    broader: dict[str, tuple[str, ...]] = field(default_factory=dict)
    confidentiality: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    longest: int = 0

    def of(self, code: str) -> frozenset[str]:
        """Return the labels of one code (``ICD10CM/B20``), those of the value sets alone."""
        system, _, rest = code.partition("/")
        found = self.exact.get(code, _NONE)
        stems = self.stems.get(system)
        if stems is not None:
            bare = rest.replace(".", "").upper()
            for length in range(1, min(len(bare), self.longest) + 1):
                found |= stems.get(bare[:length], _NONE)
        elif system == TEXT:
            for word in _WORDS(rest.lower()):
                found |= self.words.get(word, _NONE)
        return found

    def made(self) -> frozenset[str]:
        """Return every label that any code can bring."""
        tables = (self.exact, self.words, *self.stems.values())
        return self.closed(label for table in tables for found in table.values() for label in found)

    def closed(self, labels: Iterable[str]) -> frozenset[str]:
        """Return `labels` with all that are broader, and the confidentiality that they bring."""
        found, wait = set(), list(labels)
        while wait:
            label = wait.pop()
            if label not in found:
                found.add(label)
                wait += self.broader.get(label, ())
        return frozenset(found | {self.confidentiality[one] for one in found if one in self.confidentiality})


_WORDS = re.compile(r"[^\W\d_]+").findall


def labels_of(codes: tuple[str, ...], carried: tuple[str, ...] = ()) -> frozenset[str]:
    """Return every label of evidence with these codes that itself carries `carried` (`Event.labels`).

    Broader labels come with narrower ones (ETHUD is also SUD and BH), and confidentiality with sensitivity.
    """
    return _labels(codes, carried)


@lru_cache(maxsize=1 << 16)
def _labels(codes: tuple[str, ...], carried: tuple[str, ...]) -> frozenset[str]:
    sets = value_sets()
    found = frozenset(carried).union(*(sets.of(code) for code in codes))
    return sets.closed(found) if found else _NONE


def level(labels: Iterable[str]) -> int:
    """Return how confidential something with these labels is; what nobody labelled is normal."""
    return max((CONFIDENTIALITY[one] for one in labels if one in CONFIDENTIALITY), default=_NORMAL)


@cache
def value_sets() -> Sets:
    """Return the value sets that come with Salus."""
    return read(_HERE)


def read(folder: Path) -> Sets:
    """Return the value sets of `folder`; raises EvidenceError with file and place where one is wrong."""
    sets = Sets()
    longest = 0
    for path in sorted(folder.glob("*.json")):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise EvidenceError(f"The value sets '{path}' cannot be read: {error}.") from None
        if path.stem == "hierarchy":
            sets.broader.update({narrow: tuple(broad) for narrow, broad in told["broader"].items()})
            sets.titles.update(told["titles"])
            continue
        longest = max(longest, _take(sets, told, path))
    return Sets(**{**{name: getattr(sets, name) for name in Sets.__slots__}, "longest": longest})


def _take(sets: Sets, told: Any, path: Path) -> int:
    """Add one file; return the length of its longest beginning of a code."""
    if not isinstance(told, dict) or set(told) != _OF_A_FILE:
        raise EvidenceError(f"The value sets '{path}' need exactly: {', '.join(sorted(_OF_A_FILE))}.")
    labels = frozenset(told["labels"])
    sets.confidentiality.update(dict.fromkeys(labels, told["confidentiality"]))
    longest = 0
    for place, one in enumerate(told["sets"]):
        if not set(one) <= _OF_A_SET or not one.get("source"):
            raise EvidenceError(
                f"The value sets '{path}' are wrong at $.sets[{place}]: 'source' is needed, and there is "
                f"{', '.join(sorted(_OF_A_SET))}."
            )
        stems = one.get("stems", ())
        for system in one.get("systems", ()):
            if stems and system not in _HIERARCHIES:
                raise EvidenceError(
                    f"The value sets '{path}' are wrong at $.sets[{place}]: no stems of {system}."
                )
            for stem in stems:
                _add(sets.stems.setdefault(system, {}), stem.replace(".", ""), labels)
            for code in one.get("codes", ()):
                _add(sets.exact, f"{system}/{code}" if system else code, labels)
        for word in one.get("words", ()):
            _add(sets.words, word, labels)
        longest = max([longest, *(len(stem.replace(".", "")) for stem in stems)])
    return longest


def _add(table: dict[str, frozenset[str]], name: str, labels: frozenset[str]) -> None:
    table[name] = table.get(name, _NONE) | labels
