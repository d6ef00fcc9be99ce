"""An episode as it must be, made without servers: the product's code over topics in memory.

For the tests of the judge. Owners die after their outputs are written, ingest delivers twice, a
policy is published in the middle, somebody is erased, bad records come; and all of it ends well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, cast

from faust.types import TP

from config.policy_file import check_policy
from config.settings import Settings
from handlers.control_records import ClockTick, PolicyActivated, encode_control
from handlers.decode.decode import Limits, decode
from handlers.events import SCHEMA
from handlers.reasons import Rejection
from handlers.state.formats import NEWEST
from handlers.state.partition_state import Source
from serving.view.profile_record import read_profile
from streams.engine.owned_partition import OwnedPartition
from streams.engine.records import EngineRecords, Record
from streams.faust_app import Batch
from streams.kafka.dead_letter import dead_letter
from streams.kafka.headers import Origin, canonical_headers, cloud_event_headers
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import changelog_name
from tests.fault.evidence import (
    ALL_TOPICS,
    CHANGELOG,
    INPUT_TOPICS,
    LETTERS_TOPIC,
    LOG_TOPIC,
    PROFILES_TOPIC,
    ClockJump,
    Evidence,
    FaultSpan,
    Header,
    Place,
    RawRecord,
    Sample,
    SentRecord,
)
from tests.harness.life import ProcessLife
from tests.support.changelog import changelog_batch
from tests.support.histories import History, random_policy

BEGAN_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""
PREFIX = "p."
PARTITIONS = 3

_STEP_MS = 1_000
_LATENESS_MS = 2_000
_SKEW_MS = 300_000
_DAY_MS = 86_400_000
_FAR_MS = 60 * _DAY_MS
_BAD: tuple[tuple[bytes | None, str], ...] = (
    (b"not json", "not_json"),
    (None, "not_json"),
    (b'{"type":"order.placed"}', "missing_field"),
    (
        b'{"type":"page.viewed","event_id":"odd","customer_id":"c1","occurred_at":"2099-01-01T00:00:00Z"}',
        "from_the_future",
    ),
)


def _topic_of_bad(reason: str) -> str:
    """A topic in which a bad record has no other fault."""
    return "browse" if reason == "from_the_future" else "support"


_MERGES = (18, 22)
"""Steps in which owners die when what passes on is written."""
_POISON = {
    20: b"not json",
    21: b'{"type":"clock.tock","at":1}',
    22: b'{"type":"customer.erased","event_id":"stray","customer_id":"c1","occurred_at":0}',
}
"""What somebody writes into the log itself, by the step."""


@dataclass(frozen=True, slots=True)
class _Consumed:
    """A record as the engine gets it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass
class _Event:
    """A Faust event with a batch, whose ack is known."""

    value: Batch
    acked: bool = False

    def ack(self) -> bool:
        self.acked = True
        return True


@dataclass
class _Owner:
    """An engine's partition and how far it has read."""

    partition: OwnedPartition
    next_offset: int


@dataclass
class HealthyEpisode:
    """Plays an episode; `evidence` is what it leaves.

    Args:
        seed: of everything.
        steps: of a second each, with about as many records as `per_step` says.
        customers: how many there are.
    """

    seed: int = 1
    steps: int = 90
    per_step: int = 3
    customers: int = 12
    topics: dict[str, dict[int, list[RawRecord]]] = field(init=False)
    sent: list[SentRecord] = field(init=False, default_factory=list)
    samples: list[Sample] = field(init=False, default_factory=list)
    committed: dict[Place, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self.topics = {topic: {n: [] for n in range(PARTITIONS)} for topic in ALL_TOPICS}
        self.policies = [self._policy(1), self._policy(2)]
        self._settings = Settings(app_id="app", topic_prefix=PREFIX, partitions=PARTITIONS)
        self._records = EngineRecords(self._settings)
        self._history = History(self._random, self.customers, days=1, merges=True)
        self._now_ms = BEGAN_MS
        self._forwarded: dict[Place, int] = {}
        self._owners: dict[int, _Owner] = {}
        self._past: list[tuple[str, bytes, bytes | None, tuple[Header, ...]]] = []

    def _policy(self, number: int) -> dict[str, Any]:
        random = Random(f"{self.seed} {number}")
        policy = random_policy(random, middle_tier=True, windows_days=(30,))
        changes = {"version": f"p{number}", "timezone": "Europe/Berlin"}
        return {**policy, **changes}

    # -- playing

    def play(self) -> Evidence:
        """Everything from the first policy to a drained end and a fresh worker."""
        self._activate(self.policies[0])
        for number in range(PARTITIONS):
            self._own(number)
        for step in range(self.steps):
            self._step(step)
        drained_s = self._seconds()
        self._sample()
        restored_s = self._finish()
        return self._evidence(drained_s, restored_s)

    def _step(self, step: int) -> None:
        self._now_ms += _STEP_MS
        for _ in range(self.per_step):
            self._load()
        if step in _POISON:
            self._send(LOG_TOPIC, _POISON[step], None, sort="poison")
        if step < len(_BAD):
            value, reason = _BAD[step]
            self._send(_topic_of_bad(reason), value, b"bad", sort="bad", reason=reason)
        if step == self.steps // 2:
            self._activate(self.policies[1])
        if step in _MERGES:
            self._merge(again=step != _MERGES[0])
        if step == 2 * self.steps // 3:
            self._send(
                "profiles",
                b'{"type":"customer.erased","event_id":"gone",'
                b'"customer_id":"c0","occurred_at":%d}' % self._now_ms,
                b"c0",
            )
        self._ingest(again=step % 7 == 3)
        self._tick(self._now_ms)
        for number in range(PARTITIONS):
            self._run(number, dies=step % 4 == 2)
        self._sample()

    def _finish(self) -> float:
        """A fresh worker takes over, every customer is seen once more, and far time comes."""
        for number in range(PARTITIONS):
            self._own(number)
        restored_s = self._seconds()
        self._now_ms += _STEP_MS
        for customer in self._history._customers:
            event = (
                f'{{"type":"page.viewed","event_id":"probe-{customer}","customer_id":"{customer}",'
                f'"occurred_at":{self._now_ms}}}'
            )
            self._send("browse", event.encode(), customer.encode(), sort="probe")
        self._ingest()
        self._tick(self._now_ms)
        self._tick(self._now_ms + _FAR_MS)
        while behind := [number for number in range(PARTITIONS) if self._is_behind(number)]:
            for number in behind:
                self._run(number)
        self._sample()
        return restored_s

    def _is_behind(self, number: int) -> bool:
        return self._owners[number].next_offset < len(self.topics[LOG_TOPIC][number])

    def _tell(self, kind: str, customer: str, **fields: Any) -> None:
        event = {
            "type": kind,
            "event_id": f"{kind}-{customer}-{self._now_ms}",
            "customer_id": customer,
            "occurred_at": self._now_ms,
            **fields,
        }
        self._send(SCHEMA[kind].topic, _json(event), customer.encode())

    def _merge(self, *, again: bool) -> None:
        """A merge that holds, a circle that nobody sees in one partition, a survivor who goes."""
        one, other, third = _apart("circle")
        left, stays, _ = _apart("pair")
        leaver, gone, _ = _apart("last")
        if not again:
            for name in (one, other, third, left, stays, leaver):
                self._tell("activity.recorded", name, activity="visit")
            self._tell("customer.merged", left, into=stays)
            return
        for name, into in ((one, other), (other, third), (third, one), (leaver, gone)):
            self._tell("customer.merged", name, into=into)
        self._tell("customer.erased", gone)
        for name in (left, leaver, one):
            self._tell("page.viewed", name)

    def _seconds(self) -> float:
        return (self._now_ms - BEGAN_MS) / 1_000

    # -- the load

    def _load(self) -> None:
        roll = self._random.random()
        if roll < 0.05:
            value, reason = self._random.choice(_BAD)
            self._send(_topic_of_bad(reason), value, b"bad", sort="bad", reason=reason)
        elif roll < 0.12 and self._past:
            topic, past, key, headers = self._random.choice(self._past)
            self._send(topic, past, key, sort="duplicate", headers=headers)
        else:
            self._send_event()

    def _send_event(self) -> None:
        self._history._now = datetime.fromtimestamp(self._now_ms / 1_000, UTC)
        event = self._history._event()
        topic = SCHEMA[event["type"]].topic
        headers: tuple[Header, ...] = ()
        if self._random.random() < 0.1:
            headers = (
                ("ce_specversion", b"1.0"),
                ("ce_id", str(event.pop("event_id")).encode()),
                ("ce_type", event.pop("type").encode()),
                ("ce_subject", event["customer_id"].encode()),
                ("ce_time", datetime.fromtimestamp(self._now_ms / 1_000, UTC).isoformat().encode()),
                ("other", None),
            )
        key = self._random.choice((None, b"session", event["customer_id"].encode()))
        value = _json(event)
        self._past.append((topic, value, key, headers))
        self._send(topic, value, key, headers=headers)

    def _send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        *,
        sort: str = "good",
        reason: str | None = None,
        headers: tuple[Header, ...] = (),
    ) -> None:
        partition = self._random.randrange(PARTITIONS)
        offset = self._append(topic, partition, key, value, headers)
        at_s = self._seconds()
        self.sent.append(
            SentRecord(
                topic, partition, offset, self._now_ms, key, value, headers, sort, reason, at_s
            )
        )

    # -- the worker

    def _activate(self, policy: dict[str, Any]) -> None:
        checked = check_policy(policy)
        for number in range(PARTITIONS):
            record = PolicyActivated(
                f"activated-{policy['version']}",
                "app",
                "live",
                _LATENESS_MS,
                checked,
                format=NEWEST,
            )
            self._append(LOG_TOPIC, number, None, encode_control(record), ())

    def _tick(self, at_ms: int) -> None:
        for number in range(PARTITIONS):
            self._append(LOG_TOPIC, number, None, encode_control(ClockTick(at_ms)), ())

    def _ingest(self, *, again: bool = False) -> None:
        """Forward what came; with `again` the newest of each partition twice."""
        for topic in INPUT_TOPICS:
            for partition, records in self.topics[topic].items():
                done = self._forwarded.get((topic, partition), 0)
                first = max(0, done - 2) if again else done
                for record in records[first:]:
                    self._forward(topic, partition, record)
                self._forwarded[topic, partition] = len(records)
                self.committed[topic, partition] = len(records)

    def _forward(self, topic: str, partition: int, record: RawRecord) -> None:
        headers = _headers(record)
        origin = Origin(
            Source(PREFIX + topic, partition, record.offset), record.timestamp_ms, record.key
        )
        event = decode(
            record.value,
            cloud_event_headers(headers),
            Limits(max_event_ms=self._now_ms + _SKEW_MS),
            topic=cast(Any, topic),
            with_content=False,
        )
        if isinstance(event, Rejection):
            letter = dead_letter(record.key, record.value, origin, event, headers)
            self._append(LETTERS_TOPIC, partition, letter.key, letter.value, tuple(letter.headers))
            return
        key = event.customer_id.encode()
        canonical = tuple(canonical_headers(origin, key, headers))
        self._append(LOG_TOPIC, partition_of(key, PARTITIONS), key, record.value, canonical)

    def _own(self, number: int) -> None:
        partition = OwnedPartition(number, lambda _: None)
        changelog = [(r.key or b"", r.value) for r in self.topics[CHANGELOG][number]]
        if changelog:
            partition.restore(changelog_batch(changelog, number))
        partition.on_restored(0)
        self._owners[number] = _Owner(partition, self.committed.get((LOG_TOPIC, number), 0))

    def _run(self, number: int, *, dies: bool = False) -> None:
        """Take the log to its end and flush; who dies has written outputs and no state."""
        owner, log = self._owners[number], self.topics[LOG_TOPIC][number]
        records = [
            _Consumed(r.offset, r.timestamp_ms, r.key, r.value, _headers(r))
            for r in log[owner.next_offset :]
        ]
        event = _Event(Batch.of(TP(PREFIX + LOG_TOPIC, number), records))
        owner.partition.take(event, self._now_ms)
        owner.next_offset = len(log)
        if dies:
            self._write(
                self._records.outputs(number, owner.partition.take_flush_batch(checkpoint=False))
            )
            self._own(number)
            return
        batch = owner.partition.take_flush_batch(checkpoint=True)
        for step in ("outputs", "states", "profiles", "meta"):
            self._write(getattr(self._records, step)(number, batch))
        for acked in batch.events:
            acked.ack()
        self.committed[LOG_TOPIC, number] = owner.next_offset

    def _write(self, records: Any) -> None:
        record: Record
        for record in records:
            topic, partition, key, value, headers = record
            is_state = topic == changelog_name(self._settings)
            short = CHANGELOG if is_state else topic.removeprefix(PREFIX)
            self._append(short, partition, key, value, tuple(headers))

    def _append(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: tuple[Header, ...],
    ) -> int:
        records = self.topics[topic][partition]
        records.append(RawRecord(len(records), self._now_ms, key, value, headers))
        return len(records) - 1

    # -- the evidence

    def _sample(self) -> None:
        ends = {
            (topic, number): len(records)
            for topic, partitions in self.topics.items()
            for number, records in partitions.items()
        }
        lag = sum(
            ends[topic, number] - self.committed.get((topic, number), 0)
            for topic in (*INPUT_TOPICS, LOG_TOPIC)
            for number in range(PARTITIONS)
        )
        noise = self._random.randrange(1 << 20)
        rss = {"worker-0": (100 << 20) + noise, "projector": (50 << 20) + noise}
        self.samples.append(Sample(self._seconds(), dict(self.committed), ends, rss, lag))

    def _view(self) -> dict[str, dict[str, str]]:
        view: dict[str, dict[str, str]] = {}
        for partition, records in self.topics[PROFILES_TOPIC].items():
            for record in records:
                found = read_profile(record.key, record.value, record.offset, record.timestamp_ms)
                customer = found.customer_id.decode()
                view.pop(customer, None)
                if found.profile is not None:
                    texts = found.profile.fields
                    view[customer] = dict(zip(texts[::2], texts[1::2], strict=True)) | {
                        "profile": found.profile.data,
                        "partition": str(partition),
                        "offset": str(record.offset),
                        "timestamp_ms": str(record.timestamp_ms),
                    }
        return view

    def _evidence(self, drained_s: float, restored_s: float) -> Evidence:
        end_s = self._seconds()
        faults = (
            FaultSpan("kill", "worker-0", 5.0, 5.5),
            FaultSpan("terminate", "projector", 8.0, 8.5),
            FaultSpan("broker_pause", "broker-0", 40.0, 42.0),
        )
        failed = (
            '{"level": "critical", "message": "worker stopped by Stalled: no progress for 10 s"}'
        )
        processes = (
            ProcessLife("worker-0", 11, 0.0, 5.0, -9, "started"),
            ProcessLife("projector", 12, 0.0, 8.2, 0, "stopped"),
            ProcessLife("worker-0", 13, 5.5, 6.0, 1, failed),
            ProcessLife("worker-0", 14, 6.5, end_s, 0, "stopped"),
            ProcessLife("projector", 15, 8.5, None, None, "started"),
        )
        return Evidence(
            seed=self.seed,
            prefix=PREFIX,
            app_id="app",
            partitions=PARTITIONS,
            mode="live",
            allowed_lateness_ms=_LATENESS_MS,
            policies=tuple(self.policies),
            topics=self.topics,
            sent=tuple(self.sent),
            redis=self._view(),
            samples=tuple(self.samples),
            faults=faults,
            processes=processes,
            clock_jumps=(ClockJump("worker-0", 1.0, 2.0, 3_600_000),),
            began_ms=BEGAN_MS,
            healed_s=42.0,
            drained_s=drained_s,
            restored_s=restored_s,
        )


def _apart(name: str) -> list[str]:
    """A customer of each partition."""
    found: dict[int, str] = {}
    for number in range(100):
        customer = f"{name}{number}"
        found.setdefault(partition_of(customer.encode(), PARTITIONS), customer)
    return [found[number] for number in range(PARTITIONS)]


def _headers(record: RawRecord) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in record.headers if value is not None]


def _json(event: dict[str, Any]) -> bytes:

    return json.dumps(event).encode()
