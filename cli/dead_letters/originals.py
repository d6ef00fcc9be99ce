"""The original records of dead letters that hold only a part of them, from where upstream put them.

A letter holds at most the first 256 KiB of a record, and 16 KiB of a CloudEvent's attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from config.settings import Settings
from handlers.reasons import TOO_LARGE
from handlers.state.partition_state import Source
from streams.dead_letters import STILL_BAD, Letter, ReplayCheck
from streams.kafka.attributes import attributes_of
from streams.kafka.clients import new_consumer, open_admin
from streams.kafka.dead_letter import original_of
from streams.kafka.headers import COMPLETE
from streams.kafka.topics import read_configs

GONE = "hold only a part, and their topic no longer has the rest"
CHANGED = "hold only a part, and another record stands in the place of the rest"
TOO_LONG = "would be longer than their topic allows, beside the header that marks a replay"

_POLL_MS = 1_000
_FETCH_TRIES = 20
_FETCH_BYTES = 64 * 1024
"""The broker sends at least one record, however long it is; more of them are not wanted."""
_USUAL_MAX_BYTES = 1_048_588
_REPLAY_BYTES = 200
"""What a replay adds to a record, and what surrounds the record, at most."""
_HEADER_BYTES = 10


class Originals:
    """Finds what to send for a letter, or why nothing is sent; in an `async with` statement.

    Args:
        settings: of the deployment.
        judge: says why a letter must not be replayed.
    """

    def __init__(self, settings: Settings, judge: ReplayCheck) -> None:
        self._settings = settings
        self._judge = judge
        self._consumer = new_consumer(
            settings, fetch_max_bytes=_FETCH_BYTES, max_partition_fetch_bytes=_FETCH_BYTES
        )
        self._limits: Mapping[str, int] | None = None

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def to_send(self, letter: Letter) -> Letter | str:
        """The letter with the whole record in it, or the sentence that says why it is not sent.

        Raises:
            KafkaError: a broker does not answer.
        """
        if letter.left_out == COMPLETE:
            return self._judge.objection(letter) or letter
        objection = self._judge.objection_unread(letter)
        if objection is not None:
            return objection
        if letter.reason == TOO_LARGE:
            return STILL_BAD + TOO_LARGE
        assert letter.source is not None
        record = await self._record(letter.source)
        if record is None:
            return GONE
        if not _is_original(letter, record):
            return CHANGED
        headers = [pair for pair in letter.headers if not pair[0].startswith("ce_")]
        headers += attributes_of(record.headers)
        whole = letter._replace(key=record.key, value=record.value, headers=headers)
        if _size(whole) > await self._limit(letter.source.topic):
            return TOO_LONG
        return self._judge.objection(whole) or whole

    async def _record(self, source: Source) -> ConsumerRecord | None:
        """The record at an offset; None if the topic does not have it any more."""
        tp = TopicPartition(source.topic, source.partition)
        consumer = self._consumer
        begin = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        if not begin <= source.offset < end:
            return None
        consumer.assign([tp])
        consumer.seek(tp, source.offset)
        for _ in range(_FETCH_TRIES):
            found = await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=1)
            for record in found.get(tp, ()):
                return record if record.offset == source.offset else None
        raise KafkaTimeoutError(f"{tp.topic}/{tp.partition} is not read at offset {source.offset}")

    async def _limit(self, topic: str) -> int:
        """How long a record of an input topic may be; the usual bound where nobody tells."""
        if self._limits is None:
            admin = await open_admin(self._settings)
            try:
                configs = await read_configs(admin, self._judge.partitions)
            finally:
                await admin.close()
            self._limits = {
                name: int(config.get("max.message.bytes") or _USUAL_MAX_BYTES)
                for name, config in configs.items()
            }
        return self._limits.get(topic, _USUAL_MAX_BYTES)


def _is_original(letter: Letter, record: ConsumerRecord) -> bool:
    """Whether a record is the one that a letter holds a part of."""
    original = letter.left_out.original
    if original is None:
        return (record.key, record.value) == (letter.key, letter.value)
    return original_of(record.key, record.value) == original


def _size(letter: Letter) -> int:
    attributes = sum(
        len(name.encode()) + len(value) + _HEADER_BYTES
        for name, value in attributes_of(letter.headers)
    )
    return len(letter.key or b"") + len(letter.value or b"") + attributes + _REPLAY_BYTES
