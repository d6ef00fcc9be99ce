"""One episode: a deployment of its own under load and faults, drained, restored, written down."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from streams.local import RedisServer
from streams.local.ports import LOOPBACK, free_ports
from tests.fault.cluster import Cluster
from tests.fault.drafts import Draft, groundwork_drafts
from tests.fault.evidence import ALL_TOPICS, CHANGELOG, LOG_TOPIC, Evidence
from tests.fault.faults import Faults
from tests.fault.load import Load
from tests.fault.policies import episode_policy, write_policy
from tests.fault.samples import Sampler
from tests.fault.schedule import Shape, schedule
from tests.fault.stopwatch import Stopwatch
from tests.fault.supervisor import Place, Supervisor
from tests.fault.taking import delete_topics, take_topics, take_view, view_is_current
from tests.fault.traffic import Traffic

_log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[2]
_PARTITIONS = 4
_PER_S = 50.0
_LATENESS_MS = 500
_READY_TIMEOUT_S = 60.0
_DRAIN_TIMEOUT_S = 90.0
_COMMAND_TIMEOUT_S = 60.0
_POLL_S = 0.1
_DAY_MS = 86_400_000
_DAYS_AHEAD = (1, 8, 31, 95, 400)

LANES = ("worker-0", "worker-1", "worker-2", "worker-3", "guest-0", "guest-1", "projector", "fresh")


class Episode:
    """A deployment under faults.

    Args:
        cluster: running, shared with other episodes.
        redis: a server of our own, likewise; it is emptied first.
        seed: of everything.
        shape: how large.
        folder: for logs, files and the evidence.
    """

    def __init__(
        self, cluster: Cluster, redis: RedisServer, seed: int, shape: Shape, folder: Path
    ) -> None:
        self.cluster = cluster
        self.redis = redis
        self.partitions = _PARTITIONS
        self.watch = Stopwatch()
        self._seed = seed
        self._shape = shape
        self._folder = folder
        self._prefix = f"e{seed}-{uuid.uuid4().hex[:6]}."
        self._app_id = self._prefix.rstrip(".")
        self._policies = [episode_policy(seed, 1)]
        self._policy_file = write_policy(self._policies[0], folder / "policy-1.toml")
        self._ports: dict[str, int] = {}
        self._publishing = asyncio.Lock()
        self.supervisor = Supervisor(folder, self.watch)
        traffic = Traffic(seed, self._policies[0], self.watch.began_ms)
        self.load = Load(cluster.bootstrap_servers, self._prefix, traffic, self.watch, _PER_S)
        self._sampler = Sampler(
            cluster.bootstrap_servers,
            self._app_id,
            self._names(),
            _PARTITIONS,
            self.supervisor.rss_bytes,
            self.watch,
        )
        self._faults = Faults(self, seed)

    async def run(self) -> Evidence:
        """The whole episode; what it left behind."""
        plan = schedule(self._seed, self._shape)
        _log.info("episode of seed %s, logs in %s", self._seed, self._folder)
        for fault in plan:
            _log.info("planned  %s", fault)
        await self._command("topics", "create")
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.supervisor)
            await stack.enter_async_context(self._sampler)
            await stack.enter_async_context(self.load)
            await self._start()
            await self.load.send(groundwork_drafts(self.watch.began_ms))
            self.load.flow()
            await asyncio.sleep(2)
            await self._faults.run(plan)
            await asyncio.to_thread(self.cluster.heal)
            await self.load.pause()
            healed_s = self.watch.now_s
            drained_s = await self._drained()
            restored_s = await self._prove_the_state()
            await self._settle_the_view()
            evidence = await self._evidence(healed_s, drained_s, restored_s)
        evidence.save(self._folder / "evidence")
        await delete_topics(self.cluster.bootstrap_servers, list(self._names().values()))
        return evidence

    # -- what faults ask for

    def guest(self, name: str) -> Place:
        """A place for a further worker."""
        found = self.supervisor.places.get(name)
        return found or self.supervisor.add(name, ["worker"], self._environment(name))

    async def publish_policy(self) -> None:
        """Put the next policy in force."""
        async with self._publishing:
            number = len(self._policies) + 1
            policy = episode_policy(self._seed, number, self._policies[0])
            file = write_policy(policy, self._folder / f"policy-{number}.toml")
            self._policies.append(policy)
            self.load.traffic.policy = policy
            await self._command("policy", "publish", str(file))

    # -- steps

    async def _start(self) -> None:
        """Start the workers and the projector, and wait until all workers are ready."""
        names = [f"worker-{number}" for number in range(self._shape.workers)]
        for name in (*names, "projector"):
            command = "projector" if name == "projector" else "worker"
            self.supervisor.add(name, [command], self._environment(name)).want()
        for name in names:
            await self._ready(name)

    async def _ready(self, name: str) -> bool:
        """Wait until a worker says that it is assigned and restored."""
        deadline_s = self.watch.now_s + _READY_TIMEOUT_S
        while not await _answers_ready(self._ports[name]):
            if self.watch.now_s > deadline_s:
                _log.error("%6.1f s  %s is not ready", self.watch.now_s, name)
                return False
            await asyncio.sleep(_POLL_S)
        _log.info("%6.1f s  %s is ready", self.watch.now_s, name)
        return True

    async def _drained(self) -> float | None:
        """Wait until nothing is left to do; when that was."""
        done = await self._sampler.caught_up(self.watch.now_s + _DRAIN_TIMEOUT_S)
        _log.info("%6.1f s  %s", self.watch.now_s, "drained" if done else "NOT DRAINED")
        return self.watch.now_s if done else None

    async def _prove_the_state(self) -> float | None:
        """Let one fresh worker restore everything, and bring out what it believes."""
        for name, place in self.supervisor.places.items():
            if name != "projector":
                await place.stop()
        self.supervisor.add("fresh", ["worker"], self._environment("fresh")).want()
        if not await self._ready("fresh"):
            return None
        restored_s = self.watch.now_s
        await self.load.send(self.load.traffic.probes(self.watch.now_ms))
        await self.load.pause()
        if await self._drained() is None:
            return None
        for days in _DAYS_AHEAD:
            at_ms = self.watch.now_ms + days * _DAY_MS
            tick = b'{"type":"clock.tick","at":%d}' % at_ms
            await self.load.send(
                Draft(LOG_TOPIC, tick, None, "tick", partition=number)
                for number in range(_PARTITIONS)
            )
        await self.load.pause()
        return restored_s if await self._drained() is not None else None

    async def _settle_the_view(self) -> None:
        """Stop the worker, and wait until the view has every profile there is."""
        await self.supervisor.places["fresh"].stop()
        deadline_s = self.watch.now_s + _DRAIN_TIMEOUT_S
        while self.watch.now_s < deadline_s:
            sample = await self._sampler.take()
            if sample is not None and await asyncio.to_thread(
                view_is_current, self.redis.url, self._redis_prefix, sample.ends
            ):
                break
            await asyncio.sleep(_POLL_S)
        else:
            _log.error("%6.1f s  the view does not catch up", self.watch.now_s)
        await self.supervisor.places["projector"].stop()

    async def _evidence(
        self, healed_s: float, drained_s: float | None, restored_s: float | None
    ) -> Evidence:
        return Evidence(
            seed=self._seed,
            prefix=self._prefix,
            app_id=self._app_id,
            partitions=_PARTITIONS,
            mode="live",
            allowed_lateness_ms=_LATENESS_MS,
            policies=self._policies,
            topics=await take_topics(self.cluster.bootstrap_servers, self._names(), _PARTITIONS),
            sent=self.load.sent(),
            redis=await asyncio.to_thread(take_view, self.redis.url, self._redis_prefix),
            samples=self._sampler.samples,
            faults=sorted(self._faults.spans, key=lambda span: span.began_s),
            processes=self.supervisor.lives(),
            clock_jumps=self._faults.clock_jumps,
            began_ms=self.watch.began_ms,
            healed_s=healed_s,
            drained_s=drained_s,
            restored_s=restored_s,
        )

    # -- the deployment

    @property
    def _redis_prefix(self) -> str:
        return f"{self._app_id}:"

    def _names(self) -> dict[str, str]:
        changelog = f"{self._app_id}-customers-changelog"
        return {
            short: changelog if short == CHANGELOG else self._prefix + short for short in ALL_TOPICS
        }

    def _environment(self, name: str) -> dict[str, str]:
        """The variables of a process, and none of ours."""
        if name not in self._ports and name != "command":
            (self._ports[name],) = free_ports()
        servers = (
            self.cluster.bootstrap_servers if name == "command" else self.cluster.through(name)
        )
        settings: Mapping[str, Any] = {
            "kafka_bootstrap_servers": servers,
            "app_id": self._app_id,
            "topic_prefix": self._prefix,
            "partitions": _PARTITIONS,
            "replication_factor": min(3, self.cluster.brokers),
            "mode": "live",
            "allowed_lateness": f"{_LATENESS_MS}ms",
            "policy_file": self._policy_file,
            "session_timeout": f"{self._shape.session_s:g}s",
            "rebalance_timeout": "6s",
            "startup_timeout": "15s",
            "stall_timeout": "20s",
            "flush_interval": "100ms",
            "tick_interval": "500ms",
            "redis_url": self.redis.url,
            "redis_key_prefix": self._redis_prefix,
            "http_port": self._ports.get(name, 0),
        }
        ours = ("TIERSTREAM_", "KAFKA_", "REDIS_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        return kept | {f"TIERSTREAM_{key.upper()}": str(value) for key, value in settings.items()}

    async def _command(self, *arguments: str) -> None:
        """Run a command of the product to its end, however often it takes."""
        deadline_s = self.watch.now_s + _COMMAND_TIMEOUT_S
        while True:
            done = await asyncio.to_thread(self._run, arguments)
            _log.info(
                "%6.1f s  tierstream %s: %s",
                *(self.watch.now_s, " ".join(arguments), (done.stdout + done.stderr).strip()),
            )
            if done.returncode == 0:
                return
            if self.watch.now_s > deadline_s:
                raise AssertionError(f"{arguments} failed: {done.stderr}")
            await asyncio.sleep(1)

    def _run(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "streams.cli", *arguments],
            cwd=_ROOT,
            env=self._environment("command"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
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
