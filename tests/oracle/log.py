"""The partitions of the canonical log, customer by customer.

In mode live, what becomes of a customer depends on its own events, on the policies and on the clock
alone. So each customer is folded without the others, and of several ticks with nothing between them
for this customer only the highest is taken: it fires what they would have fired one by one. (When
a notice of retention ends depends on the tick that began it, so that one is taken for itself.) In
mode replay everybody's events are everybody's clock, and all customers are folded together. So they
are where customers take turns under policies with retention: which events are accepted decides on
the turns, and turns on who is erased.

Customers whose merges name each other are folded together in either mode, in all their partitions.
Who is merged is handed over as the oracle knows them, with all their history; the state that the
log has is not looked at. A partition that has come to the arrival of somebody waits until the one
they left has come to the merge.
"""

import copy
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.oracle import retention
from tests.oracle.checks import Limits, integer_of
from tests.oracle.customer import Customer
from tests.oracle.evaluation import Output
from tests.oracle.forwarded import Forwarded, Transfer
from tests.oracle.log_records import Arrival, LogRecord, Place, apart, take_turns
from tests.oracle.partition import Deployment, Partition, is_control
from tests.oracle.policy import Policy, read_policy
from tests.oracle.profiles import profile_of
from tests.oracle.records import NotJsonError, parse_object
from tests.oracle.rounds import Facts, News, Turns, turns_of
from tests.oracle.times import parse_rfc3339

__all__ = ["Arrival", "LogRecord", "Standing", "Story", "Told", "fold", "fold_all"]

# The times of records in the log were looked at when they entered it.
_ANY_TIME = Limits(min_event_time_ms=-(10**30), newest_event_time_ms=10**31)


@dataclass(frozen=True)
class Told:
    """An output and the offset of the record that caused it."""

    offset: int
    output: Output


@dataclass(frozen=True)
class Standing:
    """Where a customer stands: its history, the partition's clock and the policy in force."""

    customer: Customer | None
    erased: bool
    policy: Policy
    clock_ms: int | None
    merged_into: str | None = None

    def profile(self, as_of_ms: int) -> dict[str, Any] | None:
        """The public profile as of an instant; None for one who is gone or was never known."""
        return None if self.customer is None else profile_of(self.customer, as_of_ms, self.policy)


@dataclass
class Story:
    """What a log comes to.

    Attributes:
        told: the outputs; those of one customer in their order.
        dead_letters: `reason`, `event_id` and, as `line`, the offset.
        changed: offsets of the events that change a state.
        accepted: how many events were accepted, those that change nothing too.
        duplicates: how many events were told again.
        passed: what must go on to other customers, by the offset it follows from.
        standing: each customer at the end.
        earlier: each customer after the offset that was asked for.
    """

    told: list[Told] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    accepted: int = 0
    duplicates: int = 0
    passed: dict[int, Forwarded] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)
    earlier: dict[str, Standing] = field(default_factory=dict)


def is_log_control(value: bytes | None) -> bool:
    """Whether a record without a key is what such a record must be: a tick or a policy."""
    if value is None:
        return False
    try:
        return is_control(parse_object(value))
    except NotJsonError:
        return False


def fold(records: Sequence[LogRecord], up_to: int) -> Story:
    """The story of the only partition of a log, see `fold_all`."""
    return fold_all({0: records}, {0: up_to})[0]


def fold_all(logs: Mapping[int, Sequence[LogRecord]], up_to: Mapping[int, int]) -> dict[int, Story]:
    """The stories of all partitions of a log without repeated records.

    Args:
        logs: the records of each partition, in order.
        up_to: the offset as of which `earlier` of each partition's story is.

    Raises:
        ValueError: a partition with events has no policy, or somebody arrives where nobody was
            merged.
    """
    controls = {
        number: [_Control(record) for record in records if record.key is None]
        for number, records in logs.items()
    }
    is_replay = any(each.mode == "replay" for found in controls.values() for each in found)
    events = [
        (number, record)
        for number, records in logs.items()
        for record in records
        if record.key is not None
    ]
    has_turns = any(each.at_a_time for found in controls.values() for each in found)
    is_whole = is_replay or (has_turns and any(map(_has_retention, controls.values())))
    groups = [events] if is_whole else apart(events)
    log = _Log(controls, up_to, is_whole=is_whole)
    if not is_whole and has_turns:
        # When somebody's turn comes depends on others' events: first on which were accepted.
        facts = _fold_groups(groups, log).facts
        log.turns = {
            number: turns_of(_with_ticks(facts[number], found), _news(found))
            for number, found in controls.items()
        }
    return _fold_groups(groups, log).stories


def _has_retention(controls: Sequence["_Control"]) -> bool:
    return any(each.at_ms is None and "retention" in each.policy().sections for each in controls)


@dataclass
class _Log:
    """What all folds of a log have in common; `turns` by partition and customer."""

    controls: Mapping[int, Sequence["_Control"]]
    up_to: Mapping[int, int]
    is_whole: bool
    turns: Mapping[int, Turns] = field(default_factory=dict)


@dataclass
class _Folded:
    stories: dict[int, Story]
    facts: dict[int, Facts]


def _fold_groups(groups: Sequence[list[tuple[int, LogRecord]]], log: _Log) -> _Folded:
    found = _Folded(
        {number: Story() for number in log.controls}, {number: Facts() for number in log.controls}
    )
    for own in groups:
        moving: dict[Place, Forwarded] = {}
        folds = []
        for number in dict.fromkeys(number for number, _ in own):
            records = [record for each, record in own if each == number]
            shelf = _Shelf(number, moving, found.stories[number], found.facts[number])
            folds.append(_fold(records, log, shelf))
        take_turns(folds)
    return found


def _with_ticks(facts: Facts, controls: Sequence["_Control"]) -> Facts:
    """Facts of one partition with its ticks, each of which gives turns as an event does."""
    ticks = [control.offset for control in controls if control.at_ms is not None]
    return replace(facts, steps=[*facts.steps, *ticks])


def _news(controls: Sequence["_Control"]) -> list[News]:
    """The records of a partition that put another policy in force than the one before."""
    found: list[News] = []
    former: Policy | None = None
    for control in controls:
        if control.at_ms is None:
            policy = control.policy()
            if former is not None and policy != former:
                found.append(News(control.offset, control.at_a_time))
            former = policy
    return found


@dataclass
class _Shelf:
    """Where a fold puts what it finds, and where it finds who was merged."""

    number: int
    moving: dict[Place, Forwarded]
    story: Story
    facts: Facts


@dataclass(frozen=True)
class _Turn:
    """Somebody has a turn under a new policy, before the record at this offset is taken."""

    offset: int
    customer_id: str
    at_ms = None


class _Control:
    """A tick or a policy, parsed once for all customers."""

    def __init__(self, record: LogRecord) -> None:
        assert record.value is not None
        parsed = parse_object(record.value)
        self.record = record
        self.offset = record.offset
        self.at_ms = integer_of(parsed["at"]) if parsed["type"] == "clock.tick" else None
        self.mode = parsed.get("mode")
        at_a_time = parsed.get("at_a_time")
        self.at_a_time = None if at_a_time is None else integer_of(at_a_time)

    def policy(self) -> Policy:
        assert self.record.value is not None
        return read_policy(json.loads(self.record.value)["policy"])


def _first_policy(controls: Sequence[_Control]) -> Policy:
    for control in controls:
        if control.at_ms is None:
            return control.policy()
    raise ValueError("the log has no policy")


class _Run:
    """Ticks that follow each other, for one customer: the highest stands for all."""

    def __init__(self, ticks: Sequence[_Control]) -> None:
        self.ticks = ticks
        self.highest = max(ticks, key=lambda tick: tick.at_ms or 0)

    def cause_of(self, output: Output, lateness_ms: int) -> int:
        """The offset of the first tick that reaches the instant of an output."""
        due_ms = parse_rfc3339(output["effective_at"])
        assert due_ms is not None
        for tick in self.ticks:
            assert tick.at_ms is not None
            if tick.at_ms - lateness_ms >= due_ms:
                return tick.offset
        raise AssertionError("an output is due by the highest tick")


def _fold(own: Sequence[LogRecord], log: _Log, shelf: _Shelf) -> Iterator[Place]:
    """One partition for some customers; yields the merge it waits for, again and again."""
    story, up_to, controls = shelf.story, log.up_to[shelf.number], log.controls[shelf.number]
    deployment = Deployment(live=True, allowed_lateness_ms=0, until_ms=None, limits=_ANY_TIME)
    partition = Partition(deployment, _first_policy(controls), is_whole=False, is_log=True)
    told = log.turns.get(shelf.number, Turns())
    partition.turns_told = None if log.is_whole else told
    turns = _turns_among(own, told)
    offsets = [control.offset for control in controls]
    turn_offsets = [turn.offset for turn in turns]
    earlier: dict[str, Standing] | None = None
    reached = -1
    for record in [*own, None]:
        end = record.offset if record is not None else 1 << 62
        between = controls[bisect_right(offsets, reached) : bisect_left(offsets, end)]
        given = turns[bisect_right(turn_offsets, reached) : bisect_right(turn_offsets, end)]
        for part in _split(_in_order(given, between), up_to):
            if earlier is None and part[0].offset > up_to:
                earlier = copy.deepcopy(_standing(partition))
            story.told += _pass(partition, part)
        if record is None:
            break
        if earlier is None and record.offset > up_to:
            earlier = copy.deepcopy(_standing(partition))
        before = len(partition.outputs)
        yield from _take(partition, record, shelf)
        story.told += [Told(record.offset, output) for output in partition.outputs[before:]]
        reached = record.offset
    standing = _standing(partition)
    story.dead_letters += partition.dead_letters
    story.changed += partition.changed_lines
    story.accepted += partition.accepted
    story.duplicates += partition.duplicates
    story.standing |= standing
    story.earlier |= standing if earlier is None else earlier
    shelf.facts.steps += partition.facts.steps
    shelf.facts.known_since |= partition.facts.known_since


def _turns_among(own: Sequence[LogRecord], turns: Turns) -> list[_Turn]:
    """The turns of some records' customers, in order of the records that give them."""
    ids = {record.key.decode() for record in own if record.key is not None}
    found = [
        _Turn(offset, each) for each in sorted(ids) for offset in turns.by_customer.get(each, ())
    ]
    return sorted(found, key=lambda turn: turn.offset)


def _in_order(turns: Sequence[_Turn], controls: Sequence[_Control]) -> Sequence[_Turn | _Control]:
    return sorted([*turns, *controls], key=lambda each: each.offset)


def _take(partition: Partition, record: LogRecord, shelf: _Shelf) -> Iterator[Place]:
    arrival = record.arrival
    if arrival is None or not arrival.is_transfer:
        key = None if record.key is None else record.key.decode("utf-8", "replace")
        way = None if arrival is None else arrival.way
        partition.take_keyed(record.value, record.offset, record.attributes, way, key)
    else:
        while not isinstance(transfer := shelf.moving.get(arrival.follows_from), Transfer):
            yield arrival.follows_from
        partition.take_in(replace(transfer, way=arrival.way), record.offset)
    passed = partition.passed.get(record.offset)
    if passed is not None:
        shelf.moving[shelf.number, record.offset] = passed
        shelf.story.passed[record.offset] = passed


def _split(between: Sequence[_Turn | _Control], up_to: int) -> list[list[_Turn | _Control]]:
    """In parts: each turn and policy for itself, ticks together, but none across `up_to`."""
    parts: list[list[_Turn | _Control]] = []
    for control in between:
        last = parts[-1][-1] if parts else None
        together = (
            last is not None
            and last.at_ms is not None
            and control.at_ms is not None
            and (last.offset <= up_to) == (control.offset <= up_to)
        )
        if together:
            parts[-1].append(control)
        else:
            parts.append([control])
    return parts


def _ticks_together(partition: Partition, part: Sequence[_Turn | _Control]) -> int:
    """How many of some ticks come to the same as the highest of them."""
    if len(part) == 1:
        return 1
    if partition.round.queue is not None:
        return 1  # each of them gives turns
    lateness_ms = partition.deployment.allowed_lateness_ms
    found = [
        retention.due_ms(customer, partition.policy) for customer in partition.customers.values()
    ]
    due_ms = min((each for each in found if each is not None), default=None)
    if due_ms is None:
        return len(part)
    for number, tick in enumerate(part):
        assert tick.at_ms is not None
        if tick.at_ms - lateness_ms >= due_ms:
            return max(number, 1)
    return len(part)


def _pass(partition: Partition, part: Sequence[_Turn | _Control]) -> list[Told]:
    told: list[Told] = []
    while part:
        together = _ticks_together(partition, part)
        told += _pass_together(partition, part[:together])
        part = part[together:]
    return told


def _pass_together(partition: Partition, part: Sequence[_Turn | _Control]) -> list[Told]:
    before = len(partition.outputs)
    first, ticks = part[0], [each for each in part if isinstance(each, _Control)]
    if isinstance(first, _Turn):
        partition.turn(first.customer_id)
        return [Told(first.offset, output) for output in partition.outputs[before:]]
    run = _Run(ticks) if len(ticks) > 1 else None
    taken = run.highest if run is not None else first
    assert taken.record.value is not None
    partition.take_control(taken.record.value, taken.offset)
    lateness_ms = partition.deployment.allowed_lateness_ms
    return [
        Told(taken.offset if run is None else run.cause_of(output, lateness_ms), output)
        for output in partition.outputs[before:]
    ]


def _standing(partition: Partition) -> dict[str, Standing]:
    known = {
        customer_id: Standing(customer, False, partition.policy, partition.clock_ms)
        for customer_id, customer in partition.customers.items()
    }
    for customer_id, waiting in partition.waiting.items():
        if customer_id in known:
            customer = partition.customers[customer_id]
            known[customer_id] = Standing(customer, False, waiting.policy, waiting.at_ms)
    erased = {
        customer_id: Standing(None, True, partition.policy, partition.clock_ms)
        for customer_id in (*partition.erased, *partition.lapsed)
    }
    merged = {
        customer_id: Standing(None, False, partition.policy, partition.clock_ms, merge.into)
        for customer_id, merge in partition.merged.items()
    }
    return known | erased | merged
