"""The Faust app, with every setting that its safety depends on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from typing import Any, Protocol, cast

import faust
from faust.app.base import BootStrategy
from faust.sensors import Sensor
from faust.types import TP, EventT, Message, TopicT
from faust.types.transports import TransportT
from mode import ServiceT
from mode.supervisors import CrashingSupervisor
from typing_extensions import override

from streams.faust_app.consumer import BatchConsumer, batch_consumer
from streams.faust_app.format_assignor import FormatAssignor
from streams.faust_app.membership import Membership
from streams.faust_app.options import FaustOptions
from streams.faust_app.recovery import RestoreProgress, StrictTables
from streams.faust_app.topic_guard import TopicGuard
from streams.faust_app.transport import BatchTransport

# Queues are bounded by the batches in flight of each partition, far below this. A queue that fills
# would hold up all partitions, and with it the one whose batch could be finished.
_STREAM_QUEUE_BATCHES = 65_536
# The queue of restored batches knows no batches in flight; this is its bound.
_RESTORE_QUEUE_BATCHES = 8
_REQUEST_TIMEOUT_S = 40.0
_CLOSE_S = 2.0
"""How long a connection may take to close: after a failure it may have something left to send."""


class BatchSchema(faust.Schema[Any, Any]):
    """Hands a batch to the agent as it is; the application decodes its records."""

    @override
    def compile(self, app: Any, **_: Any) -> Any:
        """The function that makes an event of a message."""

        async def decode(message: Message, **_: Any) -> EventT[Any]:
            event: EventT[Any] = app.create_event(None, message.value, None, message)
            return event

        return decode


class StreamBoot(BootStrategy):
    """Starts neither Faust's web server nor its producer: both are ours."""

    enable_web = False
    enable_kafka_producer = False


class Connection(Protocol):
    """What is opened before the first record is read and closed after the last is acked."""

    async def start(self) -> None:
        """Open it."""

    async def stop(self) -> None:
        """Close it; harmless if it was never opened."""


class StreamApp(faust.App):
    """Faust app on the batched transport.

    Faust starts an app's own tasks when events already flow, so they are no place to connect what
    the agents write to: `connect_first` is.
    """

    BootStrategy = StreamBoot

    def __init__(self, options: FaustOptions) -> None:
        self.options = options
        self.membership = Membership(
            options.session_timeout_ms / 1000, options.confirmation_timeout_ms / 1000
        )
        self.topic_guard = TopicGuard()
        self.reads_format = options.reads_format
        self._on_drain: list[Callable[[], Awaitable[None]]] = []
        self._connections: Sequence[Connection] = ()
        self._kept: dict[str, Callable[[int], bool]] = {}
        self._read_when: list[tuple[Set[str], Callable[[], bool]]] = []
        super().__init__(options.app_id, **faust_settings(options))

    def batch_topic(self, name: str) -> TopicT:
        """The topic ``name`` for an agent, whose events then have a `Batch` as value."""
        return self.topic(name, maxsize=_STREAM_QUEUE_BATCHES)

    def keep_state(self, topic: str, has_state: Callable[[int], bool]) -> None:
        """Declare that state is kept of the partitions of a topic, and says how far it goes.

        A partition is read only while ``has_state`` says that its state is here and complete.
        """
        self._kept[topic] = has_state

    @property
    def kept_topics(self) -> Set[str]:
        """The topics of which state is kept."""
        return self._kept.keys()

    def has_state(self, tp: TP) -> bool:
        """Whether the state that a partition needs is here; others need none."""
        return tp.topic not in self._kept or self._kept[tp.topic](tp.partition)

    def read_when(self, topics: Iterable[str], may_read: Callable[[], bool]) -> None:
        """Read these topics only while ``may_read`` says so; a fetch under way still delivers."""
        self._read_when.append((frozenset(topics), may_read))

    @property
    def held_topics(self) -> Set[str]:
        """The topics that may not be read now, by what `read_when` was given."""
        return {topic for topics, may_read in self._read_when if not may_read() for topic in topics}

    def connect_first(self, *connections: Connection) -> None:
        """Open these, in this order, before the app reads, and close them when it has ended."""
        self._connections = connections

    def on_drain(self, flush: Callable[[], Awaitable[None]]) -> None:
        """Call ``flush`` whenever a rebalance or a stop waits for the batches in flight.

        It makes durable and acks what it can, and is called again until nothing is in flight;
        another call may be under way. Its failure stops the process.
        """
        self._on_drain.append(flush)

    async def drain(self) -> None:
        """Run what `on_drain` was given."""
        for flush in self._on_drain:
            await flush()

    @property
    def batch_consumer(self) -> BatchConsumer:
        """The consumer with its real type."""
        return batch_consumer(self.consumer)

    @property
    def generation(self) -> int:
        """The generation of the consumer group this worker last joined."""
        return int(self.consumer_generation_id)

    @property
    def group_format(self) -> int:
        """The newest format of states that every member of the group reads, itself included."""
        return cast(FormatAssignor, self.assignor).group_format

    @property
    def ready(self) -> bool:
        """Whether partitions are assigned and restored, and events flow."""
        return self.started and not self.should_stop and bool(self.tables.actives_ready)

    @property
    def restore_progress(self) -> RestoreProgress:
        """How far the restore of the tables is; 0 of 0 while nothing is restored."""
        return cast(StrictTables, self.tables).recovery.progress

    @override
    def on_init_dependencies(self) -> Iterable[ServiceT]:
        """As Faust, but its monitor is told nothing of each message: our metrics count batches."""
        services: Iterable[ServiceT] = super().on_init_dependencies()
        self.sensors.remove(self.monitor)
        self.sensors.add(Sensor())  # without any, Faust warns of each rebalance
        return services

    @override
    async def on_start(self) -> None:
        """Open the connections; the first that does not open ends the app."""
        await super().on_start()
        try:
            for connection in self._connections:
                await connection.start()
        except Exception as error:
            await self.crash(error)

    @override
    async def on_shutdown(self) -> None:
        """Close the connections."""
        await super().on_shutdown()
        for connection in self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(connection.stop(), _CLOSE_S)

    @override
    def _new_transport(self) -> TransportT:
        return BatchTransport(self.conf.broker_consumer, self, limits=self.options.limits)

    @override
    def _create_directories(self) -> None:
        """Nothing: no state is kept on disk."""

    @override
    def _on_rebalance_when_stopped(self) -> None:
        """Nothing: Faust would close the connection under the commit of the stop."""


def faust_settings(options: FaustOptions) -> Mapping[str, Any]:
    """Faust's settings for ``options``."""
    return {
        "broker": list(options.broker_urls),
        "broker_credentials": options.broker_credentials,
        "broker_client_id": options.app_id,
        "broker_commit_interval": options.commit_interval_ms / 1000,
        "broker_session_timeout": options.session_timeout_ms / 1000,
        "broker_rebalance_timeout": options.rebalance_timeout_ms / 1000,
        "broker_heartbeat_interval": options.heartbeat_interval_ms / 1000,
        # Also bounds each step of Faust's restore; may not be below the session timeout.
        "broker_request_timeout": max(_REQUEST_TIMEOUT_S, options.session_timeout_ms / 1000),
        "broker_max_poll_records": options.limits.max_records,
        "broker_max_poll_interval": options.max_poll_interval_ms / 1000,
        "consumer_max_fetch_size": options.limits.max_bytes,
        # Where to begin without a position is said explicitly; all else would be a silent loss.
        "consumer_auto_offset_reset": "none",
        "processing_guarantee": "at_least_once",
        "producer_acks": -1,
        "producer_request_timeout": _REQUEST_TIMEOUT_S,
        "stream_wait_empty": True,
        "stream_buffer_maxsize": _RESTORE_QUEUE_BATCHES,
        "stream_recovery_delay": 0.0,
        "table_standby_replicas": 0,
        "topic_replication_factor": options.replication_factor,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "reply_create_topic": False,
        "agent_supervisor": CrashingSupervisor,
        "Schema": BatchSchema,
        "TableManager": StrictTables,
        "PartitionAssignor": FormatAssignor,
        "cython_optimizations": True,
        "autodiscover": False,
        "web_enabled": False,
        "web_tables_enabled": False,
        "web_router_enabled": False,
        "worker_redirect_stdouts": False,
        "loghandlers": [],
    }


def create_app(options: FaustOptions) -> StreamApp:
    """The app, without agents and tables yet."""
    return StreamApp(options)
