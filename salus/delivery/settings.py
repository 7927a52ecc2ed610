"""Settings: what a site decides about its doors, in one frozen place that every door is handed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from salus.core.consent import Actor
from salus.core.roles import PATIENT, PROXY, ROLES

if TYPE_CHECKING:
    from salus.delivery.auth import JwksTrust
    from salus.delivery.oidc import Oidc
    from salus.delivery.smart import SmartClients


PAGE_ACTOR = Actor("page:local")
HEADS_EVERY_S = 60.0


# Everybody who works here; who looks at their own record, or a child's, chooses for themselves.
STAFF = frozenset(ROLES) - {PATIENT, PROXY}


@dataclass(frozen=True, slots=True)
class SignIn:
    """How somebody signs in to the pages.

    second_factor: the roles that have to set up a second factor before they see anything else. setup: the
    SHA-256 of the code with which the first operator is made, where there is no account yet; "" takes none.
    oidc: the identity provider that vouches for people, beside the accounts of this machine.
    """

    second_factor: frozenset[str] = STAFF
    setup: str = ""
    oidc: Oidc | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a site decides about its doors.

    base_url: where clients reach this server, as they write it; links and the JWT's audience come from it.
    jwt: which clients are trusted; None trusts nobody. insecure_no_jwt: the development switch that takes
    calls from anyone.
    smart: the clients that get tokens for the FHIR door (SMART Backend Services). fhir_servers: the only base
    URLs that are ever called back for missing prefetch.
    frame_ancestors: who may embed the pages (CSP). sign_in: how somebody signs in to the pages; None asks
    nobody, and they speak on behalf of `actor`.
    max_body: bytes of a request body. workers: calls that are computed at the same time; waiting: calls
    that may queue behind them before others are sent away. hook_patience_s: how long an EHR waits for a
    hook at most; then it hears that Salus is away. heads_every_s: how often the ledger's head is published
    while it grows; heads_post: the second site (https) that gets each head too.
    """

    base_url: str = "http://127.0.0.1:8000"
    jwt: JwksTrust | None = None
    insecure_no_jwt: bool = False
    fhir_servers: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ("'self'",)
    actor: Actor = PAGE_ACTOR
    sign_in: SignIn | None = None
    smart: SmartClients | None = None
    banner: str = ""
    max_body: int = 8 * 2**20
    workers: int = 2
    waiting: int = 200
    hook_patience_s: float = 3.0
    heads_every_s: float = HEADS_EVERY_S
    heads_post: str = ""

    def url(self, path: str) -> str:
        """Return the absolute URL of `path` here."""
        return self.base_url.rstrip("/") + path
