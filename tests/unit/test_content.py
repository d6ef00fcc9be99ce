"""Content is what the known fields say, by value; what an object says besides is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.decode.content import Content
from handlers.decode.decode import decode
from handlers.decode.fast import fast_event
from handlers.reasons import Rejection
from handlers.state.customer import Customer
from tests.builders import day, edited, event, order, profile, survey, viewed, without
from tests.driver import Driver

BASE = '"event_id":"e1","type":"page.viewed","customer_id":"ana","occurred_at":1735689600000'


def content_of(line: bytes, headers: dict[str, bytes] | None = None) -> Content:
    found = decode(line, headers)
    assert not isinstance(found, Rejection), found
    return found.content


def of_object(rest: str) -> bytes:
    return content_of(f"{{{BASE},{rest}}}".encode()).digest_of_object()


# -- the known fields

ORDER = order("o1", "12.50", day(0), event_id="e1", channel="web", items=[{"sku": "a"}])


def lines(*found: object) -> bytes:
    return edited(ORDER, items=list(found))


SAME = {
    "a retry with a time of its own": (ORDER, edited(ORDER, sent_at=5, attempt=[2])),
    "trailing zeros": (ORDER, edited(ORDER, amount="12.5")),
    "an amount as a number": (ORDER, edited(ORDER, amount=12.5)),
    "the version that is meant": (ORDER, edited(ORDER, schema_version=1)),
    "the version as a decimal": (ORDER, ORDER[:-1] + b',"schema_version":1.0}'),
    "the time with an offset": (ORDER, edited(ORDER, occurred_at="2025-01-01T08:00:00+08:00")),
    "the time in milliseconds": (ORDER, edited(ORDER, occurred_at=1_735_689_600_000)),
    "the time finer than a millisecond": (
        ORDER,
        edited(ORDER, occurred_at="2025-01-01T00:00:00.000999Z"),
    ),
    "null for a field that is not there": (ORDER, edited(ORDER, payment_status=None)),
    "names in another order": (
        ORDER,
        json.dumps(dict([*json.loads(ORDER).items()][::-1])).encode(),
    ),
    "a quantity as a text": (lines({"quantity": 2}), lines({"quantity": "2.0"})),
    "a price with zeros": (lines({"unit_price": 1.50}), lines({"unit_price": "1.5"})),
    "a line's other fields": (lines({"sku": "a"}), lines({"sku": "a", "colour": "red"})),
    "a line's field that cannot be used": (lines({"sku": "a"}), lines({"sku": "a", "category": 7})),
    "an integer as a decimal": (
        survey(4, day(0), event_id="s"),
        survey(4, day(0), event_id="s").replace(b'"score":4', b'"score":4.0'),
    ),
    "attributes in another order": (
        profile({"a": "1", "b": "2"}, day(0), event_id="p"),
        profile({"b": "2", "a": "1"}, day(0), event_id="p"),
    ),
}
OTHER = {
    "another amount": edited(ORDER, amount="12.51"),
    "another time": edited(ORDER, occurred_at=day(0, ms=1)),
    "another type": event("order.paid", day(0), event_id="e1", order_id="o1", channel="web"),
    "another customer": edited(ORDER, customer_id="ben"),
    "another channel": edited(ORDER, channel="app"),
    "no channel": without(ORDER, "channel"),
    "a payment": edited(ORDER, payment_status="pending"),
    "no lines": without(ORDER, "items"),
    "an empty list of lines": edited(ORDER, items=[]),
    "another line": lines({"sku": "b"}),
    "the line twice": lines({"sku": "a"}, {"sku": "a"}),
    "a line with a price": lines({"sku": "a", "unit_price": "0"}),
}


@pytest.mark.parametrize("what", SAME)
def test_the_same_event_told_otherwise_has_the_same_content(what: str) -> None:
    one, other = SAME[what]
    assert content_of(one).digest == content_of(other).digest


@pytest.mark.parametrize("what", OTHER)
def test_an_event_that_says_something_else_has_other_content(what: str) -> None:
    assert content_of(ORDER).digest != content_of(OTHER[what]).digest


def test_a_text_is_no_name_of_the_next_field() -> None:
    one = viewed(day(0), event_id="v", sku="query", category="x")
    other = viewed(day(0), event_id="v", sku="x", category="query")
    assert content_of(one).digest != content_of(other).digest


def test_an_event_is_the_same_as_a_cloud_event() -> None:
    fields = json.loads(ORDER)
    names = {"event_id": "id", "type": "type", "customer_id": "subject", "occurred_at": "time"}
    envelope = {names[name]: fields.pop(name) for name in names}
    structured = {"specversion": "1.0", "source": "shop", **envelope, "data": fields}
    headers = {f"ce_{name}": value.encode() for name, value in envelope.items()}
    headers["ce_specversion"] = b"1.0"
    assert content_of(json.dumps(structured).encode()).digest == content_of(ORDER).digest
    assert content_of(json.dumps(fields).encode(), headers).digest == content_of(ORDER).digest


@pytest.mark.parametrize("line", [*(pair[0] for pair in SAME.values()), *OTHER.values()])
def test_the_fast_path_finds_the_same_content(line: bytes) -> None:
    fast = fast_event(line)
    assert fast is None or fast.content == content_of(line)


def test_content_is_eight_bytes() -> None:
    assert len(content_of(ORDER).digest) == 8


# -- the whole object, as older formats have it


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('"x":1', '"x":1.0'),
        ('"x":1', '"x":1e0'),
        ('"x":100', '"x":1E+2'),
        ('"x":0', '"x":-0.0'),
        ('"x":0.5', '"x":5e-1'),
        ('"x":12.50', '"x":12.5'),
        ('"x":[{"y":1}]', '"x":[{"y":1.00}]'),
        ('"x":1e40', '"x":1' + "0" * 40),
        ('"x":1e20', '"x":1' + "0" * 20),
        ('"x":9223372036854775808', '"x":9223372036854775808.0'),
        ('"x":"a","y":"b"', '"y":"b","x":"a"'),
        ('"x":{"a":1,"b":2}', '"x":{"b":2,"a":1}'),
        ('"x" : [ 1 , 2 ]', '"x":[1,2]'),
        ('"x":"\\u00e9"', '"x":"é"'),
        ('"x":1' + "0" * 5_000, '"x":1e5000'),
        ('"x":500,"y":0.5', '"x":500.0,"y":0.50'),
    ],
)
def test_equal_objects_have_equal_digests_however_they_are_written(one: str, other: str) -> None:
    assert of_object(one) == of_object(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('"x":1', '"x":true'),
        ('"x":0', '"x":false'),
        ('"x":1', '"x":"1"'),
        ('"x":null', '"y":null'),
        ('"x":null', '"x":""'),
        ('"x":[1,2]', '"x":[2,1]'),
        ('"x":[]', '"x":{}'),
        ('"x":0.1', '"x":0.1000000000000000055511151231257827'),
        ('"x":9007199254740993', '"x":9007199254740992'),
        ('"x":1e40', '"x":1.0000000000000000000000000000000000000001e40'),
        ('"x":1.5', '"x":-1.5'),
        ('"x":{"y":{"z":1}}', '"x":{"y":{"z":2}}'),
        ('"x":"a"', '"x":"A"'),
        ('"x":1', '"x":1,"unknown":{"deep":[1]}'),
        ('"x":1', '"x":1,"channel":null'),
    ],
)
def test_other_objects_have_other_digests(one: str, other: str) -> None:
    assert of_object(one) != of_object(other)


PLAIN = f'{{{BASE},"x":1.50,"deep":[1,{{"y":null}}]}}'.encode()
TIME = day(0).replace(".000", "")
ENVELOPE = {"specversion": "1.0", "id": "c", "type": "page.viewed", "subject": "ana"}
STRUCTURED = json.dumps({**ENVELOPE, "time": TIME, "data": {"sku": "a"}}).encode()
BINARY = {
    "ce_specversion": b"1.0",
    "ce_id": b"c",
    "ce_type": b"page.viewed",
    "ce_subject": b"ana",
    "ce_time": TIME.encode(),
}


@pytest.mark.parametrize(
    ("line", "headers", "digest"),
    [
        (PLAIN, None, "05ac20ac084daec5"),
        (STRUCTURED, None, "c00521ca45d2589f"),
        (b'{"sku":"a"}', BINARY, "c385f271f6a89463"),
    ],
    ids=["native", "structured", "binary"],
)
def test_digests_of_objects_are_those_that_releases_before_kept(
    line: bytes, headers: dict[str, bytes] | None, digest: str
) -> None:
    assert content_of(line, headers).digest_of_object().hex() == digest


# -- what is remembered, and the step from one format to the next

RETRY = edited(ORDER, attempt=2)


def verdicts(driver: Driver, *found: bytes) -> list[str]:
    """What becomes of each line: accepted, duplicate, or the reason of its dead letter."""
    said = []
    for line in found:
        accepted, duplicates = driver.accepted, driver.duplicates
        letters = len(driver.dead_letters)
        driver.feed(line)
        if len(driver.dead_letters) > letters:
            said.append(driver.dead_letters[-1].reason)
        else:
            said.append("accepted" if driver.accepted > accepted else "duplicate")
            assert driver.accepted + driver.duplicates == accepted + duplicates + 1
    return said


def test_a_retry_is_a_duplicate_in_format_three_and_a_conflict_before() -> None:
    assert verdicts(Driver(format_number=3), ORDER, RETRY) == ["accepted", "duplicate"]
    assert verdicts(Driver(format_number=2), ORDER, RETRY) == ["accepted", "conflict"]


def risen(*found: bytes) -> Driver:
    """A partition that came to format three after some events."""
    driver = Driver(format_number=2)
    driver.feed(*found)
    driver.activate(driver.partition.rules.policy, format_number=3)
    return driver


def test_an_event_accepted_before_the_step_is_still_a_duplicate_and_no_conflict() -> None:
    cloud = {"specversion": "1.0", "id": "c", "type": "page.viewed", "subject": "ana"}
    cloud_event = json.dumps({**cloud, "time": day(0), "data": {"sku": "a"}}).encode()
    driver = risen(ORDER, cloud_event, viewed(day(1), event_id="v"))
    assert verdicts(driver, ORDER, cloud_event) == ["duplicate", "duplicate"]
    assert verdicts(driver, viewed(day(2), event_id="v")) == ["conflict"]


def test_after_the_step_events_are_remembered_by_their_fields_64_in_all() -> None:
    driver = risen(*(viewed(day(0), event_id=f"before-{n}") for n in range(64)))
    assert verdicts(driver, ORDER, RETRY) == ["accepted", "duplicate"]
    state = driver.state()
    assert (len(state.seen_events), len(state.recent_events)) == (63 * 16, 16)
    assert verdicts(driver, viewed(day(0), event_id="before-1")) == ["duplicate"]
    assert verdicts(driver, viewed(day(0), event_id="before-0")) == ["accepted"]
    driver.feed(*(viewed(day(0), event_id=f"after-{n}") for n in range(70)))
    assert (len(state.seen_events), len(state.recent_events)) == (0, 64 * 16)


def test_a_state_of_an_older_format_has_no_digests_of_fields() -> None:
    driver = Driver(format_number=2)
    driver.feed(ORDER)
    driver.pack()
    assert driver.state().recent_events == b""


def test_a_merge_keeps_64_events_of_both_kinds_those_of_older_formats_last() -> None:
    def filled(recent: int, before: int) -> Customer:
        found = Driver(format_number=3)
        found.feed(viewed(day(0)))
        customer = found.state()
        customer.recent_events, customer.seen_events = b"r" * 16 * recent, b"s" * 16 * before
        return customer

    own, other = filled(10, 54), filled(30, 34)
    own.join_seen(other)
    assert (len(own.recent_events), len(own.seen_events)) == (40 * 16, 24 * 16)
    own, other = filled(64, 0), filled(64, 0)
    own.join_seen(other)
    assert (len(own.recent_events), own.seen_events) == (64 * 16, b"")


def test_a_refused_merge_is_forgotten_whatever_kind_it_was_remembered_by() -> None:
    for number in (2, 3):
        driver = Driver(format_number=number)
        driver.feed(ORDER, viewed(day(1), event_id="v"))
        state: Any = driver.state()
        state.forget_newest()
        assert len(state.seen_events + state.recent_events) == 16
