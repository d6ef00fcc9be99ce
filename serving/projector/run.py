"""The process that keeps the view up to date."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any

import structlog
from redis.exceptions import RedisError

from config.settings import Settings
from serving.projector.consumer import open_consumer
from serving.projector.figures import FiguresKeeper
from serving.projector.health import ProjectorHealth
from serving.projector.loop import Projection
from serving.projector.metrics import ViewMeter
from serving.projector.rebuild import rebuild_view
from serving.projector.sources import SOURCES, view_sources
from serving.view.generations import RedisView
from serving.view.keys import REMOVALS_KEPT_MS
from serving.view.redis import connect_redis, explained, is_outage, within_startup
from streams.runtime.clock import wall_ms

_LAST_BATCH_S = 10.0
_STUCK_AFTER_S = 60.0

_log = structlog.get_logger(__name__)


def projector_health(settings: Settings) -> ProjectorHealth:
    """The health of a projector to be run with these settings."""
    stuck_after_s = settings.rebalance_timeout.seconds + _STUCK_AFTER_S
    return ProjectorHealth(time.monotonic, stuck_after_s, SOURCES)


async def run_projector(
    settings: Settings,
    *,
    meter: ViewMeter | None = None,
    health: ProjectorHealth | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Keep the view in Redis up to date with its topics until told to stop.

    A Redis outage delays the view and nothing else. At the start both Redis and Kafka must answer
    within the startup timeout. The view is rebuilt first if another version made it, or if it was
    not updated for so long that Kafka may no longer have the erasures it missed.

    Args:
        settings: of the deployment.
        meter: receives the metrics.
        health: receives the state.
        stop: when set, the batch in hand is applied and the group left.

    Raises:
        ViewError: Redis or Kafka does not answer or refuses the login, or a topic is missing.
        SettingsError: a certificate or key file cannot be used.
    """
    stop = stop or asyncio.Event()
    meter = meter or ViewMeter()
    health = health or projector_health(settings)
    redis = connect_redis(settings)
    try:
        view = RedisView(redis, settings.redis_key_prefix)
        if (reason := await _why_rebuild(settings, view)) is not None:
            _log.warning("building the view anew", reason=reason)
            await rebuild_view(settings)
        sources = view_sources(settings, redis)
        async with AsyncExitStack() as stack:
            projections = []
            for number, source in enumerate(sources):
                consumer = await stack.enter_async_context(
                    open_consumer(settings, source.topic, source.group)
                )
                own = meter if number == 0 else meter.of_changes(source.topic)
                projection = Projection(
                    consumer, view, source, own, health.loops[number], wall_ms, stop
                )
                projection.subscribe()
                projections.append(projection)
            keeper = FiguresKeeper(
                redis, settings.redis_key_prefix, meter, health.loops[0], wall_ms
            )
            work = [_loop(projection, stop) for projection in projections]
            await _until(stop, [*work, keeper.run(stop)])
    except RedisError as error:
        raise explained(error, settings) from error
    finally:
        await redis.aclose()


async def _loop(projection: Projection[Any], stop: asyncio.Event) -> None:
    try:
        while not stop.is_set():
            await projection.run_once()
    except RedisError as error:
        if not (stop.is_set() and is_outage(error)):
            raise


async def _until(stop: asyncio.Event, work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all of ``work`` until it ends or some of it fails.

    After ``stop`` it gets some seconds, since joining a group may be slow.
    """
    tasks = {asyncio.create_task(part) for part in work}
    stopper = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*tasks, stopper}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            await asyncio.wait(tasks, timeout=_LAST_BATCH_S)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        stopper.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(stopper, *tasks, return_exceptions=True)


async def _why_rebuild(settings: Settings, view: RedisView) -> str | None:
    """Why the view must be rebuilt; None if it can be used, or if there is none."""

    async def reason() -> str | None:
        generation = await view.open()
        if await generation.has_another_form():
            return "another version of Tierstream made it"
        current_ms = await generation.current_since_ms()
        if current_ms is not None and wall_ms() - current_ms > REMOVALS_KEPT_MS:
            return "it was not kept for too long"
        return None

    return await within_startup(settings, reason)
