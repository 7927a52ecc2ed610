"""The review form: what a person decided, checked; and that it was they, on our own page, who sent it.

Cross-site posts are refused by what the browser says of them (Sec-Fetch-Site, else Origin) and by a signed
token that names the insight and the reviewer (OWASP Cross-Site Request Forgery Prevention, 2024).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from salus.core.errors import printable
from salus.core.review import DECISIONS, OVERRIDE_REASONS, Fault, faults

NOTE_LIMIT = 2000
# A form may stay open for a shift and the handover that follows it.
OPEN_FOR = 14 * 3600

CHOICES = {
    "accepted": "I agree",
    "modified": "I change it",
    "overridden": "I disagree",
    "deferred": "Later",
}
DONE = {
    "accepted": "agreed",
    "modified": "changed it",
    "overridden": "disagreed",
    "deferred": "put it off",
}


# The fields of a review's form, as JSON Schema.
REVIEW = {
    "insight": {"type": "string"},
    "token": {"type": "string"},
    "decision": {"type": "string", "enum": sorted(DECISIONS)},
    "because": {"type": "string", "enum": sorted(["", *OVERRIDE_REASONS])},
    "note": {"type": "string", "maxLength": NOTE_LIMIT},
    "told_patient": {"type": "string", "enum": ["", "yes"]},
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What came in, and what is wrong with it, by field; kept so that nothing that was written is lost."""

    insight: str = ""
    decision: str = ""
    because: str = ""
    note: str = ""
    told_patient: bool = False
    problems: Mapping[str, str] = field(default_factory=dict)


def read_draft(form: Mapping[str, str]) -> Draft:
    """Read a posted review; `problems` names each field that a person must look at again."""
    note = form.get("note", "").strip().replace("\r\n", "\n")
    draft = Draft(
        insight=form.get("insight", "")[:200],
        decision=form.get("decision", ""),
        because=form.get("because", ""),
        note=note.replace("\0", ""),
        told_patient=form.get("told_patient") == "yes",
    )
    found = _problems(draft)
    if "\0" in note:
        # No store holds it, and it may stand where something else was meant.
        found.setdefault("note", "The note held a character that cannot be kept. Read it again as it is now.")
    return replace(draft, problems=found)


_FAULTS = {
    Fault.DECISION: ("decision", "Choose what you decided."),
    Fault.REASON: ("because", "Choose one of the reasons that are listed."),
    Fault.NO_OVERRIDE: (
        "because",
        "A reason goes with “I disagree” or “I change it”: choose one of these, or no reason.",
    ),
    Fault.OTHER_UNSAID: ("note", "Say in a few words what the other reason is."),
    Fault.UNREASONED: ("because", "Choose why you disagree."),
    Fault.UNSAID: ("note", "Say what you change."),
}


def _problems(draft: Draft) -> dict[str, str]:
    wrong = reversed(faults(draft.decision, draft.because, draft.note))
    found = dict(_FAULTS[fault] for fault in wrong)
    if draft.decision == "overridden" and not draft.because:
        found["because"] = "Choose why you disagree."
    if draft.decision == "modified" and not printable(draft.note, None):
        found["note"] = "Say what you change."
    if len(draft.note) > NOTE_LIMIT:
        found["note"] = f"Shorten the note to {NOTE_LIMIT:,} characters."
    return found


class Tokens:
    """Makes and checks the tokens of forms; `secret` is drawn afresh for each process unless given."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes = b"") -> None:
        self._secret = secret or secrets.token_bytes(32)

    def make(self, actor: str, insight: str, now: float | None = None) -> str:
        """Return a token for one form: when it was made, a nonce, a signature."""
        head = f"{int(now if now is not None else time.time())}.{secrets.token_hex(16)}"
        return f"{head}.{self._sign(head, actor, insight)}"

    def holds(self, token: str, actor: str, insight: str, now: float | None = None) -> bool:
        """Whether `token` was made here for this actor and insight, no longer than a shift ago."""
        made, _, rest = token.partition(".")
        nonce, _, signature = rest.partition(".")
        if not made.isascii() or not made.isdigit() or len(made) > 12:
            return False
        age = (now if now is not None else time.time()) - int(made)
        right = hmac.compare_digest(
            self._sign(f"{made}.{nonce}", actor, insight), signature.encode().decode("ascii", "replace")
        )
        return right and -60 <= age <= OPEN_FOR

    @staticmethod
    def once(token: str, *said: str) -> str:
        """Return an id for what one form said, so that saying it twice is saying it once."""
        nonce = token.split(".")[1]
        return hashlib.sha256("\x1f".join((nonce, *said)).encode()).hexdigest()[:32]

    def _sign(self, head: str, actor: str, insight: str) -> str:
        parts = "\x1f".join((head, actor, insight)).encode()
        return hmac.new(self._secret, parts, hashlib.sha256).hexdigest()


def is_called_here(host: str | None, base_url: str) -> bool:
    """Whether a browser asked for this server by a name of its own: an address, this machine, the base URL's.

    Any other name may be a stranger's that was pointed at this address (DNS rebinding), whose page would then
    read what stands here, since pages have no login.
    """
    if host in (None, "", "localhost", urlsplit(base_url).hostname):
        return True
    try:
        ip_address(host or "")
    except ValueError:
        return False
    return True


def same_site(headers: Mapping[str, str], here: Container[str]) -> bool:
    """Whether a post came from a page of our own, as far as the browser tells; `here`: our own origins.

    A browser too old to send either header is held to the token alone.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin in here
