"""One run of a worker: the production engine and ingest in a simulated process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from yarl import URL

from config.settings import Settings
from handlers.control_records import ClockTick, Mode, encode_control
from streams.checked_clock import CheckedClock
from streams.engine.agent import Engine
from streams.engine.fencing import Fencing
from streams.engine.owned_partition import OwnedPartition
from streams.faust_app import BatchProducer, Membership, PartitionedStore
from streams.ingest.agent import Ingest
from streams.kafka.clock_probe import Reading
from streams.kafka.topics import CUSTOMER_EVENTS, topic_name
from tests.simulator.app import App
from tests.simulator.clock import machine_ms
from tests.simulator.consumer import Consumer, PlainConsumer
from tests.simulator.group import SESSION_TIMEOUT_S
from tests.simulator.process import Process
from tests.simulator.producer import KafkaProducerInMemory, ProducerInMemory
from tests.simulator.surroundings import Surroundings

TICK_S = 0.3
LOOK_EVERY_S = 0.5
_PATIENCE_S = 2.0
PARTITIONS = 2


@lru_cache
def settings_of(mode: Mode) -> Settings:
    """The settings of all workers, whatever the environment says."""
    return Settings(
        app_id="sim",
        topic_prefix="",
        mode=mode,
        partitions=PARTITIONS,
        flush_interval="25ms",  # type: ignore[arg-type]
        flush_max_records=25,
        max_future_skew="365d",  # type: ignore[arg-type]
        allowed_lateness="300s",  # type: ignore[arg-type]
        min_event_time="1990-01-01T00:00:00Z",
        breaker_in_a_row=0,
        breaker_share=0,  # type: ignore[arg-type]
        breaker_pass="",
        processing_failed_per_minute=0,  # months pass in a minute
    )


class _Uncounted:
    """Metrics at which nobody looks."""

    def __getattr__(self, _name: str) -> _Uncounted:
        return self

    def __call__(self, *_: object, **__: object) -> _Uncounted:
        return self


_UNCOUNTED: Any = _Uncounted()


class Worker:
    """As `streams.worker.Worker` puts it together."""

    def __init__(self, process: Process, around: Surroundings) -> None:
        self.process = process
        self._around = around
        settings = self._settings = settings_of(around.mode)
        now_s = around.clock.monotonic
        self.app = App(process, Membership(SESSION_TIMEOUT_S, _PATIENCE_S, now_s))
        app: Any = self.app
        self.clock = CheckedClock(self._ask_time, settings.max_clock_error.ms)
        self._events_topic = topic_name(settings, CUSTOMER_EVENTS)
        self._engine_producer = self._producer("outputs")
        self._log_producer = self._producer("log")
        self._tick_producer = self._producer("tick")
        open_consumer: Any = lambda _: PlainConsumer(process, around.broker, around.network)  # noqa: E731
        self.engine = Engine(
            app,
            settings,
            self._engine_producer,
            _UNCOUNTED,
            lambda _: None,
            open_table=_open_table(around.changelog),
            fencing=Fencing(settings, open_consumer, LOOK_EVERY_S),
        )
        self.ingest = Ingest(
            app, settings, self._log_producer, _UNCOUNTED, PARTITIONS, self.clock.now_ms
        )
        process.spawn(self._run())

    def _producer(self, step: str) -> BatchProducer:
        around = self._around
        kafka = KafkaProducerInMemory(
            around.broker, around.network, self.process, around.write_faults
        )
        producer = ProducerInMemory(kafka, self.process, around.changelog, step)
        if around.leases or around.clock_draws is not None:
            producer.guard_by(self._confirm)
        return producer

    async def _confirm(self) -> None:
        """Return when writing is right."""
        await self.clock.confirm()
        if self._around.leases:
            await self.app.membership.confirm()

    async def _ask_time(self) -> list[Reading] | None:
        """The one broker writes at some time between the sending and the answer."""
        clock, draws = self._around.clock, self._around.clock_draws
        if draws is None:
            return None
        sent_s, sent_ms = clock.monotonic(), machine_ms(clock.wall_ms)
        await asyncio.sleep(draws.random() * 0.012)
        written_ms = clock.wall_ms
        await asyncio.sleep(draws.random() * 0.012)
        waited_ms = int((clock.monotonic() - sent_s) * 1000) + 1
        return [Reading(0, sent_s, sent_ms, waited_ms, written_ms)]

    async def _run(self) -> None:
        around, process = self._around, self.process
        await self.clock.confirm()
        for producer in (self._engine_producer, self._log_producer, self._tick_producer):
            await producer.start()
        consumer = self.app.batch_consumer = Consumer(
            process, self.app, around, self.engine.table.states
        )
        process.ask_to_stop = consumer.stop
        for endless in (
            consumer.belong(),
            consumer.fetch_often(),
            consumer.commit_often(),
            self.engine.flush_often(),
            self.ingest.flush_often(),
            self._tick_often(),
        ):
            process.spawn(endless)
        if around.clock_draws is not None:
            process.spawn(self.clock.keep_comparing())

    async def _tick_often(self) -> None:
        """Write the wall time to each partition that is ours."""
        around = self._around
        while around.mode == "live":
            await asyncio.sleep(TICK_S)
            if self.app.ready and around.ticking():
                tick = encode_control(ClockTick(await self.clock.now_ms()))
                for partition in self.engine.partitions:
                    self._tick_producer.add(self._events_topic, partition.number, None, tick)
                await self._tick_producer.flush()


def _open_table(changelog: str) -> Any:
    def open_table(app: Any, name: str, open_partition: Callable[[int], OwnedPartition]) -> Any:
        table: Any = SimpleNamespace(changelog_topic_name=changelog, name=name)
        table.states = PartitionedStore(
            URL("memory:"), app, table, table_name=name, open_partition=open_partition
        )
        return table

    return open_table
