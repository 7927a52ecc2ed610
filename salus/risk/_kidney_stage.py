"""KDIGO's categories of GFR and albuminuria, and the risk group of their combination.

Source: KDIGO 2024 CKD guideline (Kidney Int 2024;105(4S):S117-S314), section 1.3 (CGA staging) with its
figure "prognosis of CKD by GFR and albuminuria categories". Laboratories report eGFR in whole numbers (KDIGO
2012, section 1.4.3), so a category is that of the whole number.
"""

from __future__ import annotations

from itertools import product

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


def whole(egfr: float) -> int:
    """Return an eGFR as laboratories report it; halves are rounded up."""
    return int(egfr + 0.5)


def g_categories(egfr: Span) -> tuple[str, ...]:
    """Return every G category from the higher to the lower end of `egfr`."""
    names = [name for _, name in _G]
    first, last = (next(name for least, name in _G if whole(end) >= least) for end in (egfr[1], egfr[0]))
    return tuple(names[names.index(first) : names.index(last) + 1])


def a_categories(acr: Span | None) -> tuple[str, ...]:
    """Return every A category that `acr` (mg/g) allows: A1 below 30, A2 to 300, A3 above; unknown: all."""
    if acr is None:
        return ALL_A
    first, last = (0 if end < 30 else 1 if end <= 300 else 2 for end in acr)
    return ALL_A[first : last + 1]


def groups(g: tuple[str, ...], a: tuple[str, ...]) -> tuple[int, int]:
    """Return the least and the greatest risk group of the combinations."""
    found = [_GROUPS[each][ALL_A.index(albumin)] for each, albumin in product(g, a)]
    return min(found), max(found)


def joined(names: tuple[str, ...]) -> str:
    """Say one category, or from which to which."""
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
