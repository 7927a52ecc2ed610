"""Public sets, brought from their publishers on request: licence shown, every file checked, kept in a cache.

Checksums of the MIMIC-IV FHIR demo are PhysioNet's own (SHA256SUMS.txt of version 2.1.0); those of the
Synthea sample are of the files at one commit of its repository. Where none are held here, the publisher's
list of checksums is brought first and its files are held to it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from salus.core.errors import AwayError, EvidenceError, UserError, choices

_SUMS = "SHA256SUMS.txt"
_SYNTHEA = (
    "https://raw.githubusercontent.com/smart-on-fhir/generated-sample-data/"
    "25ac8089f0464b8673c7669509dc0bb8f4883773/R4/SYNTHEA/"
)


@dataclass(frozen=True, slots=True)
class Published:
    """One public set. files: name to SHA-256; "" is looked up in the publisher's own list of checksums."""

    title: str
    base: str
    licence: str
    cite: str
    files: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def _held(name: str) -> dict[str, str]:
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    found: dict[str, str] = json.loads(text)[name]
    return found


def published() -> dict[str, Published]:
    """Return the sets that can be fetched, by name."""
    return {
        "mimic-iv-fhir-demo": Published(
            "MIMIC-IV Clinical Database Demo on FHIR 2.1.0: 100 real de-identified patients",
            "https://physionet.org/files/mimic-iv-fhir-demo/2.1.0/",
            "Open Data Commons Open Database License v1.0: attribution; share-alike of derived databases",
            "Bennett A, Ulrich H, Wiedekopf J, Szul P, Grimes J, Johnson A. doi:10.13026/c2f9-3y63",
            _held("mimic-iv-fhir-demo"),
        ),
        "synthea-sample": Published(
            "Synthea sample patients, FHIR R4: 100 invented people",
            _SYNTHEA,
            "Apache License 2.0, Copyright 2018 Boston Children's Hospital",
            "Walonoski J et al. Synthea. J Am Med Inform Assoc 2018;25(3):230-238",
            _held("synthea-sample"),
        ),
        "physionet2012": Published(
            "PhysioNet/Computing in Cardiology Challenge 2012: first 48 hours of 12,000 ICU stays",
            "https://physionet.org/files/challenge-2012/1.0.0/",
            "Open Data Commons Attribution License v1.0 (ODC-By): attribution",
            "Silva I, Moody G, Scott DJ, Celi LA, Mark RG. Comput Cardiol 2012;39:245-248",
            dict.fromkeys(("set-a.tar.gz", "set-b.tar.gz", "Outcomes-a.txt", "Outcomes-b.txt"), ""),
            "It is no FHIR: it is brought for research, and `read` takes no patients from it.",
        ),
    }


def fetch_published(
    name: str,
    announce: Callable[[str], object],
    *,
    sets: Mapping[str, Published] | None = None,
    cache: Path | None = None,
) -> Path:
    """Bring the public set `name` here and return its folder; what is there and intact is kept.

    announce: given the licence and the citation before anything is asked for. cache: by default
    ``$XDG_CACHE_HOME/salus`` (``~/.cache/salus``). Raises UserError for an unknown name, AwayError when
    the publisher does not answer, EvidenceError when what came is not what was published.
    """
    known = published() if sets is None else sets
    if name not in known:
        raise UserError(f"No public set is named '{name}'. Choose one of: {choices(name, known)}.")
    found = known[name]
    announce(f"{found.title}\nFrom: {found.base}\nLicence: {found.licence}\nCite: {found.cite}")
    if found.note:
        announce(found.note)
    folder = (cache or _cache()) / name
    sums = found.files
    if not all(sums.values()):
        listed = _listed(_bring(found.base, _SUMS, None, folder))
        sums = {file: known_sum or _of(listed, file, found.base) for file, known_sum in sums.items()}
    for file, expected in sums.items():
        _bring(found.base, file, expected, folder)
    return folder


def _cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path.home() / ".cache") / "salus"


def _listed(path: Path) -> dict[str, str]:
    """Return file to SHA-256 of a list as `sha256sum` writes it."""
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {line[1].lstrip("*"): line[0] for line in lines if len(line) == 2}


def _of(listed: Mapping[str, str], file: str, base: str) -> str:
    if file not in listed:
        raise EvidenceError(f"{base}{_SUMS} has no checksum of '{file}': it is not taken unchecked.")
    return listed[file]


def _bring(base: str, file: str, expected: str | None, folder: Path) -> Path:
    """Return the path of one file, from the cache when it is intact there."""
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    if expected is None:
        # A list of checksums is asked for anew each time: it is what the rest is held to.
        (folder / file).unlink(missing_ok=True)
    try:
        made = pooch.retrieve(
            base + file,
            known_hash=f"sha256:{expected}" if expected else None,
            fname=(folder / file).name,
            path=(folder / file).parent,
            downloader=pooch.HTTPDownloader(timeout=60),
        )
    except ValueError:
        raise EvidenceError(
            f"'{base}{file}' is not what was published (its SHA-256 differs): it was thrown away."
        ) from None
    except (requests.RequestException, OSError) as error:
        raise AwayError(f"'{base}{file}' cannot be had ({type(error).__name__}): try again later.") from None
    return Path(made)
