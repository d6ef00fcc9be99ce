"""A whole Tierstream of a test's own on a shared broker: topics, workers, records in and out."""

from __future__ import annotations

import io
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.dump import dump_partition
from config.settings import Settings
from devtools.servers import Broker
from devtools.servers.guardian import Workspace
from handlers.partition import Partition
from streams.changelog import read_state
from tests.harness.environment import ANY_PORTS, ROOT, environment_with, run_cli
from tests.harness.running_worker import WORKER, RunningWorker
from tests.harness.topic_access import Message, TopicAccess, TopicPosition
from tests.support.policy_files import write_policy

__all__ = ["EXAMPLE", "Deployment", "Message", "TopicPosition"]

EXAMPLE = ROOT / "tests" / "example"

# Intervals for tests: an idle deployment is caught up in well under a second.
_QUICK = {
    "rebalance_timeout": "1s",
    "startup_timeout": "10s",
    "flush_interval": "50ms",
    "tick_interval": "100ms",
}


class Deployment(TopicAccess):
    """Settings, topics and workers of one test, in a `with` statement that ends what is left.

    Args:
        broker: where its topics are, under a prefix of its own.
        folder: for logs and files.
        policy: as parsed TOML; without it, that of the worked example.
        settings: further settings by their field names.
    """

    def __init__(
        self,
        broker: Broker,
        folder: Path,
        *,
        policy: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        name = f"t{uuid.uuid4().hex[:12]}"
        self.folder = folder
        self.policy_file = EXAMPLE / "policy.toml" if policy is None else self.write_policy(policy)
        self._values: dict[str, Any] = {
            "kafka_bootstrap_servers": broker.bootstrap_servers,
            "producer_idempotence": broker.idempotence,
            "app_id": f"{name}-app",
            "topic_prefix": f"{name}.",
            "partitions": 3,
            **ANY_PORTS,
            "mode": "replay",
            # Apache Kafka takes no less than six; the embedded broker waits for it twice.
            "session_timeout": "6s" if broker.kind == "kafka" else "3s",
            "policy_file": self.policy_file,
            **_QUICK,
            **settings,
        }
        super().__init__(Settings(**self._values))
        self._workspace = Workspace("deployment")
        self._workers: list[RunningWorker] = []

    def __enter__(self) -> Deployment:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()
        self._workspace.close()

    # -- processes

    def environment(self, **others: Any) -> dict[str, str]:
        """The variables of a process of this deployment, and none of ours."""
        return environment_with({**self._values, **others})

    def start_worker(
        self,
        program: Sequence[str] = WORKER,
        *,
        variables: Mapping[str, str] | None = None,
        **others: Any,
    ) -> RunningWorker:
        """Start a worker, or a program that stands for one; it is not ready yet.

        Args:
            program: what is run.
            variables: of its environment, beside the settings.
            others: settings that differ from the deployment's.
        """
        name = f"{self.settings.app_id}-{len(self._workers)}"
        environment = {**self.environment(**others), **(variables or {})}
        worker = RunningWorker(name, environment, self.folder, self._workspace, program)
        self._workers.append(worker)
        return self._workers[-1]

    async def ready_worker(self, program: Sequence[str] = WORKER, **others: Any) -> RunningWorker:
        """Start a worker and wait until it is ready."""
        worker = self.start_worker(program, **others)
        await worker.ready()
        return worker

    def run(self, *arguments: str, **others: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return run_cli(*arguments, env=self.environment(**others), timeout_s=90)

    def write_policy(self, policy: Mapping[str, Any]) -> Path:
        """A policy, as parsed TOML, as a file."""
        return write_policy(policy, self.folder / f"{uuid.uuid4().hex}.toml")

    # -- what is there

    @property
    def logs(self) -> str:
        """The logs of its workers."""
        return "\n".join(worker.log for worker in self._workers)

    async def dump(self, number: int) -> tuple[list[bytes], int]:
        """The log of a partition as `tierstream dump` writes it, and how much it left out."""
        target = io.BytesIO()
        dumped = await dump_partition(self.settings, number, target, lambda *_: None)
        return target.getvalue().splitlines(), dumped.repeated

    async def state(self, number: int) -> Partition:
        """The state of a partition as a worker would restore it."""
        return await read_state(self.settings, number)
