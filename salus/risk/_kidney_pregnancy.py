"""Who may be pregnant without the record saying so: models that do not hold in pregnancy must name it."""

from __future__ import annotations

from salus.core.measures import Reading
from salus.risk._inputs import Fact

# Beyond these ages nobody asks (WHO: women of reproductive age, 15 to 49).
_FERTILE = (15, 49)


def unasked(pregnant: Fact, of_sex: str | None, age: Reading) -> bool:
    """Return whether pregnancy is possible and neither recorded nor ruled out."""
    fertile = age.low <= _FERTILE[1] and age.high >= _FERTILE[0]
    return of_sex != "male" and pregnant.value is None and fertile
