"""Moves between tiers, counted by day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from serving.view import lua
from serving.view.change_counts import Ledger
from serving.view.change_records import MoveRecord
from serving.view.changes_keys import moves_keys
from serving.view.generation import Generation


class Moves(Ledger[MoveRecord]):
    """How often each move was made on each day, in one generation of the view.

    Args:
        redis: a client that returns bytes.
        generation: to write to.
        kept_ms: how far back from the newest move it goes, in milliseconds.
    """

    def __init__(self, redis: Redis, generation: Generation, kept_ms: int) -> None:
        keys = moves_keys(generation.keys)
        super().__init__(redis, generation, keys, lua.APPLY_MOVES, kept_ms)

    def _parts(self, record: MoveRecord) -> Sequence[Any]:
        return (
            record.offset,
            record.timestamp_ms,
            *record.seen,
            record.sequence,
            record.at_ms,
            record.day.isoformat(),
            record.move,
        )
