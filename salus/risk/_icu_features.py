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
LAST_24 = Window("last 24 h", "moment", -24.0, 0.0)
LAST_12 = Window("last 12 h", "moment", -12.0, 0.0)

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


def _vital(parameter: Parameter) -> Iterator[Feature]:
    yield from _of(parameter, WHOLE, "last", "first", "lowest", "highest", "mean", "spread", "count", "slope")
    yield from _of(parameter, WHOLE, "since")
    yield from _of(parameter, FIRST_12, "lowest", "highest", "mean", "spread")
    yield from _of(parameter, LAST_24, "lowest", "highest", "mean", "slope")
    yield from _of(parameter, LAST_12, "lowest", "highest", "mean", "spread", "count")
    yield _later(parameter)


def _later(parameter: Parameter) -> Feature:
    late, early = (_named(parameter.name, "mean", window) for window in (LAST_12, FIRST_12))
    return Feature(f"{parameter.name}, mean of the last less the first 12 h", "difference", (late, early))


def _lab(parameter: Parameter) -> Iterator[Feature]:
    yield from _of(parameter, WHOLE, "last", "first", "lowest", "highest", "mean", "spread", "count", "slope")
    yield from _of(parameter, WHOLE, "change", "since")
    yield from _of(parameter, LAST_24, "lowest", "highest", "mean", "count")
    yield from _of(parameter, FIRST_12, "mean")
    yield from _of(parameter, LAST_12, "mean")
    yield _later(parameter)


def _rare(parameter: Parameter) -> Iterator[Feature]:
    yield from _of(parameter, WHOLE, "last", "first", "lowest", "highest", "count", "change", "since")


def _stay() -> Iterator[Feature]:
    yield from _of(m.AGE_YEARS, EVER, "last")
    yield Feature("sex", "level", ("sex",), EVER)
    yield Feature("ICU type", "level", ("ICU type",), EVER)
    yield from _of(m.BODY_HEIGHT, EVER, "last")
    yield from _of(m.BODY_WEIGHT, EVER, "last", "first", "highest", "change", "count")
    yield from _of(m.VENTILATION, WHOLE, "count", "since", "span")
    yield from _of(m.VENTILATION, FIRST_12, "count")
    yield from _of(m.VENTILATION, LAST_12, "count")
    yield from _of(m.URINE, WHOLE, "sum", "mean", "last", "lowest", "highest", "count", "slope", "since")
    for window in (FIRST_12, LAST_24, LAST_12):
        yield from _of(m.URINE, window, "sum", "mean", "count")
    yield _later(m.URINE)


# Name, operator, parameter and statistic of the one and of the other, direction, why.
_Pair = tuple[str, str, tuple[str, str], tuple[str, str], int, str]
_PAIRS: tuple[_Pair, ...] = (
    ("PaO2/FiO2", "ratio", ("PaO2", "mean"), ("inspired oxygen fraction", "mean"), -1, _SOFA),
    ("SpO2/FiO2", "ratio", ("oxygen saturation", "mean"), ("inspired oxygen fraction", "mean"), -1,
     "Rice TW, Chest 2007;132:410"),
    ("shock index", "ratio", ("heart rate", "mean"), ("systolic pressure", "mean"), 0, ""),
    ("modified shock index", "ratio", ("heart rate", "mean"), ("mean pressure", "mean"), 0, ""),
    ("pulse pressure", "difference", ("systolic pressure", "mean"), ("diastolic pressure", "mean"), 0, ""),
    ("pulse over temperature", "ratio", ("heart rate", "mean"), ("temperature", "mean"), 0, ""),
    ("urea nitrogen/creatinine", "ratio", ("urea nitrogen", "mean"), ("creatinine", "mean"), 0, ""),
    ("sodium less bicarbonate", "difference", ("sodium", "mean"), ("bicarbonate", "mean"), 0, ""),
    ("lactate/bicarbonate", "ratio", ("lactate", "mean"), ("bicarbonate", "mean"), 0, ""),
    ("breaths over saturation", "ratio", ("respiratory rate", "mean"), ("oxygen saturation", "mean"), 0, ""),
    ("glucose/potassium", "ratio", ("glucose", "mean"), ("potassium", "mean"), 0, ""),
    ("PaCO2 less bicarbonate", "difference", ("PaCO2", "mean"), ("bicarbonate", "mean"), 0, ""),
)  # fmt: skip


def _derived() -> Iterator[Feature]:
    """Yield what two parameters say together, each by means over the stay and its ends, and by the last."""
    for name, how, one, other, grows, because in _PAIRS:
        for window in (WHOLE, FIRST_12, LAST_12):
            where = "mean" if window is WHOLE else f"mean of the {window.name}"
            names = (_named(*one, window), _named(*other, window))
            yield Feature(f"{name}, {where}", how, names, None, grows, because)
        early, late = f"{name}, mean of the first 12 h", f"{name}, mean of the last 12 h"
        yield Feature(f"{name}, last less first 12 h", "difference", (late, early))
        last = (_named(one[0], "last", WHOLE), _named(other[0], "last", WHOLE))
        yield Feature(f"{name}, last", how, last, None, grows, because)
    yield from _worst()
    yield from _bodies()


def _worst() -> Iterator[Feature]:
    """Yield the worst of one parameter over the worst of another."""
    worst: tuple[_Pair, ...] = (
        ("PaO2/FiO2, lowest over highest", "ratio", ("PaO2", "lowest"),
         ("inspired oxygen fraction", "highest"), -1, _SOFA),
        ("shock index, highest over lowest", "ratio", ("heart rate", "highest"),
         ("systolic pressure", "lowest"), 0, ""),
        ("AST/ALT, last", "ratio", ("AST", "last"), ("ALT", "last"), 0, ""),
        ("bilirubin/albumin, last", "ratio", ("bilirubin", "last"), ("albumin", "last"), 0, ""),
        ("GCS less age", "difference", ("GCS", "last"), ("age", "last"), -1, _SAPS),
    )  # fmt: skip
    for name, how, one, other, grows, because in worst:
        yield Feature(name, how, (_named(*one, WHOLE), _named(*other, WHOLE)), None, grows, because)


def _bodies() -> Iterator[Feature]:
    weight, height = _named("weight", "last", EVER), _named("height", "last", EVER)
    yield Feature("weight per height", "ratio", (weight, height))
    yield Feature("weight per height squared", "ratio", ("weight per height", height))
    for window in (WHOLE, FIRST_12, LAST_24, LAST_12):
        where = "" if window is WHOLE else f", {window.name}"
        total = _named("urine", "sum", window)
        yield Feature(f"urine per kg{where}", "ratio", (total, weight), None, -1, _SAPS)


def candidates() -> tuple[Feature, ...]:
    """Return every candidate feature, operands before what is made of them."""
    return tuple(_every())


def _every() -> Iterable[Feature]:
    yield from _stay()
    for parameter in m.VITALS:
        yield from _vital(parameter)
    for parameter in (*m.GASES, *m.LABS):
        yield from _lab(parameter)
    for parameter in m.RARE:
        yield from _rare(parameter)
    yield from _derived()
