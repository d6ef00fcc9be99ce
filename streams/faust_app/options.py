"""How the Faust app is set up: one frozen value, filled in by the entry point."""

from __future__ import annotations

from dataclasses import dataclass, field

from faust.types.auth import CredentialsT


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Bounds on what is read ahead; the memory of a worker follows from them.

    Attributes:
        max_records: records in a batch.
        max_bytes: bytes of keys and values in a batch; a larger record is a batch of its own.
        max_in_flight: batches of one partition that are delivered and not yet acked. Only the
            batches of the fetch that reaches a bound may exceed it.
        max_full_in_flight: the same for how many full batches they would make; few records at a
            time make many batches that hold little.
        fetch_max_wait_ms: how long the broker may hold a fetch that finds nothing new. A partition
            that becomes readable waits for the fetch under way, so this is also a latency.
        drain_timeout_ms: how long a rebalance or a stop waits for the batches in flight and for
            their commit; beyond it the process stops.
    """

    max_records: int = 2_000
    max_bytes: int = 4 * 1024 * 1024
    max_in_flight: int = 64
    max_full_in_flight: float = 4.0
    fetch_max_wait_ms: int = 250
    drain_timeout_ms: int = 45_000


@dataclass(frozen=True, slots=True)
class FaustOptions:
    """Everything `create_app` needs.

    Attributes:
        app_id: consumer group, and prefix of the changelog topics.
        broker_urls: ``kafka://host:port`` of some brokers.
        broker_credentials: the login with its TLS context; None speaks plaintext.
        session_timeout_ms: silence after which the group takes this worker for dead.
        rebalance_timeout_ms: what members have to rejoin. The embedded broker waits this long at
            the first join of a group, so keep it short there.
        heartbeat_interval_ms: a third of the session timeout or less.
        max_poll_interval_ms: time without reading, although there are partitions, after which the
            worker leaves the group so that others take over.
        confirmation_timeout_ms: how long writing waits for the group to confirm this worker, once
            it has not for a session timeout; beyond it the process stops.
        commit_interval_ms: how often acked positions are committed; a crash repeats at most what
            was acked within it.
        replication_factor: copies of every topic. Topics are created before the app starts, never
            by it; the value stands here so that no default of 1 slips in.
        reads_format: the newest format of states that this process reads; it is told to the group.
        limits: bounds on reading ahead.
    """

    app_id: str
    broker_urls: tuple[str, ...]
    broker_credentials: CredentialsT | None = None
    session_timeout_ms: int = 30_000
    rebalance_timeout_ms: int = 60_000
    heartbeat_interval_ms: int = 3_000
    max_poll_interval_ms: int = 300_000
    confirmation_timeout_ms: int = 120_000
    commit_interval_ms: int = 1_000
    replication_factor: int = 1
    reads_format: int = 1
    limits: BatchLimits = field(default_factory=BatchLimits)
