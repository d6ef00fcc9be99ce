"""What the API does by itself every second: look at Redis, at the tokens, and at itself."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

from serving.api.access import Access
from serving.api.health import ApiHealth

_PERIOD_S = 1.0


async def keep(redis: Redis, access: Access, health: ApiHealth) -> None:
    """Go on until cancelled."""
    while True:
        health.turned()
        access.refresh()
        try:
            health.redis = bool(await redis.ping())
        except (RedisError, OSError):
            health.redis = False
        await asyncio.sleep(_PERIOD_S)
