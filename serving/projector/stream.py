"""What the projector and a rebuild carry into Redis: records of a topic, and where they go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from aiokafka import ConsumerRecord, TopicPartition

from serving.projector.meter import ViewMeter
from serving.view.chunks import Chunk
from serving.view.generation import Applied, Generation
from serving.view.positions import Place

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


class Target(Protocol[R_contra]):
    """The part of a generation that is made from one topic."""

    async def places(self, partitions: Iterable[int]) -> dict[int, Place | None]:
        """How far it has come in each of ``partitions``; None where it has not begun."""

    async def may_begin(self, partitions: Iterable[int], /) -> bool:
        """Whether all is there that must come before the first record of these partitions."""

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Note that everything before ``offset`` is known, or gone from the topic."""

    async def apply(self, chunks: Sequence[Chunk[R_contra]], current_ms: int = 0) -> Applied:
        """Apply chunks in order; those of one partition must follow each other without a gap.

        Whatever was applied before is skipped, so an attempt that broke off can be repeated.

        Args:
            chunks: what to apply; a chunk without records only checks the position.
            current_ms: the wall time, if after these chunks nothing is lacking.

        Raises:
            PlaceLost: look again where the view stands, and go on from there.
        """


class Stream(Protocol[R]):
    """A topic whose records are carried into each generation.

    Attributes:
        topic: its full name.
        group: the consumer group that shares its partitions.
        positions: name of the places, after what the keys of a generation begin with.
        sweeps: whether its loop also deletes what interrupted rebuilds left.
    """

    topic: str
    group: str
    positions: str
    sweeps: bool

    @property
    def removals_kept_ms(self) -> int | None:
        """How long Kafka surely keeps the record that takes a customer away, if there are such.

        A view that was behind for longer may have missed one.
        """

    def into(self, generation: Generation) -> Target[R]:
        """Where its records go in a generation."""

    def read(
        self,
        batch: Mapping[TopicPartition, Sequence[ConsumerRecord]],
        next_offsets: Mapping[int, int],
        meter: ViewMeter,
    ) -> list[Chunk[R]]:
        """The records of ``batch``, read and cut up; the unreadable are counted and left out.

        Args:
            batch: records by partition, in order.
            next_offsets: the position of each partition before the batch.
            meter: told about unreadable records.
        """
