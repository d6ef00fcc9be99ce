"""Topics that are not those whose positions and state we have are refused, with what to do."""

from __future__ import annotations

from io import BytesIO

import pytest
from aiokafka.protocol.metadata import MetadataRequest_v1
from aiokafka.structs import TopicPartition

from streams.faust_app import TopicChanged, TopicGuard, TopicState
from streams.faust_app.topic_identity import TopicsRequest, short_id

OLD, NEW = "AAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBB"
SEEN = {
    "orders": TopicState("orders-id", 2),
    "outputs": TopicState("outputs-id", 3),
    "log": TopicState("log-id", 3),
    "changelog": TopicState("changelog-id", 3),
}
ORDERS, LOG = TopicPartition("orders", 0), TopicPartition("log", 0)


def guard(**changed: TopicState) -> TopicGuard:
    made = TopicGuard({"orders": "o"}, {"outputs": "out"}, {"log": "l", "changelog": "changelog"})
    made.look({**SEEN, **changed})
    return made


def test_topics_that_stay_as_they_are_are_fine() -> None:
    watched = guard()
    for _ in range(10):
        assert not watched.look(SEEN)


def test_an_input_that_is_made_anew_is_refused_with_both_ids_and_what_to_do() -> None:
    with pytest.raises(TopicChanged) as refused:
        guard().look({**SEEN, "orders": TopicState("other", 2)})
    assert str(refused.value) == (
        "topic orders was deleted and made anew: its id was orders-id and is other; if that is "
        "meant, stop all workers and run 'tierstream topics adopt orders', which goes on with "
        "it from its first record"
    )


@pytest.mark.parametrize("name", ["log", "changelog"])
def test_what_state_was_made_from_cannot_be_adopted(name: str) -> None:
    with pytest.raises(TopicChanged, match=f"topic {name} .*begin anew with another TIERSTREAM_"):
        guard().look({**SEEN, name: TopicState("other", 3)})


def test_an_input_may_be_given_more_partitions_but_not_fewer() -> None:
    watched = guard()
    assert watched.look({**SEEN, "orders": TopicState("orders-id", 5)})
    assert watched.partitions("orders") == 5
    with pytest.raises(TopicChanged, match="topic orders has 4 partitions and had 5"):
        watched.look({**SEEN, "orders": TopicState("orders-id", 4)})


@pytest.mark.parametrize("partitions", [2, 4])
def test_any_other_topic_keeps_its_number_of_partitions(partitions: int) -> None:
    with pytest.raises(TopicChanged, match=f"topic log has {partitions} partitions and had 3"):
        guard().look({**SEEN, "log": TopicState("log-id", partitions)})


def test_a_topic_is_gone_when_it_was_missed_three_times_in_a_row() -> None:
    watched = guard()
    without = {name: state for name, state in SEEN.items() if name != "orders"}
    for _ in range(3):
        watched.look(without)
        watched.look(without)
        watched.look(SEEN)
    watched.look(without)
    watched.look(without)
    with pytest.raises(TopicChanged, match="topic orders is gone"):
        watched.look(without)


def test_brokers_without_ids_are_not_taken_for_others() -> None:
    watched = TopicGuard({"orders": "o"})
    for _ in range(2):
        watched.look({"orders": TopicState("", 2)})
    watched.check_topic_ids("o=some-id")
    assert (watched.short_topic_id("orders"), watched.metadata) == ("", "")


def test_a_position_carries_the_ids_of_all_topics() -> None:
    watched = guard()
    assert watched.metadata == "changelog=changelog-id l=log-id o=orders-id out=outputs-id"
    assert watched.short_topic_id("orders") == "orders-i"
    watched.check_topic_ids(watched.metadata)


@pytest.mark.parametrize("metadata", ["", "o=orders-id", "former=some-id", "what somebody wrote"])
def test_metadata_without_another_topic_id_is_taken(metadata: str) -> None:
    guard().check_topic_ids(metadata)


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ("o=other l=log-id", "orders"),
        ("l=other", "log"),
        ("l=log-id changelog=other", "changelog"),
        ("out=other", "outputs"),
    ],
)
def test_an_offset_of_another_topic_id_is_refused(metadata: str, named: str) -> None:
    with pytest.raises(
        TopicChanged, match=f"topic {named} was deleted .* its id was other and is {named}-id"
    ):
        guard().check_topic_ids(metadata)


def test_records_that_were_removed_unread_are_a_loss_that_is_told() -> None:
    told = str(guard().out_of_range(ORDERS, 5, 9, 20))
    assert told.startswith("records 5 to 8 of orders/0 were removed before they were read; if ")


def test_a_position_beyond_the_end_is_told() -> None:
    told = str(guard().out_of_range(LOG, 50, 0, 20))
    assert told.startswith("log/0 ends at 20, before position 50 up to which it was read: it has ")
    assert "topics adopt" not in told


# -- the request


def test_the_newest_version_that_tells_ids_is_asked_for_where_the_broker_has_it() -> None:
    request = TopicsRequest(["orders"])
    assert request.prepare({3: (0, 13)}).API_VERSION == 10
    assert request.prepare({3: (0, 9)}).API_VERSION == MetadataRequest_v1.API_VERSION


def test_the_request_is_as_the_protocol_has_it() -> None:
    asked = TopicsRequest(["orders"]).prepare({3: (0, 12)}).encode()
    assert asked == b"\x02" + bytes(16) + b"\x07orders\x00" + b"\x00\x00\x00" + b"\x00"


def test_an_answer_is_read_as_the_protocol_has_it() -> None:
    response = TopicsRequest([]).prepare({3: (10, 10)}).RESPONSE_TYPE
    partition = b"\x00\x00" + b"\x00\x00\x00\x00" + b"\x00\x00\x00\x01" + b"\x00\x00\x00\x07"
    partition += b"\x02\x00\x00\x00\x01" * 2 + b"\x01" + b"\x00"
    topic = b"\x00\x00" + b"\x07orders" + bytes(range(16)) + b"\x00" + b"\x02" + partition
    broker = b"\x00\x00\x00\x01" + b"\x05host" + b"\x00\x00\x23\x84" + b"\x00" + b"\x00"
    data = b"\x00\x00\x00\x00" + b"\x02" + broker + b"\x03id" + b"\x00\x00\x00\x01"
    data += b"\x02" + topic + b"\x80\x00\x00\x00" + b"\x00" + b"\x80\x00\x00\x00" + b"\x00"
    answer = response.decode(BytesIO(data))
    [(error_code, name, topic_id, _, partitions, *_)] = answer.topics
    assert (error_code, name, topic_id) == (0, "orders", "AAECAwQFBgcICQoLDA0ODw")
    assert len(partitions) == 1


def test_an_id_of_zeros_is_none() -> None:
    response = TopicsRequest([]).prepare({3: (10, 10)}).RESPONSE_TYPE
    topic = b"\x00\x03" + b"\x02x" + bytes(16) + b"\x00" + b"\x01" + b"\x80\x00\x00\x00" + b"\x00"
    data = b"\x00\x00\x00\x00" + b"\x01" + b"\x00" + b"\x00\x00\x00\x01"
    data += b"\x02" + topic + b"\x80\x00\x00\x00" + b"\x00"
    assert response.decode(BytesIO(data)).topics[0][2] == ""


def test_a_short_id_tells_incarnations_apart() -> None:
    assert short_id(OLD) != short_id(NEW)
    assert short_id("") == ""
