"""A clock is used only while it agrees with the brokers', and a slow broker proves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from cli.doctor.clock import judged
from config.settings import Settings
from streams.checked_clock import CheckedClock, WrongClock
from streams.kafka.clock_probe import Reading
from tests.simulator.clock import WallClock
from tests.simulator.event_loop import VirtualLoop

T = TypeVar("T")

MAX_ERROR_MS = 30_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
NOW_MS = 1_795_000_000_000
MANY_S = 3_600.0


class Brokers:
    """Brokers with clocks of their own, and the machine that asks them.

    Attributes:
        ahead_ms: how far the clock of each is ahead of the right one.
        answers_in_s: how long each takes; None: it does not answer.
        asked: how often they were asked.
    """

    def __init__(self, *ahead_ms: int) -> None:
        self.loop = VirtualLoop()
        self.machine = WallClock(self.loop.time, NOW_MS)
        self.ahead_ms = list(ahead_ms or (0,))
        self.answers_in_s: list[float | None] = [0.01] * len(self.ahead_ms)
        self.tell_time = True
        self.asked = 0
        self.shown: list[float] = []
        self._right = WallClock(self.loop.time, NOW_MS)

    @property
    def right_ms(self) -> int:
        """What a right clock shows."""
        return self._right.wall_ms

    async def ask(self) -> list[Reading] | None:
        """As `ClockProbe.ask`; a broker writes as late as it can."""
        self.asked += 1
        if not self.tell_time:
            return None
        found = await asyncio.gather(*map(self._ask, range(len(self.ahead_ms))))
        return [one for one in found if one is not None]

    async def _ask(self, broker: int) -> Reading | None:
        sent_s, sent_ms = self.loop.time(), self.machine.wall_ms
        answers_in_s = self.answers_in_s[broker]
        await asyncio.sleep(30.0 if answers_in_s is None else answers_in_s)
        if answers_in_s is None:
            return None
        waited_ms = int((self.loop.time() - sent_s) * 1000)
        return Reading(broker, sent_s, sent_ms, waited_ms, self.right_ms + self.ahead_ms[broker])

    def clock(self) -> CheckedClock:
        return CheckedClock(
            self.ask, MAX_ERROR_MS, lambda found: self.shown.extend(one.ahead_ms for one in found)
        )

    def run(self, course: Callable[[], Awaitable[T]]) -> T:
        """Live through something in virtual time."""

        async def live() -> T:
            return await course()

        try:
            with self.machine.in_force():
                return self.loop.run_until_complete(live())
        finally:
            self.loop.bury()
            self.loop.close()


def first_use(brokers: Brokers) -> int:
    """What the clock says when it is used for the first time."""
    return brokers.run(brokers.clock().now_ms)


def ending(brokers: Brokers, *, after_s: float, happens: Callable[[], None]) -> float:
    """How long after something happened a running worker notices that its clock is wrong."""

    async def course() -> float:
        clock = brokers.clock()
        await clock.now_ms()
        brokers.loop.call_later(after_s, happens)
        with pytest.raises(WrongClock):
            await asyncio.wait_for(clock.keep_comparing(), MANY_S)
        return brokers.loop.time() - begin_s - after_s

    begin_s = brokers.loop.time()
    return brokers.run(course)


def test_right_clock_says_the_time() -> None:
    brokers = Brokers()
    assert first_use(brokers) == brokers.right_ms
    assert brokers.asked == 1
    assert abs(brokers.shown[0]) <= 6


@pytest.mark.parametrize("off_ms", [50 * MINUTE_MS, -10 * MINUTE_MS, 30_011, -30_011, 72 * HOUR_MS])
def test_wrong_clock_is_never_told(off_ms: int) -> None:
    brokers = Brokers()
    brokers.machine.jump(off_ms)
    with pytest.raises(WrongClock):
        first_use(brokers)


@pytest.mark.parametrize("off_ms", [29_980, -29_980, 0])
def test_clock_within_the_limit_is_right(off_ms: int) -> None:
    brokers = Brokers()
    brokers.machine.jump(off_ms)
    assert first_use(brokers) - brokers.right_ms == off_ms


def test_sentence_names_both_times_the_difference_and_the_setting() -> None:
    brokers = Brokers()
    brokers.machine.jump(50 * MINUTE_MS)
    with pytest.raises(WrongClock) as caught:
        first_use(brokers)
    said = str(caught.value)
    assert "the clock of this machine says 2026-11-18T11:56:40.0" in said
    assert "which says 2026-11-18T11:06:40.0" in said
    assert "2,999.99" in said
    assert "s ahead of that of Kafka" in said
    assert "TIERSTREAM_MAX_CLOCK_ERROR=30s" in said
    assert "\n" not in said


@pytest.mark.parametrize("answers_in_s", [29.0, 45.0, 300.0])
def test_slow_broker_is_no_wrong_clock(answers_in_s: float) -> None:
    """It may have written at any time between the sending and the answer."""
    brokers = Brokers()
    brokers.answers_in_s = [answers_in_s]

    async def course() -> int:
        clock = brokers.clock()
        brokers.loop.call_later(200, brokers.answers_in_s.__setitem__, 0, 0.01)
        return await clock.now_ms()

    assert brokers.run(course) == brokers.right_ms


def test_answer_that_took_too_long_does_not_prove_a_clock_right() -> None:
    """Who is 50 s ahead may look right to a broker that answers after a minute."""
    brokers = Brokers()
    brokers.machine.jump(50_000)
    brokers.answers_in_s = [60.0]
    brokers.loop.call_later(100, brokers.answers_in_s.__setitem__, 0, 0.01)
    with pytest.raises(WrongClock):
        first_use(brokers)


def test_wrong_clock_is_proved_by_a_slow_broker_too() -> None:
    brokers = Brokers()
    brokers.machine.jump(HOUR_MS)
    brokers.answers_in_s = [300.0]
    with pytest.raises(WrongClock):
        first_use(brokers)


def test_clock_waits_for_a_broker_and_is_not_wrong_meanwhile() -> None:
    brokers = Brokers()
    brokers.answers_in_s = [None]
    brokers.loop.call_later(1_000, brokers.answers_in_s.__setitem__, 0, 0.01)
    assert first_use(brokers) == brokers.right_ms
    assert brokers.right_ms - NOW_MS >= 1_000_000


def test_comparison_holds_while_nobody_answers_but_not_for_ever() -> None:
    brokers = Brokers()

    async def course() -> tuple[int, float]:
        clock = brokers.clock()
        await clock.now_ms()
        brokers.answers_in_s = [None]
        begin_s = brokers.loop.time()
        while not (using := asyncio.ensure_future(clock.now_ms())).done():
            await asyncio.sleep(0.5)
            if not using.done():
                break
            await using
        held_s = brokers.loop.time() - begin_s
        brokers.answers_in_s = [0.01]
        return await using, held_s

    now_ms, held_s = brokers.run(course)
    assert now_ms == brokers.right_ms
    assert 55 <= held_s <= 65


@pytest.mark.parametrize("by_ms", [HOUR_MS, -HOUR_MS, 31_500, -31_500])
def test_step_is_noticed_before_the_next_use(by_ms: int) -> None:
    brokers = Brokers()

    async def course() -> None:
        clock = brokers.clock()
        await clock.now_ms()
        brokers.machine.jump(by_ms)
        await clock.now_ms()

    with pytest.raises(WrongClock):
        brokers.run(course)
    assert brokers.asked == 2


def test_step_to_the_right_time_goes_on_after_a_comparison() -> None:
    brokers = Brokers()
    brokers.machine.jump(20_000)

    async def course() -> int:
        clock = brokers.clock()
        await clock.now_ms()
        brokers.machine.jump(-20_000)
        return await clock.now_ms()

    assert brokers.run(course) == brokers.right_ms
    assert brokers.asked == 2


def test_step_within_a_comparison_is_compared_again() -> None:
    brokers = Brokers()
    brokers.answers_in_s = [1.0]
    brokers.loop.call_later(0.5, brokers.machine.jump, HOUR_MS)
    with pytest.raises(WrongClock):
        first_use(brokers)
    assert brokers.asked == 2


def test_step_is_noticed_by_a_worker_that_has_nothing_to_do() -> None:
    brokers = Brokers()
    assert ending(brokers, after_s=100, happens=lambda: brokers.machine.jump(HOUR_MS)) < 2


def test_drift_that_monotonic_time_shares_is_noticed_within_seconds() -> None:
    """A time service speeds up both; only the brokers can tell."""
    brokers = Brokers()

    def drift() -> None:
        brokers.ahead_ms = [-31_000]

    assert ending(brokers, after_s=100, happens=drift) <= 11


def test_brokers_are_asked_every_ten_seconds_and_by_nobody_else_meanwhile() -> None:
    brokers = Brokers()

    async def course() -> None:
        clock = brokers.clock()
        uses = [clock.now_ms() for _ in range(50)]
        await asyncio.gather(*uses)
        comparing = asyncio.ensure_future(clock.keep_comparing())
        for _ in range(1_000):
            await asyncio.sleep(0.1)
            await clock.now_ms()
        comparing.cancel()

    brokers.run(course)
    assert 9 <= brokers.asked <= 11


@pytest.mark.parametrize(
    ("ahead_ms", "stops"),
    [
        ((0, 0, HOUR_MS), False),
        ((0, HOUR_MS), False),
        ((0, HOUR_MS, -HOUR_MS), True),
        ((HOUR_MS, HOUR_MS, 0), True),
        ((HOUR_MS, HOUR_MS), True),
    ],
)
def test_most_brokers_tell_whether_the_clock_is_wrong(
    ahead_ms: tuple[int, ...], stops: bool, caplog: pytest.LogCaptureFixture
) -> None:
    brokers = Brokers(*ahead_ms)
    if stops:
        with pytest.raises(WrongClock):
            first_use(brokers)
        return
    assert first_use(brokers) == brokers.right_ms
    other = ahead_ms.index(HOUR_MS)
    [said] = [one.message for one in caplog.records if one.levelname == "WARNING"]
    assert said.startswith(f"the clock of broker {other} is wrong: it differs by more than 30s")


def test_clock_is_used_as_it_is_where_no_broker_ever_tells_its_time() -> None:
    brokers = Brokers()
    brokers.tell_time = False
    brokers.machine.jump(HOUR_MS)

    async def course() -> int:
        clock = brokers.clock()
        await clock.keep_comparing()
        return await clock.now_ms()

    assert brokers.run(course) == brokers.right_ms + HOUR_MS


def reading(broker: int, ahead_ms: int) -> Reading:
    return Reading(broker, 0.0, NOW_MS + ahead_ms, 10, NOW_MS + 5)


def test_doctor_shows_the_difference_from_each_broker() -> None:
    found = judged([reading(2, -1_500), reading(1, 250)], Settings())
    assert found.is_ok
    assert found.text == "clock of this machine: 0.250 s ahead of broker 1, 1.500 s behind broker 2"


def test_doctor_tells_a_wrong_clock_from_a_wrong_broker() -> None:
    wrong = judged([reading(1, HOUR_MS), reading(2, HOUR_MS), reading(3, 0)], Settings())
    assert "3,600.000 s ahead of broker 1" in wrong.text
    assert "TIERSTREAM_MAX_CLOCK_ERROR=30s" in wrong.text
    assert wrong.remedy is not None
    assert wrong.remedy.startswith("set the clock of this machine")
    other = judged([reading(1, 0), reading(2, HOUR_MS), reading(3, 0)], Settings())
    assert other.remedy == "set the clock of broker 2"
