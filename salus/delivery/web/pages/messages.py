"""Plain words for what is no answer: not found, refused, away; what is still true, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from salus.core.measures import ago

WARD = (("/ward", "Go to the ward"),)


@dataclass(frozen=True, slots=True)
class Message:
    """A heading, what there is to say, and the ways on."""

    status: int
    heading: str
    says: tuple[str, ...]
    ways: tuple[tuple[str, str], ...] = WARD
    draft: Mapping[str, str] = field(default_factory=dict)
    again: str = ""
    told: str = ""

    def values(self) -> dict[str, Any]:
        """Return what the template needs."""
        return {
            "heading": self.heading, "says": self.says, "ways": self.ways, "draft": self.draft,
            "again": self.again, "told": self.told,
        }  # fmt: skip

    def keeping(self, draft: Mapping[str, str], again: str, told: str, back: str) -> Message:
        """Return the message with what was written, ready to be sent again."""
        return replace(
            self, draft=draft, again=again, told=told, ways=((back, "Back to the patient"), *self.ways)
        )


@dataclass(frozen=True, slots=True)
class Away:
    """A notice on a page that is shown from memory."""

    heading: str
    says: str


_WHAT = {"store": "The store does not answer", "record": "The record does not answer"}


def _age(at: datetime, now: datetime) -> str:
    return f"{at:%H:%M} UTC, {ago(now - at)} ago"


def ward_away(what: str, at: datetime, now: datetime) -> Away:
    """Say that the ward is shown as it was last heard."""
    return Away(
        f"{_WHAT.get(what, 'Something that this page needs does not answer')}: this is the ward as of "
        f"{_age(at, now)}",
        "What you see was true then; newer results are not in it. Go by the patient and the record system. "
        "This page asks again each time you open it.",
    )


def patient_away(what: str, at: datetime, now: datetime) -> Away:
    """Say that a patient is shown as last heard, without forms: whoever decides should see what is newest."""
    return Away(
        f"{_WHAT.get(what, 'Something that this page needs does not answer')}: this is what was said at "
        f"{_age(at, now)}",
        "Newer results are not in it, so it asks for no decision until it answers again. One in a form that "
        "is still open elsewhere is kept if the store answers, and comes back if it does not.",
    )


def away(what: str) -> Message:
    """Say that nothing can be shown, and who can help."""
    return Message(
        503,
        f"{_WHAT.get(what, 'Something that this page needs does not answer')}",
        (
            "Salus cannot tell you anything about your patients right now, and it does not guess. "
            "Nothing that was recorded is lost.",
            "Go by the patient and the record system. Whoever runs this server finds the cause at /healthz "
            "and in its log; this page works again as soon as it answers.",
        ),
        (("/ward", "Try the ward again"),),
    )


def refused(says: str) -> Message:
    """Say that consent, governance or integrity said no."""
    return Message(403, "This is not open to you", (says,))


def wrong(says: str) -> Message:
    """Say what was wrong with the request."""
    return Message(400, "That did not work", (says,))


def stranger(from_here: bool) -> Message:
    """Say why a form was not taken: another site sent it, or it stood open for too long."""
    if not from_here:
        return Message(
            403, "Not recorded: this did not come from a page of this server",
            ("If you were not about to record a decision, close this page. Nothing was changed.",),
        )  # fmt: skip
    return Message(
        403,
        "Not recorded yet: the form was open for too long",
        ("A form is taken for fourteen hours, and no longer than the server runs. Nothing was changed.",),
    )


def signed_out(note: str, again: str) -> Message:
    """Say that a form came when its sender was signed out, and give back what was written in it."""
    says = ("Your session had ended, so nothing was changed. Sign in and do it once more.",)
    wrote = (f"You wrote: “{note[:2000]}”",) if note.strip() else ()
    return Message(403, "Not done: you are not signed in", (*says, *wrote), ((again, "Sign in"),))


def not_kept() -> Message:
    """Say that a decision could not be kept, while it is still on the page."""
    return Message(
        503,
        "Not recorded yet: the store does not answer",
        ("Your decision is not in the ledger. Leave this page open and press the button again in a moment.",),
    )


def not_opened() -> Message:
    """Say that nothing was opened, since that could not be written down."""
    return Message(
        503,
        "Not opened: the store does not answer",
        (
            "What is opened in an emergency is written down first, and that was not possible. "
            "Go by the patient, and ask whoever knows the record.",
        ),
    )


_FAILED = {
    400: ("That did not work", "The server could not read what was sent."),
    403: (
        "That was not done",
        "It did not come from a page of this server, or the page was open for too long. Load the page again, "
        "and do it once more.",
    ),
    404: ("There is no such page", "The address may be mistyped, or the patient is not in this archive."),
    405: ("That cannot be done here", "This page takes no such request."),
    411: ("That did not work", "The server could not read what was sent."),
    413: ("That is too much at once", "A note may have 2,000 characters."),
    421: (
        "This server is not known by that name",
        "Whoever runs it names it with --base-url; until then its pages answer under its address alone.",
    ),
    500: (
        "Something went wrong on our side",
        "It was logged without any of the patient's values. Nothing that was recorded is lost. "
        "Go by the patient and the record system, and try again.",
    ),
}


def failed(status: int) -> Message:
    """Return the message for an HTTP status."""
    heading, says = _FAILED.get(status, _FAILED[500])
    return Message(status, heading, (says,), () if status == 421 else WARD)
