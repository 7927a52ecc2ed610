"""Archives of random people for tests of what is at rest: reads, insights, reviews, a ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random

from salus import spine
from salus.core.consent import Actor
from salus.core.review import Review
from salus.spine.site import Site

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WHO = Actor("Practitioner/7")
_CODES = ("9279-1", "8867-4", "8480-6", "8310-5", "59408-5")


def people(draw: Random, first: int, many: int) -> list[dict[str, object]]:
    """Return Patients and some of their Observations, each of a random size and value."""
    found: list[dict[str, object]] = []
    for number in range(first, first + many):
        name, own = f"p{number}", Random(number)
        # Who somebody is stays the same from read to read.
        family, mrn = f"Family{number}x{own.randrange(10**6)}", f"MRN-{number}-{own.randrange(10**9)}"
        found.append({
            "resourceType": "Patient", "id": name, "birthDate": f"19{own.randrange(10, 99)}-02-03",
            "gender": own.choice(["male", "female"]),
            "name": [{"family": family, "given": [f"Given{number}"]}],
            "identifier": [{"system": "urn:mrn", "value": mrn}],
        })  # fmt: skip
        found += [_observation(draw, name, at) for at in range(draw.randrange(1, 12))]
    return found


def _observation(draw: Random, name: str, at: int) -> dict[str, object]:
    return {
        "resourceType": "Observation", "id": f"{name}-o{at}", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": draw.choice(_CODES)}]},
        "subject": {"reference": f"Patient/{name}"},
        "effectiveDateTime": f"2025-{draw.randrange(1, 13):02}-0{draw.randrange(1, 10)}T0{at % 10}:00:00Z",
        "valueQuantity": {"value": draw.randrange(10, 200), "unit": "1"},
        "note": [{"text": f"noted of {name} " + draw.randbytes(draw.randrange(200)).hex()}],
    }  # fmt: skip


def read_some(site: Site, folder: Path, resources: list[dict[str, object]]) -> None:
    """Read `resources` into the site, as an export in the new folder `folder`."""
    folder.mkdir(parents=True)
    for kind in ("Patient", "Observation"):
        lines = [json.dumps(one) for one in resources if one["resourceType"] == kind]
        (folder / f"{kind}.ndjson").write_text("".join(f"{line}\n" for line in lines))
    spine.read(site, str(folder), actor=WHO)


def say(site: Site, subject: str, number: int, draw: Random) -> str:
    """Keep an insight about `subject`, and a review of it; return the insight's id."""
    name = f"{subject.rpartition('/')[2]}-i{number}"
    sources = (subject, f"Observation/{subject.rpartition('/')[2]}-o0")
    document = json.dumps({"says": f"of {subject}: {draw.random()}"}).encode()
    with site.store.begin() as tx:
        tx.put_insight(name, subject, "news2", "1", NOW, document, sources)
        tx.append(NOW, "Practitioner/7", "insight", {"id": name})
        if draw.random() < 0.5:
            note = f"seen with {subject}"
            tx.put_review(Review(name, "Practitioner/8", "accepted", "", note, NOW, False, f"r-{name}"))
            tx.append(NOW, "Practitioner/8", "review", {"id": f"r-{name}"})
        tx.append(NOW, "Practitioner/9", "look", {"subject": subject})
    return name


def random_site(path: Path, exports: Path, seed: int, url: str | None = None) -> Site:
    """Return a site of a few reads, some of which change what was read, and of some deeds."""
    draw = Random(seed)
    site = spine.open_site(path, url)
    for turn in range(draw.randrange(1, 4)):
        many = draw.randrange(2, 8)
        read_some(site, exports / str(turn), people(draw, draw.randrange(4), many))
        for number, subject in enumerate(site.archive.subjects()):
            say(site, subject, 100 * turn + number, draw)
    return site


def files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in `folder`, by its path there."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
