"""Listens to what aiokafka's group coordinator hears, and tells the `Membership`.

aiokafka takes it lightly to be thrown out of a group: it forgets its member id and joins again, as
if the partitions had been given back. Here that is a loss, unless they had been.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import NoError, RebalanceInProgressError
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import HeartbeatRequest, SyncGroupRequest

from streams.faust_app.membership import AssignmentLost, Membership

_MEMBER_IS_KNOWN = (NoError.errno, RebalanceInProgressError.errno)


class _Answer(Protocol):
    error_code: int


def watch_group(
    coordinator: GroupCoordinator, membership: Membership, on_lost: Callable[[AssignmentLost], None]
) -> None:
    """Have the membership follow a coordinator that has not joined its group yet.

    Args:
        coordinator: of the consumer; lives in the consumer's thread.
        membership: is told of each answer, and of the loss.
        on_lost: called in the consumer's thread when partitions in use went away.
    """
    send_request = coordinator._send_req  # noqa: SLF001
    reset_generation = coordinator.reset_generation
    leave_group = coordinator._maybe_leave_group  # noqa: SLF001

    def in_use() -> bool:
        return membership.holds and not coordinator._closing.done()  # noqa: SLF001

    def lose(why: str) -> AssignmentLost:
        lost = membership.lose(why)
        on_lost(lost)
        return lost

    async def send(request: Any) -> Any:
        if isinstance(request, OffsetCommitRequest):
            await membership.confirm()
        asked_s = membership.now_s()
        answer: _Answer = await send_request(request)
        if _confirms(request, answer):
            membership.note_confirmation(asked_s)
        return answer

    def reset() -> None:
        reset_generation()
        if in_use():
            raise lose(
                f"the consumer group {coordinator.group_id} has thrown out this worker, which it "
                f"last confirmed {membership.silent_s:.1f} s ago"
            )

    async def leave() -> None:
        if in_use():
            idle_s = coordinator._subscription.fetcher_idle_time  # noqa: SLF001
            lose(f"this worker has not read for {idle_s:.0f} s and leaves its consumer group")
        await leave_group()

    coordinator._send_req = send  # noqa: SLF001
    coordinator.reset_generation = reset
    coordinator._maybe_leave_group = leave  # noqa: SLF001


def _confirms(request: Any, answer: _Answer) -> bool:
    if isinstance(request, HeartbeatRequest):
        return answer.error_code in _MEMBER_IS_KNOWN
    return isinstance(request, SyncGroupRequest) and answer.error_code == NoError.errno
