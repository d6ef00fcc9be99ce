"""Making the view anew from its topics, while readers go on with the old one.

A second generation is filled beside the current one, up to where that has come, and then the
pointer is moved: a reader sees the old view whole, and from one instant on the new one whole. The
projector keeps the old one up to date meanwhile, and then goes on with the new one from where it
stands. Until the old generation is deleted, Redis holds both.
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
from serving.projector.fill import Filling
from serving.projector.sources import view_streams
from serving.view.generation import Generation, PlaceLost
from serving.view.generations import RedisView
from serving.view.redis import ViewError, connect_redis, explained, within_startup

_SWITCH_WITHIN_S = 30.0
_READERS_LEAVE_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild has come.

    Attributes:
        done: offsets passed.
        total: offsets there were when it began, those of compacted records included; more if more
            came meanwhile.
    """

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild did.

    Attributes:
        generation: what readers follow now.
        profiles: profiles written; one that changed meanwhile counts each time.
        changes: changes of tiers and levels written.
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
    """Make the view anew and switch readers to it.

    Args:
        settings: of the deployment.
        progress: told after every batch.

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
            streams = view_streams(settings, redis)
            consumers = [
                await stack.enter_async_context(open_consumer(settings, stream.topic, None))
                for stream in streams
            ]
            generation = await view.start_rebuild()
            if generation is None:
                raise ViewError("a rebuild is under way already; if it broke off, wait a minute")
            try:
                fillings = {
                    stream.positions: Filling(settings, consumer, stream, generation)
                    for stream, consumer in zip(streams, consumers, strict=True)
                }
                await _fill(fillings, progress or _ignore)
                await _switch(settings, view, generation, fillings)
            except BaseException:
                await _give_up(view, generation)
                raise
        await asyncio.sleep(_READERS_LEAVE_S)
        deleted = await view.sweep()
    except RedisError as error:
        raise explained(error, settings) from error
    except PlaceLost as lost:
        raise ViewError(f"the rebuild lost its place in Redis ({lost}); run it again") from lost
    except KafkaError as error:
        raise ViewError(f"cannot read the topics of the view: {error}") from error
    finally:
        await redis.aclose()
    seconds = time.monotonic() - started_s
    profiles, *changes = (filling.applied for filling in fillings.values())
    return RebuildReport(generation.number, profiles, sum(changes), deleted, seconds)


async def _fill(
    fillings: Mapping[str, Filling[Any]], progress: Callable[[RebuildProgress], None]
) -> None:
    """Fill all parts, profiles first: what comes after asks who is known."""
    total = 0
    for filling in fillings.values():
        total += await filling.begin()

    def told() -> None:
        done = sum(filling.done for filling in fillings.values())
        progress(RebuildProgress(done, max(done, total)))

    for filling in fillings.values():
        await filling.read_to_end(told)


async def _switch(
    settings: Settings,
    view: RedisView,
    generation: Generation,
    fillings: Mapping[str, Filling[Any]],
) -> None:
    """Switch as soon as readers would not go back in time; after a while, even then."""
    deadline_s = time.monotonic() + _SWITCH_WITHIN_S
    while True:
        ends = {
            (name, partition): end
            for name, filling in fillings.items()
            for partition, end in (await filling.ends()).items()
        }
        force = time.monotonic() > deadline_s
        switch = partial(view.switch, generation, ends, force=force)
        if await within_startup(settings, switch):
            return
        for filling in fillings.values():
            await filling.read_to_end(lambda: None)


def _ignore(_progress: RebuildProgress) -> None:
    """Nobody watches."""


async def _give_up(view: RedisView, generation: Generation) -> None:
    try:
        await view.end_rebuild(generation)
        await view.sweep()
    except RedisError as error:
        # It stays on the list of what is to be deleted; the projector or the next rebuild does it.
        _log.warning("the unfinished generation could not be deleted", reason=str(error))
