"""Reads alerts and orders for `tierstream uplift`: from files of a backtest, or from the topics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
from aiokafka import ConsumerRecord, TopicPartition

from cli.backtest.files import Line
from cli.backtest.run import BacktestOptions
from cli.dump import LogLines
from cli.uplift.comparison import Uplift
from cli.uplift.counted_orders import CountedOrders
from config.settings import Settings
from devtools.traffic.file_kind import HEAD_BYTES, MARK, no_events
from handlers.outputs import CUSTOMER_PROFILES, DORMANCY_ALERTS
from handlers.partition_core import NoPolicy
from scoring.timestamps import parse_rfc3339
from streams.kafka.clients import new_consumer
from streams.kafka.foreign import ForeignRecords
from streams.kafka.read import read_to_end
from streams.kafka.topics import CUSTOMER_EVENTS, check_topics, topic_name

_PROGRESS_LINES = 5_000

Progress = Callable[[str, int, int], None]
"""What is read, how far (bytes or records), and of how much."""


class AlertsUnreadable(ValueError):
    """A file that is no file of alerts; one sentence."""


class _ProfileData(msgspec.Struct):
    as_of: str


class _ProfileRecord(msgspec.Struct):
    data: _ProfileData


def read_files(
    uplift: Uplift,
    alerts: Path,
    events: Path | None,
    options: BacktestOptions,
    on_progress: Progress,
) -> None:
    """Take the alerts of a file or of a backtest's folder, and the events of another file.

    Args:
        uplift: takes them.
        alerts: the file or the folder.
        events: those that led to the alerts, as `backtest` reads them; None for none.
        options: as the backtest had them.
        on_progress: is told how far it is.

    Raises:
        AlertsUnreadable: a line of the first is no record of `dormancy-alerts`, or the second is a
            log without its first policy or has no event at all.
        OSError: a file cannot be read.
    """
    file = alerts
    if alerts.is_dir():
        file = alerts / f"{DORMANCY_ALERTS}.jsonl"
        _observe_end(uplift, alerts / f"{CUSTOMER_PROFILES}.jsonl")
    for number, line in _lines(file, on_progress):
        try:
            uplift.take_alert(line)
        except msgspec.MsgspecError as error:
            raise AlertsUnreadable(f"{file}, line {number}: no alert: {error}") from error
    if events is not None:
        _read_events(CountedOrders(uplift, options), events, on_progress)


def _read_events(counted: CountedOrders, events: Path, on_progress: Progress) -> None:
    head = b""
    try:
        for number, line in _lines(events, on_progress):
            if len(head) < HEAD_BYTES:
                head += line[:HEAD_BYTES] + b"\n"
            counted.take(Line(number, line))
    except NoPolicy as error:
        raise AlertsUnreadable(f"{events}: {error}; a dump begins with it") from error
    if counted.report.has_no_events:
        looks = no_events(str(events), head)
        raise AlertsUnreadable(f"{events}: no line of it is an event: {looks}")


async def read_topics(
    uplift: Uplift, settings: Settings, options: BacktestOptions, on_progress: Progress
) -> None:
    """Take all alerts, then run the canonical log through the rules, up to their present ends.

    A record of `dormancy-alerts` that is no alert is passed over.

    Raises:
        AlertsUnreadable: the log has lost its beginning, so nobody can tell what counted.
        BrokerUnreachable, TopicsUnusable: as the names say.
    """
    foreign = ForeignRecords()
    async for _, record in _records(settings, DORMANCY_ALERTS, on_progress):
        if record.value is None:
            continue
        try:
            uplift.take_alert(record.value)
        except (msgspec.MsgspecError, ValueError) as error:
            foreign.note(record.topic, record.partition, record.offset, f"no alert: {error}")
    partitions: dict[int, tuple[LogLines, CountedOrders]] = {}
    async for number, record in _records(settings, CUSTOMER_EVENTS, on_progress):
        if number not in partitions:
            # One at a time: a partition that was read to its end is not needed any more.
            partitions = {number: (LogLines(record.topic), CountedOrders(uplift, options))}
        lines, counted = partitions[number]
        line = lines.line_of(record)
        if line is None:
            continue
        try:
            counted.take(Line(record.offset, line))
        except NoPolicy as error:
            raise AlertsUnreadable(
                f"{record.topic}, partition {number}: {error}; what counted cannot be told from it"
            ) from error


def _observe_end(uplift: Uplift, profiles: Path) -> None:
    """Profiles of a backtest are as of its end, which may be later than the last alert."""
    if not profiles.exists():
        return
    with profiles.open("rb") as source:
        first = source.readline()
    if first:
        as_of_ms = parse_rfc3339(msgspec.json.decode(first, type=_ProfileRecord).data.as_of)
        if as_of_ms is not None:
            uplift.observe(as_of_ms)


def _lines(file: Path, on_progress: Progress) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers from 1."""
    size, done = file.stat().st_size, 0
    with file.open("rb") as source:
        for number, line in enumerate(source, 1):
            done += len(line)
            line = line.removeprefix(MARK) if number == 1 else line
            if line and not line.isspace():
                yield number, line.rstrip(b"\r\n")
            if number % _PROGRESS_LINES == 0:
                on_progress(file.name, done, size)


async def _records(
    settings: Settings, topic: str, on_progress: Progress
) -> AsyncIterator[tuple[int, ConsumerRecord]]:
    """All records of a topic with the number of their partition, one partition after another."""
    name = topic_name(settings, topic)
    counts = await check_topics(settings)
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        for number in range(counts[name]):
            async for records, end in read_to_end(consumer, TopicPartition(name, number)):
                for record in records:
                    yield number, record
                on_progress(f"{topic} {number}", records[-1].offset + 1, end)
    finally:
        await consumer.stop()
