"""No commit beyond what is durable: for each commit, what all logs held at that very moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import orjson
from faust.types import TP

from handlers.state.customer import unpack_head
from handlers.state.partition_state import Source, unpack_meta
from streams.kafka.headers import META_KEY
from streams.kafka.topics import CUSTOMER_EVENTS, INPUT_TOPICS, OUTPUTS
from tests.simulator.broker import Stored
from tests.simulator.fold import Fold
from tests.simulator.forwarding import place_of, target_of
from tests.simulator.group import Commit
from tests.simulator.world import World


class Durability:
    """Walks through the commits in their order, and the logs with them."""

    def __init__(
        self,
        world: World,
        folds: Mapping[int, Fold],
        letters: Mapping[Source, list[Stored]],
    ) -> None:
        self._world = world
        self._folds = folds
        self._letters = letters
        self._read: dict[TP, int] = defaultdict(int)
        self._states: dict[tuple[int, bytes], tuple[int, int]] = {}
        self._metas: dict[int, tuple[int, int]] = {}
        self._sequences: dict[str, set[int]] = defaultdict(set)

    def problems(self) -> Iterator[str]:
        """What was committed too early."""
        for commit in self._world.group.commits:
            if commit.tp.topic in INPUT_TOPICS:
                yield from self._input(commit)
            elif commit.tp.topic == CUSTOMER_EVENTS:
                yield from self._log(commit)

    # -- ingest

    def _input(self, commit: Commit) -> Iterator[str]:
        """All before the position is in the log or a dead letter."""
        topic, number = commit.tp
        for offset in range(self._read[commit.tp], commit.position):
            source = Source(topic, number, offset)
            if not self._is_forwarded(source, commit):
                yield (
                    f"{topic}/{number} was committed to {commit.position} by {commit.member} when "
                    f"offset {offset} was not forwarded"
                )
        self._read[commit.tp] = max(self._read[commit.tp], commit.position)

    def _is_forwarded(self, source: Source, commit: Commit) -> bool:
        for number, fold in self._folds.items():
            at = fold.sources.get(source)
            if at is not None and at < commit.ends.get(TP(CUSTOMER_EVENTS, number), 0):
                return True
        return any(letter.at_s <= commit.at_s for letter in self._letters.get(source, []))

    # -- engine

    def _log(self, commit: Commit) -> Iterator[str]:
        """Outputs, states and the partition's own record contain all before the position."""
        number, upto = commit.tp.partition, commit.position - 1
        self._read_on(number, commit.ends)
        fold = self._folds[number]
        what = f"the log's partition {number} was committed to {commit.position} by {commit.member}"
        if self._metas.get(number, (0, -1))[1] < upto:
            yield f"{what} when its own record said {self._metas.get(number)}"
        for customer_id, states in fold.states.items():
            due = max((at for at, _ in states if at <= upto), default=-1)
            has = self._states.get((number, customer_id.encode()), (0, -1))
            if has[1] < due:
                yield f"{what} when the state of {customer_id} was of {has[1]}, not of {due}"
        for position, output in fold.puts:
            if position > upto:
                break
            sequence = orjson.loads(output.value or b"")["data"]["sequence"]
            if sequence not in self._sequences[output.customer_id]:
                yield f"{what} when output {sequence} of {output.customer_id} was not written"
        for letter in fold.letters:
            if letter.position <= upto and letter.source is not None:
                written = self._letters.get(letter.source, [])
                if not any(record.at_s <= commit.at_s for record in written):
                    yield f"{what} when {letter.source} was no dead letter yet"
        yield from (f"{what} when {late}" for late in self._not_gone_on(number, commit))

    def _not_gone_on(self, number: int, commit: Commit) -> Iterator[str]:
        """What must be in the log of another customer's partition."""
        for position, passed in self._folds[number].passed.items():
            target = target_of(passed)
            came = self._folds[target].forwarded.get(place_of(number, position))
            end = commit.ends.get(TP(CUSTOMER_EVENTS, target), 0)
            if position < commit.position and (came is None or came >= end):
                yield f"{position} had not gone on to {passed.forwarded.into}"

    def _read_on(self, number: int, ends: Mapping[TP, int]) -> None:
        changelog = TP(self._world.changelog, number)
        for record in self._new(changelog, ends):
            assert record.key is not None
            assert record.value is not None
            if record.key == META_KEY:
                meta = unpack_meta(record.value)
                found = meta.epoch, meta.applied
                self._metas[number] = max(self._metas.get(number, found), found)
            else:
                head = unpack_head(record.value)
                at = number, record.key
                found = head.epoch, head.applied
                self._states[at] = max(self._states.get(at, found), found)
        for topic in OUTPUTS:
            for record in self._new(TP(topic, number), ends):
                assert record.key is not None
                sequence = orjson.loads(record.value or b"")["data"]["sequence"]
                self._sequences[record.key.decode()].add(sequence)

    def _new(self, tp: TP, ends: Mapping[TP, int]) -> list[Stored]:
        end = max(self._read[tp], ends.get(tp, 0))
        records = self._world.broker.log(tp).written[self._read[tp] : end]
        self._read[tp] = end
        return records
