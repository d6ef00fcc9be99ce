"""What the engine writes, as records: to which topic and partition, under which key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from config.settings import Settings
from handlers import outputs
from handlers.state.partition_state import pack_meta
from streams.engine.flush_batch import DeadLetter, FlushBatch
from streams.kafka.dead_letter import dead_letter
from streams.kafka.headers import META_KEY, left_out_of
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS, OUTPUTS, changelog_name, topic_name

Record = tuple[str, int, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""What `BatchProducer.add` takes: topic, partition, key, value, headers."""


class EngineRecords:
    """Makes records of what a partition has to write.

    All of them go to the partition's number, but for what goes on to other customers.
    """

    def __init__(self, settings: Settings) -> None:
        self._changelog = changelog_name(settings)
        self._events = topic_name(settings, CUSTOMER_EVENTS)
        self._partitions = settings.partitions
        self._dead_letters = topic_name(settings, DEAD_LETTERS)
        self._topics = {
            name: topic_name(settings, name) for name in (*OUTPUTS, outputs.CUSTOMER_PROFILES)
        }

    def outputs(self, number: int, batch: FlushBatch) -> Iterator[Record]:
        """What customers' changes put out, dead letters, and what goes on to other customers."""
        topics = self._topics
        for topic, customer_id, value in batch.outputs:
            yield topics[topic], number, customer_id.encode(), value, ()
        for letter in batch.dead_letters:
            yield self._dead_letter(number, letter)
        for key, passed, headers in batch.envelopes:
            yield self._events, partition_of(key, self._partitions), key, passed, headers

    def _dead_letter(self, number: int, letter: DeadLetter) -> Record:
        return self._dead_letters, number, *dead_letter(*letter, left_out_of(letter.headers))

    def ownership(self, number: int, batch: FlushBatch) -> Iterator[Record]:
        """The partition's own record, once for each owner and before its first state.

        Else a restore might take the newer position of a former owner together with states that
        were written over its own, and never apply what is between.
        """
        if batch.ownership_record is not None:
            yield self._changelog, number, META_KEY, pack_meta(batch.ownership_record), ()

    def states(self, number: int, batch: FlushBatch) -> Iterator[Record]:
        """Changed customers for the changelog."""
        changelog = self._changelog
        for customer_id, packed in batch.states:
            yield changelog, number, customer_id.encode(), packed, ()

    def profiles(self, number: int, batch: FlushBatch) -> Iterator[Record]:
        """Public profiles; None as value for an erased customer."""
        topics = self._topics
        for topic, customer_id, value in batch.profiles:
            yield topics[topic], number, customer_id.encode(), value, ()

    def meta(self, number: int, batch: FlushBatch) -> Iterator[Record]:
        """The partition's own record, if it is due."""
        if batch.meta is not None:
            yield self._changelog, number, META_KEY, pack_meta(batch.meta), ()
