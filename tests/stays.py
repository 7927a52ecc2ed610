"""Stays of the 2012 challenge's shape, made up, for tests: files as the publisher lays them out."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

HEADER = "RecordID,Time,Parameter,Value"
OUTCOMES = "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death"
# A stay with a few measurements; {} is its RecordID.
STAY = (
    "{},00:00,RecordID,{}", "{},00:00,Age,54", "{},00:00,Gender,1", "{},00:00,Height,-1",
    "{},00:00,ICUType,3", "{},00:00,Weight,80.6", "{},00:07,HR,73", "{},01:07,BUN,20",
    "{},25:07,BUN,40.5", "{},47:37,Urine,100",
)  # fmt: skip


def folder(
    place: Path,
    rows: Iterable[str] = (),
    outcomes: Iterable[str] = ("1,6,1,5,-1,0",),
    letter: str = "a",
    header: str = HEADER,
) -> Path:
    """Write a set with stay 1 and `rows`, and its outcomes; return the folder."""
    place.mkdir(exist_ok=True)
    stay = [line.replace("{}", "1") for line in STAY] if letter == "a" else []
    packed(place / f"set-{letter}.csv.gz", [header, *stay, *rows])
    packed(place / f"Outcomes-{letter}.csv.gz", [OUTCOMES, *outcomes])
    return place


def packed(path: Path, lines: Iterable[str], ends: str = "\n") -> None:
    """Write lines as a gzipped file."""
    path.write_bytes(gzip.compress("".join(f"{line}{ends}" for line in lines).encode()))
