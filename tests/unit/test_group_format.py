"""A newer format comes into the log only when every worker of the group reads it."""

from __future__ import annotations

import zlib
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.partition_assignor import PartitionAssignor

from config.settings import Settings
from handlers.control_records import PolicyActivated, decode_control
from handlers.partition import Partition
from handlers.state.formats import FIRST, NEWEST, RULES
from handlers.state.partition_state import Meta
from scoring.policy import Policy
from streams.faust_app import FaustOptions, create_app
from streams.faust_app.format_assignor import FormatAssignor
from streams.logged_settings import LoggedSettings

TOPICS = {"orders", "customer-events"}


class _Cluster(ClusterMetadata):  # type: ignore[misc]
    """Topics of four partitions."""

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return {0, 1, 2, 3}


def _member(reads: int | None) -> PartitionAssignor:
    """The assignor of a member; None is Faust's own, as in releases before formats."""
    app: Any = create_app(FaustOptions("app", ("kafka://nowhere:1",), reads_format=reads or 0))
    return PartitionAssignor(app) if reads is None else FormatAssignor(app)


def _joined(members: dict[str, PartitionAssignor], leader: str) -> dict[str, Any]:
    """What each member is told by the leader, through the wire."""
    wire = {
        name: ConsumerProtocolMemberMetadata.decode(member.metadata(TOPICS).encode())
        for name, member in members.items()
    }
    told = members[leader].assign(_Cluster(), wire)
    for name, member in members.items():
        member.on_assignment(type(told[name]).decode(told[name].encode()))
    return dict(told)


@pytest.mark.parametrize(
    ("reads", "leader", "lowest"),
    [
        ({"a": 2}, "a", 2),
        ({"a": 2, "b": 3}, "a", 2),
        ({"a": 2, "b": 3, "c": 3}, "b", 2),
        ({"a": 3, "b": 3}, "b", 3),
        ({"a": 2, "b": None}, "a", FIRST),
        ({"a": 2, "b": None}, "b", FIRST),
    ],
)
def test_every_member_knows_the_lowest_of_what_the_members_read(
    reads: dict[str, int | None], leader: str, lowest: int
) -> None:
    members = {name: _member(number) for name, number in reads.items()}
    told = _joined(members, leader)
    ours = [member for member in members.values() if isinstance(member, FormatAssignor)]
    assert {member.group_format for member in ours} == {lowest}
    shared = [p for one in told.values() for topic, ps in one.assignment for p in ps]
    assert sorted(shared) == sorted([*range(4)] * len(TOPICS)), "all are shared out as by Faust"


def test_the_lowest_follows_who_is_there() -> None:
    ours, older = _member(2), _member(None)
    _joined({"a": ours, "b": older}, "b")
    _joined({"a": ours}, "a")
    assert isinstance(ours, FormatAssignor)
    assert ours.group_format == 2
    _joined({"a": ours, "b": older}, "a")
    assert ours.group_format == FIRST


def test_faust_reads_the_partitions_beside_what_is_added() -> None:
    app: Any = create_app(FaustOptions("app", ("kafka://nowhere:1",)))
    assert isinstance(app.assignor, FormatAssignor)
    told = _joined({"a": app.assignor}, "a")["a"]
    assert b'"lowest_format"' in zlib.decompress(told.user_data)
    assert app.group_format == FIRST


class _Log:
    """What is written to the log, and the partition that it belongs to."""

    def __init__(self, group: int, meta: Meta | None = None, **settings: Any) -> None:
        self.group = group
        self.written: list[PolicyActivated] = []
        meta = meta or Meta(policy=Policy(), allowed_lateness_ms=300_000)
        self.owned: Any = SimpleNamespace(number=0, partition=Partition(meta))
        producer: Any = self
        self.ours = LoggedSettings(Settings(**settings), producer, lambda: self.group)

    def add(self, topic: str, number: int, key: None, value: bytes) -> None:
        assert (topic, number, key) == ("customer-events", 0, None)
        record = decode_control(value)
        assert isinstance(record, PolicyActivated)
        self.written.append(record)

    def look(self) -> list[int]:
        """The formats of what is written now; the partition takes it."""
        self.written.clear()
        self.ours.write(self.owned)
        for record in self.written:
            self.owned.partition.activate(1, record)
        return [record.format for record in self.written]


def test_nobody_raises_a_format_unasked() -> None:
    assert _Log(NEWEST).look() == []


def test_a_format_is_raised_once_every_worker_reads_it() -> None:
    log = _Log(FIRST, state_format=2)
    assert log.look() == []
    log.group = 2
    assert log.look() == [2]
    assert (log.owned.partition.meta.format, log.owned.partition.meta.rules) == (2, RULES)
    assert log.look() == []


def test_a_format_on_its_way_is_not_written_again_before_a_restore() -> None:
    log = _Log(2, state_format=2)
    log.ours.write(log.owned)
    log.ours.write(log.owned)
    assert len(log.written) == 1
    log.ours.look_again(0)
    log.ours.write(log.owned)
    assert len(log.written) == 2


def test_a_partition_without_a_policy_waits_for_it() -> None:
    log = _Log(2, Meta(), state_format=2)
    assert log.look() == []
    log.owned.partition.meta.policy = Policy()
    assert log.look() == [2]


def test_a_lower_format_in_the_settings_changes_nothing() -> None:
    meta = Meta(policy=Policy(), allowed_lateness_ms=300_000, format=2, rules=RULES)
    assert _Log(2, meta, state_format=1).look() == []


def test_other_settings_are_written_in_the_format_of_the_partition() -> None:
    meta = Meta(policy=Policy(), allowed_lateness_ms=7, format=2, rules=RULES)
    log = _Log(FIRST, meta)
    assert log.look() == [2]
    assert log.written[0].allowed_lateness_ms == 300_000


def test_other_rules_are_recorded_where_the_format_can_hold_it() -> None:
    meta = Meta(policy=Policy(), allowed_lateness_ms=300_000, format=2, rules=RULES + 1)
    log = _Log(2, meta)
    assert log.look() == [2]
    assert log.owned.partition.meta.rules == RULES


def test_another_live_from_is_written_where_the_format_can_hold_it() -> None:
    meta = Meta(policy=Policy(), allowed_lateness_ms=300_000, format=3, rules=RULES)
    log = _Log(3, meta, live_from="2026-01-01T00:00:00Z")
    assert log.look() == [3]
    assert log.owned.partition.meta.live_from_ms == 1_767_225_600_000
    assert log.look() == []
    log.ours.look_again(0)
    assert log.look() == []


def test_an_older_format_goes_on_without_live_from() -> None:
    meta = Meta(policy=Policy(), allowed_lateness_ms=300_000, format=2, rules=RULES)
    assert _Log(2, meta, live_from="2026-01-01T00:00:00Z").look() == []
    log = _Log(2, Meta(policy=Policy(), format=2, rules=RULES), live_from="2026-01-01T00:00:00Z")
    assert log.look() == [2]
    assert log.written[0].live_from_ms is None
