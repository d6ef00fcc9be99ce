"""A restore whose broker does not answer, and one that tells how far it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import pytest
from faust.types import TP

from streams.faust_app import FaustOptions, RestoreTimeout, create_app
from streams.faust_app import recovery as recovery_module
from streams.faust_app.recovery import RestoreProgress, StrictRecovery, StrictTables


class Consumer:
    """One that has its partitions, and a transaction open in some of them."""

    def __init__(self) -> None:
        self.open: dict[TP, int] = {}

    async def open_records(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        return {tp: self.open.get(tp, 0) for tp in tps}


def new_recovery() -> StrictRecovery:
    """That of an app without a broker."""
    app = create_app(FaustOptions(app_id="app", broker_urls=("kafka://127.0.0.1:1",)))
    app.consumer = cast(Any, Consumer())
    assert isinstance(app.tables, StrictTables)
    found = app.tables.recovery
    assert isinstance(found, StrictRecovery)
    return found


@pytest.fixture
async def recovery() -> StrictRecovery:
    return new_recovery()


async def test_a_step_in_time_is_waited_for(recovery: StrictRecovery) -> None:
    await recovery._wait(asyncio.sleep(0.01), timeout=5)


async def test_a_step_that_never_ends_fails(recovery: StrictRecovery) -> None:
    with pytest.raises(RestoreTimeout, match=r"longer than 0\.05 s"):
        await recovery._wait(asyncio.Event().wait(), timeout=0.05)


class Starts:
    """A consumer that knows the first offsets."""

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, 100)


async def begin(recovery: StrictRecovery) -> dict[TP, int]:
    """Two partitions, of which 1,000 and 3,000 offsets are to be read; returns where they are."""
    tps = {TP("changelog", 0): 1_099, TP("changelog", 1): 3_099}
    for tp in tps:
        recovery.active_offsets[tp] = -1  # nothing read yet
    recovery.active_highwaters.update(tps)
    starts: Any = Starts()
    await recovery._build_offsets(starts, set(tps), recovery.active_offsets, "active")
    recovery._set_recovery_started()
    return recovery.active_offsets


async def test_progress_counts_what_is_left_of_all_partitions(recovery: StrictRecovery) -> None:
    assert recovery.progress == RestoreProgress(0, 0)
    offsets = await begin(recovery)
    assert recovery.progress == RestoreProgress(4_000, 4_000)
    offsets[TP("changelog", 1)] = 2_099
    assert recovery.progress == RestoreProgress(2_000, 4_000)
    assert str(recovery.progress) == "2,000 of 4,000 changelog offsets (50%)"
    recovery._set_recovery_ended()
    assert recovery.progress == RestoreProgress(0, 0)


async def test_a_restore_that_read_to_the_end_is_complete(recovery: StrictRecovery) -> None:
    offsets = await begin(recovery)
    assert not recovery.is_complete
    offsets.update({TP("changelog", 0): 1_099, TP("changelog", 1): 3_099})
    assert recovery.is_complete


def partitions_move(recovery: StrictRecovery) -> None:
    recovery.app.consumer_generation_id += 1


def next_restore_waits(recovery: StrictRecovery) -> None:
    recovery.signal_recovery_start.set()


def partitions_are_given_back(recovery: StrictRecovery) -> None:
    """The group is being joined again; of which generation is not known yet."""
    recovery.is_overtaken = True


def app_stops(recovery: StrictRecovery) -> None:
    recovery._stopped.set()


@pytest.mark.parametrize(
    "interrupt", [partitions_move, partitions_are_given_back, next_restore_waits, app_stops]
)
async def test_a_restore_that_was_interrupted_is_not_complete(
    recovery: StrictRecovery, interrupt: Callable[[StrictRecovery], None]
) -> None:
    offsets = await begin(recovery)
    offsets.update({TP("changelog", 0): 1_099, TP("changelog", 1): 3_099})
    interrupt(recovery)
    assert not recovery.is_complete


class Told(logging.Handler):
    """Waits for a message."""

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message
        self.heard = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self.message:
            self.heard.set()


@pytest.mark.parametrize(
    "sentence",
    [
        "restoring: 1,000 of 4,000 changelog offsets (25%)",
        "the restore waits for transactions that producers began in changelog/1",
    ],
)
async def test_progress_is_logged_while_there_is_something_left(
    recovery: StrictRecovery,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    sentence: str,
) -> None:
    monkeypatch.setattr(recovery_module, "_TELL_EVERY_S", 0.01)
    caplog.set_level(logging.INFO, recovery_module.__name__)
    told = Told(sentence)
    offsets = await begin(recovery)
    offsets[TP("changelog", 0)] = 1_099
    recovery.active_tps.update(offsets)
    cast(Consumer, recovery.app.consumer).open[TP("changelog", 1)] = 7
    telling = asyncio.ensure_future(type(recovery)._publish_stats.fun(recovery))
    logger = logging.getLogger(recovery_module.__name__)
    logger.addHandler(told)
    try:
        await asyncio.wait_for(told.heard.wait(), 5)
    finally:
        logger.removeHandler(told)
        telling.cancel()


async def test_a_restore_ends_where_no_record_is_at_the_end(recovery: StrictRecovery) -> None:
    offsets = await begin(recovery)
    first, second = offsets
    recovery.note_position(first, 600, 599)
    recovery.note_position(first, 1_100, 1_097)  # 1,098 and 1,099 end transactions
    recovery.note_position(second, 3_100, None)  # everything was aborted
    assert not recovery.is_complete, "the last records are not taken yet"
    offsets[first] = 1_097
    assert recovery.is_complete


async def test_a_restore_that_is_not_at_the_end_has_no_other_end(recovery: StrictRecovery) -> None:
    offsets = await begin(recovery)
    for tp in offsets:
        recovery.note_position(tp, 1_099, 1_000)
        recovery.note_position(tp, 1_099, None)
        offsets[tp] = 1_000
    assert not recovery.is_complete
