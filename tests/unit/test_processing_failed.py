"""What becomes of a fault in a handler: put back, one dead letter, a log line, a limit."""

from __future__ import annotations

import logging
from typing import Any, cast
from unittest import mock

import pytest
from faust.types import TP
from msgspec.structs import replace

import handlers.partition
from config.policy_file import check_policy
from handlers.control_records import ClockTick, PolicyActivated, encode_control
from handlers.decode.decode import Limits
from handlers.failures import Failure, failed
from handlers.merge.forwarding import Transfer, encode_forwarded
from handlers.partition import Partition
from handlers.reasons import INVALID_VALUE, PROCESSING_FAILED, Rejection
from handlers.state.customer import pack
from handlers.state.formats import FIRST, NEWEST
from handlers.state.partition_state import Source
from scoring.policy import Policy
from streams.dead_letters import NO_RECORD, Letter, ReplayCheck
from streams.engine.failures import FailureWatch, TooManyFailures
from streams.engine.owned_partition import OwnedPartition
from streams.faust_app import Batch
from streams.ingest.agent import Ingest
from streams.kafka.headers import Origin, canonical_headers
from streams.runtime.metrics import Metrics
from tests.builders import day, day_ms, merged, order, viewed
from tests.driver import Driver
from tests.support.poison import poisoned_customers, poisoned_dues, poisoned_events

pytestmark = pytest.mark.plain("puts faults into functions of the core")

_POLICY = encode_control(PolicyActivated("p", "app", "live", 0, Policy()))
_BAD = "order.placed:ana:" + day(1) + ":A2"
_RECORD = order("A2", "20", day(1))


class _Logged:
    timestamp = 7

    def __init__(self, offset: int, key: bytes | None, value: bytes) -> None:
        self.offset, self.key, self.value = offset, key, value
        self.headers: Any = ()
        if key is not None:
            origin = Origin(Source("orders", 0, 100 + offset), 7, b"upstream's")
            self.headers = canonical_headers(origin, key, ())


class _Taken:
    def __init__(self, records: list[_Logged]) -> None:
        self.value = Batch.of(TP("log", 3), cast(Any, records))


def _take(partition: OwnedPartition, first: int, *values: bytes, now_ms: int = 0) -> None:
    records = [
        _Logged(offset, b"ana" if b"customer_id" in value else None, value)
        for offset, value in enumerate(values, first)
    ]
    partition.take(cast(Any, _Taken(records)), now_ms)


def _owned(most_failures: int = 0) -> OwnedPartition:
    partition = OwnedPartition(3, lambda _: None, most_failures)
    partition.on_restored(1)
    _take(partition, 0, _POLICY)
    return partition


def test_a_record_that_raises_is_a_dead_letter_with_its_bytes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    owned = _owned()
    _take(owned, 1, order("A1", "10", day(0)))
    before = owned.partition.store.pack_changed(1)
    with poisoned_events("OrderPlaced", _BAD.__eq__):
        _take(owned, 2, _RECORD, viewed(day(2)))
    [letter] = owned.applier.dead_letters
    assert letter.value == _RECORD
    assert letter.origin == Origin(Source("orders", 0, 102), 7, b"upstream's")
    assert letter.rejection == Rejection(
        PROCESSING_FAILED,
        "applying it raised Poisoned in handlers.transitions._take_order_event",
        _BAD,
    )
    [line] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "log/3 offset 2" in line.getMessage()
    assert line.exc_info is not None
    [(_, packed)] = before
    ana = owned.partition.store.get("ana")
    assert ana is not None
    assert ana.ledger.orders_ever == 1, "only the first order is there"
    assert pack(ana) != packed, "the view after it counts"


def test_what_raised_can_be_sent_again_and_counts_once() -> None:
    driver = Driver()
    with poisoned_events("OrderPlaced", _BAD.__eq__):
        assert driver.reject(_RECORD) == PROCESSING_FAILED
    assert driver.partition.store.get("ana") is None, "nothing is known of the customer"
    assert driver.reject(_RECORD) is None
    assert driver.reject(_RECORD) is None
    assert (driver.accepted, driver.duplicates) == (1, 1)


def test_a_due_instant_that_raises_has_a_letter_without_a_record() -> None:
    owned = _owned()
    _take(owned, 1, order("A1", "10", day(0)))
    with poisoned_dues("reach_levels", "ana".__eq__):
        _take(owned, 2, encode_control(ClockTick(day_ms(31))))
    [letter] = owned.applier.dead_letters
    assert (letter.key, letter.value) == (b"ana", None)
    assert letter.origin is not None
    assert letter.origin.source == Source("log", 3, 2)
    assert owned.partition.meta.clock_ms == day_ms(31)
    check = ReplayCheck({"orders": 1}, cast(Any, None))
    listed = Letter(3, 0, 0, b"ana", None, PROCESSING_FAILED, Source("log", 3, 2))
    assert check.objection(listed) == NO_RECORD


@pytest.mark.parametrize("number", [FIRST, 2, NEWEST])
def test_orders_leave_the_window_though_the_instant_is_dropped_at_which_they_do(
    number: int,
) -> None:
    """Told again they are as in a run without the fault, not a conflict."""

    def became_of_it(point: str) -> tuple[str | None, int, int]:
        driver = Driver(check_policy({"window_days": 10}), format_number=number)
        driver.feed(order("A1", "10", day(0)), order("A2", "30", day(4)))
        with poisoned_dues(point, "ana".__eq__):
            driver.pass_to(day(10, 1))
        reason = driver.reject(order("A1", "20", day(10, 2), event_id="again"))
        return reason, driver.duplicates, driver.state().ledger.orders_ever

    in_vain = became_of_it("remind")  # nothing reminds under this policy
    assert became_of_it("evaluate") == in_vain
    assert in_vain == ((None, 0, 3) if number < NEWEST else (None, 1, 2))


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt, SystemExit])
def test_what_is_no_fault_of_a_handler_stops_the_worker(error: type[BaseException]) -> None:
    owned = _owned()
    with (
        mock.patch.object(handlers.partition, "identify", side_effect=error),
        pytest.raises(error),
    ):
        _take(owned, 1, _RECORD)


def test_more_than_a_set_number_within_a_minute_stops_the_worker() -> None:
    watch = FailureWatch(2)
    failure = Failure("record", "ana", failed("applying it", KeyError("x")), KeyError("x"))
    where = Source("log", 3, 17)
    for now_ms in (0, 30_000, 60_000, 100_000):
        watch.note(failure, where, now_ms)
    with pytest.raises(TooManyFailures, match="3 faults in handlers within a minute at log/3, at"):
        watch.note(failure, where, 119_999)
    assert watch.counts == {"record": 5}


def test_without_a_limit_it_goes_on() -> None:
    watch = FailureWatch(0)
    failure = Failure("record", "ana", failed("applying it", KeyError("x")), KeyError("x"))
    for _ in range(500):
        watch.note(failure, Source("log", 3, 17), 0)


def test_the_worker_stops_at_the_limit() -> None:
    owned = _owned(most_failures=1)
    records = [order(f"A{number}", "10", day(number)) for number in range(3)]
    with poisoned_events("OrderPlaced", lambda _: True), pytest.raises(TooManyFailures):
        _take(owned, 1, *records)


def test_a_record_that_raised_moves_no_time_when_a_successor_skips_it() -> None:
    lines = [
        order("B1", "10", day(0), "ben"),
        order("A1", "99", day(90)),
        order("B2", "500", day(1), "ben"),
        order("A2", "10", day(1)),
    ]
    poison = f"order.placed:ana:{day(90)}:A1"
    first, second = Driver(), Driver()
    with poisoned_events("OrderPlaced", poison.__eq__):
        first.feed(*lines)
        states = dict(first.partition.store.pack_changed(1))
        second.partition.store.restore([("ana", states["ana"])])  # only hers was written
        second.feed(*lines)
    ben = [output for output in first.outputs if output["subject"] == "ben"]
    assert second.outputs == ben
    assert second.partition.meta.newest_ms == first.partition.meta.newest_ms == day_ms(1)


def test_a_policy_that_cannot_be_used_leaves_the_one_before_in_force() -> None:
    owned = _owned()
    record = encode_control(PolicyActivated("q", "app", "live", 0, check_policy({"version": "2"})))
    with mock.patch.object(handlers.partition, "Rules", side_effect=ValueError):
        _take(owned, 1, record)
    [letter] = owned.applier.dead_letters
    assert (letter.value, letter.rejection.reason) == (record, PROCESSING_FAILED)
    assert owned.partition.meta.policy == Policy()


def _started(customer: str, number: int = NEWEST) -> Partition:
    partition = Partition(is_whole=False)
    partition.activate(0, PolicyActivated("p", "app", "replay", 0, Policy(), format=number))
    _apply(partition, 1, order("A1", "10", day(0), customer))
    return partition


def _apply(partition: Partition, offset: int, line: bytes) -> Any:
    event = partition.admit(line)
    assert not isinstance(event, Rejection)
    return partition.apply(offset, event)


def test_a_merge_that_raises_in_another_partition_restores_its_customer() -> None:
    of_ana, of_ben = _started("ana"), _started("ben")
    transfer = _apply(of_ana, 2, merged("ben", day(1)))
    with poisoned_customers("absorb", "ben".__eq__):
        returned = of_ben.take_transfer(2, transfer)
    assert isinstance(returned, Transfer)
    assert (returned.into, returned.customer_id) == ("ana", "ana")
    assert [failure.kind for failure in of_ben.failures] == ["merge"]
    rejection = of_ana.take_transfer(3, returned)
    assert isinstance(rejection, Rejection)
    assert rejection.reason == PROCESSING_FAILED
    assert rejection.detail.startswith("joining the customers raised Poisoned in handlers.")
    ana, ben = of_ana.store.get("ana"), of_ben.store.get("ben")
    assert ana is not None
    assert ben is not None
    assert (ana.ledger.orders_ever, ben.ledger.orders_ever) == (1, 1)
    assert ana.merged_into is None


def test_in_the_first_format_a_merge_that_raised_is_an_invalid_one() -> None:
    of_ana, of_ben = _started("ana", FIRST), _started("ben")
    transfer = _apply(of_ana, 2, merged("ben", day(1)))
    with poisoned_customers("absorb", "ben".__eq__):
        returned = of_ben.take_transfer(2, transfer)
    assert isinstance(returned, Transfer)
    encode_forwarded(returned)  # it loses nothing in its format
    rejection = of_ana.take_transfer(3, returned)
    assert isinstance(rejection, Rejection)
    assert rejection.reason == INVALID_VALUE


def test_a_customer_who_cannot_come_back_by_the_rules_comes_back_as_it_left() -> None:
    of_ana = _started("ana")
    transfer = _apply(of_ana, 2, merged("ben", day(1)))
    returned = replace(transfer, into="ana", via=(), back=transfer.via[0])
    with mock.patch("handlers.merge.routing.undo_merge", side_effect=ValueError):
        rejection = of_ana.take_transfer(3, returned)
    assert isinstance(rejection, Rejection)
    assert rejection.reason == PROCESSING_FAILED
    ana = of_ana.store.get("ana")
    assert ana is not None
    assert ana.ledger.orders_ever == 1


def test_a_merge_that_raises_where_all_customers_are_changes_neither() -> None:
    driver = Driver()
    driver.feed(order("A1", "10", day(0)), order("B1", "20", day(0), "ben"))
    before = {name: pack(driver.state(name)) for name in ("ana", "ben")}
    with poisoned_customers("absorb", "ben".__eq__):
        assert driver.reject(merged("ben", day(0, 1))) == PROCESSING_FAILED
    after = {name: driver.state(name) for name in ("ana", "ben")}
    for customer in after.values():
        customer.refused, customer.away = [], []
    assert {name: pack(customer) for name, customer in after.items()} == before


def _read_by_ingest(line: bytes) -> Any:
    ingest = Ingest.__new__(Ingest)
    ingest._rules, ingest._limits, ingest._metrics = None, Limits(), Metrics()
    ingest._labels = {"orders": "orders"}
    return ingest._read(cast(Any, _Logged(0, b"ana", line)), TP("orders", 0))


def test_ingest_reads_in_full_what_its_fast_path_cannot() -> None:
    with mock.patch("streams.ingest.agent.raw_event", side_effect=ValueError):
        read = _read_by_ingest(_RECORD)
    assert (read.customer_id, read.type_name, read.bad) == ("ana", "order.placed", None)


def test_a_record_that_ingest_cannot_read_is_a_dead_letter() -> None:
    with (
        mock.patch("streams.ingest.agent.raw_event", side_effect=ValueError),
        mock.patch("streams.ingest.agent.decode", side_effect=ValueError),
    ):
        read = _read_by_ingest(_RECORD)
    assert isinstance(read, Rejection)
    assert read.reason == PROCESSING_FAILED
