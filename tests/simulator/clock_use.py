"""Whether a wrong clock did harm that stays: in the log, or as dead letters."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from faust.types import TP

from handlers.control_records import ClockTick, decode_control
from handlers.reasons import FROM_THE_FUTURE
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS
from tests.simulator.broker import Stored
from tests.simulator.worker import PARTITIONS
from tests.simulator.world import World

_MAX_ERROR_MS = 32_000
"""What a worker lets pass, and what a jump may be without being one."""


def check_clocks(world: World) -> Iterator[str]:
    """No tick is ahead of the time, and no event is refused for being so."""
    if not world.plan.tells_time:
        return
    for number in range(PARTITIONS):
        for record in world.broker.log(TP(CUSTOMER_EVENTS, number)).written:
            ahead_ms = _tick_ms(record) - record.timestamp
            if ahead_ms > _MAX_ERROR_MS:
                yield f"{CUSTOMER_EVENTS}/{number}@{record.offset}: a tick {ahead_ms} ms ahead"
        for record in world.broker.log(TP(DEAD_LETTERS, number)).written:
            if dict(record.headers)["reason"] == FROM_THE_FUTURE.encode():
                yield f"{DEAD_LETTERS}/{number}@{record.offset}: refused by a clock that is behind"


def _tick_ms(record: Stored) -> int:
    if record.key is not None or record.value is None:
        return 0
    try:
        control = decode_control(record.value)
    except (msgspec.MsgspecError, ValueError):
        return 0
    return control.at if isinstance(control, ClockTick) else 0
