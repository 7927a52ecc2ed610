"""What a clinician did with a card, as the EHR reports it, becomes a review of the insights it showed.

For the CDS Hooks door. Source: CDS Hooks 2.0 "Feedback". The reviewer is the user whom the card was shown to,
as kept with it, never somebody that the report names. A report that comes twice is kept once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from salus.core.errors import UserError
from salus.core.review import OVERRIDE_REASONS, REASON_SYSTEM, Review
from salus.delivery.answers import Answer
from salus.delivery.cds_hooks_check import check_feedback
from salus.delivery.cds_hooks_service import card_key, hook_of, unknown_service
from salus.delivery.fhir_outcome import Issue, outcome
from salus.spine.review import review

if TYPE_CHECKING:
    from salus.spine.site import Site

# A note is a sentence or two; an EHR that sends a chart in it would put values where none belong.
_LONGEST_NOTE = 2000


def feedback(site: Site, service: str, body: bytes) -> Answer:
    """Keep every report in `body`; 404 names the cards that were never sent from here.

    Raises AwayError when the store does not take them: the client sends them again, and none is kept twice.
    """
    if hook_of(service) is None:
        return unknown_service(site, service)
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Answer(
            400, outcome([Issue("fatal", "structure", "CDSHooksFeedback", "The body is not JSON.")])
        )
    bad = [issue for issue in check_feedback(document) if not issue.tolerated]
    if bad:
        return Answer(400, outcome(bad))
    return _keep(site, document["feedback"])


def _keep(site: Site, reports: list[Mapping[str, Any]]) -> Answer:
    strangers = []
    for index, report in enumerate(reports):
        said = reviews(site, report)
        if not said:
            at = f"CDSHooksFeedback.feedback[{index}].card"
            strangers.append(Issue("error", "not-found", at, "No such card was sent from here"))
        for each in said:
            if not _is_kept(site, each):
                review(site, each)
    if strangers:
        kept = len(reports) - len(strangers)
        note = Issue("information", "informational", "CDSHooksFeedback.feedback", f"{kept} were kept")
        return Answer(404, outcome([*strangers, note]))
    return Answer(200, {})


def reviews(site: Site, report: Mapping[str, Any]) -> list[Review]:
    """Return the reviews that one report stands for: one for each insight of its card."""
    found: list[Review] = []
    for place in count():
        shown = site.store.hook_card(card_key(str(report["card"]).lower(), place))
        if shown is None:
            return found
        found.append(_review(site, report, shown.insight, shown.user, shown.at))
    raise AssertionError("unreachable")


def _review(site: Site, report: Mapping[str, Any], insight: str, user: str, since: datetime) -> Review:
    decision, because, note = "accepted", "", ""
    if report["outcome"] == "overridden":
        decision = "overridden"
        because, note = _reason(report.get("overrideReason") or {})
    key = "\n".join((insight, user, decision, because, note, report["outcomeTimestamp"]))
    at = _moment(report["outcomeTimestamp"], since, site.now())
    return Review(insight, user, decision, because, note, at, id=uuid5(NAMESPACE_URL, key).hex)


def _reason(given: Mapping[str, Any]) -> tuple[str, str]:
    """Return the coded reason and the note; a code that is not ours is "another reason", and is noted."""
    coding = given.get("reason") or {}
    code, system = str(coding.get("code", "")), coding.get("system")
    note = str(given.get("userComment") or "")
    ours = code in OVERRIDE_REASONS and system in (REASON_SYSTEM, None)
    if code and not ours:
        shown = str(coding.get("display") or code)
        note = f"{shown}: {note}" if note else shown
    return code if ours else "other", " ".join(note.replace("\0", " ").split())[:_LONGEST_NOTE]


def _moment(given: str, since: datetime, now: datetime) -> datetime:
    """Return when the clinician acted: not before the card was shown, not in the future."""
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        return now
    return min(max(moment, since), now)


def _is_kept(site: Site, said: Review) -> bool:
    return any(kept.id == said.id for kept in site.store.reviews(insight=said.insight))


def hear(site: Site, message: object) -> Review:
    """Return the review that a feedback report (one element of ``feedback``) stands for.

    Raises UserError when it is no report, or the card was not sent from here.
    """
    bad = [issue for issue in check_feedback({"feedback": [message]}) if not issue.tolerated]
    if bad or not isinstance(message, Mapping):
        raise UserError(f"Not a CDS Hooks feedback report: {bad[0].path if bad else 'CDSHooksFeedback'}.")
    found = reviews(site, message)
    if not found:
        raise UserError("No such card was sent from here: send feedback to the service that gave the card.")
    return found[0]
