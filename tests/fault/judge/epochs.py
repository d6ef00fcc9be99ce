"""Check 6: what a restore keeps is the truth, and compaction could not take it away.

A restore keeps, for each key, the record with the highest (owner epoch, position). Compaction keeps
the newest by offset. Both must be the same once the owner had time to look.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.fault.evidence import CHANGELOG
from tests.fault.judge.case import Case, Written, standing_of
from tests.fault.judge.wire import PARTITION_KEY, State, partition_of
from tests.oracle.levels import LEVELS
from tests.oracle.log import Standing


def check_epochs(case: Case) -> Iterator[str]:
    """All that is wrong with what a restore would find."""
    for partition in sorted(case.log):
        yield from _check_applied(case, partition)
        yield from _check_newest(case, partition)
        yield from _check_states(case, partition)


def zombie_writes(case: Case) -> int:
    """Records of the changelog written by an owner after one of a higher epoch wrote."""
    count = 0
    for written in case.written.values():
        highest = -1
        for each in written:
            count += each.state.epoch < highest
            highest = max(highest, each.state.epoch)
    return count


def _check_applied(case: Case, partition: int) -> Iterator[str]:
    """Every event of the log is behind the last checkpoint."""
    applied = case.applied(partition)
    behind = [
        entry
        for entry in case.log[partition]
        if entry.record.offset > applied and not entry.is_control and not entry.is_repeated
    ]
    if behind:
        yield (
            f"{len(behind)} records of {behind[0].record.key!r} and others, from {behind[0]} on, "
            f"are not applied: the partition's own record stands at {applied}"
        )


def _check_newest(case: Case, partition: int) -> Iterator[str]:
    newest: dict[bytes, Written] = {each.key: each for each in case.written.get(partition, [])}
    for key, kept in case.kept.get(partition, {}).items():
        last = newest[key]
        if standing_of(last) < standing_of(kept):
            yield (
                f"{CHANGELOG}/{partition}/{last.offset} of {key!r} is of epoch "
                f"{last.state.epoch}, behind {kept.offset} of epoch {kept.state.epoch}: "
                "nobody wrote over a former owner's record"
            )


def _check_states(case: Case, partition: int) -> Iterator[str]:
    story = case.stories[partition]
    kept = {
        key.decode("utf-8", "replace"): written
        for key, written in case.kept.get(partition, {}).items()
        if key != PARTITION_KEY
    }
    for customer in sorted(kept.keys() | story.earlier.keys()):
        if customer not in kept:
            yield f"{CHANGELOG}/{partition} has no state of {customer}"
            continue
        state, place = kept[customer].state, f"{CHANGELOG}/{partition}/{kept[customer].offset}"
        if partition != partition_of(customer.encode(), case.evidence.partitions):
            yield f"{place} is in the wrong partition for {customer}"
        standings = [
            standing
            for standing in (story.earlier.get(customer), story.standing.get(customer))
            if standing is not None
        ]
        if not standings:
            yield f"{place} is a state of {customer}, of whom the log knows nothing"
            continue
        differences = [list(_differences(state, standing)) for standing in standings]
        for difference in min(differences, key=len):
            yield f"{place}, what a restore keeps of {customer}, {difference}"


def _differences(state: State, standing: Standing) -> Iterator[str]:
    """Between a packed state and the oracle's customer, as far as the judge can read it."""
    if state.erased or standing.erased:
        if state.erased != standing.erased:
            yield f"has erased {state.erased}, the oracle {standing.erased}"
        return
    if state.merged_into != standing.merged_into:
        yield f"leads to {state.merged_into!r}, in the oracle to {standing.merged_into!r}"
    if standing.merged_into is not None:
        return
    customer = standing.customer
    assert customer is not None
    as_of_ms = max(customer.newest_event_ms, standing.clock_ms or customer.newest_event_ms)
    profile = standing.profile(as_of_ms)
    assert profile is not None
    level = None if state.level is None else LEVELS[state.level]
    pairs = {
        "sequence": (state.sequence, customer.sequence),
        "tier": (state.tier, customer.tier),
        "stage": (state.stage, profile["stage"]),
        "level": (level, LEVELS[customer.level]),
        "newest event at": (state.newest_ms, customer.newest_event_ms),
    }
    for name, (found, should) in pairs.items():
        if found != should:
            yield f"has {name} {found!r}, the oracle {should!r}"
