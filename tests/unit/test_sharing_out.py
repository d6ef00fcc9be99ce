"""How `make test` shares the tests among processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scheduler import SERVERS, starts_servers, unit_of

_ROOT = Path(__file__).parents[2]


def test_what_computes_may_run_in_any_process() -> None:
    names = [f"tests/unit/test_settings.py::test_a[{part}]" for part in ("kafka", "redis")]
    assert [unit_of(name) for name in names] == names
    assert not any(starts_servers(name) for name in names)


def test_a_cluster_is_started_once_for_all_tests_on_it() -> None:
    file = "tests/fault/test_faults.py"
    assert {unit_of(f"{file}::test_a[{seed}]") for seed in (83, 84)} == {file}
    assert starts_servers(file)


def test_all_tests_on_apache_kafka_count_as_those_that_start_servers(
    request: pytest.FixtureRequest,
) -> None:
    """Of those that were collected with this one: in a run of all tests, all."""
    on_kafka = {i.nodeid for i in request.session.items if i.get_closest_marker("kafka")}
    assert {name for name in on_kafka if not starts_servers(unit_of(name))} == set()


@pytest.mark.parametrize("path", SERVERS)
def test_whatever_is_named_is_still_there(path: str) -> None:
    assert (_ROOT / path).exists()
