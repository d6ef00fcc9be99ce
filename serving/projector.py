"""The process that keeps the view up to date."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable

import structlog
from redis.exceptions import RedisError

from config.settings import Settings
from serving.health import ProjectorHealth
from serving.meter import ViewMeter
from serving.profiles_topic import open_consumer, profiles_topic, view_group
from serving.projection import REMOVALS_KEPT_MS, Projection
from serving.rebuild import rebuild_view
from serving.redis_client import connect_redis, explained, is_outage
from serving.startup import within_startup
from serving.view import RedisView

_LAST_BATCH_S = 10.0
_STUCK_AFTER_S = 60.0

_log = structlog.get_logger(__name__)


def projector_health(settings: Settings) -> ProjectorHealth:
    """The state of a projector to be run with these settings."""
    return ProjectorHealth(time.monotonic, settings.rebalance_timeout.seconds + _STUCK_AFTER_S)


async def run_projector(
    settings: Settings,
    *,
    meter: ViewMeter | None = None,
    health: ProjectorHealth | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Keep the view in Redis up to date with `customer-profiles` until told to stop.

    A Redis that goes away delays the view and nothing else. At the start both Redis and Kafka must
    answer within the startup timeout. A view that was not kept for so long that Kafka may have
    forgotten erasures is built anew first.

    Args:
        settings: of the deployment.
        meter: told about the work.
        health: told about the state.
        stop: when set, the batch in hand is applied and the group left.

    Raises:
        ViewError: Redis or Kafka does not answer or refuses the login, or the topic is missing.
        SettingsError: a certificate or key file cannot be used.
    """
    stop = stop or asyncio.Event()
    meter = meter or ViewMeter()
    health = health or projector_health(settings)
    redis = connect_redis(settings)
    try:
        view = RedisView(redis, settings.redis_key_prefix)
        if await _is_stale(settings, view):
            _log.warning("the view was not kept for too long, building it anew")
            await rebuild_view(settings)
        async with open_consumer(settings, view_group(settings)) as consumer:
            topic = profiles_topic(settings)
            projection = Projection(consumer, view, topic, meter, health, _wall_ms, stop)
            projection.subscribe()
            await _until(stop, _loop(projection, stop))
    except RedisError as error:
        raise explained(error, settings) from error
    finally:
        await redis.aclose()


async def _loop(projection: Projection, stop: asyncio.Event) -> None:
    try:
        while not stop.is_set():
            await projection.turn()
    except RedisError as error:
        if not (stop.is_set() and is_outage(error)):
            raise


async def _until(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Let ``work`` run until it ends; after ``stop`` it gets a moment, since a join may be slow."""
    task = asyncio.ensure_future(work)
    stopper = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopper}, return_when=asyncio.FIRST_COMPLETED)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(task, _LAST_BATCH_S)
    finally:
        stopper.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _is_stale(settings: Settings, view: RedisView) -> bool:
    async def since_ms() -> int | None:
        return await (await view.open()).current_since_ms()

    current_ms = await within_startup(settings, since_ms)
    return current_ms is not None and _wall_ms() - current_ms > REMOVALS_KEPT_MS


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
