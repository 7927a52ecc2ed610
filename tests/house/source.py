"""The project's own source as trees, for tests that hold it to the house's rules."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SALUS = ROOT / "salus"
ROOMS = ("risk", "imaging", "genomics", "wearables", "triage", "outbreak", "notes", "drugs", "frontier")
STDLIB = frozenset(sys.stdlib_module_names)


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package: `name` as imported, its tree, its lines."""

    path: Path
    name: str
    tree: ast.Module
    lines: int

    @property
    def package(self) -> str:
        """The part of the house that it belongs to: ``core``, ``risk``; ``""`` for what stands above all."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 2 or (SALUS / parts[-1]).is_dir() else ""

    def walk(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree)


@cache
def modules() -> tuple[Module, ...]:
    return tuple(_module(path) for path in sorted(SALUS.rglob("*.py")))


def _module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return Module(path, name, ast.parse(text), text.count("\n"))


def snippet(text: str, name: str = "salus.risk.bad") -> Module:
    """Return `text` as a module of that name, to show that a rule catches it."""
    path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
    return Module(path, name, ast.parse(text), text.count("\n"))


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Yield every dotted name that the module imports, anywhere in it, with its line."""
    for node in module.walk():
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}:{node.lineno}: write the whole name of what is imported"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def third_parties(module: Module) -> Iterator[tuple[str, int]]:
    for name, line in imports(module):
        top = name.split(".")[0]
        if top not in STDLIB and top != "salus":
            yield top, line


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in module.walk():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def tracked(*suffixes: str) -> Iterator[Path]:
    """Yield the project's own files with one of `suffixes`: what git keeps, or would keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in sorted(listed.splitlines()):
        path = ROOT / name
        if path.suffix in suffixes and path.is_file():
            yield path
