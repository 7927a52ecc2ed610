"""Serve: from the words of the command line to a running server."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from salus.core.consent import Actor
from salus.core.errors import UserError
from salus.delivery.settings import PAGE_ACTOR, Settings

if TYPE_CHECKING:
    from socket import socket

    from salus.spine import Site


def run(site: Site, args: argparse.Namespace) -> int:
    """Serve pages, CDS Hooks and FHIR for `site` until interrupted; return the exit code.

    Raises UserError when the address cannot be listened on or the settings do not fit.
    """
    import uvicorn

    from salus.delivery.app import create_app, settle
    from salus.delivery.operations import log_as_json

    log_as_json()
    settings = _settings(args)
    listener = _listen(args.host, args.port)
    _announce(settings)
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


def _settings(args: argparse.Namespace) -> Settings:
    from salus.delivery.auth import JwksTrust

    trusted = getattr(args, "trust", None)
    return Settings(
        base_url=getattr(args, "base_url", None) or f"http://{_shown(args.host)}:{args.port}",
        jwt=JwksTrust.of(trusted) if trusted else None,
        insecure_no_jwt=getattr(args, "dev_no_jwt", False),
        fhir_servers=tuple(getattr(args, "fhir_server", None) or ()),
        frame_ancestors=("'self'", *(getattr(args, "frame_ancestor", None) or ())),
        actor=Actor(args.actor) if getattr(args, "actor", None) else PAGE_ACTOR,
    )


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


def _announce(settings: Settings) -> None:
    say, at = sys.stderr.write, settings.base_url
    say(f"Pages: {at}/  CDS Hooks: {at}/cds-services  FHIR: {at}/fhir\n")
    if settings.insecure_no_jwt:
        say("CDS Hooks clients are not checked (--dev-no-jwt): for development only.\n")
    elif settings.jwt is None:
        say("No CDS Hooks client is trusted yet: name each with --trust ISSUER=JWKS.\n")
    say("Stop with Ctrl-C.\n")
