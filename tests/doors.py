"""A site with live models behind a real HTTP server, and an EHR's key and calls, for tests of the doors."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import uvicorn

from salus import spine
from salus.delivery.app import Settings, create_app
from salus.spine.site import Site

ISSUER = "https://ehr.example/"
HOOK_INSTANCE = "259cf767-4b52-4e14-a741-04da147a430f"
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1960-01-02"}


def live_site(folder: Path) -> Site:
    """Return a new site in which every model is live."""
    site = spine.open_site(folder)
    for model in spine.models(site):
        spine.approve(site, model.name, by="Dr Test", because="test")
    return site


@contextmanager
def served(site: Site, settings: Settings | None = None) -> Iterator[httpx.Client]:
    """Serve `site` on a free port in a thread; yield a client for it."""
    app = create_app(site, settings or Settings(insecure_no_jwt=True))
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def observation(name: str, code: str, value: float, unit: str, at: datetime | None = None) -> dict[str, Any]:
    """Return a FHIR Observation of the test patient, measured ten minutes ago."""
    moment = at or datetime.now(UTC) - timedelta(minutes=10)
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": moment.isoformat(timespec="seconds"),
        "valueQuantity": {
            "value": value,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }


def deteriorating() -> list[dict[str, Any]]:
    """Return vital signs of somebody who needs help now."""
    return [
        observation("hr", "8867-4", 135, "/min"),
        observation("rr", "9279-1", 28, "/min"),
        observation("spo2", "59408-5", 90, "%"),
        observation("temp", "8310-5", 39.5, "Cel"),
        observation("sbp", "8480-6", 88, "mm[Hg]"),
    ]


def searchset(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """Return `resources` as a search's Bundle."""
    entries = [
        {"fullUrl": f"https://ehr.example/fhir/{one['resourceType']}/{one['id']}", "resource": one}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


def call(hook: str = "patient-view", **changes: Any) -> dict[str, Any]:
    """Return a sound call for the test patient, with `changes` on top."""
    context: dict[str, Any] = {"userId": "Practitioner/7", "patientId": "p1"}
    if hook == "encounter-start":
        context["encounterId"] = "e1"
    prefetch = {"patient": PATIENT, "vital-signs": searchset(deteriorating())}
    body = {"hook": hook, "hookInstance": HOOK_INSTANCE, "context": context, "prefetch": prefetch}
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


def report(card: str, outcome: str = "overridden", **more: Any) -> dict[str, Any]:
    """Return one feedback report."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"card": card, "outcome": outcome, "outcomeTimestamp": now, **more}


@dataclass
class Ehr:
    """An EHR's key pair and the tokens that it signs."""

    folder: Path
    algorithm: str = "ES384"
    key: Any = field(init=False)

    def __post_init__(self) -> None:
        from joserfc.jwk import ECKey, RSAKey

        made = {"kid": "k1", "use": "sig"}
        if self.algorithm == "ES384":
            self.key = ECKey.generate_key("P-384", made)
        else:
            self.key = RSAKey.generate_key(2048, made)
        self.jwks.write_text(json.dumps({"keys": [self.key.as_dict(private=False)]}))

    @property
    def jwks(self) -> Path:
        """Where its public key is."""
        return self.folder / f"jwks-{self.algorithm}.json"

    def token(self, audience: str, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a signed token for `audience`; claims set to None are left out."""
        from joserfc import jwt

        now = int(time.time())
        sound = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + 300, "jti": uuid4().hex}
        said = {name: value for name, value in {**sound, **claims}.items() if value is not None}
        head = {"alg": self.algorithm, "kid": "k1", "typ": "JWT", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return str(jwt.encode(head, said, self.key, algorithms=["ES384", "RS384", "RS256", "HS256", "ES256"]))


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries `token`."""
    return {"Authorization": f"Bearer {token}"}
