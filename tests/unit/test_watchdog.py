"""A worker that has work and makes no progress ends."""

from __future__ import annotations

import pytest
from faust.types import TP

from streams.faust_app import Progress
from streams.runtime.watchdog import Stalled, Watchdog

ORDERS = TP("orders", 0)


def at(acked: int, end: int) -> dict[TP, Progress]:
    return {ORDERS: Progress(end=end, acked=acked, in_flight=0)}


def test_a_partition_with_lag_that_stands_still_too_long_is_named() -> None:
    watchdog = Watchdog(patience_s=60)
    watchdog.look(at(5, 9), 0)
    watchdog.look(at(5, 9), 60)
    with pytest.raises(Stalled, match="orders/0 has 4 records to take and stood still at offset 5"):
        watchdog.look(at(5, 9), 61)


def test_every_step_forward_starts_the_patience_anew() -> None:
    watchdog = Watchdog(patience_s=60)
    for second in range(0, 600, 50):
        watchdog.look(at(second, 10_000), second)


def test_a_partition_without_lag_may_stand_still_for_ever() -> None:
    watchdog = Watchdog(patience_s=60)
    for second in range(0, 600, 50):
        watchdog.look(at(9, 9), second)
    watchdog.look(at(9, 10), 560)
    watchdog.look(at(9, 10), 610)


def test_a_partition_that_went_and_came_back_is_looked_at_anew() -> None:
    watchdog = Watchdog(patience_s=60)
    watchdog.look(at(5, 9), 0)
    watchdog.look({}, 50)
    watchdog.look(at(5, 9), 100)
