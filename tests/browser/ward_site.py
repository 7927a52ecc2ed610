"""The ward that ships, served as a person would meet it; for tests of the pages, in a browser or without."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import httpx

from salus import spine
from salus.core.consent import Actor
from salus.delivery.app import Settings
from salus.spine.demo import fill, open_demonstration
from salus.spine.site import Site
from tests import doors

CLINICIAN = Actor("Dr A. Okafor")


@dataclass(frozen=True)
class Ward:
    """A running demonstration and a client for it."""

    site: Site
    client: httpx.Client

    def get(self, path: str, status: int = 200) -> str:
        """Return the page at `path`."""
        found = self.client.get(path, follow_redirects=True)
        assert found.status_code == status, (path, found.status_code, found.text[:2000])
        return found.text

    def patients(self) -> dict[str, str]:
        """Return name -> path of everyone on the ward, in its order."""
        found = re.findall(r'href="(/patients/\d+)">([^<]+)</a></h3>', self.get("/ward"))
        return {name: path for path, name in found}

    def path(self, name: str) -> str:
        """Return the path of the page about the patient whose name starts so."""
        return next(path for known, path in self.patients().items() if known.startswith(name))


@contextmanager
def demonstration(folder: Path) -> Iterator[Ward]:
    """Serve the ward that ships, out of an archive in `folder`."""
    site = open_demonstration(folder)
    fill(site, None)
    with served(site) as ward:
        yield ward


@contextmanager
def served(site: Site) -> Iterator[Ward]:
    """Serve the pages of `site` for a clinician."""
    try:
        with doors.served(site, Settings(actor=CLINICIAN, insecure_no_jwt=True)) as client:
            yield Ward(site, client)
    finally:
        site.close()


@contextmanager
def served_record(folder: Path, resources: list[dict[str, object]]) -> Iterator[Ward]:
    """Read `resources` into an archive in `folder` and serve its pages, with every model live."""
    export = folder / "export.ndjson"
    export.write_text("".join(json.dumps(one) + "\n" for one in resources))
    site = doors.live_site(folder / "archive")
    spine.read(site, str(export), actor=Actor("test"))
    with served(site) as found:
        yield found


class Page(HTMLParser):
    """What a page holds, as far as tests ask: ids, links, forms' fields, inline code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.jumps: list[str] = []
        self.pointed: list[str] = []
        self.inline: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attrs}
        self.ids += [held["id"]] if "id" in held else []
        self.jumps += [held["href"][1:]] if held.get("href", "").startswith("#") else []
        for name in ("for", "aria-labelledby", "aria-describedby"):
            self.pointed += held.get(name, "").split()
        self.inline += [name for name in held if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in held):
            self.inline.append(tag)
        if tag == "form":
            self.forms.append({"action": held.get("action", "")})
        if tag == "input" and held.get("type") == "hidden":
            self.forms[-1][held["name"]] = held["value"]
