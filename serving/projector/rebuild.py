"""Rebuilding the view from its topics, while readers use the old one.

A second generation is filled beside the current one until it has the same offsets. Then the
pointer to the current generation moves, so readers see either view whole. The projector keeps the
old generation up to date meanwhile, and resumes in the new one from the offsets stored there. Until
the old generation is deleted, Redis holds both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from config.settings import Settings
from serving.projector.consumer import open_consumer
from serving.projector.fill import TopicFill
from serving.projector.sources import view_sources
from serving.view.generation import Generation, StaleWriter
from serving.view.generations import RedisView
from serving.view.redis import ViewError, connect_redis, explained, within_startup

_SWITCH_WITHIN_S = 30.0
_READERS_LEAVE_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild has come.

    Attributes:
        done: offsets read.
        total: offsets to read, those of compacted records included; it grows if records come.
    """

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild did.

    Attributes:
        generation: the one that readers use now.
        profiles: profiles written; one that changed meanwhile counts each time.
        changes: outputs written: changes of tiers and levels, reminders, changes of profiles.
        deleted_keys: keys of earlier generations that were deleted.
        seconds: how long it took.
    """

    generation: str
    profiles: int
    changes: int
    deleted_keys: int
    seconds: float


async def rebuild_view(
    settings: Settings, progress: Callable[[RebuildProgress], None] | None = None
) -> RebuildReport:
    """Rebuild the view and switch readers to it.

    Args:
        settings: of the deployment.
        progress: called after every batch.

    Raises:
        ViewError: another rebuild is under way; Redis or Kafka does not answer or refuses the
            login; the topic is missing. The old view stays as it was.
        SettingsError: a certificate or key file cannot be used.
    """
    started_s = time.monotonic()
    redis = connect_redis(settings)
    try:
        view = RedisView(redis, settings.redis_key_prefix)
        await within_startup(settings, view.leftovers)
        async with AsyncExitStack() as stack:
            sources = view_sources(settings, redis)
            consumers = [
                await stack.enter_async_context(open_consumer(settings, source.topic, None))
                for source in sources
            ]
            generation = await view.start_rebuild()
            if generation is None:
                raise ViewError("a rebuild is under way already; if it broke off, wait a minute")
            try:
                fills = {
                    source.offsets_key: TopicFill(settings, consumer, source, generation)
                    for source, consumer in zip(sources, consumers, strict=True)
                }
                await _fill(fills, progress or _ignore)
                await _switch(settings, view, generation, fills)
            except BaseException:
                await _give_up(view, generation)
                raise
        await asyncio.sleep(_READERS_LEAVE_S)
        deleted = await view.sweep()
    except RedisError as error:
        raise explained(error, settings) from error
    except StaleWriter as stale:
        raise ViewError(f"the rebuild lost its place in Redis ({stale}); run it again") from stale
    except KafkaError as error:
        raise ViewError(f"cannot read the topics of the view: {error}") from error
    finally:
        await redis.aclose()
    seconds = time.monotonic() - started_s
    profiles, *changes = (fill.applied for fill in fills.values())
    return RebuildReport(generation.number, profiles, sum(changes), deleted, seconds)


async def _fill(
    fills: Mapping[str, TopicFill[Any]], progress: Callable[[RebuildProgress], None]
) -> None:
    """Fill from all topics, profiles first: all others ask which customers there are."""
    total = 0
    for fill in fills.values():
        total += await fill.begin()

    def on_batch() -> None:
        done = sum(fill.done for fill in fills.values())
        progress(RebuildProgress(done, max(done, total)))

    for fill in fills.values():
        await fill.read_to_end(on_batch)


async def _switch(
    settings: Settings,
    view: RedisView,
    generation: Generation,
    fills: Mapping[str, TopicFill[Any]],
) -> None:
    """Switch once the new generation is as far as the old one; after a while, in any case."""
    deadline_s = time.monotonic() + _SWITCH_WITHIN_S
    while True:
        ends = {
            (name, partition): end
            for name, fill in fills.items()
            for partition, end in (await fill.ends()).items()
        }
        force = time.monotonic() > deadline_s
        switch = partial(view.switch, generation, ends, force=force)
        if await within_startup(settings, switch):
            return
        for fill in fills.values():
            await fill.read_to_end(lambda: None)


def _ignore(_progress: RebuildProgress) -> None:
    """Nobody watches."""


async def _give_up(view: RedisView, generation: Generation) -> None:
    try:
        await view.end_rebuild(generation)
        await view.sweep()
    except RedisError as error:
        # It stays on the list of what is to be deleted; the projector or the next rebuild does it.
        _log.warning("the unfinished generation could not be deleted", reason=str(error))
