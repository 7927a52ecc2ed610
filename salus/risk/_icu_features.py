"""The candidate features of intensive-care mortality: what is counted of each parameter, by which window.

Which of them a model uses is learnt (at most 150 single terms). A direction is fixed only where a score that
is in use everywhere gives points in that direction alone, over the whole range.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from salus.learning.features import EVER, WHOLE, Feature, Window
from salus.learning.parameters import Parameter
from salus.risk import _icu_measures as m

FIRST_12 = Window("first 12 h", "start", 0.0, 12.0)
FIRST_24 = Window("first 24 h", "start", 0.0, 24.0)
LAST_24 = Window("last 24 h", "moment", -24.0, 0.0)
LAST_12 = Window("last 12 h", "moment", -12.0, 0.0)
PARTS = (FIRST_12, FIRST_24, LAST_24, LAST_12)

_WORDS = {
    "last": "last", "first": "first", "lowest": "lowest", "highest": "highest", "mean": "mean",
    "spread": "spread", "sum": "total", "count": "how often", "slope": "trend per hour",
    "change": "change from first to last", "since": "hours since the last",
    "span": "hours from first to last",
}  # fmt: skip

_SAPS = "SAPS II (Le Gall, JAMA 1993;270:2957)"
_SOFA = "SOFA (Vincent, Intensive Care Med 1996;22:707)"
_APACHE = "APACHE III (Knaus, Chest 1991;100:1619)"
# Parameter -> the direction in which risk only rises (+1) or falls (-1) as a level of it rises, and why.
_GROWS = {
    "age": (1, _SAPS),
    "GCS": (-1, _SAPS),
    "urea nitrogen": (1, _SAPS),
    "bicarbonate": (-1, _SAPS),
    "bilirubin": (1, f"{_SAPS}; {_SOFA}"),
    "urine": (-1, _SAPS),
    "lactate": (1, "Surviving Sepsis Campaign 2021 (Evans, Crit Care Med 2021;49:e1063)"),
    "inspired oxygen fraction": (1, _SOFA),
    "troponin I": (1, "Fourth Universal Definition of MI (Thygesen, Circulation 2018;138:e618)"),
    "troponin T": (1, "Fourth Universal Definition of MI (Thygesen, Circulation 2018;138:e618)"),
}
# The statistics that are a level of the parameter itself, and so share its direction.
_LEVELS = frozenset({"last", "first", "lowest", "highest", "mean", "sum"})


def _named(parameter: str, how: str, window: Window) -> str:
    where = "" if window in (WHOLE, EVER) else f" of the {window.name}"
    return f"{parameter}, {_WORDS[how]}{where}"


def _of(parameter: Parameter, window: Window, *ways: str) -> Iterator[Feature]:
    for how in ways:
        grows, because = _GROWS.get(parameter.name, (0, "")) if how in _LEVELS else (0, "")
        name = _named(parameter.name, how, window)
        yield Feature(name, how, (parameter.name,), window, grows, because)


_WHOLE = ("last", "first", "lowest", "highest", "mean", "spread", "count", "slope", "change", "since", "span")
_PART = ("last", "first", "lowest", "highest", "mean", "spread", "count", "slope", "change")
_COMPARED = ("mean", "lowest", "highest", "last", "count", "spread")


def _often(parameter: Parameter) -> Iterator[Feature]:
    """Yield what is counted of what is measured many times a day."""
    yield from _of(parameter, WHOLE, *_WHOLE)
    for window in PARTS:
        yield from _of(parameter, window, *_PART)
    yield from _later(parameter, *_COMPARED)


def _later(parameter: Parameter, *ways: str) -> Iterator[Feature]:
    for how in ways:
        late, early = (_named(parameter.name, how, window) for window in (LAST_12, FIRST_12))
        name = f"{parameter.name}, {_WORDS[how]} of the last less the first 12 h"
        yield Feature(name, "difference", (late, early))


def _rare(parameter: Parameter) -> Iterator[Feature]:
    yield from _of(parameter, WHOLE, "last", "first", "lowest", "highest", "mean", "count", "change", "since")
    for window in (FIRST_24, LAST_24):
        yield from _of(parameter, window, "last", "mean", "count")


def _stay() -> Iterator[Feature]:
    yield from _of(m.AGE_YEARS, EVER, "last")
    yield Feature("sex", "level", ("sex",), EVER)
    yield Feature("ICU type", "level", ("ICU type",), EVER)
    yield from _of(m.BODY_HEIGHT, EVER, "last")
    yield from _of(m.BODY_WEIGHT, EVER, "last", "first", "highest", "change", "count")
    yield from _of(m.VENTILATION, WHOLE, "count", "since", "span")
    for window in PARTS:
        yield from _of(m.VENTILATION, window, "count", "span")
    yield from _later(m.VENTILATION, "count")
    yield from _of(m.URINE, WHOLE, *_WHOLE, "sum")
    for window in PARTS:
        yield from _of(m.URINE, window, "sum", "mean", "lowest", "highest", "spread", "count", "slope")
    yield from _later(m.URINE, "sum", "mean", "count")


# Name, operator, the two parameters, direction, why.
_PAIRS: tuple[tuple[str, str, str, str, int, str], ...] = (
    ("PaO2/FiO2", "ratio", "PaO2", "inspired oxygen fraction", -1, _SOFA),
    (
        "SpO2/FiO2",
        "ratio",
        "oxygen saturation",
        "inspired oxygen fraction",
        -1,
        "Rice TW, Chest 2007;132:410",
    ),
    ("shock index", "ratio", "heart rate", "systolic pressure", 0, ""),
    ("modified shock index", "ratio", "heart rate", "mean pressure", 0, ""),
    ("rate times pressure", "product", "heart rate", "systolic pressure", 0, ""),
    ("pulse pressure", "difference", "systolic pressure", "diastolic pressure", 0, ""),
    ("pulse over temperature", "ratio", "heart rate", "temperature", 0, ""),
    ("breaths over saturation", "ratio", "respiratory rate", "oxygen saturation", 0, ""),
    ("urea nitrogen/creatinine", "ratio", "urea nitrogen", "creatinine", 0, ""),
    ("sodium less bicarbonate", "difference", "sodium", "bicarbonate", 0, ""),
    ("lactate/bicarbonate", "ratio", "lactate", "bicarbonate", 0, ""),
    ("glucose/potassium", "ratio", "glucose", "potassium", 0, ""),
    ("PaCO2 less bicarbonate", "difference", "PaCO2", "bicarbonate", 0, ""),
    ("PaCO2/bicarbonate", "ratio", "PaCO2", "bicarbonate", 0, ""),
    ("white cells/platelets", "ratio", "white cells", "platelets", 0, ""),
    ("urea nitrogen/GCS", "ratio", "urea nitrogen", "GCS", 0, ""),
)
# Parameters that change so much within a day that how much they do tells something.
_RANGES = (
    m.COMA,
    m.HEART_RATE,
    m.ANY_SYSTOLIC,
    m.ANY_MEAN,
    m.BODY_TEMPERATURE,
    m.BREATHS,
    m.SATURATION,
    m.PH,
)
_EACH = (("mean", WHOLE), ("last", WHOLE), ("first", WHOLE), ("highest", WHOLE), ("lowest", WHOLE),
         ("mean", FIRST_12), ("mean", LAST_24), ("mean", LAST_12))  # fmt: skip


def _derived() -> Iterator[Feature]:
    """Yield what two parameters say together: by means over the stay and its parts, and by single values."""
    for name, how, one, other, grows, because in _PAIRS:
        for way, window in _EACH:
            told = _named(name, way, window)
            yield Feature(
                told, how, (_named(one, way, window), _named(other, way, window)), None, grows, because
            )
        late, early = (_named(name, "mean", window) for window in (LAST_12, FIRST_12))
        yield Feature(f"{name}, last less first 12 h", "difference", (late, early))
    for parameter in _RANGES:
        for window in (WHOLE, *PARTS):
            where = "" if window is WHOLE else f" of the {window.name}"
            ends = tuple(_named(parameter.name, how, window) for how in ("highest", "lowest"))
            yield Feature(f"{parameter.name}, highest less lowest{where}", "difference", ends)
    yield from _worst()
    yield from _bodies()


# Name, operator, parameter and statistic of the one and of the other, direction, why.
_WORST: tuple[tuple[str, str, tuple[str, str], tuple[str, str], int, str], ...] = (
    ("PaO2/FiO2, lowest over highest", "ratio", ("PaO2", "lowest"), ("inspired oxygen fraction", "highest"),
     -1, _SOFA),
    ("shock index, highest over lowest", "ratio", ("heart rate", "highest"), ("systolic pressure", "lowest"),
     0, ""),
    ("AST/ALT, last", "ratio", ("AST", "last"), ("ALT", "last"), 0, ""),
    ("bilirubin/albumin, last", "ratio", ("bilirubin", "last"), ("albumin", "last"), 0, ""),
    ("bilirubin/platelets, last", "ratio", ("bilirubin", "last"), ("platelets", "last"), 0, ""),
    ("bilirubin/platelets, worst", "ratio", ("bilirubin", "highest"), ("platelets", "lowest"), 0, ""),
    ("GCS less age", "difference", ("GCS", "last"), ("age", "last"), -1, _SAPS),
    ("GCS/age, last", "ratio", ("GCS", "last"), ("age", "last"), -1, _SAPS),
    ("age times GCS, last", "product", ("age", "last"), ("GCS", "last"), 0, ""),
    ("age times urea nitrogen, last", "product", ("age", "last"), ("urea nitrogen", "last"), 1, _SAPS),
    ("age times urea nitrogen, mean", "product", ("age", "last"), ("urea nitrogen", "mean"), 1, _SAPS),
    ("age times lactate, last", "product", ("age", "last"), ("lactate", "last"), 0, ""),
    ("age times lactate, highest", "product", ("age", "last"), ("lactate", "highest"), 0, ""),
    ("age times heart rate, mean", "product", ("age", "last"), ("heart rate", "mean"), 0, ""),
)  # fmt: skip


def _worst() -> Iterator[Feature]:
    """Yield the worst of one parameter over the worst of another, and what weighs more in the old."""
    for name, how, one, other, grows, because in _WORST:
        yield Feature(name, how, (_named(*one, WHOLE), _named(*other, WHOLE)), None, grows, because)


def _bodies() -> Iterator[Feature]:
    weight, height = _named("weight", "last", EVER), _named("height", "last", EVER)
    yield Feature("weight per height", "ratio", (weight, height))
    yield Feature("weight per height squared", "ratio", ("weight per height", height))
    urea = _named("urea nitrogen", "last", WHOLE)
    for window in (WHOLE, *PARTS):
        where = "" if window is WHOLE else f", {window.name}"
        total = _named("urine", "sum", window)
        yield Feature(f"urine per kg{where}", "ratio", (total, weight), None, -1, _SAPS)
        yield Feature(f"urine over urea nitrogen{where}", "ratio", (total, urea), None, -1, _SAPS)
    late, early = (f"urine per kg, {window.name}" for window in (LAST_12, FIRST_12))
    yield Feature("urine per kg, last less first 12 h", "difference", (late, early))


def candidates() -> tuple[Feature, ...]:
    """Return every candidate feature, operands before what is made of them."""
    return tuple(_every())


def _every() -> Iterable[Feature]:
    yield from _stay()
    for parameter in (*m.VITALS, *m.GASES, *m.LABS):
        yield from _often(parameter)
    for parameter in m.RARE:
        yield from _rare(parameter)
    yield from _derived()
