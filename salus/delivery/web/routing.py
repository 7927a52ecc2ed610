"""A page's route: who may open it, what form it takes, and how its handler runs.

Every handler runs in a thread, since the spine works synchronously.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from salus.delivery.web.forms import is_called_here
from salus.delivery.web.render import guard

if TYPE_CHECKING:
    from salus.delivery.web.app import Pages

# A review is a few words: more than this is no form of ours.
MAX_FORM = 64 * 1024
# Misdirected Request (RFC 9110 section 15.5.20).
STRANGERS_NAME = 421
# Who may open a page: whoever is signed in and has done what their account asks of them first; whoever is
# signed in, also to do just that; anybody.
SIGNED_IN, HALFWAY, ANYBODY = "signed-in", "halfway", "anybody"
Serve = Callable[..., Response]
Endpoint = Callable[[Request], Awaitable[Response]]


class PageRoute(Route):
    """A route to a page; `pages` are those that it belongs to, `form` the fields of what is posted to it.

    needs: what whoever opens it must be able to do by their role; to others there is no such page.
    """

    def __init__(
        self,
        pages: Pages,
        path: str,
        serve: Serve,
        method: str = "GET",
        *,
        access: str = SIGNED_IN,
        needs: str = "",
        form: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(path, _endpoint(pages, serve, access, needs), methods=[method], name=serve.__name__)
        self.pages, self.access, self.form = pages, access, form or {}


def _endpoint(pages: Pages, serve: Serve, access: str, needs: str) -> Endpoint:
    """Read the form if there is one, work in a thread, guard what comes out."""

    async def endpoint(request: Request) -> Response:
        try:
            if not is_called_here(request.url.hostname, pages.settings.base_url):
                raise HTTPException(STRANGERS_NAME)
            extra = (await _form(request),) if request.method == "POST" else ()
        except HTTPException as error:
            response = await run_in_threadpool(pages.failed, request, error.status_code)
        else:
            response = await run_in_threadpool(pages.answer, serve, (access, needs), request, *extra)
        return guard(response, pages.settings.frame_ancestors)

    endpoint.__doc__ = serve.__doc__
    return endpoint


def number_of(request: Request) -> int:
    """Return the patient's number from the path; what cannot be one is nobody's page (404)."""
    text = request.path_params["number"]
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise HTTPException(404)
    return int(text)


async def _form(request: Request) -> dict[str, str]:
    """Return the text fields of a posted form, the last of each name; files are none of ours."""
    size = request.headers.get("content-length", "")
    if not size.isdigit() or int(size) > MAX_FORM:
        raise HTTPException(413 if size.isdigit() else 411)
    try:
        form = await request.form(max_files=0, max_fields=20, max_part_size=MAX_FORM)
    except (HTTPException, ValueError):
        raise HTTPException(400) from None
    return {name: value for name, value in form.items() if isinstance(value, str)}
