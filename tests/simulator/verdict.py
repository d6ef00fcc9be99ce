"""Whether all promises held in a history: a sentence for each that did not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import orjson
from faust.types import TP

from handlers.outputs import CUSTOMER_PROFILES
from handlers.profile.record import profile_record
from handlers.state.formats import format_of
from handlers.state.partition_state import Source
from scoring.timestamps import parse_rfc3339
from streams.engine.owned_partition import OwnedPartition
from streams.faust_app import Batch
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS, INPUT_TOPICS, OUTPUTS
from tests.simulator.broker import Log, Stored
from tests.simulator.clock_use import check_clocks
from tests.simulator.custody import check_custody
from tests.simulator.dumped import check_dump
from tests.simulator.durability import Durability
from tests.simulator.fold import Fold, comparable
from tests.simulator.forwarding import check_forwarded
from tests.simulator.worker import PARTITIONS
from tests.simulator.world import World

NOT_DONE = "the work was not done in the end"


def judge(world: World) -> list[str]:
    """All that is wrong."""
    folds = {
        number: Fold(number, world.broker.log(TP(CUSTOMER_EVENTS, number)).written)
        for number in range(PARTITIONS)
    }
    found = [] if world.drained else [NOT_DONE]
    letters = _sources_of_letters(world)
    found += _accounting(world, folds, letters)
    found += check_forwarded(folds)
    found += _letters(folds, letters)
    found += check_custody(folds)
    found += _ends(world)
    found += check_clocks(world)
    for number, fold in folds.items():
        found += [f"partition {number}: {what}" for what in _order(fold)]
        found += [f"partition {number}: {what}" for what in _outputs(world, number, fold)]
        found += [f"partition {number}: {what}" for what in _states(world, number, fold)]
        found += [f"partition {number}: {what}" for what in _profiles(world, number, fold)]
        found += [f"partition {number}: {what}" for what in check_dump(world, number, fold)]
    found += Durability(world, folds, letters).problems()
    return found


# -- the log


def _accounting(
    world: World, folds: Mapping[int, Fold], letters: Mapping[Source, list[Stored]]
) -> Iterator[str]:
    """Every record that upstream wrote is in the log or a dead letter."""
    in_log = {source for fold in folds.values() for source in fold.sources}
    for topic in INPUT_TOPICS:
        for number in range(2):
            for record in world.broker.log(TP(topic, number)).written:
                source = Source(topic, number, record.offset)
                if source not in in_log and source not in letters:
                    place = f"{topic}/{number}@{record.offset}"
                    yield f"{place} is neither in the log nor a dead letter"


def _order(fold: Fold) -> Iterator[str]:
    """What first came of a source partition is in the order it had there."""
    newest: dict[tuple[str, int], int] = {}
    for topic, number, offset, _ in fold.sources:
        if offset < newest.get((topic, number), -1):
            yield f"{topic}/{number}@{offset} entered the log after a later record"
        newest[topic, number] = offset


# -- what came out


def _outputs(world: World, number: int, fold: Fold) -> Iterator[str]:
    """A consumer that keeps the last sequence sees what the fold put out, and no more."""
    expected: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for _, (topic, customer_id, value) in fold.puts:
        assert value is not None
        expected[topic, customer_id].append(value)
    raw: dict[tuple[str, int], bytes] = {}
    seen: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    last: dict[tuple[str, str], int] = {}
    for topic in OUTPUTS:
        for record in world.broker.log(TP(topic, number)).written:
            assert record.key is not None
            assert record.value is not None
            customer_id = record.key.decode()
            sequence = orjson.loads(record.value)["data"]["sequence"]
            if raw.setdefault((customer_id, sequence), record.value) != record.value:
                yield f"{topic}@{record.offset}: sequence {sequence} of {customer_id} differs"
            if sequence > last.get((topic, customer_id), 0):
                last[topic, customer_id] = sequence
                seen[topic, customer_id].append(record.value)
    for topic, customer_id in sorted(expected.keys() | seen.keys()):
        wanted, got = expected[topic, customer_id], seen[topic, customer_id]
        if wanted != got:
            yield f"{topic} of {customer_id}: a consumer sees {len(got)} of {len(wanted)} right"
    for customer_id in {customer_id for customer_id, _ in raw}:
        sequences = sorted(sequence for found, sequence in raw if found == customer_id)
        if sequences != list(range(1, len(sequences) + 1)):
            yield f"{customer_id}: the sequences have a gap: {sequences}"


def _letters(folds: Mapping[int, Fold], letters: Mapping[Source, list[Stored]]) -> Iterator[str]:
    """What an engine refuses is a dead letter, and nothing else that is in the log."""
    expected = {letter.source: letter.reason for fold in folds.values() for letter in fold.letters}
    for source, reason in expected.items():
        if source is not None and reason not in _reasons(letters.get(source, [])):
            yield f"{source} is no dead letter though it is refused as {reason}"
    for source in {source for fold in folds.values() for source in fold.sources}:
        reasons = _reasons(letters.get(source, []))
        if reasons - {expected.get(source, "")}:
            yield f"{source} is a dead letter ({', '.join(sorted(reasons))}) though it is accepted"


def _reasons(records: list[Stored]) -> set[str]:
    return {dict(record.headers)["reason"].decode() for record in records}


def _sources_of_letters(world: World) -> dict[Source, list[Stored]]:
    found: dict[Source, list[Stored]] = defaultdict(list)
    for number in range(PARTITIONS):
        for record in world.broker.log(TP(DEAD_LETTERS, number)).written:
            headers = dict(record.headers)
            if "source-topic" in headers:
                source = Source(
                    headers["source-topic"].decode(),
                    int(headers["source-partition"]),
                    int(headers["source-offset"]),
                )
                found[source].append(record)
    return found


# -- what is kept


def _states(world: World, number: int, fold: Fold) -> Iterator[str]:
    """A fresh restore from the compacted changelog has the state of the fold."""
    log = world.broker.log(TP(world.changelog, number))
    restored = OwnedPartition(number, lambda _: None)
    restored.restore(Batch.of(TP(world.changelog, number), log.kept))
    restored.on_restored(1)
    states = dict(restored.partition.store.packed())
    for customer_id in sorted(states.keys() | fold.states.keys()):
        wanted = fold.state_at(customer_id, 1 << 62)
        got = states.get(customer_id)
        if wanted is None or got is None:
            yield f"{customer_id}: {'no' if got is None else 'a'} state is restored"
        elif comparable(got) != comparable(wanted):
            yield f"{customer_id}: another state is restored than the log gives"
        elif format_of(got) < format_of(wanted):
            yield f"{customer_id}: the state has a format that its partition had before"
    meta, wanted_meta = restored.partition.meta, fold.partition.meta
    for name in ("applied", "policy", "mode", "newest_ms", "clock_ms", "format", "round"):
        if name != "applied" and getattr(meta, name) != getattr(wanted_meta, name):
            yield f"another {name} is restored than the log gives"


def _profiles(world: World, number: int, fold: Fold) -> Iterator[str]:
    """The newest profile of each customer is that of the fold's state."""
    newest = {record.key: record.value for record in _kept(world, CUSTOMER_PROFILES, number)}
    partition = fold.partition
    for customer_id in partition.store.ids():
        customer = partition.store.get(customer_id)
        assert customer is not None
        value = newest.get(customer_id.encode(), b"")
        if value == b"":
            yield f"{customer_id} has no profile"
            continue
        if value is None:
            if not customer.is_gone:
                yield f"the newest profile of {customer_id} is empty"
            continue
        as_of_ms = parse_rfc3339(orjson.loads(value)["data"]["as_of"])
        assert as_of_ms is not None
        rules = partition.standing_of(customer).rules
        wanted = profile_record(customer, rules, as_of_ms, partition.context.source)
        if wanted.value != value:
            yield f"the newest profile of {customer_id} is out of date"


def _kept(world: World, topic: str, number: int) -> list[Stored]:
    log: Log = world.broker.log(TP(topic, number))
    return log.kept


# -- processes


def _ends(world: World) -> Iterator[str]:
    """Who failed to write has ended for that or another reason."""
    ended = {process.name for process in world.endings}
    for name in world.write_faults.failed:
        if name not in ended:
            yield f"{name} failed to write and goes on"
