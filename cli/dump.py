"""`tierstream dump`: one partition of the canonical log, as a file for `tierstream backtest`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple

import msgspec
import typer
from aiokafka import TopicPartition
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress

from cli.errors import fail, one_sentence
from config.settings import Settings, load_settings
from handlers.control_records import (
    ControlRecord,
    PolicyActivated,
    UnreadableControl,
    decode_control,
    is_control,
)
from handlers.decode.decode import IN_THE_LOG, as_line, decode
from handlers.events import Event
from handlers.merge.forwarding import NO_EVENT, encode_forwarded
from handlers.state.formats import NewerFormat
from handlers.state.partition_state import Source, is_repeated
from streams.kafka.clients import new_consumer
from streams.kafka.forwarded import ForwardedRecord, NotForwarded, read_forwarded
from streams.kafka.headers import cloud_event_headers, origin_of
from streams.kafka.read import read_to_end
from streams.kafka.topics import CUSTOMER_EVENTS, topic_name


class Dumped(NamedTuple):
    """What became of the records of a partition.

    Attributes:
        written: lines written.
        repeated: records left out, for ingest delivered them twice.
        foreign: records left out, for they are not ours.
    """

    written: int
    repeated: int
    foreign: int


async def dump_partition(
    settings: Settings,
    number: int,
    target: BinaryIO,
    on_progress: Callable[[int, int], None],
) -> Dumped:
    """Write the log of one partition up to its present end.

    What ingest delivered twice (a source position that came before) is left out, as the engine
    leaves it out; and so is what somebody wrote past the ingest and the engine makes dead letters
    of, whatever it holds: a line of a file does not say whether there was a key.
    """
    tp = TopicPartition(topic_name(settings, CUSTOMER_EVENTS), number)
    lines = LogLines(tp.topic)
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        async for records, end in read_to_end(consumer, tp):
            for record in records:
                line = lines.line_of(record)
                if line is not None:
                    target.write(line + b"\n")
            on_progress(records[-1].offset + 1, end)
    finally:
        await consumer.stop()
    return Dumped(lines.written, lines.repeated, lines.foreign)


class LogLines:
    """Makes lines of the records of one partition of the log, taken in their order.

    Attributes:
        written: how many lines were made.
        repeated: how many records were left out, for ingest delivered them twice.
        foreign: how many were left out, for they are not ours: the engine makes dead letters of
            them, whatever they hold.
    """

    def __init__(self, log_topic: str) -> None:
        """Begin before the first record of a topic; ``log_topic`` is its full name."""
        self.written = 0
        self.repeated = 0
        self.foreign = 0
        self._log_topic = log_topic
        self._has_policy: bool | None = None
        self._seen: dict[str, int] = {}

    def line_of(self, record: Any) -> bytes | None:
        """The line of a record; None if it is left out."""
        if self._has_policy is None:
            # A log that has lost its beginning has no policy there, and is ours all the same.
            self._has_policy = record.offset > 0
        if record.key is None:
            control = _control(record.value)
            if control is None or not (self._has_policy or isinstance(control, PolicyActivated)):
                self.foreign += 1
                return None
            self._has_policy = True
            self.written += 1
            return as_line(record.value)
        try:
            forwarded = read_forwarded(record.value, record.headers, self._log_topic, record.key)
        except NotForwarded:
            self.foreign += 1
            return None
        if not self._has_policy or (forwarded is None and _is_of_another(record)):
            self.foreign += 1
            return None
        source = _source_of(record) if forwarded is None else forwarded.source
        if source is not None and is_repeated(self._seen, source):
            self.repeated += 1
            return None
        self.written += 1
        return _line(record, forwarded)


def _is_of_another(record: Any) -> bool:
    """Whether an event is about another customer than its key says."""
    attributes = cloud_event_headers(record.headers)
    event = decode(record.value, attributes, IN_THE_LOG, with_content=False)
    return isinstance(event, Event) and event.customer_id.encode() != record.key


def _control(value: bytes | None) -> ControlRecord | None:
    """A tick or a policy; None for anything else."""
    if value is None or not is_control(value):
        return None
    try:
        return decode_control(value)
    except NewerFormat as error:
        raise UnreadableControl(
            f"the log has a control record that this version cannot read: {error}"
        ) from error
    except msgspec.MsgspecError:
        return None


def _source_of(record: Any) -> Source | None:
    origin = origin_of(record.headers, record.key)
    return None if origin is None else origin.source


def _line(record: Any, forwarded: ForwardedRecord | None) -> bytes:
    """A record as one line; what passes from one customer to another with all that it says."""
    attributes = cloud_event_headers(record.headers)
    if forwarded is None:
        # A line without anything is none, but a record without anything is a dead letter.
        is_empty = record.value is None or not record.value.strip()
        return b"null" if is_empty else as_line(record.value, attributes)
    event = forwarded.event
    raw = NO_EVENT if event is None else msgspec.Raw(as_line(event, attributes))
    return encode_forwarded(replace(forwarded.content, event=raw))


def dump(
    partition: Annotated[int, typer.Argument(min=0, help="Number of the partition.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; without it, standard output.")
    ] = None,
) -> None:
    """Write a partition of the canonical log to a file, with its ticks and policies.

    `tierstream backtest` reads it and gives the same bytes that the worker gave.
    """
    with one_sentence():
        settings = load_settings()
        from cli.dump import dump_partition
        from streams.kafka.topics import CUSTOMER_EVENTS, check_topics, topic_name

        counts = asyncio.run(check_topics(settings))
        available = counts[topic_name(settings, CUSTOMER_EVENTS)]
        if partition >= available:
            fail(f"there is no partition {partition}, they are 0 to {available - 1}")
        console = Console(stderr=True)
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(f"partition {partition}", total=None)

            def show(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            def write(target: BinaryIO) -> Dumped:
                return asyncio.run(dump_partition(settings, partition, target, show))

            if out is None:
                found = write(sys.stdout.buffer)
            else:
                with out.open("wb") as target:
                    found = write(target)
    foreign = f", {found.foreign:,} that are not ours" if found.foreign else ""
    console.print(
        f"{found.written:,} records written, {found.repeated:,} re-deliveries left out{foreign}"
    )
