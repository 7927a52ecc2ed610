"""Serve: from the words of the command line to a running server."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace
from hashlib import sha256
from secrets import token_hex
from typing import TYPE_CHECKING

from salus.core.addresses import tidy
from salus.core.consent import Actor
from salus.core.errors import RefusedError, UserError
from salus.core.roles import ROLES
from salus.delivery.oidc import read_oidc
from salus.delivery.settings import HEADS_EVERY_S, PAGE_ACTOR, STAFF, Settings, SignIn
from salus.spine.models import LIVE, statuses

if TYPE_CHECKING:
    from socket import socket

    from salus.spine import Site


def run(site: Site, args: argparse.Namespace) -> int:
    """Serve pages, CDS Hooks and FHIR for `site` until interrupted; return the exit code.

    Raises UserError when the address cannot be listened on or the settings do not fit, RefusedError when
    anybody could reach what has no login of its own.
    """
    import uvicorn

    from salus.delivery.app import create_app, settle
    from salus.delivery.operations import log_as_json

    log_as_json()
    settings = _settings(args)
    _guard(args.host, args, settings)
    listener = _listen(args.host, args.port)
    if not args.port:
        # The system chose one.
        args.port = listener.getsockname()[1]
        settings = _settings(args)
    asked, setup = _sign_in(site, args)
    settings = replace(settings, sign_in=asked)
    _announce(settings, any(row.status == LIVE for row in statuses(site).values()), setup)
    config = uvicorn.Config(
        create_app(site, settings),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    settle()
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()
        site.close()
    return 0


def check_address(args: argparse.Namespace) -> None:
    """Raise what `run` would raise of its address: asked before long work that would be for nothing."""
    _guard(args.host, args, _settings(args))
    if getattr(args, "oidc", None):
        read_oidc(args.oidc)
    _listen(args.host, args.port).close()


def _settings(args: argparse.Namespace) -> Settings:
    from salus.delivery.auth import JwksTrust
    from salus.delivery.smart import SmartClients

    trusted, base = getattr(args, "trust", None), getattr(args, "base_url", None)
    return Settings(
        base_url=f"http://{_shown(args.host)}:{args.port}" if base is None else _address("--base-url", base),
        jwt=JwksTrust.of(trusted) if trusted else None,
        smart=SmartClients.of(args.clients) if getattr(args, "clients", None) else None,
        insecure_no_jwt=getattr(args, "dev_no_jwt", False),
        fhir_servers=tuple(
            _address("--fhir-server", one) for one in getattr(args, "fhir_server", None) or ()
        ),
        frame_ancestors=("'self'", *map(_origin, getattr(args, "frame_ancestor", None) or ())),
        actor=Actor(args.actor) if getattr(args, "actor", None) else PAGE_ACTOR,
        heads_every_s=getattr(args, "heads_every", None) or HEADS_EVERY_S,
        heads_post=_second_site(getattr(args, "heads_post", None)),
    )


def _second_site(url: str | None) -> str:
    """Return where heads are sent; raises UserError where that is no https URL."""
    from salus.delivery.heads import poster

    if url is not None:
        poster(url)
    return url or ""


def _sign_in(site: Site, args: argparse.Namespace) -> tuple[SignIn | None, str]:
    """Return how the pages ask for a sign-in, and the setup code where there is no account yet.

    A demonstration asks nobody: nobody in it exists, and it says so on every page. Nor is anybody asked at a
    machine on which nobody has an account, unless that is wanted: whoever sits there is whoever works there.
    """
    if site.demonstrated or getattr(args, "insecure_no_sign_in", False):
        return None, ""
    wanted_at_all = getattr(args, "sign_in", False) or getattr(args, "oidc", None)
    if not wanted_at_all and not site.store.accounts.any():
        return None, ""
    wanted = {"staff": STAFF, "all": frozenset(ROLES), "nobody": frozenset[str]()}
    code = "" if site.store.accounts.any() else token_hex(16)
    setup = sha256(code.encode()).hexdigest() if code else ""
    oidc = getattr(args, "oidc", None)
    vouches = read_oidc(oidc) if oidc else None
    return SignIn(wanted[getattr(args, "second_factor", "staff")], setup, vouches), code


# CSP Level 3, 2.3.1: a host-source or a scheme-source; nothing in it can end a directive or begin another.
# A bare * is not taken: any page of the world could lay the forms under its own buttons.
_SOURCE = re.compile(
    r"[A-Za-z][A-Za-z0-9+.\-]*:|(?:[A-Za-z][A-Za-z0-9+.\-]*://)?(?:\*\.)?[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*"
    r"(?::(?:[0-9]{1,5}|\*))?(?:/[A-Za-z0-9\-._~%!$&()*+=:@/]*)?"
)


def _address(option: str, text: str) -> str:
    """Return the base URL in `text`; raises UserError where no client could be sent there."""
    whole = text.isprintable() and not any(one in text for one in " ?#\"'<>")
    if not text or not whole or tidy(text) != text.rstrip("/"):
        raise UserError(
            f"{option}: '{text}' is no base URL: write http:// or https://, a host and at most a path, "
            "without a login, as https://salus.example/cds."
        )
    return text


def _origin(text: str) -> str:
    if not _SOURCE.fullmatch(text):
        raise UserError(
            f"--frame-ancestor: '{text}' is no origin that may embed the pages: write one each time, as "
            "https://ehr.example."
        )
    return text


def _guard(host: str, args: argparse.Namespace, settings: Settings) -> None:
    """Refuse to open patients' pages to a whole network without a login, or in the clear."""
    if _is_this_machine(host):
        return
    if getattr(args, "insecure_no_sign_in", False):
        raise RefusedError(
            f"--insecure-no-sign-in shows patients' pages to anybody, and --host {host} lets anybody in. "
            "Leave it out, or listen on 127.0.0.1."
        )
    if settings.insecure_no_jwt:
        raise RefusedError(
            f"--dev-no-jwt takes calls from anybody, and --host {host} lets anybody in. Name each client "
            "with --trust, or listen on 127.0.0.1."
        )
    if not args.behind_login:
        raise RefusedError(
            f"--host {host} would send passwords and patients' pages in the clear, and show /metrics to "
            "whoever can reach this machine. Listen on 127.0.0.1 with a proxy in front that speaks https; "
            "where the proxy is on another machine, asks for a login of its own and is the only one that can "
            "reach this port, add --behind-login."
        )


def _is_this_machine(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        # A name may lead anywhere; this one is loopback by RFC 6761 section 6.3. "" is every interface.
        return host == "localhost"


def _shown(host: str) -> str:
    """Return `host` as a URL shows it: an address that means every interface is reached as this machine."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  what was asked for is read here, nothing is bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket:
    import socket as sockets

    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    listener = sockets.socket(family, sockets.SOCK_STREAM)
    listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or "no such port"
        raise UserError(f"Cannot listen on {host}, port {port}: {why}. Choose another with --port.") from None
    return listener


def _announce(settings: Settings, speaks: bool, setup: str = "") -> None:
    say, at = sys.stderr.write, settings.base_url
    say(f"Pages: {at}/  CDS Hooks: {at}/cds-services  FHIR: {at}/fhir\n")
    if settings.sign_in is None:
        say("The pages, /audit and /metrics ask for no login: put a proxy that does in front of them.\n")
    if setup:
        say(f"Nobody has an account here yet. Make the first at {at}/welcome with this code: {setup}\n")
    if settings.insecure_no_jwt:
        say("CDS Hooks and FHIR clients are not checked (--dev-no-jwt): for development only.\n")
    elif settings.jwt is None:
        say("No CDS Hooks client is trusted yet: name each with --trust ISSUER=JWKS.\n")
    if not speaks:
        say("No model is live here: nobody is ranked, and hooks answer with no cards. See 'salus models'.\n")
    say("Stop with Ctrl-C.\n")
