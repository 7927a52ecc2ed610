"""What a piece of source reaches for, through whatever it calls it: for the rules about who may reach what.

Each rule takes a Module and yields what is wrong with it, so that a test can also feed it a bad one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType

from tests.house.source import ROOMS, Module, imports, modules

# All of the standard library that a pure model needs. Whatever is not here (files, the network, the clock,
# chance, the environment, other processes, the import system) a room does without.
ROOM_MAY = frozenset(
    "__future__ abc bisect collections contextlib dataclasses datetime decimal enum fractions functools "
    "heapq itertools json math numbers operator re statistics string textwrap typing unicodedata".split()
)
# What a room's file may bring besides: the coefficients that ship beside it.
ROOM_MAY_BRING = frozenset({("salus.risk._prevent_equation", "importlib.resources.files")})
FORBIDDEN_NAMES = frozenset(
    "__build_class__ __builtins__ __import__ __loader__ __spec__ breakpoint compile delattr eval exec "
    "globals import_module input locals open print setattr vars".split()
)
FORBIDDEN_PARTS = frozenset(
    "f_back f_builtins f_globals get_type_hints getenv gi_frame import_module now tb_frame today "
    "utcnow".split()
)
# Of the names between two underscores, those by which nothing else is reached.
HARMLESS = frozenset({"__doc__", "__init__", "__name__", "__post_init__", "__setattr__"})
LOADERS = ("importlib.import_module", "importlib.util", "importlib.machinery", "importlib.reload",
           "importlib.abc", "importlib._bootstrap")  # fmt: skip
# What of an archive opens a whole record; a door gets its evidence from a verb.
OPENS_RECORDS = frozenset({"timeline", "stood", "scan", "standing", "write_back", "raw"})
BY_NAME = frozenset({"getattr", "operator.attrgetter", "operator.methodcaller"})
DOORS = ("salus.delivery", "salus.cli")
BEHIND_THE_SPINE = ("salus.record", "salus.privacy", "salus.store", *(f"salus.{room}" for room in ROOMS))


def known_as(module: Module) -> dict[str, str]:
    """Return what each imported name stands for: ``{"dt": "datetime.datetime"}``."""
    found: dict[str, str] = {}
    for node in module.walk():
        if isinstance(node, ast.Import):
            found.update({alias.asname: alias.name for alias in node.names if alias.asname})
            tops = [alias.name.split(".")[0] for alias in node.names if not alias.asname]
            found.update({top: top for top in tops})
        elif isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """Return the whole name of what `node` reaches, "" where that cannot be told from the source alone."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute):
        inside = dotted(node.value, names)
        return f"{inside}.{node.attr}" if inside else ""
    if isinstance(node, ast.Call) and _name(node.func, names) == "getattr" and len(node.args) > 1:
        inside, part = dotted(node.args[0], names), node.args[1]
        return f"{inside}.{part.value}" if inside and isinstance(part, ast.Constant) else ""
    return ""


def _name(node: ast.AST, names: dict[str, str]) -> str:
    return dotted(node, names) or (node.id if isinstance(node, ast.Name) else "")


def reached(module: Module) -> Iterator[tuple[str, int]]:
    """Yield the whole name of everything that the module imports or reaches through an import."""
    yield from imports(module)
    names = known_as(module)
    for node in module.walk():
        found = dotted(node, names)
        if found:
            yield found, node.lineno  # type: ignore[attr-defined]


def impure(module: Module) -> Iterator[str]:
    """Yield what a room's file may not have: files, a clock, chance, the network, or a way around that."""
    for name, line in reached(module):
        if (module.name, name) not in ROOM_MAY_BRING and not _allowed(name):
            yield f"{module.name}:{line}: {name}"
    names = known_as(module)
    for node in module.walk():
        wrong = _forbidden(node, names)
        if wrong:
            yield f"{module.name}:{node.lineno}: {wrong}"  # type: ignore[attr-defined]


def _allowed(name: str) -> bool:
    """Whether a room may reach `name`; of what it may not, neither what lies in it (``dataclasses.sys``)."""
    top = name.split(".", maxsplit=1)[0]
    if top == "salus":
        return True
    return top in ROOM_MAY and all(each.split(".")[0] in ROOM_MAY for each in _modules_on_the_way(name))


def _modules_on_the_way(name: str) -> Iterator[str]:
    top, *parts = name.split(".")
    found: object = import_module(top)
    for part in parts:
        found = getattr(found, part, None)
        if isinstance(found, ModuleType):
            yield found.__name__


def _forbidden(node: ast.AST, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
        return node.id
    if isinstance(node, ast.Attribute) and _leads_out(node.attr):
        return f".{node.attr}"
    if isinstance(node, ast.Call) and _name(node.func, names) in BY_NAME:
        return _by_name(node, names)
    return ""


def _leads_out(part: str) -> bool:
    return part in FORBIDDEN_PARTS or (part.startswith("__") and part not in HARMLESS)


def _by_name(call: ast.Call, names: dict[str, str]) -> str:
    """What a call asks for by a name in a string: of an imported thing, that must be a plain one."""
    how = _name(call.func, names)
    asked = call.args[1:2] if how == "getattr" else call.args
    if all(isinstance(each, ast.Constant) for each in asked):
        said = [part for each in asked for part in str(each.value).split(".")]  # type: ignore[attr-defined]
        wrong = [part for part in said if _leads_out(part) or part in FORBIDDEN_NAMES]
        return f"{how}(…{wrong[0]}…)" if wrong else ""
    of_ours = how == "getattr" and not dotted(call.args[0], names)
    return "" if of_ours else f"{how}() of a name that is put together"


def importing(module: Module) -> Iterator[str]:
    """Yield where a file, the registry apart, loads code by its name or makes it out of text."""
    if module.name == "salus.core.registry":
        return
    # Outside core a version may be asked for, and a file that ships beside the code may be opened.
    loads = ("importlib",) if module.package == "core" else LOADERS
    for name, line in reached(module):
        if f"{name}.".startswith(tuple(f"{each}." for each in (*loads, "pkgutil", "runpy", "sys.modules"))):
            yield f"{module.name}:{line}: {name}"
    for node in module.walk():
        if isinstance(node, ast.Name) and node.id in ("__import__", "exec", "eval", "compile"):
            yield f"{module.name}:{node.lineno}: {node.id}"


def into_the_gate(module: Module) -> Iterator[str]:
    """Yield where a file other than the gate's own reaches for what the gate keeps to itself."""
    for name, line in reached(module):
        if name.startswith("salus.privacy.gate._") and module.name != "salus.privacy.gate":
            yield f"{module.name}:{line}: {name}"


def past_the_spine(module: Module) -> Iterator[str]:
    """Yield where a door reaches what only the spine may, or begins a transaction of its own."""
    if not module.name.startswith(DOORS):
        return
    for name, line in reached(module):
        behind = f"{name}.".startswith(tuple(f"{each}." for each in BEHIND_THE_SPINE))
        if behind or name.split(".")[0] == "sqlite3" or name in _lent():
            yield f"{module.name}:{line}: {name}"
    for node in module.walk():
        if isinstance(node, ast.Attribute) and node.attr == "begin":
            yield f"{module.name}:{node.lineno}: .begin"
        elif isinstance(node, ast.Call) and _part(node.func) in OPENS_RECORDS:
            yield f"{module.name}:{node.lineno}: .{_part(node.func)}()"
        elif isinstance(node, ast.Call) and _name(node.func, {}) == "getattr":
            said = [each.value for each in node.args[1:2] if isinstance(each, ast.Constant)]
            yield from (f"{module.name}:{node.lineno}: .begin" for each in said if each == "begin")


def _part(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else ""


@cache
def _lent() -> frozenset[str]:
    """Return the names in spine files that stand for something behind the spine and are not offered."""
    found = set()
    for module in modules():
        if module.name.startswith("salus.spine"):
            offered = {word for node in module.tree.body for word in _offered(node)}
            for name, what in known_as(module).items():
                behind = f"{what}.".startswith(tuple(f"{each}." for each in BEHIND_THE_SPINE))
                if behind and name not in offered:
                    found.add(f"{module.name}.{name}")
    return frozenset(found)


def _offered(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign) and [getattr(each, "id", "") for each in node.targets] == ["__all__"]:
        names: list[str] = ast.literal_eval(node.value)
        return names
    return []
