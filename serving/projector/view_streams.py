"""All that the view is made from."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from config.environment import Settings
from serving.projector.profile_stream import ProfileStream
from serving.projector.sources import LevelStream, MoveStream
from serving.projector.stream import Stream

STREAMS = 3
"""How many there are."""


def view_streams(settings: Settings, redis: Redis) -> tuple[Stream[Any], ...]:
    """The streams of the view; profiles come first, since the levels ask who is known."""
    return (
        ProfileStream(settings, redis),
        MoveStream(settings, redis),
        LevelStream(settings, redis),
    )
