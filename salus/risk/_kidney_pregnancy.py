"""Who may be pregnant without the record deciding it: models that do not hold in pregnancy must say so."""

from __future__ import annotations

from salus.core.measures import Reading
from salus.risk._inputs import Fact
from salus.risk._say import capital

# Beyond these ages nobody asks (WHO: women of reproductive age, 15 to 49).
_FERTILE = (15, 49)


def undecided(pregnant: Fact, of_sex: str | None, age: Reading) -> str:
    """Say what the record leaves open of a pregnancy, without a full stop; "" where nothing."""
    if pregnant.value is not None:
        return ""
    if pregnant.events:
        return capital(pregnant.says)
    fertile = age.low <= _FERTILE[1] and age.high >= _FERTILE[0]
    return "Pregnancy is not on record either way" if of_sex != "male" and fertile else ""
