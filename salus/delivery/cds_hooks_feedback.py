"""What a clinician did with a card, as the EHR reports it, becomes a review of the insights it showed.

For the CDS Hooks door. Source: CDS Hooks 2.0 "Feedback". The reviewer is the user whom the card was shown to,
as kept with it, never somebody that the report names. A report that comes twice is kept once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from salus.core.errors import UserError, printable
from salus.core.review import OVERRIDE_REASONS, REASON_SYSTEM, Review
from salus.delivery.answers import Answer
from salus.delivery.cds_hooks_check import HOOKS, check_feedback
from salus.delivery.cds_hooks_service import card_key, hook_of, unknown_service
from salus.delivery.fhir_outcome import Issue, outcome
from salus.spine.review import review

if TYPE_CHECKING:
    from salus.spine.review import HookCard
    from salus.spine.site import Site

# Characters of a comment and of a reason's words. A note is a sentence or two, and is kept whole; an EHR that
# sends a chart in it would put values where none belong.
LONGEST_NOTE = 10_000
# A clinician decides on a few cards at a time; each report waits for the disk.
_MOST_REPORTS = 1000
# How far a client's clock may be off; backwards more, since a wrong zone must not cost a decision.
_AHEAD, _BEHIND = timedelta(minutes=5), timedelta(days=1)


def feedback(site: Site, service: str, body: bytes, client: str = "") -> Answer:
    """Keep every report in `body`; 404 names the cards that were never sent from here to `client`.

    client: the issuer that signed the call; a card that was sent to another is a stranger's.
    Raises AwayError when the store does not take them: the client sends them again, and none is kept twice.
    """
    hook = hook_of(service)
    if hook is None:
        return unknown_service(site, service)
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Answer(
            400, outcome([Issue("fatal", "structure", "CDSHooksFeedback", "The body is not JSON.")])
        )
    bad = [issue for issue in check_feedback(document) if not issue.tolerated] or _too_long(document)
    if not bad and len(document["feedback"]) > _MOST_REPORTS:
        text = f"A call holds at most {_MOST_REPORTS} reports: nothing was kept, send them in several calls"
        return Answer(413, outcome([Issue("error", "too-long", "CDSHooksFeedback.feedback", text)]))
    return _refused(bad) if bad else _keep(site, hook, document["feedback"], client)


def _too_long(document: Mapping[str, Any]) -> list[Issue]:
    """Name each text that is longer than what is kept: cut short, it would say something else."""
    found = []
    for index, report in enumerate(document["feedback"]):
        at, given = f"CDSHooksFeedback.feedback[{index}].overrideReason", report.get("overrideReason") or {}
        reason = given.get("reason") or {}
        texts = {"userComment": given.get("userComment")}
        texts |= {f"reason.{name}": reason.get(name) for name in ("code", "system", "display")}
        says = f"Longer than {LONGEST_NOTE:,} characters: say it in fewer"
        long = [name for name, text in texts.items() if len(str(text or "")) > LONGEST_NOTE]
        found += [Issue("error", "too-long", f"{at}.{name}", says) for name in long]
    return found


def _refused(bad: list[Issue]) -> Answer:
    """Name every report that is wrong: one of many must not be kept, or lost, without a word."""
    says = "Nothing of this call was kept: correct what is named and send all of it again"
    return Answer(
        400, outcome([*bad, Issue("information", "informational", "CDSHooksFeedback.feedback", says)])
    )


def _keep(site: Site, hook: str, reports: list[Mapping[str, Any]], client: str) -> Answer:
    shown = [_sent_to(client, _shown(site, hook, report)) for report in reports]
    strangers, bad = [], []
    for index, (report, seen) in enumerate(zip(reports, shown, strict=True)):
        at = f"CDSHooksFeedback.feedback[{index}]"
        if not seen:
            strangers.append(
                Issue("error", "not-found", f"{at}.card", "No such card was sent to you from here")
            )
        elif says := _untimely(report, seen[0].at, site.now()):
            bad.append(Issue("error", "invalid", f"{at}.outcomeTimestamp", says))
    if bad:
        return _refused(bad)
    _write_down(site, [_review(site, *pair) for pair in _pairs(reports, shown)])
    if strangers:
        kept = len(reports) - len(strangers)
        note = Issue("information", "informational", "CDSHooksFeedback.feedback", f"{kept} were kept")
        return Answer(404, outcome([*strangers, note]))
    return Answer(200, {})


def _pairs(
    reports: list[Mapping[str, Any]], shown: list[list[HookCard]]
) -> Iterator[tuple[Mapping[str, Any], HookCard]]:
    for report, seen in zip(reports, shown, strict=True):
        yield from ((report, card) for card in seen)


def _write_down(site: Site, said: list[Review]) -> None:
    """Keep each review once; what is kept of an insight is read once, however many reports name it."""
    kept = {one.id for name in {each.insight for each in said} for one in site.store.reviews(insight=name)}
    for each in said:
        if each.id not in kept:
            kept.add(each.id)
            review(site, each, heard=True)


def _shown(site: Site, hook: str, report: Mapping[str, Any]) -> list[HookCard]:
    """Return what the card showed, each insight with the user and the time; nothing for a stranger's card."""
    uuid = str(report["card"]).lower()
    found: list[HookCard] = []
    for place in count():
        shown = site.store.hook_card(card_key(hook, uuid, place))
        if shown is None:
            break
        found.append(shown)
    return found


def _sent_to(client: str, shown: list[HookCard]) -> list[HookCard]:
    """Return what was shown through `client`, or before it was kept through whom.

    The others read as never sent: whether a card exists is nobody else's to know.
    """
    return [card for card in shown if card.client in ("", client)]


def _untimely(report: Mapping[str, Any], since: datetime, now: datetime) -> str:
    """Return in words why nobody can have acted then, or ""."""
    moment = datetime.fromisoformat(report["outcomeTimestamp"])
    if moment > now + _AHEAD:
        return "Lies in the future: check the client's clock, and that the zone is the one of the time"
    if moment < since - _BEHIND:
        return "Lies more than a day before the card was shown: send when the clinician decided"
    return ""


def _review(site: Site, report: Mapping[str, Any], seen: HookCard) -> Review:
    decision, because, given = report["outcome"], "", report.get("overrideReason") or {}
    if decision == "overridden":
        because, note = _reason(given)
    else:
        # An accepted card has no reason to be overridden; what was said with it is kept all the same.
        note = _noted(given.get("reason") or {}, given)
    key = "\n".join((seen.insight, seen.user, decision, because, note, report["outcomeTimestamp"]))
    # Clocks differ a little: nobody acted before the card was shown, or after we heard of it.
    at = min(max(datetime.fromisoformat(report["outcomeTimestamp"]), seen.at), site.now())
    return Review(seen.insight, seen.user, decision, because, note, at, id=uuid5(NAMESPACE_URL, key).hex)


def _reason(given: Mapping[str, Any]) -> tuple[str, str]:
    """Return the coded reason and the note; a code that is not ours is "another reason", and is noted."""
    coding = given.get("reason") or {}
    code, system = str(coding.get("code", "")), coding.get("system")
    ours = code in OVERRIDE_REASONS and system in (REASON_SYSTEM, None)
    return code if ours else "other", _noted({} if ours else coding, given)


def _noted(coding: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Return `coding` in words, as it is written in its own system, and the comment."""
    code, comment = str(coding.get("code") or ""), str(given.get("userComment") or "")
    whole = "|".join(str(part) for part in (coding.get("system"), code) if part)
    shown = f"{coding['display']} ({whole})" if coding.get("display") else whole
    return printable(": ".join(part for part in (shown if code else "", comment) if part), None)


def hear(site: Site, message: object) -> Review:
    """Return the review that a feedback report (one element of ``feedback``) stands for.

    Raises UserError when it is no report, or the card was not sent from here.
    """
    bad = [issue for issue in check_feedback({"feedback": [message]}) if not issue.tolerated]
    if bad or not isinstance(message, Mapping):
        raise UserError(f"Not a CDS Hooks feedback report: {bad[0].path if bad else 'CDSHooksFeedback'}.")
    seen = [card for hook in HOOKS for card in _shown(site, hook, message)]
    if not seen:
        raise UserError("No such card was sent from here: send feedback to the service that gave the card.")
    return _review(site, message, seen[0])
