"""A restore whose broker does not answer."""

from __future__ import annotations

import asyncio

import pytest

from streams.faust_app import FaustOptions, RestoreTimeout, create_app
from streams.faust_app.recovery import StrictRecovery, StrictTables


@pytest.fixture
async def recovery() -> StrictRecovery:
    app = create_app(FaustOptions(app_id="app", broker_urls=("kafka://127.0.0.1:1",)))
    assert isinstance(app.tables, StrictTables)
    found = app.tables.recovery
    assert isinstance(found, StrictRecovery)
    return found


async def test_a_step_in_time_is_waited_for(recovery: StrictRecovery) -> None:
    await recovery._wait(asyncio.sleep(0.01), timeout=5)


async def test_a_step_that_never_ends_fails(recovery: StrictRecovery) -> None:
    with pytest.raises(RestoreTimeout, match=r"longer than 0\.05 s"):
        await recovery._wait(asyncio.Event().wait(), timeout=0.05)
