"""What the product does in one place only: each is looked for in the source of all others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("handlers", "config", "streams", "serving", "devtools", "cli", "scoring")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product, by its path."""
    for package in PRODUCT:
        for file in sorted((ROOT / package).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text("utf-8"))


def users_of(*names: str) -> set[str]:
    """The modules that name one of these, as a variable, an attribute or an import."""
    return {
        path
        for path, module in modules()
        for node in ast.walk(module)
        if (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.alias) and node.name in names)
    }


def test_the_wall_clock_is_read_in_one_place() -> None:
    assert users_of("time_ns") == {"streams/runtime/clock.py"}


def test_a_key_gets_its_partition_in_one_place() -> None:
    assert users_of("murmur2") == {"streams/kafka/partitioner.py"}
