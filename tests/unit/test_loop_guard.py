"""A process whose event loop hangs ends; one that is busy, idle or stopped does not."""

from __future__ import annotations

import asyncio
import threading

from streams.runtime.watchdog import LoopGuard

LOOK_S = 0.01
PATIENCE_S = 0.1


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
    guard = LoopGuard(PATIENCE_S, look_every_s=LOOK_S, end=ending)
    await guard.start()
    await asyncio.sleep(2 * LOOK_S)
    assert ending.told.wait(10), "the wait holds up the loop"
    await guard.stop()
    assert ending.sentences == ["the event loop has not turned for 0.1 s"]


async def test_a_loop_that_turns_goes_on() -> None:
    ending = Ending()
    guard = LoopGuard(5.0, look_every_s=LOOK_S, end=ending)
    await guard.start()
    await asyncio.sleep(0.3)
    await guard.stop()
    assert not ending.sentences


async def test_nobody_watches_a_loop_that_is_done() -> None:
    ending = Ending()
    guard = LoopGuard(5.0, look_every_s=LOOK_S, end=ending)
    await guard.start()
    [watcher] = [thread for thread in threading.enumerate() if thread.name == "loop-guard"]
    await guard.stop()
    watcher.join(10)
    assert not watcher.is_alive()
    assert not ending.sentences


async def test_a_guard_that_was_never_started_stops_without_harm() -> None:
    await LoopGuard(PATIENCE_S).stop()
