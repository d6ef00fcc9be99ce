"""What the product does in one place only: each is looked for in the source of all others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("handlers", "config", "words", "streams", "serving", "devtools", "cli", "scoring")


def sources() -> Iterator[tuple[str, str]]:
    """The text of every module of the product, by its path."""
    for package in PRODUCT:
        for file in sorted((ROOT / package).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), file.read_text("utf-8")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product as a syntax tree, by its path."""
    for path, source in sources():
        yield path, ast.parse(source)


def called(call: ast.Call) -> str:
    """The name of what is called, without what stands before it."""
    found = call.func
    if isinstance(found, ast.Attribute):
        return found.attr
    return found.id if isinstance(found, ast.Name) else ""


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


def test_kafka_clients_are_made_in_one_place() -> None:
    """And the subclass of aiokafka's consumer that is made there is called nowhere else either."""
    clients = {"AIOKafkaConsumer", "AIOKafkaProducer", "AIOKafkaAdminClient", "AIOKafkaClient"}
    makers = {
        path
        for path, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and called(node) in {*clients, "Consumer"}
    }
    assert makers == {"streams/kafka/clients.py"}


def test_only_the_faust_app_reaches_into_faust_and_aiokafka() -> None:
    """Ruff tells of private access (SLF001); here it is seen to that nobody silences it."""
    silencers = {path for path, module in sources() if "SLF001" in module}
    assert silencers == {
        "streams/faust_app/group_watch.py",
        "streams/faust_app/private_access.py",
    }


def test_the_wall_clock_is_read_in_one_place() -> None:
    assert users_of("time_ns") == {"streams/runtime/clock.py"}


def test_a_key_gets_its_partition_in_one_place() -> None:
    assert users_of("murmur2") == {"streams/kafka/partitioner.py"}
