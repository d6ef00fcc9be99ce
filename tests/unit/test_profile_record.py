"""What Redis is to hold of a record, and how records are cut into pieces."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.chunks import cut
from serving.profile_record import ProfileRecord, Unreadable, read_profile
from tests.support.profiles import profile


def fields_of(record: ProfileRecord) -> dict[str, str]:
    pairs = zip(record.fields[::2], record.fields[1::2], strict=True)
    return {name.decode(): text.decode() for name, text in pairs}


def test_fields_are_text_and_null_is_left_out() -> None:
    record = read_profile(b"ana", profile("ana", score=None, r=5, name="Ann 高"), 7, 1_000)
    fields = fields_of(record)
    assert (record.customer_id, record.offset, record.timestamp_ms) == (b"ana", 7, 1_000)
    assert fields["r"] == "5"
    assert fields["monetary"] == "12.50"
    assert fields["marketing_consent"] == "true"
    assert fields["name"] == "Ann 高"
    assert json.loads(fields["next_tier"]) == {"tier": "B", "order_amount_needed": "37.50"}
    assert "score" not in fields
    assert json.loads(fields["profile"])["score"] is None


def test_facets_name_the_sets_a_customer_belongs_to() -> None:
    assert read_profile(b"a", profile("a"), 0, 0).facets == (b"C", b"new", b"New Customers")
    assert read_profile(b"a", profile("a", segment=None), 0, 0).facets == (b"C", b"new", b"")


def test_null_removes() -> None:
    record = read_profile(b"ana", None, 7, 1_000)
    assert record.removes
    assert record.fields == ()
    assert record.facets == (b"", b"", b"")
    assert not read_profile(b"ana", profile("ana"), 7, 1_000).removes


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, profile("ana")),
        (b"", None),
        (b"ana", b""),
        (b"ana", b"{"),
        (b"ana", b"\xff"),
        (b"ana", b"[]"),
        (b"ana", b'{"subject":"ana"}'),
        (b"ana", b'{"subject":"ana","data":[]}'),
        (b"ana", b'{"subject":"ana","data":{"a":"\xff"}}'),
        (b"ana", b'{"subject":7,"data":{}}'),
        (b"ana", profile("ben")),
        (b"ana", profile("ana", **{f"x{n}": 1 for n in range(500)})),
    ],
)
def test_what_is_no_profile_is_refused(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(Unreadable, match="it"):
        read_profile(key, value, 0, 0)


def records(customers: list[int]) -> list[ProfileRecord]:
    return [
        ProfileRecord(b"c%d" % customer, offset, 0, (b"", b"", b""), (b"n", b"%d" % offset))
        for offset, customer in enumerate(customers)
    ]


@given(st.lists(st.integers(0, 30), max_size=1_000))
def test_chunks_follow_each_other_and_end_with_the_same_profiles(customers: list[int]) -> None:
    chunks = list(cut(3, 0, len(customers) + 2, records(customers)))
    assert chunks[0].before == 0
    assert chunks[-1].after == len(customers) + 2
    for left, right in itertools.pairwise(chunks):
        assert left.after == right.before
    seen: dict[bytes, int] = {}
    for chunk in chunks:
        ids = [record.customer_id for record in chunk.records]
        assert len(ids) == len(set(ids))
        assert all(chunk.before <= record.offset < chunk.after for record in chunk.records)
        seen |= {record.customer_id: record.offset for record in chunk.records}
    assert seen == {b"c%d" % customer: offset for offset, customer in enumerate(customers)}
    assert sum(len(chunk.records) + chunk.coalesced for chunk in chunks) == len(customers)


def test_chunk_is_limited_in_records_and_bytes() -> None:
    many = records(list(range(1_000)))
    assert max(len(chunk.records) for chunk in cut(0, 0, 1_000, many)) == 200
    large = [
        ProfileRecord(b"c%d" % n, n, 0, (b"", b"", b""), (b"n", b"x" * 300_000)) for n in range(10)
    ]
    assert max(len(chunk.records) for chunk in cut(0, 0, 10, large)) == 2
