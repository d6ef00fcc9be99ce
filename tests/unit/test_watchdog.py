"""A worker that has work and makes no progress ends, and so does one whose event loop hangs."""

from __future__ import annotations

import asyncio
import threading

import pytest
from faust.types import TP

from streams.faust_app import Progress
from streams.runtime.watchdog import LoopWatchdog, Stalled, StallWatchdog

ORDERS = TP("orders", 0)
LOOK_S = 0.01
TIMEOUT_S = 0.1


def at(acked: int, end: int) -> dict[TP, Progress]:
    return {ORDERS: Progress(end=end, acked=acked, in_flight=0)}


def test_a_partition_with_lag_that_stands_still_too_long_is_named() -> None:
    watchdog = StallWatchdog(timeout_s=60)
    watchdog.look(at(5, 9), 0)
    watchdog.look(at(5, 9), 60)
    with pytest.raises(Stalled, match="orders/0 has 4 records to take and stood still at offset 5"):
        watchdog.look(at(5, 9), 61)


def test_every_step_forward_starts_the_timeout_anew() -> None:
    watchdog = StallWatchdog(timeout_s=60)
    for second in range(0, 600, 50):
        watchdog.look(at(second, 10_000), second)


def test_a_partition_without_lag_may_stand_still_for_ever() -> None:
    watchdog = StallWatchdog(timeout_s=60)
    for second in range(0, 600, 50):
        watchdog.look(at(9, 9), second)
    watchdog.look(at(9, 10), 560)
    watchdog.look(at(9, 10), 610)


def test_a_partition_that_went_and_came_back_is_looked_at_anew() -> None:
    watchdog = StallWatchdog(timeout_s=60)
    watchdog.look(at(5, 9), 0)
    watchdog.look({}, 50)
    watchdog.look(at(5, 9), 100)


class Ending:
    """Notes the sentence instead of ending the process."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.told = threading.Event()

    def __call__(self, sentence: str) -> None:
        self.sentences.append(sentence)
        self.told.set()


async def test_a_loop_that_hangs_ends_the_process_with_a_sentence() -> None:
    ending = Ending()
    watchdog = LoopWatchdog(TIMEOUT_S, look_every_s=LOOK_S, end=ending)
    await watchdog.start()
    await asyncio.sleep(2 * LOOK_S)
    assert ending.told.wait(10), "the wait holds up the loop"
    await watchdog.stop()
    assert ending.sentences == ["the event loop has not turned for 0.1 s"]


async def test_a_loop_that_turns_goes_on() -> None:
    ending = Ending()
    watchdog = LoopWatchdog(5.0, look_every_s=LOOK_S, end=ending)
    await watchdog.start()
    await asyncio.sleep(0.3)
    await watchdog.stop()
    assert not ending.sentences


async def test_nobody_watches_a_loop_that_is_done() -> None:
    ending = Ending()
    watchdog = LoopWatchdog(5.0, look_every_s=LOOK_S, end=ending)
    await watchdog.start()
    [watcher] = [thread for thread in threading.enumerate() if thread.name == "loop-watchdog"]
    await watchdog.stop()
    watcher.join(10)
    assert not watcher.is_alive()
    assert not ending.sentences


async def test_a_watchdog_that_was_never_started_stops_without_harm() -> None:
    await LoopWatchdog(TIMEOUT_S).stop()
