"""Checks Redis: whether it answers and accepts the login, and whether it may drop keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from cli.doctor import Finding
from config.settings import Settings, SettingsError
from serving.view.redis import connect_redis, explained

_DEADLINE_S = 10.0
_KEEPS_KEYS = "noeviction"


async def redis_findings(settings: Settings) -> AsyncIterator[Finding]:
    """Check the Redis of the view; its memory only if it answers."""
    only_the_view = "start it or set REDIS_URL; workers go on without it, the view does not"
    try:
        client = connect_redis(settings)
    except SettingsError as error:
        yield Finding(str(error), "correct the file")
        return
    place = f"Redis at {settings.redis_address.place}"
    try:
        async with asyncio.timeout(_DEADLINE_S):
            await client.ping()
            memory = await _memory(client)
    except RedisError as error:
        text, _, remedy = str(explained(error, settings)).partition("; ")
        yield Finding(text, remedy or only_the_view)
        return
    except TimeoutError:
        yield Finding(f"Redis does not answer within {_DEADLINE_S:g} s", only_the_view)
        return
    finally:
        await client.aclose()
    address = settings.redis_address
    login = "with a login" if address.has_credentials else "without a login"
    yield Finding(f"{place} answers, {address.scheme}, {login}")
    yield eviction_finding(place, memory)


def eviction_finding(place: str, memory: Mapping[str, Any]) -> Finding:
    """Whether Redis may remove keys of the view when its memory is full.

    Args:
        place: how to name the server.
        memory: the section `memory` of INFO; empty where this user may not ask.
    """
    policy = memory.get("maxmemory_policy")
    if policy is None:
        return Finding(
            f"{place}: this user may not ask whether keys are evicted (the command INFO), "
            f"so see to maxmemory-policy {_KEEPS_KEYS}"
        )
    limit = int(memory.get("maxmemory", 0))
    if limit == 0:
        return Finding(f"{place} evicts nothing: it has no maxmemory")
    if policy == _KEEPS_KEYS:
        return Finding(f"{place} evicts nothing: maxmemory-policy is {policy}")
    return Finding(
        f"{place} has maxmemory-policy={policy} with a maxmemory of {limit} bytes, so customers "
        "may be missing from the view once it is full",
        f"set maxmemory-policy {_KEEPS_KEYS} (redis-cli CONFIG SET maxmemory-policy "
        f"{_KEEPS_KEYS}, and in its configuration), then run 'tierstream rebuild-view'",
    )


async def _memory(client: Redis) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = await client.info("memory")
    except (NoPermissionError, ResponseError):
        return {}
    return found
