"""What the API does by itself every second: look at Redis, at the tokens, and at itself."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

from serving.api.access import Access
from serving.api.health import ApiHealth
from serving.keys import ViewKeys

_PERIOD_S = 1.0


async def keep(redis: Redis, keys: ViewKeys, access: Access, health: ApiHealth) -> None:
    """Go on until cancelled."""
    while True:
        health.turned()
        access.refresh()
        try:
            # Not a PING, which the user of the view need not be allowed.
            health.view = await redis.get(keys.current) is not None
            health.redis = True
        except (RedisError, OSError):
            health.redis = health.view = False
        await asyncio.sleep(_PERIOD_S)
