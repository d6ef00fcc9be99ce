"""What the API does by itself every second: look at Redis, at the tokens, and at itself."""

from __future__ import annotations

import asyncio

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from serving.api.auth import Access
from serving.api.health import ApiHealth
from serving.view.keys import ViewKeys

_PERIOD_S = 1.0

_log = structlog.get_logger(__name__)


async def keep(redis: Redis, keys: ViewKeys, access: Access, health: ApiHealth) -> None:
    """Go on until cancelled."""
    told: str | None = None
    while True:
        health.turned()
        access.refresh()
        trouble = await _look_at(redis, keys, health)
        if trouble != told:
            if trouble is None:
                _log.info("redis answers")
            else:
                _log.warning("redis does not answer, or refuses", error=trouble)
            told = trouble
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
