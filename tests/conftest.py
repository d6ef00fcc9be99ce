"""What holds for every test: how hard hypothesis searches, and how processes share the work."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# A deadline per example would measure how busy the machine is, not the code.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile(
    "ci",
    max_examples=200,
    deadline=None,
    derandomize=True,  # a change is judged by the same examples as the one before it
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For a long search by hand: HYPOTHESIS_PROFILE=thorough .venv/bin/python -m pytest tests/property
settings.register_profile("thorough", max_examples=5_000, deadline=timedelta(seconds=10))

settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)


@pytest.hookimpl(optionalhook=True)  # a run in one process needs no pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """`-n 3 --dist loadscope`, which is what `make test` says, keeps servers apart."""
    from tests.support.scheduler import ServersApart

    if config.getoption("dist") != "loadscope":
        return None
    return ServersApart(config, log)
