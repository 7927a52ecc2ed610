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
