"""The three seams, and the View that only the gate can make: protocols, so that inheritance depth stays 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol, runtime_checkable

from salus.core.card import Card
from salus.core.evidence import Timeline
from salus.core.insight import Insight
from salus.core.review import Review


class View(Protocol):
    """A Timeline cut down by Permits for one actor and purpose at one instant; made by privacy.gate alone."""

    @property
    def timeline(self) -> Timeline:
        """What may be seen, known at `as_of`."""
        ...

    @property
    def subject(self) -> str:
        """Whose it is."""
        ...

    @property
    def as_of(self) -> datetime:
        """The instant: nothing known later is inside."""
        ...

    @property
    def purpose(self) -> str:
        """What for."""
        ...

    @property
    def permit(self) -> str:
        """The basis on which it was opened."""
        ...

    @property
    def withheld(self) -> str:
        """One sentence, the same for everybody: nobody can tell what is withheld from what is not there."""
        ...

    def image(self, ref: str) -> bytes:
        """Return the image ``Type/id`` as it came; raises RefusedError where it is not available."""
        ...

    def signal(self, ref: str) -> bytes:
        """Return the signal ``Type/id`` as it came; raises RefusedError where it is not available."""
        ...

    def note(self, ref: str) -> bytes:
        """Return the note ``Type/id`` as it came; raises RefusedError where it is not available."""
        ...

    def variants(self, region: str) -> bytes:
        """Return the variants in `region` (``chr7:1-1000``); raises RefusedError where none are available."""
        ...


class Opener(Protocol):
    """Opens what a View names, once the gate has let it through; handed to the gate by the spine."""

    def open(self, what: str, subject: str, ref: str) -> bytes:
        """Return the bytes of `ref`: what is "image", "signal", "note" or "variants".

        Raises EvidenceError or RefusedError where there is nothing of that kind.
        """
        ...


class Cohort(Protocol):
    """Many Views, lazily; made by privacy.gate alone."""

    def __iter__(self) -> Iterator[View]: ...


@runtime_checkable
class Source(Protocol):
    """Reads a place into Timelines."""

    def read(self, place: str) -> Iterable[Timeline]:
        """Yield one Timeline a subject."""
        ...


@runtime_checkable
class Model(Protocol):
    """Answers one question from a View."""

    @property
    def card(self) -> Card:
        """What the model is."""
        ...

    def predict(self, view: View) -> Insight:
        """Answer; an Abstention is an answer, None is not."""
        ...


@runtime_checkable
class Channel(Protocol):
    """Takes insights to where people work, and brings their reviews back."""

    def send(self, insight: Insight) -> object:
        """Put `insight` into the channel's own form."""
        ...

    def hear(self, message: object) -> Review:
        """Read a person's decision out of the channel's own form."""
        ...
