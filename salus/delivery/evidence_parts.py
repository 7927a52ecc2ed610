"""What the evidence report is made of: sections, tables that turn into lists on a phone, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from salus.delivery.evidence_charts import Crowd, Plot, Strip
from salus.delivery.web.pages.answers import Why


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to another section of the same page."""

    says: str
    to: str


Cell = str | Strip | Link


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; the first cell of a row names it. folded: opened by those who want it."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    folded: bool = False
    part: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with the table of what it shows. says: how to read it."""

    title: str
    plot: Plot
    table: Table
    says: str = ""
    part: ClassVar[str] = "figure"


@dataclass(frozen=True, slots=True)
class People:
    """A thousand people, and what the model would do for each."""

    crowd: Crowd
    part: ClassVar[str] = "people"


@dataclass(frozen=True, slots=True)
class Lines:
    """Sentences as a list, under a heading of their own where they have one."""

    says: tuple[str, ...]
    heading: str = ""
    part: ClassVar[str] = "lines"


@dataclass(frozen=True, slots=True)
class Case:
    """One answer, right or wrong, with what happened and why the model said so."""

    heading: str
    says: str
    why: tuple[Why, ...]
    part: ClassVar[str] = "case"


@dataclass(frozen=True, slots=True)
class Section:
    """One question of the report and its answer. absent: what is said where nothing was measured."""

    key: str
    asks: str
    says: tuple[str, ...] = ()
    parts: tuple[Table | Figure | People | Lines | Case, ...] = ()
    absent: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.says and not self.parts
