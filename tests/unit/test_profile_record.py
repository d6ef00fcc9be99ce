"""What Redis is to hold of a record, and how records are cut into pieces."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.view.chunks import cut_profiles
from serving.view.keys import ONE_OF
from serving.view.profile_record import ProfileRecord, StoredProfile, Unreadable, read_profile
from tests.support.profiles import profile


def kept(value: bytes) -> StoredProfile:
    found = read_profile(b"ana", value, 7, 1_000).profile
    assert found is not None
    return found


def fields_of(found: StoredProfile) -> dict[str, str]:
    return dict(zip(found.fields[::2], found.fields[1::2], strict=True))


def test_plain_fields_are_text_and_the_rest_is_in_the_whole() -> None:
    value = profile("ana", score=None, r=5, name="Ann 高", weight=1.5, partition=9)
    record = read_profile(b"ana", value, 7, 1_000)
    assert (record.customer_id, record.offset, record.timestamp_ms) == (b"ana", 7, 1_000)
    found = kept(value)
    fields = fields_of(found)
    assert fields["r"] == "5"
    assert fields["weight"] == "1.5"
    assert fields["monetary"] == "12.50"
    assert fields["marketing_consent"] == "true"
    assert fields["name"] == "Ann 高"
    assert fields.keys().isdisjoint({"score", "next_tier", "attributes", "partition", "profile"})
    assert found.data == json.dumps(json.loads(value)["data"])


def test_facets_name_the_sets_a_customer_belongs_to() -> None:
    def facets(**changes: object) -> dict[str, str]:
        return dict(zip(ONE_OF, kept(profile("ana", **changes)).facets, strict=True))

    found = {"tier": "C", "stage": "new", "segment": "New Customers", "level": "active"}
    found |= {"churn_answer": "", "owner": "", "rf": "51", "unowned": ""}
    assert facets() == found
    assert facets(segment=None) == found | {"segment": ""}
    left = {"churn_answer": "price", "owner": "Wang"}
    assert facets(**left) == found | left
    assert facets(r=None) == found | {"rf": ""}
    assert facets(owner=None) == found | {"unowned": "true"}


def test_tags_come_first_with_since_when() -> None:
    entries = [{"tag": "vip", "since": "s1"}, {"tag": "b", "since": None}, {"tag": ""}, "c", {}]
    found = kept(profile("ana", tags=[*entries, entries[0]]))
    assert found.tags == 2
    assert found.fields[:4] == ("tag:vip", "s1", "tag:b", "")
    assert kept(profile("ana", **{"tag:fake": "x"}, tags="vip")).tags == 0
    assert "tag:fake" not in fields_of(kept(profile("ana", **{"tag:fake": "x"})))


@pytest.mark.parametrize(
    ("changes", "ranks"),
    [
        ({}, ("33", "12.50", "", "37.50", "", "", "")),
        ({"score": None, "next_tier": None}, ("", "12.50", "", "", "", "", "")),
        (
            {"keeps_until": "2026-03-01T00:00:00.250Z"},
            ("33", "12.50", "1772323200250", "37.50", "", "", ""),
        ),
        ({"open_tickets": 2}, ("33", "12.50", "", "37.50", "", "2", "")),
        (
            {"open_tickets": 2, "satisfaction": {"open_complaints": 1}},
            ("33", "12.50", "", "37.50", "", "1", ""),
        ),
        (
            {"promises": [{"due_at": "2026-03-01T00:00:00.250Z"}, {"due_at": "soon"}, 7]},
            ("33", "12.50", "", "37.50", "", "", "1772323200250"),
        ),
        ({"health": {"score": 70}}, ("33", "12.50", "", "37.50", "70", "", "")),
        (
            {"health": {"score": None}, "monetary": "-1.00"},
            ("33", "-1.00", "", "37.50", "", "", ""),
        ),
        (
            {"score": True, "monetary": "nan", "next_tier": [], "health": 7},
            ("", "", "", "", "", "", ""),
        ),
        (
            {"score": "1e999", "monetary": "1" * 31, "keeps_until": "soon"},
            ("", "", "", "37.50", "", "", ""),
        ),
        (
            {"score": 1.5, "monetary": 10**40, "keeps_until": 5},
            ("1.5", "", "", "37.50", "", "", ""),
        ),
    ],
)
def test_ranks_are_numbers_that_redis_can_read_or_nothing(
    changes: dict[str, Any], ranks: tuple[str, ...]
) -> None:
    assert kept(profile("ana", **changes)).ranks == ranks


def test_null_removes() -> None:
    record = read_profile(b"ana", None, 7, 1_000)
    assert record.removes
    assert record.texts() == ["ana", "7", "1000", ""]
    assert not read_profile(b"ana", profile("ana"), 7, 1_000).removes


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, profile("ana")),
        (b"", None),
        (b"\xff", None),
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
        (b"ana", profile("ana", tags=[{"tag": f"x{n}", "since": ""} for n in range(501)])),
    ],
)
def test_what_is_no_profile_is_refused(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(Unreadable, match="it"):
        read_profile(key, value, 0, 0)


def stored(data: str) -> StoredProfile:
    return StoredProfile(data, (), (), 0, "", "", "", "", ())


def records(customers: list[int]) -> list[ProfileRecord]:
    return [
        ProfileRecord(b"c%d" % customer, offset, 0, stored(str(offset)))
        for offset, customer in enumerate(customers)
    ]


@given(st.lists(st.integers(0, 30), max_size=1_000))
def test_chunks_follow_each_other_and_end_with_the_same_profiles(customers: list[int]) -> None:
    chunks = list(cut_profiles(3, 0, len(customers) + 2, records(customers)))
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
    assert max(len(chunk.records) for chunk in cut_profiles(0, 0, 1_000, many)) == 200
    large = [ProfileRecord(b"c%d" % n, n, 0, stored("x" * 300_000)) for n in range(10)]
    assert max(len(chunk.records) for chunk in cut_profiles(0, 0, 10, large)) == 2
