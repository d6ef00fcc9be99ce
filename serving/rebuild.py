"""Making the view anew from the compacted topic, while readers go on with the old one.

A second generation is filled beside the current one, up to where that has come, and then the
pointer is moved: a reader sees the old view whole, and from one instant on the new one whole. The
projector keeps the old one up to date meanwhile, and then goes on with the new one from where it
stands. Until the old generation is deleted, Redis holds both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from config.settings import Settings
from serving.errors import ViewError
from serving.filling import Filling, RebuildProgress
from serving.generation import Generation, PlaceLost
from serving.profiles_topic import open_consumer, profiles_topic
from serving.redis_client import connect_redis, explained
from serving.startup import within_startup
from serving.view import RedisView

__all__ = ["RebuildProgress", "RebuildReport", "rebuild_view"]

_READERS_LEAVE_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild did.

    Attributes:
        generation: what readers follow now.
        profiles: profiles written; one that changed meanwhile counts each time.
        deleted_keys: keys of earlier generations that were deleted.
        seconds: how long it took.
    """

    generation: str
    profiles: int
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
        async with open_consumer(settings, None) as consumer:
            generation = await view.start_rebuild()
            if generation is None:
                raise ViewError("a rebuild is under way already; if it broke off, wait a minute")
            filling = Filling(settings, consumer, view, generation, progress or _ignore)
            try:
                await filling.run()
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
        raise ViewError(f"cannot read {profiles_topic(settings)}: {error}") from error
    finally:
        await redis.aclose()
    seconds = time.monotonic() - started_s
    return RebuildReport(generation.number, filling.profiles, deleted, seconds)


def _ignore(_progress: RebuildProgress) -> None:
    """Nobody watches."""


async def _give_up(view: RedisView, generation: Generation) -> None:
    try:
        await view.end_rebuild(generation)
        await view.sweep()
    except RedisError as error:
        # It stays on the list of what is to be deleted; the projector or the next rebuild does it.
        _log.warning("the unfinished generation could not be deleted", reason=str(error))
