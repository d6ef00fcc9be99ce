"""Waiting for Redis where waiting must have an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import RetryCallState, stop_after_delay

from config.environment import Settings
from serving.view.outage import wait_out

T = TypeVar("T")


async def within_startup(settings: Settings, attempt: Callable[[], Awaitable[T]]) -> T:
    """Do something with Redis; while it is away, wait, but no longer than the startup timeout.

    Raises:
        RedisError: Redis refuses, or is still away.
    """
    give_up = stop_after_delay(settings.startup_timeout.seconds)

    def stop(state: RetryCallState) -> bool:
        return give_up(state)

    return await wait_out(attempt, stop=stop, sleep=asyncio.sleep, on_outage=_nothing)


def _nothing() -> None:
    """The log tells of the outage."""
