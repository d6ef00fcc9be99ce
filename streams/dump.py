"""One partition of the canonical log, line by line, as the backtest reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import msgspec
from aiokafka import TopicPartition
from msgspec.structs import replace

from config.deployment import Settings
from handlers.decode import as_line
from handlers.log import is_control
from handlers.meta import Source, is_repeated
from handlers.onward import NO_EVENT, encode_onward
from streams.passage import passage_of
from streams.reading import read_to_end
from streams.records import cloud_event_headers, origin_of
from streams.topics import CUSTOMER_EVENTS, plain_consumer, topic_name


async def dump_partition(
    settings: Settings,
    number: int,
    target: BinaryIO,
    on_progress: Callable[[int, int], None],
) -> tuple[int, int]:
    """Write the log of one partition up to its present end.

    What ingest delivered twice (a source position that came before) is left out, as the engine
    leaves it out; and so are records without a key that are neither tick nor policy, which the
    engine makes dead letters: a line of a file does not say whether there was a key.

    Returns:
        the number of lines written, and of re-deliveries left out.
    """
    tp = TopicPartition(topic_name(settings, CUSTOMER_EVENTS), number)
    seen: dict[str, int] = {}
    written = repeated = 0
    consumer = plain_consumer(settings)
    await consumer.start()
    try:
        async for records, end in read_to_end(consumer, tp):
            for record in records:
                if record.key is None and not is_control(record.value):
                    continue
                source = _source_of(record, tp.topic)
                if source is not None and is_repeated(seen, source):
                    repeated += 1
                    continue
                target.write(_line(record, tp.topic) + b"\n")
                written += 1
            on_progress(records[-1].offset + 1, end)
    finally:
        await consumer.stop()
    return written, repeated


def _source_of(record: Any, log_topic: str) -> Source | None:
    """What a record follows from, upstream or in the log; None for ticks and policies."""
    if record.key is None:
        return None
    passage = passage_of(record.value, record.headers, log_topic)
    if passage is not None:
        return passage.source
    origin = origin_of(record.headers, record.key)
    return None if origin is None else origin.source


def _line(record: Any, log_topic: str) -> bytes:
    """A record as one line; what passes from one customer to another with all that it says."""
    attributes = cloud_event_headers(record.headers)
    passage = None if record.key is None else passage_of(record.value, record.headers, log_topic)
    if passage is None:
        return as_line(record.value, attributes)
    event = passage.event
    raw = NO_EVENT if event is None else msgspec.Raw(as_line(event, attributes))
    return encode_onward(replace(passage.onward, event=raw))
