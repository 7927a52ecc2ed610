"""Insight: what a model says of a subject, why, how sure, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Urgency(StrEnum):
    """One ordinal for all models, most urgent first; given by the card's action table."""

    NOW = "now"
    TODAY = "today"
    THIS_WEEK = "this week"
    ROUTINE = "routine"

    @property
    def judged(self) -> bool:
        """Whether the model answered; an Abstention is an answer too, but no judgement."""
        return not isinstance(self.body, Abstention)

    @property
    def applies(self) -> bool:
        """Whether the model's question can be asked of this subject at all."""
        return not (isinstance(self.body, Abstention) and self.body.why == "not-eligible")

    @property
    def rank(self) -> tuple[float, float]:
        """Sort key, most urgent first; "cannot judge" stands before routine, what does not apply is last."""
        if not self.applies:
            return (9.0, 0.0)
        if not self.judged:
            return (Urgency.ROUTINE.rank - 0.5, 0.0)
        if self.urgency is None:
            return (5.0, -_upper(self.body))
        return (float(self.urgency.rank), -_upper(self.body))


def _upper(body: Body) -> float:
    if isinstance(body, Risk):
        return body.outcomes[0].estimate.upper
    if isinstance(body, Finding):
        return body.estimate.upper
    return 0.0
