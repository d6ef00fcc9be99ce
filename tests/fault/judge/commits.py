"""Check 5: nothing is committed before what follows from it is durable, and nothing goes back.

A sample reads what was committed first and the ends of the topics after. So whatever must have been
durable at the commit lies below those ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.fault.evidence import (
    CHANGELOG,
    INPUT_TOPICS,
    LETTERS_TOPIC,
    LOG_TOPIC,
    Place,
    Sample,
)
from tests.fault.judge.case import Case, Written, standing_of
from tests.fault.judge.outputs import Outputs
from tests.fault.judge.wire import PARTITION_KEY


@dataclass
class Effects:
    """Where the effects of the records of one place stand, and how far they are durable at an end.

    Attributes:
        causes: offsets at the place, rising.
        reach: for each, the highest offset of an effect of it or of one before it.
        what: for each, what has that highest offset.
    """

    causes: list[int] = field(default_factory=list)
    reach: list[int] = field(default_factory=list)
    what: list[str] = field(default_factory=list)

    def beyond(self, committed: int, end: int) -> str | None:
        """An effect of a record below `committed` that is not below `end`."""
        at = bisect_left(self.causes, committed) - 1
        return self.what[at] if at >= 0 and self.reach[at] >= end else None


def _effects(pairs: Iterable[tuple[int, int, str]]) -> Effects:
    """From (offset of the cause, offset of the effect, what it is)."""
    found = Effects()
    reach, what = -1, ""
    for cause, effect, name in sorted(pairs):
        if effect > reach:
            reach, what = effect, name
        found.causes.append(cause)
        found.reach.append(reach)
        found.what.append(what)
    return found


_NEVER = 1 << 62
_BROKER_FAULTS = frozenset({"brokers_down", "broker_kill"})
_SETTLING_S = 5.0
"""So long after brokers came back a new coordinator may show what was committed earlier.

It answers by the high watermark that it knew when it loaded the offsets, until its followers have
fetched (KAFKA-15910); then it shows all of it again, without another commit.
"""


def check_commits(case: Case, outputs: Outputs) -> Iterator[str]:
    """Commits beyond what is durable, and commits that go back."""
    durable: dict[Place, dict[Place, Effects]] = {}
    for partition in case.log:
        durable[LOG_TOPIC, partition] = _of_log(case, outputs, partition)
    durable |= _of_inputs(case)
    newest: dict[Place, int] = {}
    ends: dict[Place, int] = {}
    for sample in case.evidence.samples:
        settles = _coordinator_settles(case, sample)
        for place, committed in sorted(sample.committed.items()):
            if sample.ends.get(place, 0) < ends.get(place, 0):
                newest.pop(place, None)  # another topic of this name
            ends[place] = sample.ends.get(place, 0)
            if committed < newest.get(place, 0) and not settles:
                yield (
                    f"{_at(sample)} {_name(place)} is committed at {committed}, "
                    f"after {newest[place]} before"
                )
            newest[place] = max(committed, newest.get(place, 0))
            yield from _check_sample(sample, place, committed, durable.get(place, {}))
    yield from _check_own_records(case)


def _coordinator_settles(case: Case, sample: Sample) -> bool:
    """Whether the group's coordinator may have changed just now."""
    return any(
        fault.kind in _BROKER_FAULTS and fault.began_s <= sample.at_s <= fault.ended_s + _SETTLING_S
        for fault in case.evidence.faults
    )


def _check_sample(
    sample: Sample, place: Place, committed: int, durable: dict[Place, Effects]
) -> Iterator[str]:
    if committed > sample.ends.get(place, 0):
        yield f"{_at(sample)} {_name(place)} is committed at {committed}, beyond its end"
    for target, effects in durable.items():
        what = effects.beyond(committed, sample.ends.get(target, 0))
        if what is not None:
            yield (
                f"{_at(sample)} {_name(place)} is committed at {committed}, but {what} is not "
                f"durable: {_name(target)} ends at {sample.ends.get(target, 0)}"
            )


def _of_log(case: Case, outputs: Outputs, partition: int) -> dict[Place, Effects]:
    """What a commit of a partition needs: outputs, dead letters, states, what passes on."""
    story = case.stories[partition]
    told: dict[Place, list[tuple[int, int, str]]] = {}
    changes: list[tuple[int, str]] = []
    for each in story.told:
        customer, sequence = each.output["customer_id"], each.output["sequence"]
        changes.append((each.offset, customer))
        first = outputs.first.get(customer, {}).get(sequence)
        if first is not None:  # one that is missing is told of elsewhere
            what = f"output {sequence} of {customer} ({first})"
            pair = each.offset, first.record.offset, what
            told.setdefault((first.topic, first.partition), []).append(pair)
    for offset in story.passed:
        for entry in case.follows_from.get((partition, offset), [])[:1]:
            what = f"what follows from {LOG_TOPIC}/{partition}/{offset} ({entry})"
            pair = offset, entry.record.offset, what
            told.setdefault((LOG_TOPIC, entry.partition), []).append(pair)
    told[LETTERS_TOPIC, partition] = list(_letters(case, partition))
    keys = {e.record.offset: e.record.key for e in case.log[partition]}
    changes += [(at, (keys[at] or b"").decode("utf-8", "replace")) for at in story.changed]
    told[CHANGELOG, partition] = list(_states(case, partition, changes))
    return {place: _effects(pairs) for place, pairs in told.items()}


def _letters(case: Case, partition: int) -> Iterator[tuple[int, int, str]]:
    for entry in case.log[partition]:
        if (partition, entry.record.offset) not in case.refused_by_engine and not entry.is_poison:
            continue
        position = entry.position if entry.origin is None else entry.origin.position
        for letter in case.letters_by_source.get(position, []):
            if letter.partition == partition:
                yield entry.record.offset, letter.record.offset, f"dead letter {letter}"
                break


def _states(
    case: Case, partition: int, changes: Iterable[tuple[int, str]]
) -> Iterator[tuple[int, int, str]]:
    """For each change, the first state of the customer that has it."""
    by_key: dict[bytes, list[Written]] = {}
    for written in case.written.get(partition, []):
        by_key.setdefault(written.key, []).append(written)
    for offset, customer in changes:
        states = by_key.get(customer.encode(), [])
        first = next((s.offset for s in states if s.state.applied >= offset), _NEVER)
        if first != _NEVER or offset <= case.applied(partition):
            yield offset, first, f"the state of {customer} as of {LOG_TOPIC}/{partition}/{offset}"


def _of_inputs(case: Case) -> dict[Place, dict[Place, Effects]]:
    """What a commit of an input needs: its records in the log or among the dead letters."""
    pairs: dict[Place, dict[Place, list[tuple[int, int, str]]]] = {
        (topic, partition): {}
        for topic in INPUT_TOPICS
        for partition in case.evidence.topics.get(topic, {})
    }
    for position in case.inputs:
        entries = case.by_source.get(position)
        letters = case.letters_by_source.get(position)
        if entries:
            target, found = (LOG_TOPIC, entries[0].partition), entries[0].record.offset
        elif letters:
            target, found = (LETTERS_TOPIC, letters[0].partition), letters[0].record.offset
        else:
            continue  # it is lost, which is told of elsewhere
        of_place = pairs[position.topic, position.partition]
        of_place.setdefault(target, []).append((position.offset, found, f"{position}"))
    return {
        place: {target: _effects(found) for target, found in targets.items()}
        for place, targets in pairs.items()
    }


def _check_own_records(case: Case) -> Iterator[str]:
    """What a restore would take as applied must cover what is committed, at every sample."""
    for partition in case.log:
        own = [w for w in case.written.get(partition, []) if w.key == PARTITION_KEY]
        best: list[Written] = []
        for written in own:
            kept = best[-1] if best and standing_of(best[-1]) > standing_of(written) else written
            best.append(kept)
        offsets = [written.offset for written in own]
        for sample in case.evidence.samples:
            committed = sample.committed.get((LOG_TOPIC, partition), 0)
            below = bisect_left(offsets, sample.ends.get((CHANGELOG, partition), 0))
            applied = best[below - 1].state.applied if below else -1
            if committed > applied + 1:
                yield (
                    f"{_at(sample)} {LOG_TOPIC}/{partition} is committed at {committed}, but its "
                    f"own record in the changelog says that {applied + 1} records are applied"
                )


def _at(sample: Sample) -> str:
    return f"at {sample.at_s:.1f} s"


def _name(place: Place) -> str:
    return f"{place[0]}/{place[1]}"
