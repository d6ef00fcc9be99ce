"""What `make test` leaves out, what it says of that, and which tests it calls too slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from tests.support.quick import (
    counted,
    group_of,
    not_tried,
    on_kafka_as_well,
    slow_limit_s,
    too_slow,
)


@dataclass
class Marked:
    """A test as far as its place and its marks go."""

    nodeid: str
    marks: tuple[str, ...] = ()

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


def marked(file: str, *marks: str) -> pytest.Item:
    return cast("pytest.Item", Marked(f"tests/{file}::test_it[embedded]", marks))


@pytest.mark.parametrize(
    ("file", "marks", "group"),
    [
        ("unit/test_money.py", (), None),
        ("unit/test_cdnow_backtest.py", ("slow",), "slow"),
        ("property/test_repetition.py", ("slow", "always"), None),
        ("fault/test_faults.py", ("slow", "kafka"), "kafka"),
        ("integration/test_sending.py", (), "servers"),
        ("integration/test_demo.py", ("always",), None),
        ("integration/test_demo.py", ("always", "kafka"), "kafka"),
    ],
)
def test_a_quick_run_leaves_out(file: str, marks: tuple[str, ...], group: str | None) -> None:
    assert group_of(marked(file, *marks)) == group


def test_what_was_not_tried_is_said_with_what_tries_it() -> None:
    left_out = counted(
        [
            ("kafka", "tests/fault/test_faults.py::test_a[1]"),
            ("kafka", "tests/fault/test_faults.py::test_a[2]"),
            ("servers", "tests/integration/test_erasure_under_kills.py::test_b"),
        ]
    )
    kafka, servers, last = not_tried(left_out)
    assert kafka == "not tried on Apache Kafka (2 tests): faults"
    assert servers == "not tried on the embedded broker and Redis (1 test): erasure under kills"
    assert last.startswith("`CI=true make test` tries all; it needs Java 17 and Maven: ")


def test_a_machine_without_java_is_told_what_that_leaves_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    last = not_tried({"kafka": {"faults": 1}})[-1]
    assert "there is no `java`" in last
    assert "there is no `mvn`" in last
    assert last.endswith("Until then nothing on Apache Kafka can be tried here")


def test_nothing_is_said_where_everything_was_tried() -> None:
    assert not_tried({}) == []


def test_a_test_that_people_wait_for_is_too_slow_over_the_limit_unless_it_is_marked() -> None:
    assert too_slow(marked("unit/test_money.py"), 9.9, limit_s=10) is None
    said = too_slow(marked("unit/test_money.py"), 10.1, limit_s=10)
    assert said is not None
    assert "mark it `slow`" in said
    for mark in ("slow", "kafka", "soak"):
        assert too_slow(marked("unit/test_money.py", mark), 100, limit_s=10) is None
    assert (
        too_slow(marked("property/test_repetition.py", "slow", "always"), 100, limit_s=10) is None
    )
    assert too_slow(marked("integration/test_demo.py", "always"), 100, limit_s=10) is not None


def test_a_test_on_servers_that_only_ci_tries_may_take_its_time() -> None:
    assert too_slow(marked("integration/test_sending.py"), 100, limit_s=10) is None


def test_the_limit_is_ten_seconds_and_grows_where_others_want_the_cores() -> None:
    assert slow_limit_s(in_ci=False, load=0.5, cores=2) == 10
    assert slow_limit_s(in_ci=False, load=6.0, cores=2) == 30


def test_the_limit_is_three_times_as_long_in_ci() -> None:
    assert slow_limit_s(in_ci=True, load=0.5, cores=2) == 30


def test_what_apache_kafka_tries_need_not_be_tried_on_the_embedded_broker_too() -> None:
    def both(file: str, *marks: str) -> list[pytest.Item]:
        ids = (f"tests/integration/{file}::test_it[{kind}]" for kind in ("embedded", "kafka"))
        return [cast("pytest.Item", Marked(nodeid, marks)) for nodeid in ids]

    repeated, smoke = both("test_sending.py"), both("test_demo.py", "always")
    (alone, _) = both("test_redis_view.py")
    assert on_kafka_as_well([*repeated, *smoke, alone]) == [repeated[0]]
