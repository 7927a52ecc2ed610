"""How urgent an answer is that a model would not give: by what is known already, whatever the rest may be.

A patient without a date of birth may be a child, so that NEWS2 abstains; with 18 points known, nobody should
wait for the date. A wide range is another matter: where it begins at nothing, it calls for nobody.
"""

from __future__ import annotations

from salus.core.insight import Abstention, Estimate, Insight, Reason, Urgency
from salus.core.registry import models

# Points: what the action table of a card is entered with. Estimates in other units may run the other way.
_POINTS = "{score}"
# What a learnt model weighs its reasons in: above 0 they raise the risk.
_LOG_ODDS = "log-odds"


def called_for(insight: Insight) -> Urgency | None:
    """Return the insight's urgency; of an Abstention that of its upper end, if the lower one is urgent too.

    Urgent: to be looked at now or today.
    """
    body = insight.body
    if not isinstance(body, Abstention):
        return insight.urgency
    if not insight.applies or body.estimate is None:
        return None
    low, high = _by_table(insight, body.estimate)
    urgent = low is not None and low.rank <= Urgency.TODAY.rank
    return high if urgent else None


def lowers(reason: Reason) -> bool:
    """Whether a reason speaks against the outcome."""
    return reason.unit == _LOG_ODDS and reason.weight < 0


def leading_reason(insight: Insight) -> Reason | None:
    """Return the weightiest reason that speaks for the answer: what calls for somebody, where it does.

    A high risk is not told by what lowers it. What is absent stands behind what is there.
    """
    known = [one for one in insight.reasons if one.absent is None] or list(insight.reasons)
    if insight.urgency is not None and insight.urgency is not Urgency.ROUTINE:
        known = [one for one in known if one.unit != _LOG_ODDS or one.weight > 0] or known
    return known[0] if known else None


def _by_table(insight: Insight, estimate: Estimate) -> tuple[Urgency | None, Urgency | None]:
    """Return what the card's table says of both ends of the range."""
    model = models().get(insight.model.name)
    if model is None or estimate.unit != _POINTS or estimate.low is None or estimate.high is None:
        return None, None
    rows = [model.card.action(end) for end in (estimate.low, estimate.high)]
    low, high = (row.urgency if row else None for row in rows)
    return low, high
