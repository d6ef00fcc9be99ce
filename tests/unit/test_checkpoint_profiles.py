"""The profiles of a checkpoint: made as they are written, never ahead of the outputs."""

from __future__ import annotations

import json

from handlers.control_records import PolicyActivated
from handlers.partition import Partition
from handlers.reasons import Rejection
from handlers.state.formats import NEWEST, RULES
from scoring.policy import Policy
from streams.engine.checkpoint_profiles import CheckpointProfiles

_TIME = 1_764_460_800_000


def _partition() -> Partition:
    found = Partition()
    found.activate(0, PolicyActivated("p", "app", "live", 0, Policy(), format=NEWEST, rules=RULES))
    return found


def _visit(partition: Partition, offset: int, *customer_ids: str) -> None:
    for number, customer_id in enumerate(customer_ids):
        visit = {
            "event_id": f"{customer_id}-{offset}",
            "type": "page.viewed",
            "customer_id": customer_id,
            "occurred_at": _TIME + offset,
        }
        event = partition.admit(json.dumps(visit).encode())
        assert not isinstance(event, Rejection)
        partition.apply(offset + number, event)


def _begin(partition: Partition, before: CheckpointProfiles | None = None) -> CheckpointProfiles:
    stale, partition.stale_profiles = partition.stale_profiles, {}
    return CheckpointProfiles(partition, list(stale), () if before is None else before.left_out)


def _ids(profiles: CheckpointProfiles) -> list[str]:
    return [customer_id for _, customer_id, _ in profiles]


def test_who_changes_again_before_being_written_is_left_to_the_next_checkpoint() -> None:
    partition = _partition()
    _visit(partition, 1, "ana", "ben", "eve")
    first = _begin(partition)
    writing = iter(first)
    assert next(writing).customer_id == "ana"
    _visit(partition, 10, "ana", "ben")
    assert [profile.customer_id for profile in writing] == ["eve"]
    assert (first.left_out, len(first)) == ({"ben"}, 2)
    assert _ids(_begin(partition, first)) == ["ana", "ben"]


def test_who_never_stops_changing_is_left_out_once_in_a_row() -> None:
    partition = _partition()
    _visit(partition, 1, "ana")
    first = _begin(partition)
    _visit(partition, 2, "ana")
    assert _ids(first) == []
    as_of_then = partition.profile("ana")
    second = _begin(partition, first)
    _visit(partition, 3, "ana")
    assert list(second) == [as_of_then], "as of the checkpoint, not ahead of its outputs"
    assert partition.profile("ana") != as_of_then
    third = _begin(partition, second)
    _visit(partition, 4, "ana")
    assert _ids(third) == []
