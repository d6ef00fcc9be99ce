"""A process writes only while its consumer group is known to count on it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import (
    IllegalGenerationError,
    NoError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest

from streams.faust_app import AssignmentLost, Membership
from streams.faust_app.group_watch import watch_group

SESSION_S = 10.0
PATIENCE_S = 30.0


class Clock:
    """Seconds that pass when told, or a little with each look."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.at_s = 0.0
        self.step_s = step_s

    def __call__(self) -> float:
        self.at_s += self.step_s
        return self.at_s


def member(clock: Clock) -> Membership:
    membership = Membership(SESSION_S, PATIENCE_S, clock)
    membership.take()
    return membership


async def is_held_up(membership: Membership) -> bool:
    """Whether a write would have to wait."""
    with pytest.MonkeyPatch.context() as patch:
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            membership.give_back()

        patch.setattr(asyncio, "sleep", sleep)
        await membership.confirm()
        membership.take()
        return bool(waits)


async def test_a_member_writes_for_one_session_timeout_after_the_question_was_asked() -> None:
    clock = Clock()
    membership = member(clock)
    clock.at_s = 100
    membership.note_confirmation(100)
    clock.at_s = 109.9
    assert not await is_held_up(membership)
    clock.at_s = 110
    assert await is_held_up(membership)
    membership.note_confirmation(105)
    assert not await is_held_up(membership)


async def test_an_older_answer_does_not_shorten_the_lease() -> None:
    clock = Clock()
    membership = member(clock)
    membership.note_confirmation(8)
    membership.note_confirmation(3)
    clock.at_s = 17
    assert not await is_held_up(membership)


async def test_who_holds_nothing_may_write_without_a_lease() -> None:
    clock = Clock()
    membership = member(clock)
    membership.give_back()
    clock.at_s = 1_000
    await membership.confirm()


async def test_a_write_that_waits_goes_on_with_the_next_answer_of_the_group() -> None:
    clock = Clock()
    membership = member(clock)
    clock.at_s = 20
    waiting = asyncio.create_task(membership.confirm())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    membership.note_confirmation(20)
    await waiting


async def test_a_write_that_waits_fails_when_the_assignment_is_lost() -> None:
    clock = Clock()
    membership = member(clock)
    clock.at_s = 20
    waiting = asyncio.create_task(membership.confirm())
    await asyncio.sleep(0)
    membership.lose("thrown out")
    with pytest.raises(AssignmentLost, match="thrown out; another worker may own its partitions"):
        await waiting


async def test_a_group_that_does_not_answer_in_time_counts_as_a_loss() -> None:
    clock = Clock(step_s=5.0)
    membership = member(clock)
    clock.at_s = 20
    with pytest.raises(AssignmentLost, match="has not confirmed this worker for"):
        await membership.confirm()
    assert clock.at_s < 20 + 2 * PATIENCE_S


async def test_the_first_reason_of_a_loss_stays_and_nothing_undoes_it() -> None:
    clock = Clock()
    membership = member(clock)
    first = membership.lose("first")
    assert membership.lose("second") is first
    membership.note_confirmation(clock.at_s)
    membership.give_back()
    with pytest.raises(AssignmentLost, match="first"):
        await membership.confirm()


# -- listening to aiokafka


class Answer:
    def __init__(self, error: type[Any] = NoError) -> None:
        self.error_code = error.errno


class Coordinator:
    """aiokafka's coordinator as far as the watch touches it."""

    group_id = "shop"

    def __init__(self) -> None:
        self.answers: dict[type[Any], Answer] = {}
        self.sent: list[Any] = []
        self.resets = 0
        self.left = 0
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._subscription = type("Subscription", (), {"fetcher_idle_time": 301.0})()

    async def _send_req(self, request: Any) -> Answer:
        self.sent.append(request)
        return self.answers.get(type(request), Answer())

    def reset_generation(self) -> None:
        self.resets += 1

    async def _maybe_leave_group(self) -> None:
        self.left += 1
        self.reset_generation()


HEARTBEAT = HeartbeatRequest("shop", 1, "me")
SYNC = SyncGroupRequest("shop", 1, "me", None, [])
JOIN = JoinGroupRequest("shop", 6_000, 6_000, "me", None, "consumer", [])
COMMIT = OffsetCommitRequest("shop", 1, "me", -1, [])


class Watched:
    """A watched coordinator, its membership, and the losses that were told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.membership = member(self.clock)
        self.coordinator = Coordinator()
        self.told: list[AssignmentLost] = []
        watch_group(cast(GroupCoordinator, self.coordinator), self.membership, self.told.append)

    async def ask(self, request: Any, error: type[Any] = NoError) -> None:
        self.coordinator.answers[type(request)] = Answer(error)
        await self.coordinator._send_req(request)


@pytest.fixture
async def watched() -> Watched:
    return Watched()


@pytest.mark.parametrize(
    ("request_", "error", "confirms"),
    [
        (HEARTBEAT, NoError, True),
        (HEARTBEAT, RebalanceInProgressError, True),
        (HEARTBEAT, UnknownMemberIdError, False),
        (HEARTBEAT, IllegalGenerationError, False),
        (SYNC, NoError, True),
        (SYNC, RebalanceInProgressError, False),
        (JOIN, NoError, False),
    ],
)
async def test_an_answer_that_knows_the_member_is_a_lease(
    watched: Watched, request_: Any, error: type[Any], confirms: bool
) -> None:
    watched.clock.at_s = 50
    await watched.ask(request_, error)
    assert (watched.membership.silent_s == 0) is confirms


async def test_a_member_that_is_thrown_out_while_it_holds_partitions_has_lost_them(
    watched: Watched,
) -> None:
    with pytest.raises(AssignmentLost, match="the consumer group shop has thrown out this worker"):
        watched.coordinator.reset_generation()
    assert watched.coordinator.resets == 1
    assert watched.told == [watched.membership.lost]


async def test_a_member_that_has_given_back_all_may_be_forgotten(watched: Watched) -> None:
    watched.membership.give_back()
    watched.coordinator.reset_generation()
    assert watched.membership.lost is None
    assert not watched.told


async def test_a_consumer_that_closes_leaves_without_a_loss(watched: Watched) -> None:
    watched.coordinator._closing.set_result(None)
    await watched.coordinator._maybe_leave_group()
    assert watched.coordinator.left == 1
    assert watched.membership.lost is None


async def test_who_leaves_because_it_does_not_read_says_so(watched: Watched) -> None:
    with pytest.raises(AssignmentLost, match="has not read for 301 s and leaves"):
        await watched.coordinator._maybe_leave_group()
    assert watched.coordinator.left == 1


async def test_no_commit_is_sent_after_a_loss(watched: Watched) -> None:
    watched.membership.lose("thrown out")
    with pytest.raises(AssignmentLost):
        await watched.ask(COMMIT)
    assert not watched.coordinator.sent
