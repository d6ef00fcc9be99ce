"""Waiting for a Redis that is away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from serving.view.redis import is_outage

T = TypeVar("T")

_WAIT_FIRST_S = 0.2
_WAIT_MAX_S = 5.0

_log = structlog.get_logger(__name__)


async def wait_out(
    attempt: Callable[[], Awaitable[T]],
    *,
    stop: Callable[[RetryCallState], bool],
    sleep: Callable[[float], Awaitable[None]],
    on_outage: Callable[[], None],
) -> T:
    """Repeat ``attempt`` until Redis takes it, with growing pauses of at most five seconds.

    Args:
        attempt: what to do; it must be harmless to do it again.
        stop: when to give up and raise the outage's error after all.
        sleep: how to spend a pause.
        on_outage: called after every failed attempt.

    Returns:
        What ``attempt`` returned.
    """

    def note(state: RetryCallState) -> None:
        on_outage()
        error = state.outcome.exception() if state.outcome is not None else None
        _log.warning(
            "waiting for Redis",
            attempt=state.attempt_number,
            reason=f"{type(error).__name__}: {error}",
        )

    retrying = AsyncRetrying(
        retry=retry_if_exception(is_outage),
        wait=wait_random_exponential(multiplier=_WAIT_FIRST_S, max=_WAIT_MAX_S),
        stop=stop,
        sleep=sleep,
        before_sleep=note,
        reraise=True,
    )

    async def once() -> T:
        return await attempt()

    return await retrying(once)
