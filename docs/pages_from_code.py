"""What the documentation takes from the code, so that the two cannot drift apart: a hook of MkDocs.

A page writes ``<!-- from: models -->`` where the cards of the models belong; likewise ``commands``, ``ward``,
``doors``, ``examples``, ``errors``, ``decisions``, ``real``, and ``file NAME`` for a document of the root.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"<!-- from: (\w+)(?: (\S+))? -->")
# Documents at the root, and the page of the site that shows each.
SHOWN_AT = {
    "SAFETY.md": "../explanation/safety.md",
    "GLOSSARY.md": "../reference/glossary.md",
    "CHANGELOG.md": "../reference/changes.md",
}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill every mark of a page."""
    return MARK.sub(lambda found: _filled(found[1], found[2]), markdown)


def _filled(what: str, name: str | None) -> str:
    return file(name or "") if what == "file" else "\n".join(MAKERS[what]())


def file(name: str) -> str:
    """Return a document of the root, its title left out and its links turned to pages of the site."""
    text = (ROOT / name).read_text(encoding="utf-8").split("\n", 1)[1]
    for document, page in SHOWN_AT.items():
        text = text.replace(f"]({document})", f"]({page})")
    return text.replace("](docs/", "](../")


def models() -> Iterator[str]:
    """Every card, whole."""
    from salus.core.registry import models as known

    for model in known().values():
        card = model.card
        yield f"## {card.title or card.name} (`{card.name}` {card.version})\n"
        yield f"**{card.asks}**\n"
        yield f"Meant for: {card.meant_for}\n"
        yield f"Not for: {card.not_for}\n"
        if card.package:
            yield f"{card.notes[0]}\n"
        yield "| needs | FHIR type | codes | looks back | without it |\n|---|---|---|---|---|"
        for need in card.needs:
            codes = ", ".join(f"`{code}`" for code in need.codes[:4]) + (" …" if len(need.codes) > 4 else "")
            gap = "abstains" if need.required else "a range, or abstains"
            yield f"| {need.name} | {need.resource} | {codes} | {need.within or 'for ever'} | {gap} |"
        yield "\n| from | urgency | says |\n|---|---|---|"
        for row in card.actions:
            yield f"| {row.at_least:g} | {row.urgency.value if row.urgency else 'none'} | {row.says} |"
        yield from _measured(card.measures)
        yield "\nSources:\n"
        yield from (f"- {source}" for source in card.sources)
        yield ""


def _measured(measures: tuple) -> Iterator[str]:
    if not measures:
        yield "\nHow it does by group: not published in a form that can be shown here."
        return
    yield "\n| group | measure | value | source |\n|---|---|---|---|"
    for row in measures:
        interval = f" ({row.low:g} to {row.high:g})" if row.low is not None and row.high is not None else ""
        yield f"| {row.group} | {row.measure} | {row.value:g}{interval} | {row.source} |"


def commands() -> Iterator[str]:
    """Every verb with its own help."""
    from salus.cli import _parser

    parser = _parser()
    yield f"```text\n{_help(parser)}\n```\n"
    for name, verb in _verbs(parser):
        yield f"## salus {name}\n\n```text\n{_help(verb)}\n```\n"


def _verbs(
    parser: argparse.ArgumentParser, before: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, verb in action.choices.items():
                yield f"{before}{name}", verb
                yield from _verbs(verb, f"{before}{name} ")


def _help(parser: argparse.ArgumentParser) -> str:
    return parser.format_help().strip()


def examples() -> Iterator[str]:
    """Every worked example: the paragraph about it, and what the model says."""
    import json

    for case in sorted((ROOT / "salus").glob("*/examples/*/README.md")):
        insight = json.loads((case.parent / "insight.json").read_text(encoding="utf-8"))
        lines = case.read_text(encoding="utf-8").strip().splitlines()
        yield f"## {case.parent.name}\n"
        yield "\n".join(line for line in lines if not line.startswith("#")).strip() + "\n"
        yield f"> {insight['body'].get('says') or insight['body']['kind']}\n"
        yield from (f"- {reason['says']}" for reason in insight["reasons"][:5])
        yield ""


def ward() -> Iterator[str]:
    """Who is in the ward that ships, and what each is there to show."""
    from salus.record.sources.ward_cases import CASES

    yield "| subject | shows |\n|---|---|"
    yield from (f"| `Patient/{case.id}` | {case.shows} |" for case in CASES)


def errors() -> Iterator[str]:
    """Each class of error, its exit code, and what it means."""
    from salus.core import errors as known

    yield "| class | exit code | means |\n|---|---|---|"
    for name in ("UserError", "RefusedError", "EvidenceError", "AwayError"):
        found = getattr(known, name)
        yield f"| `{name}` | {found.exit_code} | {found.__doc__} |"


def decisions() -> Iterator[str]:
    """Every decision record, by number."""
    for path in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")):
        title = path.read_text(encoding="utf-8").split("\n", 1)[0].lstrip("# ")
        yield f"- [{title}]({path.name})"


def doors() -> Iterator[str]:
    """Every address that a server answers at, as its OpenAPI document has it."""
    yield "| method | address | what it is |\n|---|---|---|"
    for path, operations in sorted(asyncio.run(_openapi())["paths"].items()):
        for method, operation in operations.items():
            if method in ("get", "post", "put", "delete"):
                says = operation.get("summary") or operation.get("operationId", "")
                yield f"| {method.upper()} | `{path}` | {says} |"


async def _openapi() -> dict:
    from httpx import ASGITransport, AsyncClient

    from salus.delivery.app import create_app
    from salus.delivery.settings import Settings
    from salus.spine import open_site

    with TemporaryDirectory() as folder:
        site = open_site(Path(folder))
        door = ASGITransport(create_app(site, Settings()))
        async with AsyncClient(transport=door, base_url="http://salus") as client:
            answer = await client.get("/openapi.json")
        site.close()
    return answer.raise_for_status().json()


def real() -> Iterator[str]:
    """What the last `make bench` counted on real exports."""
    import json

    kept = ROOT / "benchmarks" / "results.json"
    report = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {"figures": {}}
    for name, found in report["figures"].get("real", {}).items():
        yield f"## {name}\n"
        told = {key: f"{value:,}" for key, value in found.items() if isinstance(value, int | float)}
        yield "{resources} resources read, {unaccounted} unaccounted for, {rejected} refused;".format(**told)
        yield "{patients} patients, {insights} insights, {cpu_seconds} s of CPU.\n".format(**told)
        kinds = ("one number", "range", "missing-evidence", "not-eligible", "out-of-distribution")
        yield "| model | " + " | ".join(kinds) + " |\n|---" + "|---" * len(kinds) + "|"
        asked = found["models"] | {"news2, at the last recorded pulse": found["news2_at_last_pulse"]}
        yield from (
            f"| {model} | " + " | ".join(str(counts.get(kind, 0)) for kind in kinds) + " |"
            for model, counts in asked.items()
        )
        yield ""


MAKERS = {
    "real": real,
    "doors": doors,
    "models": models,
    "commands": commands,
    "examples": examples,
    "ward": ward,
    "errors": errors,
    "decisions": decisions,
}
