"""The wall clock of this machine, used only while it agrees with the brokers'.

A wrong clock does harm that stays: a tick from the future moves the partition's clock, which never
runs back, and a clock that is behind makes a dead letter of every event. So a worker compares its
clock at the start, every few seconds, and before it goes on after a jump: what the wall clock and
the monotonic clock say then no longer fits together.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from config.durations import Duration
from config.settings import Settings
from scoring.timestamps import rfc3339
from streams.kafka.clients import BrokerUnreachable
from streams.kafka.clock_probe import ClockProbe, Reading
from streams.runtime.clock import wall_ms

_log = logging.getLogger(__name__)

Ask = Callable[[], Awaitable[Sequence[Reading] | None]]

_COMPARE_EVERY_S = 10.0
_LOOK_EVERY_S = 1.0
_ASK_AGAIN_S = 0.5
_TRUST_S = 60.0
"""How long a comparison holds if no broker answers; a clock does not drift far in that time."""
_JUMP_MS = 1_000
"""From how far on a difference between wall and monotonic time is a jump, and no rounding."""


class WrongClock(RuntimeError):
    """The clock of this machine is too far from the brokers'; one sentence with both times."""


class _Comparison(NamedTuple):
    """When the clock was found right, and what it then was."""

    at_s: float
    offset_ms: float
    """Wall time less monotonic time."""


class CheckedClock:
    """Wall time for what stays: ticks, and the judgement of what is from the future.

    Several brokers may differ. The clock is wrong if more than half of those that answer say so;
    of the others a warning tells.

    Args:
        ask: asks the brokers; nothing if none answers, None if they never tell their time. Then
            the clock is used as it is.
        max_error_ms: how far it may be from the brokers'.
        show: is given what they answered, for metrics.
    """

    def __init__(
        self,
        ask: Ask,
        max_error_ms: int,
        show: Callable[[Sequence[Reading]], None] = lambda _: None,
    ) -> None:
        self._ask = ask
        self._max_error_ms = max_error_ms
        self._show = show
        self._comparing = asyncio.Lock()
        self._found_right: _Comparison | None = None
        self._asked_s = 0.0
        self._can_compare = True
        self._others: frozenset[int] = frozenset()
        self._is_waiting = False

    async def now_ms(self) -> int:
        """The wall clock, in milliseconds since 1970, once it is known to be right.

        It waits while no broker answers and the last comparison is too old.

        Raises:
            WrongClock: it is not.
            TopicsUnusable: the brokers cannot be asked.
        """
        while True:
            now_ms = wall_ms()
            if self._is_right(now_ms):
                return now_ms
            await self._compare_unless_right()

    async def confirm(self) -> None:
        """Return once the clock is known to be right; as `now_ms`."""
        await self.now_ms()

    async def keep_comparing(self) -> None:
        """Compare every few seconds, and at once after a jump; ends by raising as `now_ms`."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if not self._can_compare:
                return
            if not self._is_right(wall_ms()):
                await self._compare_unless_right()
            elif time.monotonic() - self._asked_s >= _COMPARE_EVERY_S:
                async with self._comparing:
                    await self._compare()

    def _is_right(self, now_ms: int) -> bool:
        return not self._can_compare or self._holds(now_ms, time.monotonic())

    def _holds(self, now_ms: int, now_s: float) -> bool:
        """Whether what the last comparison found is true of this time."""
        found = self._found_right
        if found is None:
            return False
        moved_ms = now_ms - now_s * 1000 - found.offset_ms
        return now_s - found.at_s <= _TRUST_S and abs(moved_ms) <= _JUMP_MS

    async def _compare_unless_right(self) -> None:
        """Compare; who waits for another's comparison takes its result."""
        async with self._comparing:
            if self._is_right(wall_ms()):
                return
            if not await self._compare():
                self._warn_of_waiting()
                await asyncio.sleep(_ASK_AGAIN_S)

    async def _compare(self) -> bool:
        """Ask the brokers; whether there is something to judge by."""
        self._asked_s = time.monotonic()
        readings = await self._ask()
        if readings is None:
            self._can_compare = False
            _log.info("the brokers do not tell their time: the clock is not compared with it")
            return True
        if not readings:
            return False
        self._show(readings)
        wrong = [one for one in readings if abs(one.surely_ahead_ms) > self._max_error_ms]
        if 2 * len(wrong) > len(readings):
            raise WrongClock(_sentence(wrong, self._max_error_ms))
        self._warn_of_others(frozenset(one.broker for one in wrong))
        prompt = [one for one in readings if one.waited_ms <= self._max_error_ms]
        agreeing = [one for one in prompt if one not in wrong]
        if agreeing:
            newest = max(agreeing, key=lambda one: one.sent_s)
            offset_ms = newest.sent_ms - newest.sent_s * 1000
            self._found_right = _Comparison(newest.sent_s, offset_ms)
            self._is_waiting = False
        return bool(agreeing)

    def _warn_of_others(self, others: frozenset[int]) -> None:
        for broker in sorted(others - self._others):
            _log.warning(
                "the clock of broker %s is wrong: it differs by more than %s from this machine's, "
                "and from those of the other brokers",
                broker,
                Duration(self._max_error_ms),
            )
        self._others = others

    def _warn_of_waiting(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            _log.warning("no broker tells its time soon: what needs the clock waits until one does")


async def check_clock(settings: Settings) -> None:
    """Compare the clock of this machine once.

    Raises:
        WrongClock: it is too far from the brokers'.
        TopicsUnusable: the brokers cannot be asked.
        BrokerUnreachable: none has answered within the startup timeout.
    """
    probe = ClockProbe(settings)
    try:
        async with asyncio.timeout(settings.startup_timeout.seconds):
            await probe.start()
            await CheckedClock(probe.ask, settings.max_clock_error.ms).confirm()
    except TimeoutError as error:
        raise BrokerUnreachable(
            f"no broker has told its time within {settings.startup_timeout}"
        ) from error
    finally:
        await probe.stop()


def _sentence(wrong: Sequence[Reading], max_error_ms: int) -> str:
    middle = sorted(wrong, key=lambda one: one.ahead_ms)[len(wrong) // 2]
    at_ms = middle.written_ms + middle.ahead_ms
    return (
        f"the clock of this machine says {rfc3339(at_ms)}, {in_words(middle.ahead_ms)} that of "
        f"Kafka, which says {rfc3339(middle.written_ms)}: more than "
        f"TIERSTREAM_MAX_CLOCK_ERROR={Duration(max_error_ms)}; set the clock, nothing was written "
        "by it"
    )


def in_words(ahead_ms: int) -> str:
    """How far a clock is from another, such as `2.500 s ahead of` it."""
    return f"{abs(ahead_ms) / 1000:,.3f} s {'ahead of' if ahead_ms >= 0 else 'behind'}"
