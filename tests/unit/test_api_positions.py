"""The ids of streamed events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api.sse.position import PLACES_MAX, TOPICS, BadPosition, Positions, decoded, mark_of
from serving.api.sse.stream import made_anew, resumed

offsets = st.integers(0, 2**62)
places = st.dictionaries(
    st.tuples(st.sampled_from(TOPICS), st.integers(0, 999)), offsets, min_size=1, max_size=40
)


@given(places, st.text(max_size=22))
def test_a_position_comes_back_as_it_was(
    next_offsets: dict[tuple[str, int], int], ids: str
) -> None:
    marks = {topic: mark_of(ids) for topic, _ in next_offsets}
    found = decoded(Positions(next_offsets, marks).encoded())
    assert found.next_offsets == next_offsets
    assert found.marks == marks


@given(st.text(max_size=200))
def test_no_text_of_strangers_is_a_position(text: str) -> None:
    with pytest.raises(BadPosition):
        decoded(text)


@given(places, st.data())
def test_a_damaged_position_is_noticed(
    next_offsets: dict[tuple[str, int], int], data: st.DataObject
) -> None:
    whole = Positions(next_offsets).encoded()
    at = data.draw(st.integers(0, len(whole) - 1))
    letter = data.draw(st.sampled_from("AZaz09-_"))
    damaged = whole[:at] + letter + whole[at + 1 :]
    try:
        found = decoded(damaged)
    except BadPosition:
        return
    # The last letter has bits that mean nothing.
    assert at == len(whole) - 1 or damaged == whole
    assert found.next_offsets == next_offsets


def test_as_many_partitions_as_a_stream_reads_fit_a_header() -> None:
    most = {(TOPICS[n % 4], n // 4): 2**40 for n in range(PLACES_MAX)}
    whole = Positions(most).encoded()
    assert len(whole) < 12 * 1024
    assert decoded(whole).next_offsets == most
    one_more = Positions(most | {(TOPICS[0], 5_000): 1}).encoded()
    with pytest.raises(BadPosition):
        decoded(one_more)


def test_a_selection_takes_the_part_it_reads() -> None:
    given_ = Positions({("tier-changes", 0): 5, ("tier-changes", 1): 6}, {"tier-changes": b"abcd"})
    found = resumed(given_, [("tier-changes", 1)])
    assert found.next_offsets == {("tier-changes", 1): 6}
    with pytest.raises(BadPosition, match="another selection"):
        resumed(given_, [("tier-changes", 2)])


def test_a_topic_made_anew_is_known_by_its_id() -> None:
    start = Positions({("tier-changes", 0): 5}, {"tier-changes": mark_of("first")})
    assert made_anew(start, {"tier-changes": mark_of("first")}) == []
    (lost,) = made_anew(start, {"tier-changes": mark_of("second")})
    assert (lost.place, lost.asked, lost.reason) == (("tier-changes", 0), 5, "made_anew")


@pytest.mark.parametrize(("then", "now"), [("", "second"), ("first", ""), ("", "")])
def test_brokers_without_ids_tell_no_incarnation(then: str, now: str) -> None:
    start = Positions({("tier-changes", 0): 5}, {"tier-changes": mark_of(then)})
    assert made_anew(start, {"tier-changes": mark_of(now)}) == []
