"""The topics that the ledgers of changes are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka import ConsumerRecord, TopicPartition
from redis.asyncio import Redis

from config.environment import Settings
from handlers.outputs import DORMANCY_ALERTS, TIER_CHANGES
from serving.projector.decode import chunks_of
from serving.projector.meter import ViewMeter
from serving.view.change_records import MoveRecord, read_move
from serving.view.chunks import Chunk
from serving.view.generation import Generation
from serving.view.level_record import LevelRecord, read_level
from serving.view.levels import Levels
from serving.view.moves import Moves


class _ChangeStream:
    """What both have in common.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
        topic: without the prefix.
        ledger: what the ledger's keys begin with.
    """

    sweeps = False
    removals_kept_ms = None

    def __init__(self, settings: Settings, redis: Redis, topic: str, ledger: str) -> None:
        self.topic = f"{settings.topic_prefix}{topic}"
        self.group = f"{settings.app_id}-view-{ledger}"
        self.positions = f"{ledger}:positions"
        self._redis = redis
        self._kept_ms = settings.changes_kept.ms


class MoveStream(_ChangeStream):
    """`tier-changes`, into the moves between tiers.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
    """

    def __init__(self, settings: Settings, redis: Redis) -> None:
        super().__init__(settings, redis, TIER_CHANGES, "moves")

    def into(self, generation: Generation) -> Moves:
        """The moves of a generation."""
        return Moves(self._redis, generation, self._kept_ms)

    def read(
        self,
        batch: Mapping[TopicPartition, Sequence[ConsumerRecord]],
        next_offsets: Mapping[int, int],
        meter: ViewMeter,
    ) -> list[Chunk[MoveRecord]]:
        """The moves of a batch, cut up."""
        return chunks_of(batch, next_offsets, read_move, meter)


class LevelStream(_ChangeStream):
    """`dormancy-alerts`, into the levels that customers reached.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
    """

    def __init__(self, settings: Settings, redis: Redis) -> None:
        super().__init__(settings, redis, DORMANCY_ALERTS, "levels")

    def into(self, generation: Generation) -> Levels:
        """The levels of a generation."""
        return Levels(self._redis, generation, self._kept_ms)

    def read(
        self,
        batch: Mapping[TopicPartition, Sequence[ConsumerRecord]],
        next_offsets: Mapping[int, int],
        meter: ViewMeter,
    ) -> list[Chunk[LevelRecord]]:
        """The levels of a batch, cut up."""
        return chunks_of(batch, next_offsets, read_level, meter)
