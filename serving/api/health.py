"""Whether the API works, for the probes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from serving.api.auth import Access
from serving.view.keys import ViewKeys

_HEARTBEAT_TIMEOUT_S = 30.0


class ApiHealth:
    """Flags that the process sets and the probes read.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.redis = False
        self.view = False
        self.serving = False
        self._clock = clock
        self._last_heartbeat_s = clock()

    def heartbeat(self) -> None:
        """The event loop ran; called once a second."""
        self._last_heartbeat_s = self._clock()

    def ready(self) -> Mapping[str, bool]:
        """``serving``: it listens, not ending; ``redis``, ``view``: seen at the last check."""
        return {"serving": self.serving, "redis": self.redis, "view": self.view}

    def alive(self) -> Mapping[str, bool]:
        """``loop``: it is not stuck."""
        return {"loop": self._clock() - self._last_heartbeat_s < _HEARTBEAT_TIMEOUT_S}


_PERIOD_S = 1.0

_log = structlog.get_logger(__name__)


async def refresh_health(redis: Redis, keys: ViewKeys, access: Access, health: ApiHealth) -> None:
    """Every second, until cancelled: look at Redis and read a changed token file."""
    logged: str | None = None
    while True:
        health.heartbeat()
        access.refresh()
        trouble = await _look_at(redis, keys, health)
        if trouble != logged:
            if trouble is None:
                _log.info("redis answers")
            else:
                _log.warning("redis does not answer, or refuses", error=trouble)
            logged = trouble
        await asyncio.sleep(_PERIOD_S)


async def _look_at(redis: Redis, keys: ViewKeys, health: ApiHealth) -> str | None:
    """See whether there is a view; what is wrong with Redis."""
    try:
        # Not a PING, which the user of the view need not be allowed.
        health.view = await redis.get(keys.current) is not None
    except (RedisError, OSError) as error:
        health.redis = health.view = False
        return type(error).__name__
    health.redis = True
    return None
