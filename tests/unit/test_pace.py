"""The limit on events per second, on a clock that only sleeping moves."""

from __future__ import annotations

import pytest

from streams.runtime.token_bucket import Pace


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now_s += seconds


def pace(clock: Clock, per_second: float | None) -> Pace:
    return Pace(per_second, clock=clock, sleep=clock.sleep)


async def granted_in(clock: Clock, limit: Pace, seconds: float, most: int = 2_000) -> int:
    total, end_s = 0, clock.now_s + seconds
    while clock.now_s < end_s:
        total += await limit.grant(most)
    return total


@pytest.mark.parametrize("per_second", [0.5, 3, 100, 25_000])
async def test_over_time_the_rate_is_what_was_asked(per_second: float) -> None:
    clock = Clock()
    total = await granted_in(clock, pace(clock, per_second), 20)
    assert total == pytest.approx(20 * per_second, rel=0.02, abs=1)


async def test_a_grant_is_never_more_than_was_asked_for() -> None:
    clock = Clock()
    limit = pace(clock, 10_000)
    assert [await limit.grant(3) for _ in range(5)] == [3] * 5


async def test_without_a_rate_everything_is_granted_at_once() -> None:
    clock = Clock()
    assert await pace(clock, None).grant(2_000) == 2_000
    assert sum(clock.sleeps) == 0


async def test_after_a_stall_there_is_no_flood() -> None:
    clock = Clock()
    limit = pace(clock, 1_000)
    await limit.grant(100)
    clock.now_s += 60
    assert await granted_in(clock, limit, 1) <= 1_200


async def test_what_was_not_sent_may_be_sent_later() -> None:
    clock = Clock()
    limit = pace(clock, 1_000)
    granted = await limit.grant(100)
    limit.give_back(granted)
    before_s = clock.now_s
    assert await limit.grant(100) == granted
    assert clock.now_s == before_s


@pytest.mark.parametrize("per_second", [0, -1])
def test_a_rate_that_sends_nothing_is_refused(per_second: float) -> None:
    with pytest.raises(ValueError, match="sends nothing"):
        Pace(per_second)
