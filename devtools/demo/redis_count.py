"""How many customers the view in Redis holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from redis.exceptions import RedisError

from config.settings import Settings
from serving.view.reader import ViewReader
from serving.view.redis import connect_redis

_POLL_S = 0.2


async def wait_for_view(
    settings: Settings, tiers: Iterable[str], customers: int, timeout_s: float
) -> int:
    """Customers in the view, by the sets of these tiers; waits until there are `customers`.

    After `timeout_s` it returns how many there are by then.

    Raises:
        ConnectionError: Redis does not answer.
    """
    redis = connect_redis(settings)
    reader = ViewReader(redis, settings.redis_key_prefix)
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    try:
        while True:
            counts = [await reader.count("tier", tier) for tier in tiers]
            if sum(counts) >= customers or loop.time() > deadline_s:
                return sum(counts)
            await asyncio.sleep(_POLL_S)
    except RedisError as error:
        raise ConnectionError(f"the Redis of the demo does not answer: {error}") from error
    finally:
        await redis.aclose()
