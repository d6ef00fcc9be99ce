"""Whether a merge is impossible, also where its record is read again and others are further on."""

from __future__ import annotations

import pytest

from handlers.control_records import PolicyActivated
from handlers.decode.content import NO_CONTENT
from handlers.events import CustomerMerged
from handlers.merge.forwarding import Transfer
from handlers.merge.routing import merge_refusal
from handlers.partition import Partition
from handlers.reasons import Rejection
from handlers.state.customer import (
    Away,
    Customer,
    MergedInto,
    erased_customer,
    merged_customer,
    new_customer,
    pack,
    unpack,
)
from handlers.state.formats import FIRST, NEWEST
from handlers.state.store import CustomerStore
from scoring.policy import Policy
from tests.builders import day, erased, merged, order


def is_refused(at: int, into: Customer) -> bool:
    """Whether a merge of "cid" into another is refused at an offset of the log."""
    store = CustomerStore()
    store.put(into)
    content = NO_CONTENT
    merge = CustomerMerged("m", "customer.merged", "cid", 0, content, None, None, into.customer_id)
    return merge_refusal(store, new_customer("cid"), merge, at) is not None


@pytest.mark.parametrize(("at", "refused"), [(20, False), (21, True), (29, True), (30, False)])
def test_a_merge_that_was_undone_leads_in_a_circle_only_while_it_lasted(
    at: int, refused: bool
) -> None:
    ana = new_customer("ana")
    ana.away = [Away(since=21, until=30, into="cid")]
    assert is_refused(at, ana) == refused


@pytest.mark.parametrize(("at", "refused"), [(20, False), (21, True), (99, True)])
def test_a_merge_that_stands_leads_in_a_circle_from_its_record_on(at: int, refused: bool) -> None:
    ana = merged_customer(new_customer("ana"), MergedInto("cid", offset=21, number=1))
    assert is_refused(at, ana) == refused


@pytest.mark.parametrize(
    ("since", "at", "refused"), [(21, 20, False), (21, 21, True), (21, 99, True), (-1, 20, True)]
)
def test_a_merge_into_an_erased_customer_is_refused_from_the_erasure_on(
    since: int, at: int, refused: bool
) -> None:
    """An older format does not tell when that was."""
    ana = erased_customer(new_customer("ana"))
    ana.erased_offset = since
    assert is_refused(at, ana) == refused


LOG = (order("A1", "10", day(0)), order("B1", "10", day(0), "ben"), merged("ben", day(1)))
THEN = erased(day(2), "ben")


def fed(number: int, *lines: bytes) -> tuple[Partition, list[object]]:
    """A partition that has applied a log, and what became of each record."""
    partition = Partition(is_whole=False)
    partition.activate(0, PolicyActivated("p", "app", "replay", 0, Policy(), format=number))
    return partition, [apply(partition, offset, line) for offset, line in enumerate(lines, 1)]


def apply(partition: Partition, offset: int, line: bytes) -> object:
    event = partition.admit(line)
    assert not isinstance(event, Rejection)
    return partition.apply(offset, event)


def state_of(partition: Partition, customer_id: str) -> Customer:
    found = partition.store.get(customer_id)
    assert found is not None
    found.epoch = 0
    return found


def test_a_merge_read_again_behind_which_its_survivor_was_erased_is_a_merge_again() -> None:
    """Else who was merged, and so erased with the other, would be there again after a crash."""
    ahead, became = fed(NEWEST, *LOG, THEN)
    assert isinstance(became[2], Transfer)
    behind, _ = fed(NEWEST, *LOG[:2])
    states = dict(ahead.store.pack_changed(epoch=1))
    behind.store.restore([("ben", states["ben"])])  # only his was written
    again = apply(behind, 3, LOG[2])
    assert isinstance(again, Transfer)
    assert again == became[2]
    assert apply(behind, 4, THEN) is None
    assert state_of(behind, "ana") == state_of(ahead, "ana")


@pytest.mark.parametrize(("number", "offset"), [(FIRST, -1), (2, -1), (NEWEST, 4)])
def test_an_older_format_keeps_no_offset_of_an_erasure(number: int, offset: int) -> None:
    partition, _ = fed(number, *LOG, THEN)
    ben = partition.store.get("ben")
    assert ben is not None
    assert unpack(pack(ben, number)).erased_offset == offset
