"""From a page's plain values to bytes: templates, what every page shares, the headers that guard it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from salus import __version__
from salus.delivery.web import words
from salus.delivery.web.pages.record import anchor

HERE = Path(__file__).parent
STATIC = HERE / "static"
NAV = (("ward", "/ward", "Ward"), ("models", "/models", "Models"), ("audit", "/audit", "Audit"))
# For operators, who run the server, beside the others.
ACCOUNTS = ("accounts", "/accounts", "Accounts")


# Control characters, and those that turn the direction of writing (Unicode UAX 9): with one of them in a
# name, a line would say something else than what is in the record.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@cache
def _version(name: str) -> str:
    """Return a short digest of a static file, so that a new one is fetched and an old one kept."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Page:
    """What every page shows: where one is, who one is, whether it is a demonstration.

    sign_out: the token of the form by which somebody signs out, where they are signed in.
    """

    here: str = ""
    who: str = ""
    demonstration: bool = False
    nav: Sequence[tuple[str, str, str]] = NAV
    version: str = __version__
    sign_out: str = ""

    def static(self, name: str) -> str:
        """Return the address of a static file."""
        return f"/static/{name}?v={_version(name)}"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def pieces(text: str) -> list[str]:
    """Return a text in pieces between which a line may break: a run of 25 letters has several."""
    return re.sub(r"(\S{20})(?=\S{5})", "\\1\0", text).split("\0")


@cache
def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        moment=words.moment,
        clock=words.clock,
        number=words.number,
        plural=words.plural,
        anchor=anchor,
        pieces=pieces,
        duration=words.duration,
        lower_first=_lower_first,
        browser=words.browser,
    )
    return found


def written(template: str, **values: Any) -> str:
    """Return `template` as text, without characters that nobody sees."""
    return _UNSEEN.sub("", _templates().get_template(template).render(**values))


def style(*names: str) -> str:
    """Return our own stylesheets as text, for a page that must stand alone."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def render(template: str, page: Page, status: int = 200, /, **values: Any) -> Response:
    """Return `template` as a response."""
    return Response(written(template, page=page, **values), status, media_type="text/html; charset=utf-8")


def guard(response: Response, frame_ancestors: Sequence[str]) -> Response:
    """Add the headers that keep a page to itself: nothing from elsewhere runs in it, nothing of it is kept.

    OWASP Secure Headers Project; `frame-ancestors` says which record systems may show it inside themselves.
    """
    ancestors = " ".join(frame_ancestors) or "'none'"
    headers: Mapping[str, str] = {
        "Content-Security-Policy": (
            "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
            f"frame-ancestors {ancestors}"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "Cache-Control": "no-store",
    }
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    return response
