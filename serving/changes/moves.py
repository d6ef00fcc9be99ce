"""Moves between tiers, counted by day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from serving.changes import scripts
from serving.changes.keys import moves_keys
from serving.changes.ledger import Ledger
from serving.changes.move_record import MoveRecord
from serving.generation import Generation


class Moves(Ledger[MoveRecord]):
    """How often each move was made on each day, in one generation of the view.

    Args:
        redis: a client that returns bytes.
        generation: to write to.
        kept_ms: how far back from the newest move it goes, in milliseconds.
    """

    def __init__(self, redis: Redis, generation: Generation, kept_ms: int) -> None:
        keys = moves_keys(generation.keys)
        super().__init__(redis, generation, keys, scripts.APPLY_MOVES, kept_ms)

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
