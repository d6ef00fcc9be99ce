"""The table "Where is the rule for …" in docs/architecture.md names places that are in use."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.support.documents import ROOT, sections, table_rows

_PRODUCT = ("cli", "config", "handlers", "scoring", "serving", "streams", "words")
_RULES = 24


def _rows() -> list[tuple[str, str, str]]:
    """Rule, file and function of each row."""
    text = sections(ROOT / "docs/architecture.md")["Where is the rule for …"]
    _, _, *rows = table_rows(text)
    return [(rule, file.split("`")[1], function.strip("`")) for rule, file, function in rows]


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _defined(path: Path) -> set[str]:
    """Top-level functions and classes of a module, and methods as `Class.method`."""
    found = set()
    for node in _tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{m.name}" for m in node.body if isinstance(m, ast.FunctionDef)}
    return found


@cache
def _called() -> frozenset[str]:
    """The last names of all that product code calls."""
    found = set()
    for folder in _PRODUCT:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(_tree(path)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    found.add(node.func.id)
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    found.add(node.func.attr)
    return frozenset(found)


def test_the_table_has_twenty_rules_each_once() -> None:
    rules = [rule for rule, _, _ in _rows()]
    assert len(rules) == len(set(rules)) == _RULES


def test_each_rule_is_decided_where_the_table_says() -> None:
    missing = [
        f"{file} has no {function}, which decides: {rule}"
        for rule, file, function in _rows()
        if not (ROOT / file).is_file() or function not in _defined(ROOT / file)
    ]
    assert not missing, "\n".join(missing)


def test_each_function_of_the_table_is_called_from_product_code() -> None:
    unused = [
        f"nothing calls {function} of {file}, which decides: {rule}"
        for rule, file, function in _rows()
        if function.rpartition(".")[2] not in _called()
    ]
    assert not unused, "\n".join(unused)
