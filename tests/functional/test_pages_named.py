"""Pages have no login: they answer under names of their own alone, so that no stranger reads them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from salus.delivery.settings import Settings
from salus.spine.site import Site
from tests import doors


@pytest.fixture(name="site", scope="module")
def site_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    opened = doors.live_site(tmp_path_factory.mktemp("named") / "site")
    yield opened
    opened.close()


@pytest.fixture(name="ehr", scope="module")
def ehr_fixture(site: Site) -> Iterator[httpx.Client]:
    settings = Settings(base_url="https://salus.hospital.example/x", insecure_no_jwt=True)
    with doors.served(site, settings) as client:
        yield client


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:80", "[::1]", "10.1.2.3:8000", "salus.hospital.example"]
)
def test_pages_answer_under_their_own_names(ehr: httpx.Client, host: str) -> None:
    assert ehr.get("/audit", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "salus.hospital.example.evil"])
def test_pages_answer_under_no_strangers_name(ehr: httpx.Client, host: str) -> None:
    for path in ("/ward", "/audit", "/models", "/patients/1", "/nowhere", "/ward/", "/models/news2/"):
        answer = ehr.get(path, headers={"Host": host})
        assert answer.status_code == 421
        assert "--base-url" in answer.text
        assert "<a href" not in answer.text.replace('<a class="skip" href="#main"', ""), (
            "no way on is refused"
        )
        assert "page:local" not in answer.text, "nor is anybody named"
        assert "location" not in answer.headers
    sent = ehr.post(
        "/patients/1/reviews", headers={"Host": host, "Origin": f"http://{host}"}, data={"x": "y"}
    )
    assert sent.status_code == 421


@pytest.mark.parametrize("path", ["/ward/", "/cds-services/", "//evil.example/", "/models/news2/?x=1"])
def test_a_last_slash_leads_to_this_server_alone(ehr: httpx.Client, path: str) -> None:
    answer = ehr.get(f"{str(ehr.base_url).rstrip('/')}{path}")
    assert answer.status_code == 307
    query = "?x=1" if "?" in path else ""
    assert answer.headers["location"] == "/" + path.partition("?")[0].strip("/") + query
    machine = ehr.get("/cds-services/", headers={"Host": "evil.example"})
    assert "evil" not in machine.headers["location"]
