"""The catalogue of bad records, held against the contract, the product and the naive oracle."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, cast

import pytest

from config.policy_file import check_policy
from handlers.control_records import PolicyActivated
from handlers.decode.decode import IN_THE_LOG, Limits, decode
from handlers.decode.fast import fast_event, raw_event
from handlers.decode.policy_checks import check_values
from handlers.events import Event
from handlers.partition import Partition
from handlers.reasons import PROCESSING_FAILED, REASONS, Rejection
from handlers.state.formats import NEWEST
from scoring.rules import Rules
from streams.kafka.headers import cloud_event_headers
from tests.driver import run
from tests.fault.bad_records import (
    NEEDS_GROUNDWORK,
    BadRecord,
    OddRecord,
    bad_records,
    groundwork,
    odd_records,
)
from tests.oracle.checks import Limits as OracleLimits
from tests.oracle.partition import Deployment as OracleDeployment
from tests.oracle.partition import Partition as OraclePartition
from tests.oracle.policy import read_policy

RATES = {"EUR": "1.085", "JPY": "0.0066", "KWD": "3.25"}
POLICIES: list[dict[str, Any]] = [{}, {"currency_rates": RATES}]
LIMITS = Limits(max_event_ms=time.time_ns() // 1_000_000 + 300_000)
BAD = bad_records()
ODD = odd_records()
CATALOGUE: list[BadRecord | OddRecord] = [*BAD, *ODD]

Verdict = tuple[str, str | None] | None
"""The reason and the event id of the dead letter; None if there is none."""


def records_under(policy: dict[str, Any]) -> list[BadRecord | OddRecord]:
    """The whole catalogue, as it is to be judged under a policy."""
    rates = policy.get("currency_rates", ())
    return [*bad_records(rates=rates), *odd_records(rates=rates)]


def wanted(record: BadRecord | OddRecord) -> Verdict:
    return (record.reason, record.event_id) if isinstance(record, BadRecord) else None


def is_of_another_topic(record: BadRecord | OddRecord) -> bool:
    """Whether nothing but its topic is wrong, so that a file or the log may have it."""
    return isinstance(record, BadRecord) and record.reason == "wrong_topic"


def test_every_reason_occurs() -> None:
    assert {record.reason for record in BAD} == set(REASONS) - {PROCESSING_FAILED}


def test_each_record_has_a_name_of_its_own() -> None:
    names = Counter(record.name for record in CATALOGUE)
    assert [name for name, count in names.items() if count > 1] == []


def test_those_of_another_number_have_other_event_ids() -> None:
    first, second = ({r.event_id for r in bad_records(number)} for number in (1, 2))
    assert first & second == {None, "known"}


@pytest.mark.parametrize("record", CATALOGUE, ids=[record.name[:60] for record in CATALOGUE])
def test_the_fast_path_takes_none_that_the_full_decoder_refuses(
    record: BadRecord | OddRecord,
) -> None:
    """And what both take is the same event."""
    if cloud_event_headers(record.headers) is not None:
        return
    topic: Any = record.topic
    full = decode(record.value, None, LIMITS, topic=topic)
    raw = raw_event(record.value, LIMITS, topic)
    if raw is not None:
        assert isinstance(full, Event)
        assert (raw.customer_id, raw.declared.name) == (full.customer_id, full.type)
    fast = fast_event(record.value)
    if fast is not None:
        assert fast == decode(record.value, None, IN_THE_LOG)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_product_refuses_each_for_its_reason(policy: dict[str, Any]) -> None:
    partition = Partition()
    position = 0
    partition.activate(
        position, PolicyActivated("p", "app", "replay", 0, check_policy(policy), format=NEWEST)
    )

    def verdict(value: bytes | None, headers: Any, topic: Any) -> Verdict:
        attributes = cloud_event_headers(headers)
        event = decode(value, attributes, LIMITS, topic=topic)
        found = event if isinstance(event, Rejection) else partition.apply(position, event)
        assert found is None or isinstance(found, Rejection)
        return None if found is None else (found.reason, found.event_id)

    for topic, value in groundwork():
        position += 1
        assert verdict(value, (), topic) is None
    for record in records_under(policy):
        position += 1
        found = verdict(record.value, record.headers, record.topic)
        assert found == wanted(record), record.name
    assert partition.context.tally.accepted.total() == len(groundwork()) + len(
        odd_records(rates=policy.get("currency_rates", ()))
    ), "nothing was a duplicate"


@pytest.mark.parametrize("policy", POLICIES)
def test_the_oracle_refuses_each_for_its_reason(policy: dict[str, Any]) -> None:
    limits = OracleLimits(LIMITS.min_event_ms, LIMITS.max_event_ms or 0)
    deployment = OracleDeployment(live=False, allowed_lateness_ms=0, until_ms=None, limits=limits)
    partition = OraclePartition(deployment, read_policy(policy))
    for line, (_, value) in enumerate(groundwork()):
        partition.take_keyed(value, line, {})
    assert partition.dead_letters == []
    for record in records_under(policy):
        if is_of_another_topic(record):
            continue  # the log has all types
        attributes = dict(cloud_event_headers(record.headers) or {})
        partition.take_keyed(record.value, 0, attributes)
        letters = [(letter["reason"], letter["event_id"]) for letter in partition.dead_letters]
        partition.dead_letters.clear()
        assert letters == [each for each in [wanted(record)] if each is not None], record.name


@pytest.mark.parametrize("policy", POLICIES)
def test_a_backtest_refuses_each_for_its_reason(policy: dict[str, Any]) -> None:
    """All that a line of a file can hold: no headers, no tombstone; a blank line is skipped."""
    records = [
        record
        for record in records_under(policy)
        if record.value and not record.value.isspace() and not record.headers
        if not is_of_another_topic(record)
    ]
    lines = [value for _, value in groundwork()] + [record.value or b"" for record in records]
    result = run(lines, policy, limits=LIMITS)
    letters = {letter["line"]: letter for letter in result.collected.dead_letters}
    for number, record in enumerate(records, len(groundwork()) + 1):
        letter = letters.get(number)
        verdict = None if letter is None else (letter["reason"], letter["event_id"])
        assert verdict == wanted(record), record.name


@pytest.mark.parametrize("record", BAD, ids=[record.name[:60] for record in BAD])
def test_a_letter_that_is_written_again_later_is_the_same(record: BadRecord) -> None:
    """After a crash the ingest judges a record once more, at another wall time."""
    attributes = cloud_event_headers(record.headers)
    later = Limits(max_event_ms=(LIMITS.max_event_ms or 0) + 60_000)
    first, again = (decode(record.value, attributes, limits) for limits in (LIMITS, later))
    assert first == again


def test_only_conflicts_and_the_erased_need_the_state() -> None:
    """Whoever sends the rest needs no groundwork."""
    rules = Rules(check_policy({}))
    for record in BAD:
        if record.reason not in NEEDS_GROUNDWORK:
            attributes, topic = cloud_event_headers(record.headers), cast(Any, record.topic)
            event = decode(record.value, attributes, LIMITS, topic=topic)
            assert isinstance(event, Rejection) or check_values(event, rules) is not None
