"""What is seen of an erasure, whatever the order in which its traces are read."""

from __future__ import annotations

from itertools import permutations
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from cli.erase.steps import steps_of
from cli.erase.trail import CustomerPartitions, Trail
from handlers.reasons import Rejection
from handlers.state.customer import erased_customer, new_customer, pack
from handlers.state.partition_state import Meta, Source, pack_meta
from streams.erasure.request import Request
from streams.kafka.dead_letter import dead_letter
from streams.kafka.headers import META_KEY, Origin, canonical_headers
from tests.builders import day, merged, order
from tests.driver import Driver

LOG, CHANGELOG = TopicPartition("customer-events", 1), TopicPartition("changelog", 1)
PROFILES, LETTERS = TopicPartition("customer-profiles", 1), TopicPartition("dead-letters", 0)
PARTITIONS = CustomerPartitions(LOG, CHANGELOG, PROFILES, (LETTERS,))
REQUEST = Request("ana", "erase-1", 0, 0, TopicPartition("profiles", 3), 7)
ORIGIN = Origin(Source("profiles", 3, 7, "topic_id"), 0, b"ana")
POSITION = 40
"""Where the request stands in the log."""


class Record(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Any = ()
    partition: int = 0
    timestamp: int = 0


Seen = tuple[TopicPartition, Record]


def logged(source: Source = ORIGIN.source, key: bytes = b"ana") -> Seen:
    headers = canonical_headers(Origin(source, 0, b"ana"), key, ())
    return LOG, Record(POSITION, key, b"{}", headers)


def state(offset: int, applied: int, *, erased: bool, epoch: int = 2, who: str = "ana") -> Seen:
    customer = new_customer(who)
    customer = erased_customer(customer) if erased else customer
    customer.applied, customer.epoch = applied, epoch
    return CHANGELOG, Record(offset, who.encode(), pack(customer))


def checkpoint(applied: int) -> Seen:
    return CHANGELOG, Record(900, META_KEY, pack_meta(Meta(applied=applied)))


def profile(offset: int, value: bytes | None = None) -> Seen:
    return PROFILES, Record(offset, b"ana", value)


def trail(*seen: Seen, who: str = "ana") -> Trail:
    found = Trail(PARTITIONS, REQUEST, who)
    for tp, record in seen:
        found.take(tp, [record])
    return found


def outcomes(found: Trail) -> list[str]:
    return [step.outcome for step in steps_of(REQUEST, [found])]


def test_a_known_customer_is_erased_once_marker_and_null_record_are_seen() -> None:
    before, after = state(5, 20, erased=False), state(6, POSITION, erased=True)
    for others in permutations([logged(), profile(9)]):
        for seen in ((before, after, *others), (*others, before, after), (before, *others, after)):
            found = trail(*seen)
            assert (found.known, found.marker, found.null_profile) == ("known", 6, 9)
            assert found.is_over
            assert outcomes(found) == ["done"] * 4


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([], ["done", "waiting", "waiting", "waiting"]),
        ([logged()], ["done", "done", "waiting", "waiting"]),
        ([state(6, POSITION, erased=True)], ["done", "waiting", "waiting", "waiting"]),
        (
            [logged(), state(6, POSITION, erased=True), profile(3, b"{}")],
            ["done", "done", "done", "waiting"],
        ),
        ([logged(), state(6, 20, erased=False)], ["done", "done", "waiting", "waiting"]),
    ],
)
def test_what_is_not_seen_is_waited_for(seen: list[Seen], expected: list[str]) -> None:
    found = trail(*seen)
    assert not found.is_over
    assert outcomes(found) == expected


def test_somebody_unknown_gets_a_marker_too() -> None:
    found = trail(logged(), state(6, POSITION, erased=True), profile(1))
    assert (found.known, found.is_over) == ("unknown", True)


def test_who_was_erased_before_is_done_once_a_checkpoint_has_passed_the_request() -> None:
    seen = [state(6, 30, erased=True), logged()]
    assert not trail(*seen, checkpoint(POSITION - 1)).is_over
    found = trail(*seen, checkpoint(POSITION))
    assert (found.known, found.null_profile, found.is_over) == ("erased_before", None, True)
    assert outcomes(found) == ["done"] * 4


def test_an_older_profile_behind_the_null_record_must_be_written_over() -> None:
    seen = [logged(), state(6, POSITION, erased=True), profile(3), profile(4, b"{}")]
    assert not trail(*seen).is_over
    assert trail(*seen, profile(5)).is_over


def test_a_former_owners_state_behind_the_marker_counts_for_nothing() -> None:
    late = state(7, POSITION + 9, erased=False, epoch=1)
    found = trail(logged(), state(6, POSITION, erased=True), late, profile(1))
    assert (found.marker, found.is_over) == (6, True)


def test_others_in_the_same_partitions_are_nothing_to_it() -> None:
    another = logged(Source("profiles", 3, 8, "topic_id"))
    theirs = PROFILES, Record(2, b"ben", None)
    found = trail(another, state(6, POSITION, erased=True, who="ben"), theirs)
    assert outcomes(found) == ["done", "waiting", "waiting", "waiting"]


def test_a_request_that_became_a_dead_letter_is_refused() -> None:
    rejection = Rejection("from_the_future", "later than the clock", "erase-1")
    letter = Record(3, *dead_letter(b"ana", b"{}", ORIGIN, rejection, ()))
    found = trail((LETTERS, letter))
    assert found.is_over
    steps = steps_of(REQUEST, [found])
    assert [step.outcome for step in steps] == ["done", "refused", "not_looked", "not_looked"]
    assert "from_the_future: later than the clock" in steps[1].text


def test_a_letter_of_another_record_is_no_refusal() -> None:
    other = Origin(Source("profiles", 3, 6), 0, b"ana")
    rejection = Rejection("erased_customer", "the customer was erased", "late")
    letter = Record(3, *dead_letter(b"ana", None, other, rejection, ()))
    assert not trail((LETTERS, letter)).is_over


def merged_marker(offset: int, applied: int) -> Seen:
    """What is kept of somebody who was merged into ben."""
    driver = Driver()
    driver.feed(order("o1", "20", day(0)), merged("ben", day(1)))
    customer = driver.state()
    customer.applied, customer.epoch = applied, 2
    return CHANGELOG, Record(offset, b"ana", pack(customer))


def test_who_was_merged_leads_on_to_the_surviving_id() -> None:
    found = trail(state(4, 5, erased=False), merged_marker(5, 11), logged())
    assert not found.is_over, "the request may yet find somebody alive"
    found.take(*as_batch(merged_marker(6, POSITION)))
    assert (found.merged_into, found.marker, found.is_over) == ("ben", None, True)


def test_the_request_is_known_again_under_the_id_it_went_on_to() -> None:
    alive = new_customer("ben")
    alive.applied, alive.epoch, alive.also = 20, 2, ["old", "ana"]
    before = CHANGELOG, Record(5, b"ben", pack(alive))
    marker = state(6, POSITION, erased=True, who="ben")
    null = PROFILES, Record(7, b"ben", None)
    found = trail(before, logged(key=b"ben"), marker, null, who="ben")
    assert (found.known, found.also, found.is_over) == ("known", ("old", "ana"), True)
    steps = steps_of(REQUEST, [trail(logged(), merged_marker(6, POSITION)), found])
    assert [step.where for step in steps] == ["request", "merge", "log", "state", "profile"]
    assert {step.outcome for step in steps} == {"done"}
    assert "'ana' had been merged into 'ben'" in steps[1].text


def test_a_marker_that_is_written_again_by_the_request_was_there_before() -> None:
    """An erasure that comes to an erased customer over a merge turns back there."""
    first, again = state(5, 30, erased=True), state(6, POSITION, erased=True)
    for seen in permutations([logged(), first, again]):
        found = trail(*seen)
        assert (found.known, found.is_over) == ("erased_before", True)


def as_batch(seen: Seen) -> tuple[TopicPartition, list[Any]]:
    tp, record = seen
    return tp, [record]
