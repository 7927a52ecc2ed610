"""Nothing is written twice: two pieces of code that say the same are one piece, or they will drift apart."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable

from tests.house.source import Module, functions, modules, snippet

# Two statements may well say the same by chance; three that do are a copy.
_STATEMENTS = 3
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_no_function_is_a_copy_of_another():
    assert copies(modules()) == []


def test_a_copy_is_seen_through_other_names():
    text = "def {f}({a}):\n  try:\n    {a}.read(1)\n  except ValueError:\n    return False\n  return True\n"
    first = snippet(text.format(f="one", a="measure"), "salus.risk.first")
    second = snippet(text.format(f="two", a="asked"), "salus.risk.second")
    other = snippet(text.format(f="one", a="measure").replace("ValueError", "OSError"), "salus.risk.other")
    assert copies((first, other)) == []
    assert copies((first, other, second)) == [["salus.risk.first.one", "salus.risk.second.two"]]


def copies(among: Iterable[Module]) -> list[list[str]]:
    """Return the functions that differ from each other by the names of their arguments at most."""
    alike: dict[str, list[str]] = defaultdict(list)
    for module in among:
        for node in functions(module):
            body = _body(node)
            if sum(isinstance(part, ast.stmt) for part in ast.walk(body)) >= _STATEMENTS:
                alike[ast.dump(body)].append(f"{module.name}.{node.name}")
    return [names for names in alike.values() if len(names) > 1]


def _body(node: _Function) -> ast.Module:
    """Return what the function does, without its docstring, its arguments called by their place."""
    told = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    places = {one.arg: f"argument {place}" for place, one in enumerate(told)}
    parts = node.body[1:] if ast.get_docstring(node) else node.body
    body = ast.parse("\n".join(ast.unparse(part) for part in parts))
    for name in ast.walk(body):
        if isinstance(name, ast.Name):
            name.id = places.get(name.id, name.id)
    return body
