"""UCUM units: what a unit means, and the same quantity in another; an unknown unit is never guessed.

Source: UCUM 2.2 (ucum-essence), the atoms that clinical records use. Mass and amount of substance are
joined by a molar mass, which belongs to the analyte and is given by the caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from salus.core.errors import EvidenceError, printable

# Exponents of (mass g, length m, time s, amount mol, temperature K, arbitrary unit).
Dimension = tuple[int, int, int, int, int, int]
_NONE: Dimension = (0, 0, 0, 0, 0, 0)

_PREFIXES = {
    "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "h": 1e2, "da": 1e1, "d": 1e-1, "c": 1e-2,
    "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15,
}  # fmt: skip

# atom: (factor to the dimension's own unit, dimension, takes a metric prefix)
_ATOMS: dict[str, tuple[float, Dimension, bool]] = {
    "g": (1.0, (1, 0, 0, 0, 0, 0), True),
    "m": (1.0, (0, 1, 0, 0, 0, 0), True),
    "s": (1.0, (0, 0, 1, 0, 0, 0), True),
    "min": (60.0, (0, 0, 1, 0, 0, 0), False),
    "h": (3600.0, (0, 0, 1, 0, 0, 0), False),
    "d": (86400.0, (0, 0, 1, 0, 0, 0), False),
    "wk": (604800.0, (0, 0, 1, 0, 0, 0), False),
    "mo": (2629800.0, (0, 0, 1, 0, 0, 0), False),
    "a": (31557600.0, (0, 0, 1, 0, 0, 0), False),
    "L": (1e-3, (0, 3, 0, 0, 0, 0), True),
    "l": (1e-3, (0, 3, 0, 0, 0, 0), True),
    "mol": (1.0, (0, 0, 0, 1, 0, 0), True),
    "eq": (1.0, (0, 0, 0, 1, 0, 0), True),
    "K": (1.0, (0, 0, 0, 0, 1, 0), True),
    "Pa": (1e3, (1, -1, -2, 0, 0, 0), True),
    "m[Hg]": (133322.387415e3, (1, -1, -2, 0, 0, 0), True),
    "m[H2O]": (9806.65e3, (1, -1, -2, 0, 0, 0), True),
    "bar": (1e8, (1, -1, -2, 0, 0, 0), True),
    "Hz": (1.0, (0, 0, -1, 0, 0, 0), True),
    "[in_i]": (0.0254, (0, 1, 0, 0, 0, 0), False),
    "[ft_i]": (0.3048, (0, 1, 0, 0, 0, 0), False),
    "[lb_av]": (453.59237, (1, 0, 0, 0, 0, 0), False),
    "[oz_av]": (28.349523125, (1, 0, 0, 0, 0, 0), False),
    "[iU]": (1.0, (0, 0, 0, 0, 0, 1), True),
    "[IU]": (1.0, (0, 0, 0, 0, 0, 1), True),
    "U": (1e-6 / 60, (0, 0, -1, 1, 0, 0), True),
    "kat": (1.0, (0, 0, -1, 1, 0, 0), True),
    "%": (1e-2, _NONE, False),
    "10*": (10.0, _NONE, False),
    "10^": (10.0, _NONE, False),
    "[pH]": (1.0, _NONE, False),
    "[ppm]": (1e-6, _NONE, False),
}  # fmt: skip

# Temperatures have an offset: kelvin = value * factor + offset.
_AFFINE = {"Cel": (1.0, 273.15), "[degF]": (5 / 9, 459.67 * 5 / 9), "K": (1.0, 0.0)}

# Spellings that records use and that can mean only one UCUM unit; anything else stays unknown.
_SPELLINGS = {
    "mmHg": "mm[Hg]", "mm Hg": "mm[Hg]", "mmhg": "mm[Hg]", "cmH2O": "cm[H2O]",
    "°C": "Cel", "degC": "Cel", "deg C": "Cel", "celsius": "Cel", "Celsius": "Cel",
    "°F": "[degF]", "degF": "[degF]", "deg F": "[degF]", "fahrenheit": "[degF]", "Fahrenheit": "[degF]",
    "bpm": "/min", "beats/min": "/min", "beats/minute": "/min", "breaths/min": "/min",
    "breaths/minute": "/min", "insp/min": "/min", "per minute": "/min", "1/min": "/min",
    "mg/dl": "mg/dL", "g/dl": "g/dL", "umol/l": "umol/L",
    "mmol/l": "mmol/L", "mEq/L": "meq/L", "mEq/l": "meq/L",
    "lb": "[lb_av]", "lbs": "[lb_av]", "in": "[in_i]", "inch": "[in_i]", "inches": "[in_i]",
    "kg/m^2": "kg/m2", "percent": "%", "years": "a", "year": "a", "mL/min/1.73m2": "mL/min/{1.73_m2}",
    "mL/min/1.73 m2": "mL/min/{1.73_m2}", "mL/min/{1.73m2}": "mL/min/{1.73_m2}",
    "mL/min/1.73m²": "mL/min/{1.73_m2}", "mL/min/1.73 m²": "mL/min/{1.73_m2}",
    "ml/min/1.73m2": "mL/min/{1.73_m2}", "ml/min/1.73 m2": "mL/min/{1.73_m2}",
    "ml/min/1.73m²": "mL/min/{1.73_m2}", "ml/min/1.73 m²": "mL/min/{1.73_m2}",
    "mL/min/1.73m^2": "mL/min/{1.73_m2}", "ml/min/1.73m^2": "mL/min/{1.73_m2}",
    "mL/min/1.73_m2": "mL/min/{1.73_m2}", "mL/min/1.73 m^2": "mL/min/{1.73_m2}",
}  # fmt: skip

# The micro sign and the Greek mu look alike; UCUM writes both "u".
_MICRO = str.maketrans("\u00b5\u03bc", "uu")

_ANNOTATION = re.compile(r"\{[^{}]*\}")
_TERM = re.compile(r"([./]?)((?:[^./{}\[\]()0-9+\-]|\[[^\]]*\])+|10[*^]|)([+\-]?\d+)?(?:\{[^{}]*\})?")


@dataclass(frozen=True, slots=True)
class Unit:
    """What a UCUM expression means: a factor (and for temperatures an offset) in a dimension."""

    factor: float
    dimension: Dimension
    offset: float = 0.0


def _atom(text: str) -> tuple[float, Dimension]:
    if text in _ATOMS:
        factor, dimension, _ = _ATOMS[text]
        return factor, dimension
    for size in (2, 1):
        prefix, rest = text[:size], text[size:]
        if prefix in _PREFIXES and rest in _ATOMS and _ATOMS[rest][2]:
            factor, dimension, _ = _ATOMS[rest]
            return _PREFIXES[prefix] * factor, dimension
    raise KeyError(text)


def _term(text: str, power: str | None) -> tuple[float, Dimension]:
    """Return one component: an atom with an exponent, a bare number, or an annotation (which is 1)."""
    if not text:
        return (float(power), _NONE) if power else (1.0, _NONE)
    factor, dimension = _atom(text)
    exponent = int(power) if power else 1
    powers = tuple(exponent * part for part in dimension)
    return factor**exponent, powers  # type: ignore[return-value]


@lru_cache(maxsize=4096)
def parse(unit: str) -> Unit:
    """Return what `unit` means.

    Raises EvidenceError for a unit that UCUM (as far as it is known here) does not define.
    """
    # "1,73" is the body surface of an eGFR with a decimal comma; no other unit holds a number with one.
    plain = unit.strip().translate(_MICRO).replace("1,73", "1.73")
    text = _SPELLINGS.get(plain, plain)
    if text in _AFFINE:
        factor, offset = _AFFINE[text]
        return Unit(factor, (0, 0, 0, 0, 1, 0), offset)
    factor, dimension, at = 1.0, list(_NONE), 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None or found.end() == at + len(found[1]):
            raise _unknown(unit)
        sign = -1 if found[1] == "/" else 1
        try:
            part, powers = _term(found[2], found[3])
            factor *= part**sign
        except (KeyError, ValueError, ArithmeticError):
            raise _unknown(unit) from None
        dimension = [have + sign * more for have, more in zip(dimension, powers, strict=True)]
        at = found.end()
    if not text or not 0 < factor < float("inf"):
        raise _unknown(unit)
    return Unit(factor, tuple(dimension))  # type: ignore[arg-type]


def _unknown(unit: str) -> EvidenceError:
    return EvidenceError(
        f"Unit '{printable(unit)}' is not one that Salus knows. Send a UCUM unit (https://ucum.org)."
    )


def convert(value: float, unit: str, to: str, molar_mass: float | None = None) -> float:
    """Return `value`, given in `unit`, in unit `to`.

    molar_mass: g/mol of the analyte; joins mass and amount of substance (mg/dL and mmol/L).
    Raises EvidenceError when a unit is unknown or the two do not measure the same thing.
    """
    if unit == to:
        return value
    have, want = parse(unit), parse(to)
    factor = have.factor / want.factor
    if have.dimension != want.dimension:
        factor *= _molar(have.dimension, want.dimension, molar_mass, unit, to)
    if have.offset or want.offset:
        return (value * have.factor + have.offset - want.offset) / want.factor
    return tidy(value * factor)


def _molar(have: Dimension, want: Dimension, molar_mass: float | None, unit: str, to: str) -> float:
    moles = have[3] - want[3]
    if molar_mass is None or not moles or _joined(have, want) != want:
        raise EvidenceError(
            f"'{printable(unit)}' cannot be turned into '{to}': they do not measure the same thing."
        )
    return molar_mass**moles


def _joined(have: Dimension, want: Dimension) -> Dimension:
    """Return `have` with as much mass for amount of substance as `want` has less of it."""
    moles = have[3] - want[3]
    return (have[0] + moles, *have[1:3], have[3] - moles, *have[4:])


@lru_cache(maxsize=4096)
def contradict(one: str, other: str) -> bool:
    """Return whether both are known, and of one analyte the same number would be another quantity in each.

    A capital M in `other`, which people write, is no mega: nobody measures that in a patient. What is all
    annotation (``{score}``) says nothing of a size.
    """
    if not (_ANNOTATION.sub("", one) and _ANNOTATION.sub("", other)):
        return False
    try:
        have, want = parse(one), parse(other.replace("M", "m"))
    except EvidenceError:
        return False
    if have.dimension != want.dimension:
        return _joined(have.dimension, want.dimension) == want.dimension
    return (tidy(have.factor), have.offset) != (tidy(want.factor), want.offset)


def tidy(value: float) -> float:
    """Take binary dust off, so that 5.55 mmol/L and its own mg/dL meet: 12 significant digits."""
    return float(f"{value:.12g}")
