"""What the tests of the doors share: a site with every model live, and a client at its door."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from salus.spine.site import Site
from tests import doors


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of the module's own; where every test needs a fresh one, the file has its own fixture."""
    opened = doors.live_site(tmp_path_factory.mktemp("doors") / "site")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ehr(site: Site) -> Iterator[httpx.Client]:
    """A client that is trusted."""
    with doors.served(site) as client:
        yield client
