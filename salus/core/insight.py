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
    def rank(self) -> int:
        """0 for the most urgent."""
        return list(Urgency).index(self)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    value: None when only the range is known. unit: UCUM (``1`` is a probability, ``{score}`` points).
    kind: what the interval is: ``missing-inputs``, ``conformal``, ``sampling``, or ``none-published``
    (then low and high are None, and that is shown).
    """

    value: float | None
    unit: str = "1"
    low: float | None = None
    high: float | None = None
    kind: str = "none-published"

    @property
    def upper(self) -> float:
        """The end by which a range is ranked."""
        found = self.high if self.high is not None else self.value
        return float("-inf") if found is None else found


@dataclass(frozen=True, slots=True)
class Outcome:
    """One estimated outcome: what may happen, within which time (``10 years``; "" when it has none)."""

    of: str
    estimate: Estimate
    horizon: str = ""


@dataclass(frozen=True, slots=True)
class Risk:
    """A probability of something to come. `outcomes`: the first is the one that is ranked and shown first."""

    outcomes: tuple[Outcome, ...]
    says: str = ""
    kind: str = "risk"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is so now: a score, a stage, a lesion. `category` as the source names it."""

    of: str
    estimate: Estimate
    category: str = ""
    says: str = ""
    parts: tuple[Outcome, ...] = ()
    kind: str = "finding"


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to consider doing, with alternatives."""

    says: str
    alternatives: tuple[str, ...] = ()
    kind: str = "advice"


@dataclass(frozen=True, slots=True)
class Signal:
    """Something in a stream or a population that departs from what is expected."""

    says: str
    estimate: Estimate | None = None
    kind: str = "signal"


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that a person must read, change and sign."""

    text: str
    says: str = ""
    kind: str = "draft"


@dataclass(frozen=True, slots=True)
class Abstention:
    """An answer too: the model cannot judge, and why.

    why: ``missing-evidence``, ``not-eligible``, ``out-of-distribution``, ``not-available``,
    ``suspended``. missing: the inputs that would let it judge. estimate: the range that the known
    inputs still allow, where there is one.
    """

    why: str
    says: str
    missing: tuple[str, ...] = ()
    estimate: Estimate | None = None
    kind: str = "abstention"


Body = Risk | Finding | Advice | Signal | Draft | Abstention


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: `evidence` names Events' sources inside the View; `absent` names what is not there.

    weight: how much it moved the answer, in `unit` (points, log-odds …); 0 when it only informs.
    says: one short line for a person ("Breathing 26 /min: 3 points").
    """

    evidence: tuple[str, ...]
    weight: float
    says: str
    unit: str = "{score}"
    absent: str | None = None


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model, in which version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Insight:
    """What a model says of a subject.

    as_of: nothing known later was used. reasons: the weightiest first. limits: what is not known,
    in whole sentences. permit: the basis on which the View was opened. urgency None: no action
    follows, or (for an Abstention) it cannot be judged. `id` is given by the spine.
    """

    subject: str
    model: ModelRef
    asks: str
    as_of: datetime
    body: Body
    urgency: Urgency | None = None
    reasons: tuple[Reason, ...] = ()
    limits: tuple[str, ...] = ()
    permit: str = ""
    id: str = ""

    @property
    def judged(self) -> bool:
        """Whether the model answered; an Abstention is an answer too, but no judgement."""
        return not isinstance(self.body, Abstention)

    @property
    def failed(self) -> bool:
        """Whether there is no answer for a reason of the model's own: it failed, or is not available."""
        return isinstance(self.body, Abstention) and self.body.why == "not-available"

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


# Units in which more is worse: points and probabilities. Of an eGFR, for one, more is better.
_MORE_IS_WORSE = frozenset({"1", "%", "{score}"})


def _upper(body: Body) -> float:
    """Return the end by which two answers of one urgency are ordered; 0 where more is not worse."""
    if isinstance(body, Risk):
        estimate = body.outcomes[0].estimate
    elif isinstance(body, Finding):
        estimate = body.estimate
    else:
        return 0.0
    return estimate.upper if estimate.unit in _MORE_IS_WORSE else 0.0
