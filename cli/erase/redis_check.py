"""Checks that a customer is gone from Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.settings import Settings, SettingsError
from serving.view.keys import ViewKeys
from serving.view.redis import connect_redis, explained, is_outage
from streams.erasure.receipt import Step

_POLL_S = 0.1


async def check_view(
    settings: Settings, ids: Sequence[str], null: tuple[int, int] | None, wait_s: float
) -> Step:
    """Check until the customer is gone from every generation of the view, or the time is over.

    A projector that is behind could still write an older record, so the view must also have passed
    the null record.

    Args:
        settings: of the deployment.
        ids: of the customer.
        null: partition and offset of the null record on `customer-profiles`, if one was seen.
        wait_s: how long to check, at most.
    """
    deadline_s = asyncio.get_running_loop().time() + wait_s
    place = settings.redis_address.place
    try:
        redis = connect_redis(settings)
    except SettingsError as error:
        return Step("view", "not_reached", str(error))
    try:
        while True:
            why = await _lacking(redis, ViewKeys(settings.redis_key_prefix), ids, null)
            if why is None:
                return Step("view", "done", f"nothing of the customer is in Redis at {place}")
            if asyncio.get_running_loop().time() >= deadline_s:
                return Step("view", "waiting", f"Redis at {place}: {why}")
            await asyncio.sleep(_POLL_S)
    except RedisError as error:
        if is_outage(error) and "redis_url" not in settings.model_fields_set:
            return Step("view", "not_looked", f"REDIS_URL is not set, and no Redis is at {place}")
        return Step("view", "not_reached", str(explained(error, settings)))
    finally:
        await redis.aclose()


async def _lacking(
    redis: Redis, keys: ViewKeys, ids: Sequence[str], null: tuple[int, int] | None
) -> str | None:
    """What is still to come; None if nothing is."""
    current: Any = await redis.get(keys.current)
    others: set[Any] = {await redis.get(keys.rebuilding), *await redis.smembers(keys.discarded)}
    for number in sorted({current, *others} - {None}):
        generation = keys.generation(number.decode())
        if await redis.exists(*(key for one in ids for key in generation.all_of(one))):
            what = "the view has" if number == current else "a view that is no longer read has"
            return f"{what} the customer; does a projector run?"
    if current is None or null is None:
        return None
    partition, offset = null
    positions = keys.generation(current.decode()).positions
    position: Any = await redis.hget(positions, f"next:{partition}")
    if position is not None and int(position) > offset:
        return None
    return "the view has not come to the null record yet; does a projector run?"
