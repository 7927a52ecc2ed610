"""The documentation builds without a warning, fetches nothing, and what it tells people to type works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import ROOT, tracked

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.M | re.S)
# Names that begin a sentence in small letters.
SMALL = "pyarrow|htmx"
RUN = [path for path in PAGES if re.search(r"^```(console|python)$", path.read_text(), flags=re.M)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_it_builds_without_a_warning(site: Path):
    assert (site / "index.html").is_file()


def test_no_page_fetches_from_another_host(site: Path):
    fetched = re.compile(
        r"""(?:src|srcset)=["']?(https?:)?//|<link[^>]+stylesheet[^>]+href=["']?(https?:)?//"""
    )
    wrong = [str(page.relative_to(site)) for page in site.rglob("*.html") if fetched.search(page.read_text())]
    assert wrong == []


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_says_to_type_works(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Fences of a page run in order, in one folder: ``console`` lines that start with $, and ``python``."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": f"fence_of_{page.stem.replace('-', '_')}"}
    for kind, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            exec(compile(text, str(page), "exec", dont_inherit=True), names)
        if kind == "console":
            assert list(_failing(text)) == []


@pytest.mark.parametrize("page", [page for page in RUN if page.parent in (ROOT, DOCS / "tutorial")])
def test_a_newcomer_is_told_where_salus_is(page: Path):
    before, typed, _ = page.read_text(encoding="utf-8").partition("$ salus ")
    assert not typed or "source .venv/bin/activate" in before


def _failing(text: str) -> Iterator[str]:
    """Yield what goes wrong when the lines of a fence are typed."""
    for line in text.splitlines():
        if line.startswith("$ salus "):
            command = [sys.executable, "-c", "import sys; from salus.cli import main; sys.exit(main())"]
            words = shlex.split(line.removeprefix("$ salus "))
            done = subprocess.run(
                [*command, *words], capture_output=True, text=True, check=False,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            if done.returncode:
                yield f"{line}\n{done.stdout}\n{done.stderr}"
        elif line.startswith("$"):
            yield f"only salus is typed in a console fence: {line}"


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_is_whole(page: Path):
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.name[:4]}: ")
    for part in ("Context", "Choice", "easured", "ould change our mind"):
        assert part in text, f"{page.name} does not say: {part}"


def test_decisions_have_numbers_of_their_own():
    numbers = [page.name[:4] for page in DECISIONS]
    assert len(numbers) == len(set(numbers))


def test_links_between_documents_lead_somewhere():
    """MkDocs checks the site; this checks what people read in the repository."""
    wrong = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in tracked(".md")
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        if not link.startswith(("http:", "https:", "mailto:")) and not (path.parent / link).exists()
    ]
    assert wrong == []


def _paragraphs(path: Path) -> list[str]:
    """Return paragraphs, list items and rows of tables, without fences."""
    plain = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    # A name in code is a capital at the beginning of a sentence.
    plain = re.sub(r"`[^`]*`", lambda code: code[0].upper(), re.sub(r"^!!! .*$", "", plain, flags=re.M))
    return re.split(r"\n\s*\n|\n(?=\s*[-*|] |\s*\d+\. |#)", plain)


def garbled(text: str) -> str:
    """Return what is left of two versions of a paragraph: words said twice, half a sentence; else ""."""
    words = re.findall(r"[\w'-]+", text.lower())
    runs = [" ".join(words[place : place + 7]) for place in range(len(words) - 6)]
    twice = next((run for run in runs if runs.count(run) > 1), "")
    begun = re.search(rf"(?<!e\.g)(?<!i\.e)[.!?]\)?\s+(?!{SMALL})[a-z].*", text)
    return twice or (begun[0] if begun else "")


def test_no_paragraph_is_left_of_two():
    wrong = [
        f"{path.relative_to(ROOT)}: {found}"
        for path in tracked(".md")
        for text in _paragraphs(path)
        if (found := garbled(text))
    ]
    assert wrong == []


@pytest.mark.parametrize("text", [
    "It is ranked by how far, and the gap is said. It is ranked by how far, and the gap is said, and more.",
    "What decides heads the answer.\n  so instead of assuming. The risk is for chronic disease.",
])  # fmt: skip
def test_what_is_left_of_two_is_found(text: str):
    assert garbled(text)
