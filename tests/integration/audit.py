"""What a deployment put out, held against a backtest of its own canonical log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from aiokafka import ConsumerRecord

from config.policy import load_policy
from handlers.customer import Customer
from handlers.decode import Limits
from handlers.outputs import CUSTOMER_PROFILES
from handlers.partition import Partition
from streams.backtest import Backtest, BacktestOptions, Line, Report
from streams.records import partition_of
from streams.topics import CUSTOMER_EVENTS, OUTPUTS
from tests.driver import Collected
from tests.integration.deployment import Deployment

_TIMELESS = (
    *("sequence", "attributes", "marketing_consent", "tier", "stage", "level", "frequency"),
    *("monetary", "orders_ever", "first_order_at", "last_order_at", "last_interaction_at"),
    *("open_tickets", "policy_version"),
)
"""What a profile says of a customer, but for figures as of the moment it was written."""


class Truth(NamedTuple):
    """A backtest: its outputs by topic, its final state, its counts."""

    outputs: dict[str, list[bytes | None]]
    partition: Partition
    report: Report


class Audit(NamedTuple):
    """What an audited deployment wrote in all.

    `outputs` counts what a consumer keeps, `repeated` what it drops; `redelivered` are records
    that ingest wrote to the canonical log once more.
    """

    outputs: int
    time_driven: int
    repeated: int
    redelivered: int


def backtested(deployment: Deployment, lines: Iterable[bytes]) -> Truth:
    """Run lines, of events or of a dumped log, through `streams.backtest`."""
    settings = deployment.settings
    collected = Collected()
    options = BacktestOptions(
        policy=load_policy(deployment.policy_file),
        app_id=settings.app_id,
        allowed_lateness_ms=settings.allowed_lateness_ms,
        limits=Limits(settings.min_event_time_ms),
    )
    run = Backtest(options, collected)  # type: ignore[arg-type]  # the same two methods
    report = run.run((Line(n, raw) for n, raw in enumerate(lines, 1)), lambda _: None)
    outputs: dict[str, list[bytes | None]] = {topic: [] for topic in (*OUTPUTS, CUSTOMER_PROFILES)}
    for output in collected.outputs:
        outputs[output.topic].append(output.value)
    return Truth(outputs, run.partition, report)


async def audit(deployment: Deployment) -> Audit:
    """Hold every output, every state and every profile against a backtest of the dumped log.

    The deployment must be drained and its workers stopped.
    """
    written = {topic: await deployment.read(topic) for topic in (*OUTPUTS, CUSTOMER_PROFILES)}
    log = await deployment.read(CUSTOMER_EVENTS)
    outputs = time_driven = repeated = redelivered = 0
    for number in range(deployment.settings.partitions):
        state = await deployment.state(number)
        lines, again = await deployment.dump(number)
        truth = backtested(deployment, _applied(lines, log[number], state.meta.applied))
        kept: list[bytes] = []
        for topic in OUTPUTS:
            records = written[topic][number]
            _check_keys(records, deployment.settings.partitions, number)
            consumed = consume(records)
            assert consumed == truth.outputs[topic], f"{topic}/{number} differs from the backtest"
            kept += consumed
            repeated += len(records) - len(consumed)
        _check_sequences(kept)
        _check_states(state, truth.partition)
        _check_profiles(written[CUSTOMER_PROFILES][number], truth.partition)
        outputs += len(kept)
        time_driven += truth.partition.context.tally.due
        redelivered += again
    return Audit(outputs, time_driven, repeated, redelivered)


def consume(records: Iterable[ConsumerRecord]) -> list[bytes]:
    """What a consumer keeps that drops all not greater than the last sequence of a customer."""
    last: dict[bytes, int] = {}
    first_told: dict[tuple[bytes, int], bytes] = {}
    kept = []
    for record in records:
        sequence = data_of(record.value)["sequence"]
        told = first_told.setdefault((record.key, sequence), record.value)
        assert told == record.value, "an output was repeated with other bytes"
        if sequence > last.get(record.key, 0):
            last[record.key] = sequence
            kept.append(record.value)
    return kept


def data_of(value: bytes) -> dict[str, Any]:
    """The `data` of an output."""
    data: dict[str, Any] = json.loads(value)["data"]
    return data


def _applied(lines: list[bytes], log: list[ConsumerRecord], applied: int) -> list[bytes]:
    """The dumped log as far as the engine came before it was stopped.

    All that may be behind that are ticks of its last moment.
    """
    behind = [record for record in log if record.offset > applied]
    assert all(record.key is None for record in behind), "an event was not applied"
    return lines[: len(lines) - len(behind)]


def _check_keys(records: Iterable[ConsumerRecord], partitions: int, number: int) -> None:
    for record in records:
        assert record.key.decode() == data_of(record.value)["customer_id"]
        assert partition_of(record.key, partitions) == number


def _check_sequences(values: Iterable[bytes]) -> None:
    """All topics of a customer together count 1, 2, 3 and so on."""
    sequences: dict[str, list[int]] = {}
    for value in values:
        data = data_of(value)
        sequences.setdefault(data["customer_id"], []).append(data["sequence"])
    for customer_id, told in sequences.items():
        assert sorted(told) == list(range(1, len(told) + 1)), customer_id


def _check_states(found: Partition, expected: Partition) -> None:
    assert found.store.ids() == expected.store.ids()
    for customer_id in expected.store.ids():
        assert _content(found, customer_id) == _content(expected, customer_id)
    for name in ("app_id", "mode", "allowed_lateness_ms", "policy", "newest_ms", "clock_ms"):
        assert getattr(found.meta, name) == getattr(expected.meta, name), name


def _content(partition: Partition, customer_id: str) -> Customer:
    """A customer's state without where it stands in the log and who wrote it."""
    customer = partition.store.get(customer_id)
    assert customer is not None
    return msgspec.structs.replace(customer, epoch=0, applied=0, refused=[])


def _check_profiles(records: Iterable[ConsumerRecord], expected: Partition) -> None:
    newest = {record.key.decode(): record.value for record in records}
    assert sorted(newest) == expected.store.ids()
    for customer_id, value in newest.items():
        wanted = expected.profile(customer_id).value
        assert (value is None) == (wanted is None), customer_id
        if value is not None and wanted is not None:
            found, should = data_of(value), data_of(wanted)
            assert {n: found[n] for n in _TIMELESS} == {n: should[n] for n in _TIMELESS}
