"""What the models answered at the doors since the start: how often, and why not; for operators, by name only.

For metrics and health. No patient, no value: a model's name, and why it abstained ("judged" when it did not).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from threading import Lock

from salus.core.insight import Abstention, Insight

JUDGED = "judged"
# A failure is news for so long.
RECENT_S = 900.0


class Tally:
    """Counts of answers by model and why; threads share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._failed: dict[str, float] = {}

    def note(self, insights: Iterable[Insight]) -> None:
        """Count each answer, and remember when a model could not give one."""
        now = time.monotonic()
        with self._lock:
            for insight in insights:
                body, name = insight.body, insight.model.name
                self._counts[name, body.why if isinstance(body, Abstention) else JUDGED] += 1
                if insight.failed:
                    self._failed[name] = now

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many answers each model gave, by (model, why)."""
        with self._lock:
            return dict(self._counts)

    def failing(self) -> dict[str, int]:
        """Return the models that could not answer lately, each with how many seconds ago that was last."""
        now = time.monotonic()
        with self._lock:
            return {name: round(now - at) for name, at in self._failed.items() if now - at <= RECENT_S}
