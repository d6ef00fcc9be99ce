"""A deployment on a cluster that can be broken: its processes, its load, and what is seen of it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from devtools.servers import RedisServer
from devtools.servers.ports import LOOPBACK, free_ports
from tests.fault.drafts import groundwork_drafts
from tests.fault.evidence import ALL_TOPICS, CHANGELOG
from tests.fault.load import Load
from tests.fault.policies import episode_policy
from tests.fault.samples import Sampler
from tests.fault.schedule import Shape
from tests.fault.taking import delete_topics
from tests.fault.traffic import Traffic
from tests.harness.cluster import Cluster
from tests.harness.deployment import Deployment
from tests.harness.stopwatch import Stopwatch
from tests.harness.supervisor import Place, Supervisor
from tests.support.policy_files import write_policy

_log = logging.getLogger(__name__)

PARTITIONS = 4
LATENESS_MS = 500
_WORKERS = ("worker-0", "worker-1", "worker-2", "worker-3", "guest-0", "guest-1", "fresh")
_READERS = {"projector": "projector", "guest-projector": "projector", "guest-api": "api"}
"""The other processes, by place, and what they run."""
LANES = (*_WORKERS, *_READERS)
"""The places of processes, each with a way of its own to the brokers."""

_PER_S = 50.0
_READY_TIMEOUT_S = 60.0
_DRAIN_TIMEOUT_S = 90.0
_COMMAND_TIMEOUT_S = 60.0
_POLL_S = 0.1


class Rig:
    """Topics of its own, workers and a projector that are kept running, a load, samples.

    Use it in an `async with` statement: it makes the topics and removes them, and ends everything.

    Args:
        cluster: running, shared with other deployments.
        redis: a server of our own, likewise.
        seed: of policies and load.
        shape: how large.
        folder: for logs and files.
    """

    def __init__(
        self, cluster: Cluster, redis: RedisServer, seed: int, shape: Shape, folder: Path
    ) -> None:
        self.cluster = cluster
        self.redis = redis
        self.partitions = PARTITIONS
        self.watch = Stopwatch()
        self.seed = seed
        self.folder = folder
        self.prefix = f"e{seed}-{uuid.uuid4().hex[:6]}."
        self.app_id = self.prefix.rstrip(".")
        self.redis_prefix = f"{{{self.app_id}}}:"
        self.policies = [episode_policy(seed, 1)]
        self._shape = shape
        self._deployment = Deployment(
            cluster.broker,
            folder,
            policy=self.policies[0],
            app_id=self.app_id,
            topic_prefix=self.prefix,
            partitions=PARTITIONS,
            replication_factor=min(3, cluster.brokers),
            mode="live",
            allowed_lateness=f"{LATENESS_MS}ms",
            session_timeout=f"{shape.session_s:g}s",
            rebalance_timeout="6s",
            startup_timeout="15s",
            stall_timeout="20s",
            flush_interval="100ms",
            tick_interval="500ms",
            redis_url=redis.url,
            redis_key_prefix=self.redis_prefix,
        )
        self._ports: dict[str, int] = {}
        self._publishing = asyncio.Lock()
        self._stack = AsyncExitStack()
        self.supervisor = Supervisor(folder, self.watch)
        traffic = Traffic(seed, self.policies[0], self.watch.began_ms)
        self.load = Load(cluster.bootstrap_servers, self.prefix, traffic, self.watch, _PER_S)
        self.sampler = Sampler(
            cluster.bootstrap_servers,
            self.app_id,
            self.names,
            PARTITIONS,
            self.supervisor.rss_bytes,
            self.watch,
        )

    async def __aenter__(self) -> Self:
        self._stack.enter_context(self._deployment)
        await self.command("topics", "create")
        self._stack.push_async_callback(
            delete_topics, self.cluster.bootstrap_servers, list(self.names.values())
        )
        self._stack.push_async_callback(asyncio.to_thread, self.cluster.heal)
        for part in (self.supervisor, self.sampler, self.load):
            await self._stack.enter_async_context(part)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def names(self) -> dict[str, str]:
        """The full name of each topic by its short one."""
        changelog = f"{self.app_id}-customers-changelog"
        return {
            short: changelog if short == CHANGELOG else self.prefix + short for short in ALL_TOPICS
        }

    async def start(self) -> None:
        """Start the workers and the projector, and the load once all workers are ready."""
        workers = [f"worker-{number}" for number in range(self._shape.workers)]
        for name in (*workers, "projector"):
            self.place(name).want()
        for name in workers:
            is_ready = await self.ready(name)
            ended = [life.last_line for life in self.place(name).lives]
            assert is_ready, f"{name} is not ready before the first fault: {ended}"
        await self.load.send(groundwork_drafts(self.watch.began_ms))
        self.load.flow()

    def place(self, name: str) -> Place:
        """A place for a process, made at the first question for it."""
        found = self.supervisor.places.get(name)
        if found is not None:
            return found
        command = _READERS.get(name, "worker")
        return self.supervisor.add(name, [command], self._environment(name))

    async def stop_workers(self) -> None:
        """Ask all workers to end."""
        places = self.supervisor.places.items()
        await asyncio.gather(*(place.stop() for name, place in places if name not in _READERS))

    async def ready(self, name: str, within_s: float = _READY_TIMEOUT_S) -> bool:
        """Wait until a process says that it is ready: of a worker, assigned and restored."""
        deadline_s = self.watch.now_s + within_s
        while not await _answers_ready(self._ports[name]):
            if self.watch.now_s > deadline_s:
                _log.error("%6.1f s  %s is not ready", self.watch.now_s, name)
                return False
            await asyncio.sleep(_POLL_S)
        _log.info("%6.1f s  %s is ready", self.watch.now_s, name)
        return True

    async def drained(self) -> float | None:
        """Wait until nothing is left to do; when that was, None if it did not come to that."""
        done = await self.sampler.caught_up(self.watch.now_s + _DRAIN_TIMEOUT_S)
        _log.info("%6.1f s  %s", self.watch.now_s, "drained" if done else "NOT DRAINED")
        return self.watch.now_s if done else None

    async def publish_policy(self) -> None:
        """Put the next policy in force."""
        async with self._publishing:
            number = len(self.policies) + 1
            policy = episode_policy(self.seed, number, self.policies[0])
            file = write_policy(policy, self.folder / f"policy-{number}.toml")
            self.policies.append(policy)
            self.load.traffic.policy = policy
            await self.command("policy", "publish", str(file))

    async def command(self, *arguments: str) -> None:
        """Run a command of the product until it succeeds: brokers may be away.

        Raises:
            AssertionError: it does not.
        """
        deadline_s = self.watch.now_s + _COMMAND_TIMEOUT_S
        while True:
            done = await asyncio.to_thread(self._deployment.run, *arguments)
            said = (done.stdout + done.stderr).strip().replace("\n", "; ")
            _log.info("%6.1f s  tierstream %s: %s", self.watch.now_s, " ".join(arguments), said)
            if done.returncode == 0:
                return
            assert self.watch.now_s < deadline_s, f"{arguments}: {said}"
            await asyncio.sleep(1)

    def _environment(self, name: str) -> dict[str, str]:
        """The variables of a process, which has its own way to the brokers."""
        [port] = free_ports()
        self._ports[name] = port
        return self._deployment.environment(
            kafka_bootstrap_servers=self.cluster.through(name), http_port=port
        )


async def _answers_ready(port: int) -> bool:
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            status = await reader.readline()
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status
