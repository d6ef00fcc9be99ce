"""The ways of what passes from one customer to another, and the records that carry it."""

from __future__ import annotations

import msgspec
import pytest

from handlers.merge.forwarding import (
    MAX_EVENT_HOPS,
    MAX_HOPS,
    ForwardedEvent,
    Hop,
    Route,
    Transfer,
    decode_forwarded,
    encode_forwarded,
    first_step,
    next_step,
)
from handlers.state.customer import (
    Customer,
    MergedInto,
    erased_customer,
    merged_customer,
    new_customer,
    pack,
)
from handlers.state.partition_state import Source
from streams.kafka.forwarded import Envelope, envelope, read_forwarded
from streams.kafka.headers import Origin, cloud_event_headers, origin_of

LOG = "customer-events"
ORIGIN = Origin(Source("profiles", 3, 17, "1a2b"), 1_735_689_600_000, b"upstream")
EVENT = b'{"event_id":"e1"}'


def merged(customer_id: str, into: str, number: int = 1) -> Customer:
    return merged_customer(new_customer(customer_id), MergedInto(into, 40 + number, number))


def erased(customer_id: str) -> Customer:
    return erased_customer(new_customer(customer_id))


def transfer(**changes: object) -> Transfer:
    fields = {
        "into": "ben",
        "via": (Hop("ana", 1),),
        "customer_id": "ana",
        "event_id": "e1",
        "occurred_ms": 5,
        "left_ms": 6,
        "state": pack(new_customer("ana")),
    }
    return Transfer(**{**fields, **changes})  # type: ignore[arg-type]


# Forwards


def test_the_first_step_names_the_id_that_was_left() -> None:
    assert first_step("ana", MergedInto("ben", 9, 2)) == Route(into="ben", via=(Hop("ana", 2),))


def test_a_merge_leads_on() -> None:
    step = next_step(merged("ben", "cia"), Route(into="ben", via=(Hop("ana", 1),)))
    assert step == Route(into="cia", via=(Hop("ana", 1), Hop("ben", 1)))


# Backwards


def test_from_an_erased_id_it_goes_back_to_the_one_before() -> None:
    step = next_step(erased("cia"), Route(into="cia", via=(Hop("ana", 1), Hop("ben", 1))))
    assert step == Route(into="ben", via=(Hop("ana", 1),), back=Hop("ben", 1))


def test_on_the_way_back_a_merge_that_was_passed_is_not_passed_again() -> None:
    back = Route(into="ben", via=(Hop("ana", 1),), back=Hop("ben", 1))
    assert next_step(merged("ben", "cia"), back) == Route(into="ana", back=Hop("ana", 1))


def test_a_merge_made_since_leads_on_again() -> None:
    back = Route(into="ben", via=(Hop("ana", 1),), back=Hop("ben", 1))
    step = next_step(merged("ben", "dan", 2), back)
    assert step == Route(into="dan", via=(Hop("ana", 1), Hop("ben", 2)))


def test_a_circle_ends_where_it_closes() -> None:
    closed = Route(into="ana", via=(Hop("ana", 1), Hop("ben", 1)))
    assert next_step(merged("ana", "ben"), closed) == Route(
        into="ben", via=(Hop("ana", 1),), back=Hop("ben", 1)
    )


def test_there_is_no_way_back_behind_the_origin() -> None:
    assert next_step(merged("ana", "ben"), Route(into="ana", back=Hop("ana", 1))) is None
    assert next_step(erased("ana"), Route(into="ana")) is None


def test_every_way_ends_and_comes_back_to_its_origin_however_merges_lead() -> None:
    """All ways that four ids can lead to each other, one erased or not."""
    names = "abcd"
    for code in range(5 ** len(names)):
        people: dict[str, Customer] = {}
        for name in names:
            code, choice = divmod(code, 5)
            target = (*names, None)[choice]
            people[name] = erased(name) if target is None else merged(name, target)
        if people["a"].merged_into is None or people["a"].merged_into.into == "a":
            continue
        route, steps = first_step("a", people["a"].merged_into), 0
        while (step := next_step(people[route.into], route)) is not None:
            route, steps = step, steps + 1
            assert steps <= 2 * len(names)
        assert (route.into, route.via) == ("a", ())


@pytest.mark.parametrize("most", [MAX_HOPS, MAX_EVENT_HOPS])
def test_the_way_has_a_limit(most: int) -> None:
    route = first_step("c0", MergedInto("c1", 1, 1))
    number = 1
    while route.back is None:
        step = next_step(merged(f"c{number}", f"c{number + 1}"), route, most)
        assert step is not None
        route, number = step, number + 1
        assert len(route.via) <= most
    assert route == Route(
        into=f"c{most - 1}",
        via=tuple(Hop(f"c{n}", 1) for n in range(most - 1)),
        back=Hop(f"c{most - 1}", 1),
    )


# As text


@pytest.mark.parametrize(
    "forwarded",
    [
        ForwardedEvent(into="北京 😀"),
        ForwardedEvent(into="b", via=(Hop("a", 1),), event=msgspec.Raw(EVENT)),
        ForwardedEvent(into="a", back=Hop("a", 3)),
        transfer(),
        transfer(state=bytes(range(256)), event=msgspec.Raw(EVENT)),
    ],
)
def test_what_is_written_is_read(forwarded: ForwardedEvent | Transfer) -> None:
    encoded = encode_forwarded(forwarded)
    assert b"\n" not in encoded
    assert decode_forwarded(encoded) == forwarded


@pytest.mark.parametrize(
    "value",
    [b"", b"{}", b'{"type":"customer.moved","into":"b"}', b'{"type":"customer.followed"}', b"[]"],
)
def test_anything_else_is_refused(value: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_forwarded(value)


# In the log


def read_back(found: Envelope) -> tuple[object, ...]:
    forwarded = read_forwarded(found.value, found.headers, LOG)
    assert forwarded is not None
    return forwarded.content, forwarded.source, forwarded.event, origin_of(found.headers, found.key)


def test_an_event_passes_with_its_bytes_its_origin_and_the_record_it_follows_from() -> None:
    forwarded = ForwardedEvent(into="ben", via=(Hop("ana", 1),))
    attributes = [("ce_id", b"e1"), ("other", b"x")]
    found = envelope(forwarded, EVENT, ORIGIN, attributes, (2, 99))
    assert (found.key, found.value) == (b"ben", EVENT)
    assert read_back(found) == (forwarded, Source(LOG, 2, 99), EVENT, ORIGIN)
    assert cloud_event_headers(found.headers) == {"ce_id": b"e1"}


def test_a_customer_passes_as_the_value_with_the_merges_own_record_beside() -> None:
    forwarded = transfer()
    found = envelope(forwarded, EVENT, ORIGIN, [], (0, 0))
    assert found.value == forwarded.state
    assert read_back(found) == (forwarded, Source(LOG, 0, 0), EVENT, ORIGIN)


def test_what_came_past_the_ingest_passes_without_an_origin() -> None:
    found = envelope(transfer(), EVENT, None, [], (0, 7))
    assert read_back(found) == (transfer(), Source(LOG, 0, 7), EVENT, None)


def test_a_second_forwarded_record_carries_what_the_first_did() -> None:
    first = envelope(transfer(), EVENT, ORIGIN, [("ce_id", b"e1")], (0, 7))
    forwarded = read_forwarded(first.value, first.headers, LOG)
    assert forwarded is not None
    origin = origin_of(first.headers, first.key)
    second = envelope(forwarded.content, forwarded.event, origin, first.headers, (1, 8))
    assert read_back(second) == (transfer(), Source(LOG, 1, 8), EVENT, ORIGIN)
    assert len(second.headers) == len(first.headers)


def test_an_ordinary_record_passes_nothing() -> None:
    assert read_forwarded(EVENT, [], LOG) is None
    assert read_forwarded(EVENT, [("source", b"0/1/2/t")], LOG) is None
    assert read_forwarded(EVENT, [("source", b"0/1/2/t"), ("source-no-key", b"")], LOG) is None
