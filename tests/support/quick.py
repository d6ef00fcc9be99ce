"""Which tests `make test` and `CI=true make test` run, and how they say what they left out.

People wait for `make test`. It leaves out what needs Apache Kafka, what is marked `slow`, and the
tests on servers (`tests/integration`); but not what is marked `always`.

With `CI=true` a test for both kinds of broker runs on Apache Kafka, and if it is marked `always` on
the embedded one as well.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pytest

from devtools.servers import BrokerUnavailable
from devtools.servers.jar_cache import java_program

ON_SERVERS = "tests/integration/"
_SLOW_S = 10.0
_GROUPS = {
    "kafka": "on Apache Kafka",
    "servers": "on the embedded broker and Redis",
    "slow": "since it takes long",
}


def group_of(item: pytest.Item) -> str | None:
    """Why a test is left out: the key of a group; None if `make test` runs it."""
    if item.get_closest_marker("kafka"):
        return "kafka"
    if item.get_closest_marker("always"):
        return None
    if item.nodeid.startswith(ON_SERVERS):
        return "servers"
    return "slow" if item.get_closest_marker("slow") else None


def on_kafka_as_well(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests on the embedded broker that run on Apache Kafka, too, but for `always` ones."""
    names = {item.nodeid for item in items}
    return [
        item
        for item in items
        if "[embedded" in item.nodeid
        and item.nodeid.replace("[embedded", "[kafka") in names
        and not item.get_closest_marker("always")
    ]


def topic_of(nodeid: str) -> str:
    """What the tests of a file are about, as its name has it: `erasure under kills`."""
    file = nodeid.partition("::")[0].rpartition("/")[2]
    return file.removeprefix("test_").removesuffix(".py").replace("_", " ")


def counted(left_out: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """How many tests are left out, by group and topic, from pairs of group and test."""
    found: dict[str, Counter[str]] = {}
    for group, nodeid in left_out:
        found.setdefault(group, Counter())[topic_of(nodeid)] += 1
    return {group: dict(topics) for group, topics in found.items()}


def not_tried(left_out: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The lines that say what was not tried and how it is."""
    lines = []
    for group, words in _GROUPS.items():
        topics = left_out.get(group)
        if topics:
            said = ", ".join(sorted(topics))
            count = sum(topics.values())
            tests = "1 test" if count == 1 else f"{count} tests"
            lines.append(f"not tried {words} ({tests}): {said}")
    if lines:
        lines.append(f"`CI=true make test` tries all; it needs Java 17 and Maven: {_machine()}")
    return lines


def _machine() -> str:
    """Whether this machine has what Apache Kafka needs."""
    missing = [] if shutil.which("mvn") else ["there is no `mvn` on the PATH"]
    try:
        java_program()
    except BrokerUnavailable as reason:
        missing.insert(0, str(reason))
    if not missing:
        return "this machine has both"
    return f"{'; '.join(missing)}. Until then nothing on Apache Kafka can be tried here"


def too_slow(item: pytest.Item, duration_s: float, limit_s: float) -> str | None:
    """What is wrong with a test that people wait for, if it took longer than the limit."""
    may_be_slow = any(item.get_closest_marker(mark) for mark in ("slow", "soak"))
    if group_of(item) is not None or may_be_slow or duration_s <= limit_s:
        return None
    return f"took {duration_s:.1f} s, more than {limit_s:.0f} s: make it faster, or mark it `slow`"


def slow_limit_s(*, in_ci: bool, load: float, cores: int) -> float:
    """From how many seconds on a test is slow.

    Args:
        in_ci: all tests share the machine, often with others; nobody waits for one of them.
        load: processes that want a core, on average of the last minute.
        cores: how many there are. Where more processes want one, all take longer in proportion.
    """
    return (3 if in_ci else 1) * _SLOW_S * max(1.0, load / cores)
