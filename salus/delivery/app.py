"""The one web application: every door of a site, mounted in one place, for whoever runs `salus serve`."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from salus.delivery import cds_hooks, fhir, openapi
from salus.delivery.answers import FHIR_JSON, Answer, Workers
from salus.delivery.cds_hooks import CdsHooks
from salus.delivery.fhir import Fhir
from salus.delivery.fhir_outcome import one
from salus.delivery.heads import publishing
from salus.delivery.openapi import OpenApi
from salus.delivery.operations import Metrics, Operations, Watch
from salus.delivery.settings import Settings
from salus.delivery.smart import TOKEN_PATH, Smart
from salus.delivery.tally import Tally
from salus.delivery.web import app as web

if TYPE_CHECKING:
    from salus.spine.site import Site

__all__ = ["Settings", "create_app", "settle"]

# Issue-type codes (FHIR R4) for what the router itself refuses.
_CODES = {404: "not-found", 405: "not-supported"}
# A call's bytes arrive in many pieces, and each waits for a worker thread to let go of the interpreter.
_SWITCH_S = 0.0005
_MACHINES = (cds_hooks.PATH, fhir.PATH, openapi.PATH, TOKEN_PATH, "/healthz", "/metrics")


def create_app(site: Site, settings: Settings) -> Starlette:
    """Return the ASGI application of `site`: CDS Hooks, FHIR, pages, health, metrics, their description."""
    tally, workers = Tally(), Workers(settings.workers, settings.waiting)
    metrics = Metrics(tally)
    doors: list[Route] = [
        *CdsHooks(site, settings, workers, tally).routes(),
        *Smart(site, settings, workers).routes(),
        *Fhir(site, settings, workers).routes(),
        *Operations(site, metrics, workers).routes(),
    ]
    pages = web.routes(site, settings, tally)
    described = OpenApi(settings, [*doors, *pages])
    routes: list[BaseRoute] = [*doors, *described.routes(), *pages]
    watch = Middleware(Watch, metrics=metrics, templates=_templates(routes))
    handlers = dict.fromkeys(_CODES, _refused)
    lifespan = _lifespan(site, settings)
    app = Starlette(routes=routes, middleware=[watch], exception_handlers=handlers, lifespan=lifespan)
    app.router.redirect_slashes = False
    return app


def _templates(routes: Sequence[BaseRoute], above: str = "") -> dict[object, str]:
    """Return the path template of each endpoint: what logs and metrics show in place of the path."""
    found: dict[object, str] = {}
    for route in routes:
        if isinstance(route, Mount):
            found[route.app] = f"{above}{route.path}/*"
            found |= _templates(route.routes, above + route.path)
        elif isinstance(route, Route):
            found.setdefault(route.endpoint, above + route.path)
    return found


def _refused(request: Request, error: Exception) -> Response:
    """Refuse in the form that the door speaks: an OperationOutcome for machines, a page for people."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    path = request.url.path
    if not path.startswith(_MACHINES):
        page = web.refused(request, status)
        if page.status_code == 404 and path.rstrip("/") != path:
            # Not as the router would: with the name in it by which it was asked, which may be a stranger's.
            page = RedirectResponse(_without_slash(request), 307)
        page.headers.update(getattr(error, "headers", None) or {})
        return page
    media = FHIR_JSON if path.startswith(fhir.PATH) else "application/json"
    if status == 404 and path.endswith("/"):
        return RedirectResponse(_without_slash(request), 307)
    text = "There is nothing here." if status == 404 else "This method is not answered here."
    headers = getattr(error, "headers", None) or {}
    return Answer(status, one(_CODES[status], text), headers, media).response()


def _without_slash(request: Request) -> str:
    """Return the address without its last slash, as a path of this server's alone."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/{request.url.path.strip('/')}{query}"


def _lifespan(site: Site, settings: Settings):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with publishing(site, settings):
            yield
        site.close()

    return lifespan


def settle() -> None:
    """Set the interpreter up for a process that does nothing but serve.

    Leave what was loaded at the start out of every later search for garbage, and search less often.

    A call makes thousands of small objects that die with it; without this a third of its time goes there.
    """
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
