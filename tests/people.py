"""Somebody with an account and a browser: signs in as a person would, by the forms of the pages."""

from __future__ import annotations

import re
import time
from base64 import b32decode

import httpx

from salus.delivery.settings import SignIn
from salus.privacy import totp
from salus.spine import accounts
from salus.spine.site import Site
from tests.browser.ward_site import Page

PASSWORD = "seven odd lanterns drift"
ALONE = SignIn(second_factor=frozenset())


def enter(site: Site, name: str, role: str = "clinician", password: str = PASSWORD, **rights: object) -> None:
    """Give somebody an account with a password of their own, as after their first sign-in."""
    from salus.spine import sign_in

    _, first = accounts.add(site, name, accounts.Rights(role, **rights), by="test")  # type: ignore[arg-type]
    begun = sign_in.sign_in(site, name, first)
    sign_in.sign_out(site, sign_in.change_password(site, begun.session, first, password).token)


def form(client: httpx.Client, page: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the form on `page` that posts to `action`."""
    forms = Page(client.get(page).text).forms
    (found,) = [each for each in forms if each["action"].split("#")[0] == action]
    return {name: value for name, value in found.items() if name != "action"}


def signed_in(client: httpx.Client, name: str, password: str = PASSWORD, code: str = "") -> httpx.Response:
    """Sign `client` in, without following where that leads."""
    fields = {**form(client, "/sign-in", "/sign-in"), "name": name, "password": password, "code": code}
    return client.post("/sign-in", data=fields)


def enrolled(client: httpx.Client, password: str = PASSWORD) -> tuple[bytes, list[str]]:
    """Set a second factor up; return its seed and the recovery codes."""
    client.post("/account/factor", data={**form(client, "/account", "/account/factor"), "password": password})
    text = client.get("/account").text
    seed = b32decode(re.search(r'class="seed">([A-Z2-7 ]+)<', text)[1].replace(" ", ""))  # type: ignore[index]
    fields = form(client, "/account", "/account/factor/confirm")
    shown = client.post("/account/factor/confirm", data={**fields, "code": code_of(seed)}).text
    return seed, re.findall(r"<li><code>([A-Z2-7-]{29})</code>", shown)


def code_of(seed: bytes, steps: int = 0) -> str:
    """Return the code of now, or of so many steps later."""
    return totp.code(seed, int(time.time()) // totp.STEP_S + steps)
