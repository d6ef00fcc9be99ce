"""What is seen of an erasure in Kafka's records. Pure, so that any order of them can be tested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from config.settings import Settings
from handlers.outputs import CUSTOMER_PROFILES
from handlers.state.customer import Customer, Head, unpack, unpack_head
from handlers.state.formats import NewerFormat
from handlers.state.partition_state import unpack_meta
from handlers.state.record_order import is_newer
from streams.dead_letters import letter_of
from streams.erasure.receipt import Known
from streams.erasure.request import Request
from streams.kafka.headers import META_KEY, origin_of
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS, changelog_name, topic_name


class CustomerPartitions(NamedTuple):
    """The partitions in which the effects of a customer's erasure appear."""

    log: TopicPartition
    changelog: TopicPartition
    profiles: TopicPartition
    letters: tuple[TopicPartition, ...]
    """Where a dead letter would say that the erasure was refused."""


def customer_partitions(
    settings: Settings, customer_id: str, counts: Mapping[str, int]
) -> CustomerPartitions:
    """The partitions of a customer.

    Args:
        settings: of the deployment.
        customer_id: a valid id.
        counts: partitions by topic.
    """
    log, letters = topic_name(settings, CUSTOMER_EVENTS), topic_name(settings, DEAD_LETTERS)
    number = partition_of(customer_id.encode(), counts[log])
    every = [TopicPartition(letters, partition) for partition in range(counts[letters])]
    return CustomerPartitions(
        TopicPartition(log, number),
        TopicPartition(changelog_name(settings), number),
        TopicPartition(topic_name(settings, CUSTOMER_PROFILES), number),
        tuple(every),
    )


class _State(NamedTuple):
    """A record of the changelog."""

    head: Head
    packed: bytes
    offset: int


class Trail:
    """Takes the records of a customer's partitions, each partition in order, until all is seen.

    The changelog must come from its beginning, for the state before the erasure.

    Args:
        partitions: of this customer.
        request: the request to erase.
        customer_id: the customer asked for, or the one that customer was merged into.

    Attributes:
        logged: offset of the request in the canonical log.
        refused: why the request became a dead letter.
    """

    def __init__(self, partitions: CustomerPartitions, request: Request, customer_id: str) -> None:
        self.partitions = partitions
        self.customer_id = customer_id
        self.logged: int | None = None
        self.refused: str | None = None
        self._request = request
        self._key = customer_id.encode()
        self._newest: _State | None = None
        self._alive: _State | None = None
        self._first_erased: int | None = None
        self._meta: bytes | None = None
        self._profile: tuple[int, bool] | None = None

    def take(self, tp: TopicPartition, records: Iterable[ConsumerRecord]) -> None:
        """Take some records of one of the partitions."""
        if tp == self.partitions.changelog:
            self._take_states(records)
        elif tp == self.partitions.log:
            self._take_logged(records)
        elif tp == self.partitions.profiles:
            for record in records:
                if record.key == self._key:
                    self._profile = record.offset, record.value is None
        else:
            self._take_letters(records)

    @property
    def marker(self) -> int | None:
        """Offset of the erased state in the changelog, once the request is applied."""
        newest = self._applied
        return newest.offset if newest is not None and newest.head.erased else None

    @property
    def merged_into(self) -> str | None:
        """The customer this one had been merged into, if the request was forwarded there."""
        newest = self._applied
        moved = None if newest is None or newest.head.erased else unpack(newest.packed).merged_into
        return None if moved is None else moved.into

    @property
    def profile_is_null(self) -> bool:
        """Whether the customer's newest profile is a null record, or none was left to be nulled."""
        if self.marker is None:
            return False
        if self._profile is None:
            return self.known == "erased_before"
        return self._profile[1]

    @property
    def null_profile(self) -> int | None:
        """Offset of the null record, if it was written since the request."""
        return self._profile[0] if self._profile is not None and self._profile[1] else None

    @property
    def known(self) -> Known | None:
        """Whether the customer was known before; None until the erased state is seen."""
        if self.marker is None or self.logged is None:
            return None
        if self._first_erased is not None and self._first_erased < self.logged:
            return "erased_before"
        return "unknown" if self._alive is None else "known"

    @property
    def also(self) -> tuple[str, ...]:
        """Ids that had been merged into the customer, as far as the state has them."""
        before: Customer | None = None if self._alive is None else unpack(self._alive.packed)
        return () if before is None else tuple(before.also)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.refused is not None or self.profile_is_null or self.merged_into is not None

    @property
    def _applied(self) -> _State | None:
        """The newest state, if it is one after the request."""
        newest = self._newest
        if newest is None or self.logged is None:
            return None
        return newest if newest.head.applied >= self.logged or self._is_durable else None

    @property
    def _is_durable(self) -> bool:
        """Whether a checkpoint says that all effects of the request are written."""
        if self._meta is None or self.logged is None:
            return False
        try:
            return unpack_meta(self._meta).applied >= self.logged
        except msgspec.MsgspecError:
            return False

    def _take_states(self, records: Iterable[ConsumerRecord]) -> None:
        for record in records:
            if record.key == META_KEY:
                self._meta = record.value
            elif record.key == self._key and record.value is not None:
                try:
                    unpack(record.value)
                except NewerFormat:
                    raise
                except msgspec.MsgspecError:
                    continue  # not ours; a worker writes the state over it
                found = _State(unpack_head(record.value), record.value, record.offset)
                self._newest = _newer(self._newest, found)
                if not found.head.erased:
                    self._alive = _newer(self._alive, found)
                elif self._first_erased is None or found.head.applied < self._first_erased:
                    self._first_erased = found.head.applied

    def _take_logged(self, records: Iterable[ConsumerRecord]) -> None:
        """Find the request. A record forwarded to another id has the same source."""
        for record in records:
            if self.logged is None and record.key == self._key:
                origin = origin_of(record.headers, record.key)
                if origin is not None and self._is_request(*origin.source[:3]):
                    self.logged = record.offset

    def _take_letters(self, records: Iterable[ConsumerRecord]) -> None:
        for record in records:
            letter = letter_of(record)
            if letter.source is not None and self._is_request(*letter.source[:3]):
                self.refused = f"{letter.reason}: {letter.detail}"

    def _is_request(self, topic: str, partition: int, offset: int) -> bool:
        tp = self._request.tp
        return (topic, partition, offset) == (tp.topic, tp.partition, self._request.offset)


def _newer(known: _State | None, found: _State) -> _State:
    return known if known is not None and is_newer(known.head, found.head) else found
