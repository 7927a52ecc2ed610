"""Who may import what: the part of the house's rules that import-linter's contracts cannot say.

What may be reached by other ways than a plain import is in test_reach.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib

import pytest

from tests.house.reach import reached
from tests.house.source import ROOMS, ROOT, SALUS, STDLIB, imports, modules, third_parties

# Where a third party may be used; a package or a file, by name. Nobody else may import it.
ONLY_IN = {
    "starlette": ("salus.delivery",),
    "uvicorn": ("salus.delivery",),
    "jinja2": ("salus.delivery",),
    "multipart": ("salus.delivery",),
    "python_multipart": ("salus.delivery",),
    "joserfc": ("salus.delivery",),
    "polars": ("salus.record", "salus.learning", "salus.privacy.gate", "salus.spine"),
    "zstandard": ("salus.record",),
    "pooch": ("salus.record",),
    "requests": ("salus.record",),
    "httpx": ("salus.record", "salus.delivery"),
    "sqlalchemy": ("salus.store",),
    "alembic": ("salus.store",),
    "psycopg": ("salus.store",),
    "sqlcipher3": ("salus.store",),
    "cryptography": ("salus.store", "salus.delivery"),
    "tqdm": ("salus.cli",),
    "pytest": ("salus.testing",),
}
# What runs in the process of an outside package, where no record is: it makes a View of what it is handed.
APART = "salus.core.child"
IN_ROOMS = [module for module in modules() if module.package in ROOMS]


def test_core_uses_the_standard_library_only():
    wrong = [
        f"{module.name}:{line}: {name}"
        for module in modules()
        if module.package == "core"
        for name, line in imports(module)
        if name.split(".")[0] not in STDLIB and not name.startswith("salus.core.") and name != "salus"
    ]
    assert wrong == []


@pytest.mark.parametrize("name", sorted(ONLY_IN))
def test_third_party_stays_where_it_belongs(name):
    wrong = [
        f"{module.name}:{line}"
        for module in modules()
        for found, line in third_parties(module)
        if found == name and not module.name.startswith(ONLY_IN[name])
    ]
    assert wrong == [], f"{name} may be imported in {ONLY_IN[name]} only"


def test_dicom_stays_in_its_files():
    wrong = [
        f"{module.name}:{line}"
        for module in modules()
        for found, line in third_parties(module)
        if found in ("pydicom", "pynetdicom", "highdicom")
        and module.path.name != "dicom.py"
        and module.package != "imaging"
    ]
    assert wrong == []


def test_every_third_party_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [name for group in project["optional-dependencies"].values() for name in group]
    declared = {_distribution(name) for name in (*project["dependencies"], *extras)}
    alias = {
        "multipart": "python-multipart",
        "python_multipart": "python-multipart",
        "sklearn": "scikit-learn",
        "interpret": "interpret-core",
    }
    used = {name for module in modules() for name, _ in third_parties(module)}
    assert {alias.get(name, name) for name in used} <= declared


def _distribution(requirement: str) -> str:
    for end in "[<>=~! ":
        requirement = requirement.split(end, maxsplit=1)[0]
    return requirement.lower()


def test_rooms_import_core_learning_and_their_own_room_only():
    wrong = [
        f"{module.name}:{line}: {name}"
        for module in IN_ROOMS
        for name, line in imports(module)
        if name.startswith("salus.")
        and not name.startswith(("salus.core.", "salus.learning.", f"salus.{module.package}."))
    ]
    assert wrong == []


def test_every_room_is_under_the_linters_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (held,) = [contract for contract in contracts if contract["name"].startswith("A room sees core")]
    rooms = {f"salus.{room}" for room in ROOMS if (SALUS / room).is_dir()}
    assert set(held["source_modules"]) == rooms


def test_only_the_gate_makes_a_view():
    """A class that answers to every name of View, anywhere but in the gate, would be a way around it."""
    view = {"timeline", "subject", "as_of", "purpose", "permit"}
    makers = [
        f"{module.name}.{node.name}"
        for module in modules()
        if module.name not in ("salus.core.seams", "salus.privacy.gate", APART)
        for node in module.walk()
        if isinstance(node, ast.ClassDef) and view <= _members(node)
    ]
    assert makers == []


def test_what_makes_a_view_for_an_outside_package_is_never_in_our_process():
    """It is started by its path, so that no file of ours can reach its View by an import."""
    reaching = [
        f"{module.name}:{line}"
        for module in modules()
        for name, line in reached(module)
        if module.name != APART and f"{name}.".startswith(f"{APART}.")
    ]
    assert reaching == []
    (child,) = [module for module in modules() if module.name == APART]
    told = {name.split(".")[1] for name, _ in imports(child) if name.startswith("salus.")}
    assert told == {"core"}, "nothing but the core is in that process by our doing"


def _members(node: ast.ClassDef) -> set[str]:
    fields = {
        part.target.id
        for part in node.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }
    return fields | {part.name for part in node.body if isinstance(part, ast.FunctionDef)}


def test_the_gate_keeps_its_classes_to_itself_and_only_the_spine_opens_it():
    gate = next(module for module in modules() if module.name == "salus.privacy.gate")
    public = [node.name for node in gate.tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    asking = {
        module.package
        for module in modules()
        for name, _ in imports(module)
        if name.startswith("salus.privacy.gate") and module.name != "salus.privacy.gate"
    }
    assert (public, asking - {"spine", "testing"}) == ([], set())


def test_importing_salus_loads_nothing_heavy():
    """How long it takes is measured in benchmarks/; that nothing heavy is loaded is a fact to test."""
    heavy = "alembic cryptography httpx jinja2 joserfc polars pooch sqlalchemy starlette tqdm uvicorn".split()
    code = (
        "import sys, salus, salus.cli, salus.core.registry, salus.spine\n"
        "salus.core.registry.models()\n"
        f"print(*sorted(set({heavy!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []
