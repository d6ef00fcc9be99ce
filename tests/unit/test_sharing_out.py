"""How `make test` shares the tests among processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scheduler import DIVIDED, SERVERS, starts_servers, unit_of

_ROOT = Path(__file__).parents[2]


def test_what_a_file_needs_is_made_once_for_all_its_tests() -> None:
    for file in ("tests/fault/test_faults.py", "tests/unit/test_cdnow_backtest.py"):
        assert {unit_of(f"{file}::test_a[{part}]") for part in ("kafka", "redis")} == {file}


def test_long_tests_of_one_file_may_run_in_several_processes() -> None:
    for file in ("tests/integration/test_ownership.py", "tests/simulator/test_mutations.py"):
        names = [f"{file}::test_a[{part}]" for part in ("kafka", "redis")]
        assert [unit_of(name) for name in names] == names


def test_all_tests_on_apache_kafka_count_as_those_that_start_servers(
    request: pytest.FixtureRequest,
) -> None:
    """Of those that were collected with this one: in a run of all tests, all."""
    on_kafka = {i.nodeid for i in request.session.items if i.get_closest_marker("kafka")}
    assert {name for name in on_kafka if not starts_servers(unit_of(name))} == set()


@pytest.mark.parametrize("path", sorted({*DIVIDED, *SERVERS}))
def test_whatever_is_named_is_still_there(path: str) -> None:
    assert (_ROOT / path).exists()
