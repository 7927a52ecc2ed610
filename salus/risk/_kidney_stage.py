"""KDIGO's categories of GFR and albuminuria, and the risk group of their combination.

Source: KDIGO 2024 CKD guideline (Kidney Int 2024;105(4S):S117-S314), section 1.3 (CGA staging) with its
figure "prognosis of CKD by GFR and albuminuria categories". Laboratories report eGFR in whole numbers (KDIGO
2012, section 1.4.3), so a category is that of the whole number.
"""

from __future__ import annotations

from itertools import product

from salus.risk._labs import CREATININE_GRAMS

Span = tuple[float, float]

# From this eGFR (mL/min/1.73 m2) on.
_G = ((90, "G1"), (60, "G2"), (45, "G3a"), (30, "G3b"), (15, "G4"), (0, "G5"))
# Groups of the figure by category and A1, A2, A3: 1 low (green), 2 moderately increased (yellow), 3 high
# (orange), 4 very high (red).
_GROUPS = {
    "G1": (1, 2, 3),
    "G2": (1, 2, 3),
    "G3a": (2, 3, 4),
    "G3b": (3, 4, 4),
    "G4": (4, 4, 4),
    "G5": (4, 4, 4),
}
GROUP_NAMES = {1: "low", 2: "moderately increased", 3: "high", 4: "very high"}
ALL_A = ("A1", "A2", "A3")
# Where A2 begins and where it ends, in mg/g: KDIGO 2024, table of albuminuria categories, by its column in
# mg/g and by that in mg/mmol.
GRAMS: Span = (30.0, 300.0)
MOLES: Span = (3e3 / CREATININE_GRAMS, 3e4 / CREATININE_GRAMS)


def whole(egfr: float) -> int:
    """Return an eGFR as laboratories report it; halves are rounded up."""
    return int(egfr + 0.5)


def g_categories(egfr: Span) -> tuple[str, ...]:
    """Return every G category from the higher to the lower end of `egfr`."""
    names = [name for _, name in _G]
    first, last = (next(name for least, name in _G if whole(end) >= least) for end in (egfr[1], egfr[0]))
    return tuple(names[names.index(first) : names.index(last) + 1])


def steps_apart(one: Span, other: Span) -> int:
    """Return how many categories at least lie from `one` eGFR to the `other`; 0 if they may be one."""
    names = [name for _, name in _G]
    first, last = ([names.index(name) for name in g_categories(each)] for each in (one, other))
    return max(first[0] - last[-1], last[0] - first[-1], 0)


def a_categories(acr: Span | None) -> tuple[str, ...]:
    """Return every A category that `acr` (mg/g) allows: A1 below 30, A2 to 300, A3 above; unknown: all.

    KDIGO's other column has 3 and 30 mg/mmol, which are 26.5 and 265 mg/g: between the columns both hold.
    """
    if acr is None:
        return ALL_A
    first = _albuminuria(acr[0], GRAMS)
    last = _albuminuria(acr[1], MOLES)
    return ALL_A[first : last + 1]


def columns_differ(acr: float) -> bool:
    """Return whether KDIGO's columns in mg/g and in mg/mmol put `acr` (mg/g) into different categories."""
    return _albuminuria(acr, GRAMS) != _albuminuria(acr, MOLES)


def _albuminuria(acr: float, steps: Span) -> int:
    # A billionth takes off the dust that a change of unit leaves.
    return 0 if acr < steps[0] - 1e-9 else 1 if acr <= steps[1] + 1e-9 else 2


def groups(g: tuple[str, ...], a: tuple[str, ...]) -> tuple[int, int]:
    """Return the least and the greatest risk group of the combinations."""
    found = [_GROUPS[each][ALL_A.index(albumin)] for each, albumin in product(g, a)]
    return min(found), max(found)


def joined(names: tuple[str, ...]) -> str:
    """Say one category, or from which to which."""
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
