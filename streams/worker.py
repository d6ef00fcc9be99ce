"""The worker: one process with the Faust app, ingest, engine, metrics and HTTP server."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence

from aiokafka.errors import KafkaError

from config.build import build
from config.settings import Settings
from handlers.control_records import ClockTick, encode_control
from handlers.state import formats
from scoring.policy import Policy
from scoring.rules import Rules
from streams.checked_clock import CheckedClock
from streams.engine.agent import Engine
from streams.engine.metrics import EngineMetrics
from streams.engine.owned_partition import OwnedPartition
from streams.faust_app import BatchLimits, FaustOptions, StreamApp, run_worker
from streams.ingest.agent import Ingest
from streams.kafka.clients import new_producer
from streams.kafka.clock_probe import ClockProbe, Reading
from streams.kafka.faust_credentials import faust_broker_urls, faust_credentials
from streams.kafka.offsets import topic_guard
from streams.kafka.topics import CUSTOMER_EVENTS, topic_name
from streams.logged_settings import LoggedSettings
from streams.runtime.gc_tuning import collect_rarely
from streams.runtime.http_server import HttpServer
from streams.runtime.metrics import Metrics
from streams.runtime.open_transactions import OpenTransactions
from streams.runtime.watchdog import LoopWatchdog, StallWatchdog

_log = logging.getLogger(__name__)

_LAG_EVERY_S = 2.0
_TOPICS_EVERY_S = 2.0
_BATCHES_IN_FLIGHT = 256
_FULL_BATCHES_IN_FLIGHT = 16.0
_ROUND_TICK_S = 0.02
"""Time between two ticks of a partition whose customers wait for their turn under a new policy."""


class Worker:
    """Puts one worker process together and runs it."""

    def __init__(self, settings: Settings, policy: Policy, partitions: int) -> None:
        self._settings = settings
        self._policy = policy
        self._events_topic = topic_name(settings, CUSTOMER_EVENTS)
        self._metrics = Metrics()
        self._engine_metrics = EngineMetrics(self._metrics, settings.topic_prefix)
        self._engine_producer = new_producer(settings, "engine")
        self._log_producer = new_producer(settings, "ingest")
        self._tick_producer = new_producer(settings, "clock")
        self._clock_probe = ClockProbe(settings)
        self.clock = CheckedClock(
            self._clock_probe.ask, settings.max_clock_error.ms, self._show_clock_errors
        )
        self._transactions = OpenTransactions(self._metrics)
        self._lag_seen: set[tuple[str, int]] = set()
        self.app = StreamApp(
            FaustOptions(
                app_id=settings.app_id,
                broker_urls=tuple(faust_broker_urls(settings)),
                broker_credentials=faust_credentials(settings),
                session_timeout_ms=settings.session_timeout.ms,
                rebalance_timeout_ms=settings.rebalance_timeout.ms,
                heartbeat_interval_ms=min(
                    3_000, settings.session_timeout.ms // 4, settings.rebalance_timeout.ms // 3
                ),
                replication_factor=settings.replication_factor,
                reads_format=formats.NEWEST,
                limits=BatchLimits(
                    max_in_flight=_BATCHES_IN_FLIGHT, max_full_in_flight=_FULL_BATCHES_IN_FLIGHT
                ),
            )
        )
        self.app.topic_guard = topic_guard(settings)
        self.engine = Engine(
            self.app, settings, self._engine_producer, self._engine_metrics, self._on_restored
        )
        self.ingest = Ingest(
            self.app,
            settings,
            self._log_producer,
            self._metrics,
            partitions,
            self.clock.now_ms,
            self._rules,
        )
        self.app.read_when(self.ingest.topics, self._may_ingest)
        self._logged_settings = LoggedSettings(
            settings, self._tick_producer, lambda: self.app.group_format
        )
        for producer in (self._engine_producer, self._log_producer, self._tick_producer):
            producer.guard_by(self._confirm)
        self.app.connect_first(
            LoopWatchdog(settings.stall_timeout.seconds),
            HttpServer(
                settings.http_host,
                settings.http_port,
                self._metrics.registry,
                readiness=self._readiness,
                liveness=self._liveness,
            ),
            self._clock_probe,
            self._engine_producer,
            self._log_producer,
            self._tick_producer,
        )
        self._metrics.worker.info({"app_id": settings.app_id, "mode": settings.mode})
        self._metrics.restore_remaining_offsets.set_function(
            lambda: self.app.restore_progress.remaining
        )
        self.app.task(self._run)

    def run(self) -> int:
        """Run until a signal or a failure; the exit code."""
        settings = self._settings
        _log.info(
            "worker of %s starts, %s build, in mode %s, broker %s",
            settings.app_id,
            build(),
            settings.mode,
            settings.kafka_bootstrap_servers,
        )
        collect_rarely()
        code = run_worker(self.app)
        _log.info("worker ended with exit code %s", code)
        return code

    async def _run(self) -> None:
        loops = [
            self.engine.flush_often(),
            self.ingest.flush_often(),
            self._show_lag(),
            self._watch_topics(),
            self._logged_settings.write_often(lambda: self.engine.partitions),
            self.clock.keep_comparing(),
        ]
        if self._settings.mode == "live":
            loops.append(self._tick())
        await asyncio.gather(*loops)

    async def _confirm(self) -> None:
        """Return when writing is right: with a right clock, and as a member of the group."""
        await self.clock.confirm()
        await self.app.membership.confirm()

    def _show_clock_errors(self, readings: Sequence[Reading]) -> None:
        self._metrics.set_clock_errors({one.broker: one.ahead_ms / 1000 for one in readings})

    def _readiness(self) -> Mapping[str, bool]:
        return {"assigned_and_restored": self.app.ready, "broker": not self.app.should_stop}

    def _liveness(self) -> Mapping[str, bool]:
        """False after a crash: a stall, a lost assignment, a failed write, a bug."""
        return {"works": not self.app.crashed}

    def _rules(self) -> Rules | None:
        """The rules in force, as the first of our partitions has them."""
        partitions = (one.partition for one in self.engine.partitions)
        return next((one.rules for one in partitions if one.meta.policy is not None), None)

    def _may_ingest(self) -> bool:
        """Whether we know the rules, or have no partition of the log to learn them from.

        We learn them a moment after the start, in a new log and after a worker was killed before
        its first checkpoint. Input that was read before would fill the queues that the log needs.
        """
        return self._rules() is not None or not self.engine.partitions

    def _on_restored(self, partition: OwnedPartition) -> None:
        """Tell what was restored, and compare the policy in the log with ours."""
        meta = partition.partition.meta
        self._engine_metrics.restored(partition)
        self._logged_settings.look_again(partition.number)
        _log.info(
            "partition %s restored: %s changelog records, position %s, epoch %s",
            partition.number,
            partition.restored_records,
            meta.applied,
            meta.epoch,
        )
        if meta.policy is None:
            return
        if meta.policy != self._policy:
            _log.warning(
                "the policy in force is version %r, not the configured one (%r); put it in force "
                "with 'tierstream policy publish'",
                meta.policy.version,
                self._policy.version,
            )

    async def _tick(self) -> None:
        """Write the wall time to each partition that is ours.

        Where customers wait for their turn under a new policy, more often: a quiet partition has no
        other records to go on by.
        """
        interval_s = self._settings.tick_interval.seconds
        next_s = time.monotonic() + interval_s
        while True:
            left_s = max(0.0, next_s - time.monotonic())
            await asyncio.sleep(min(_ROUND_TICK_S, left_s) if self._rounds_are_on else left_s)
            is_due = time.monotonic() >= next_s
            partitions = [
                partition
                for partition in (self.engine.partitions if self.app.ready else ())
                if is_due or partition.partition.round.is_on
            ]
            if is_due:
                next_s = time.monotonic() + interval_s
            if partitions:
                await self._write_ticks(partitions)

    @property
    def _rounds_are_on(self) -> bool:
        return any(partition.partition.round.is_on for partition in self.engine.partitions)

    async def _write_ticks(self, partitions: list[OwnedPartition]) -> None:
        tick = encode_control(ClockTick(await self.clock.now_ms()))
        for partition in partitions:
            self._tick_producer.add(self._events_topic, partition.number, None, tick)
        await self._tick_producer.flush()

    async def _watch_topics(self) -> None:
        """End if a topic is not what it was when this worker began."""
        told = False
        while True:
            await asyncio.sleep(_TOPICS_EVERY_S)
            if not self.app.ready:
                continue
            try:
                await self.app.batch_consumer.look_at_topics()
            except KafkaError:
                continue  # no broker answers, or they move: whoever works with it will notice
            if not self.app.topic_guard.metadata and not told:
                told = True
                _log.warning(
                    "the brokers give topics no ids: a topic that is made anew is not noticed"
                )

    async def _show_lag(self) -> None:
        """Measure the lag against the broker's end offsets; end if it does not shrink."""
        watchdog = StallWatchdog(self._settings.stall_timeout.seconds)
        while True:
            await asyncio.sleep(_LAG_EVERY_S)
            if not self.app.ready:
                continue
            progress = await self.app.batch_consumer.progress()
            stopped = self.ingest.stopped
            moving = {tp: found for tp, found in progress.items() if tp not in stopped}
            watchdog.look(moving, time.monotonic())
            seen = set()
            for tp, found in progress.items():
                lag = found.lag + found.open
                self._metrics.consumer_lag.labels(tp.topic, str(tp.partition)).set(lag)
                self._transactions.note(*tp, found.end, found.open, time.monotonic())
                seen.add((tp.topic, tp.partition))
            for topic, number in self._lag_seen - seen:
                self._transactions.forget(topic, number)
                self._metrics.forget_partition(topic, number)
            self._lag_seen = seen
