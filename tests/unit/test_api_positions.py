"""The ids of streamed events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api.sse.position import (
    PARTITIONS_MAX,
    TOPICS,
    BadPosition,
    Position,
    decode_position,
    topic_id_hash,
)
from serving.api.sse.stream import recreated_topics

offsets = st.integers(0, 2**62)
next_offsets = st.dictionaries(
    st.tuples(st.sampled_from(TOPICS), st.integers(0, 999)), offsets, min_size=1, max_size=40
)


@given(next_offsets, st.text(max_size=22))
def test_a_position_comes_back_as_it_was(
    next_offsets: dict[tuple[str, int], int], ids: str
) -> None:
    id_hashes = {topic: topic_id_hash(ids) for topic, _ in next_offsets}
    found = decode_position(Position(next_offsets, id_hashes).encoded())
    assert found.next_offsets == next_offsets
    assert found.id_hashes == id_hashes


@given(st.text(max_size=200))
def test_no_text_of_strangers_is_a_position(text: str) -> None:
    with pytest.raises(BadPosition):
        decode_position(text)


@given(next_offsets, st.data())
def test_a_damaged_position_is_noticed(
    next_offsets: dict[tuple[str, int], int], data: st.DataObject
) -> None:
    whole = Position(next_offsets).encoded()
    at = data.draw(st.integers(0, len(whole) - 1))
    letter = data.draw(st.sampled_from("AZaz09-_"))
    damaged = whole[:at] + letter + whole[at + 1 :]
    try:
        found = decode_position(damaged)
    except BadPosition:
        return
    # The last letter has bits that mean nothing.
    assert at == len(whole) - 1 or damaged == whole
    assert found.next_offsets == next_offsets


def test_as_many_partitions_as_a_stream_reads_fit_a_header() -> None:
    most = {(TOPICS[n % 4], n // 4): 2**40 for n in range(PARTITIONS_MAX)}
    whole = Position(most).encoded()
    assert len(whole) < 12 * 1024
    assert decode_position(whole).next_offsets == most
    one_more = Position(most | {(TOPICS[0], 5_000): 1}).encoded()
    with pytest.raises(BadPosition):
        decode_position(one_more)


def test_a_selection_takes_the_part_it_reads() -> None:
    given_ = Position({("tier-changes", 0): 5, ("tier-changes", 1): 6}, {"tier-changes": b"abcd"})
    found = given_.restricted_to([("tier-changes", 1)])
    assert found.next_offsets == {("tier-changes", 1): 6}
    with pytest.raises(BadPosition, match="another selection"):
        given_.restricted_to([("tier-changes", 2)])


def test_a_topic_made_anew_is_known_by_its_id() -> None:
    start = Position({("tier-changes", 0): 5}, {"tier-changes": topic_id_hash("first")})
    assert recreated_topics(start, {"tier-changes": topic_id_hash("first")}) == []
    (lost,) = recreated_topics(start, {"tier-changes": topic_id_hash("second")})
    assert (lost.partition, lost.asked, lost.reason) == (("tier-changes", 0), 5, "made_anew")


@pytest.mark.parametrize(("then", "now"), [("", "second"), ("first", ""), ("", "")])
def test_brokers_without_ids_tell_no_incarnation(then: str, now: str) -> None:
    start = Position({("tier-changes", 0): 5}, {"tier-changes": topic_id_hash(then)})
    assert recreated_topics(start, {"tier-changes": topic_id_hash(now)}) == []
