"""Content is the parsed object, numbers by value, a bool is no number."""

from __future__ import annotations

import json

import pytest

from handlers.decode.decode import decode
from handlers.reasons import Rejection

BASE = '"event_id":"e1","type":"page.viewed","customer_id":"ana","occurred_at":1735689600000'


def content(rest: str) -> bytes:
    event = decode(f"{{{BASE},{rest}}}".encode())
    assert not isinstance(event, Rejection), event
    return event.content


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
    ],
)
def test_equal_objects_have_equal_content_however_they_are_written(one: str, other: str) -> None:
    assert content(one) == content(other)


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
    ],
)
def test_other_objects_have_other_content(one: str, other: str) -> None:
    assert content(one) != content(other)


def test_unknown_fields_belong_to_the_content() -> None:
    assert content('"x":1') != content('"x":1,"unknown":{"deep":[1]}')


def test_a_null_field_is_content_though_it_counts_as_absent() -> None:
    assert content('"x":1') != content('"x":1,"channel":null')


def test_a_decimal_elsewhere_does_not_change_how_whole_numbers_compare() -> None:
    assert content('"x":500,"y":0.5') == content('"x":500.0,"y":0.50')


def test_content_is_eight_bytes() -> None:
    assert len(content('"x":' + json.dumps("long " * 1_000))) == 8
