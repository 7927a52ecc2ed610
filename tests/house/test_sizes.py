"""How large things may grow, and how deep: so that every file can be read in one sitting."""

from __future__ import annotations

import ast
from functools import cache

from tests.house.source import ROOT, functions, modules

LINES_OF_MODULE = 400
LINES_OF_FUNCTION = 50
NESTING = 3
_BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith, ast.Match)


def test_no_module_is_longer_than_it_can_be_read():
    long = [f"{module.name}: {module.lines}" for module in modules() if module.lines > LINES_OF_MODULE]
    assert long == []


def test_no_file_of_tests_is_longer_than_it_can_be_read():
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in (ROOT / "tests").rglob("*.py")}
    long = [f"{path.relative_to(ROOT)}: {count}" for path, count in lines.items() if count > LINES_OF_MODULE]
    assert long == []


def test_few_functions_are_long():
    every = [
        (f"{module.name}.{node.name}", _length(node)) for module in modules() for node in functions(module)
    ]
    long = [name for name, length in every if length > LINES_OF_FUNCTION]
    assert len(long) <= 0.02 * len(every), long


def _length(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1  # type: ignore[attr-defined]


def test_little_is_nested_deep():
    every = [
        (_depth(node), f"{module.name}:{node.lineno} {node.name}")
        for module in modules()
        for node in functions(module)
    ]
    deep = [(depth, name) for depth, name in every if depth > NESTING]
    assert len(deep) <= 0.01 * len(every), deep
    assert [name for depth, name in deep if depth > NESTING + 1] == []


def _depth(node: ast.AST, inside: int = 0) -> int:
    """The deepest block below `node`; an ``elif`` is beside its ``if``, not inside it."""
    depths = [inside]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        beside = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        deeper = isinstance(child, _BLOCKS) and not beside
        depths.append(_depth(child, inside + deeper))
    return max(depths)


def test_the_measure_of_depth():
    tree = ast.parse(
        "def f():\n  for a in b:\n    if a:\n      pass\n    elif b:\n      with c:\n        pass"
    )
    assert _depth(tree.body[0]) == 3


def test_inheritance_is_one_deep():
    """No class inherits behaviour from a class of this project; fields may be shared."""
    children = [
        f"{module.name}:{node.lineno} {node.name}({_named(base)})"
        for module in modules()
        for node in module.walk()
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if _named(base) in _classes_that_do()
    ]
    assert children == []


def _named(base: ast.expr) -> str:
    return ast.unparse(base).split("[")[0].split(".")[-1]


@cache
def _classes_that_do() -> frozenset[str]:
    """The project's own classes that have methods, and so hand behaviour down."""
    return frozenset(
        node.name
        for module in modules()
        for node in module.walk()
        if isinstance(node, ast.ClassDef)
        and any(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in node.body)
    )
