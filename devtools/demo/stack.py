"""The servers and processes of the demo: a broker, a Redis, a worker, a projector, a console."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import aiohttp

import streams
from config.settings_section import ENV_PREFIX
from devtools.servers import BrokerKind, start_broker, start_redis
from devtools.servers.guardian import Workspace
from devtools.servers.ports import LOOPBACK, free_ports
from devtools.servers.server_process import ServerProcess

_COMMANDS = ("worker", "projector", "console")
_READY_TIMEOUT_S = 90.0
_POLL_S = 0.1
_REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=5)
_PROJECT = Path(streams.__file__).parents[1]
# Events of 1997 are older than any retention by time.
_KEEP_OLD_EVENTS = {"log.retention.ms": "-1"}

# The embedded broker keeps the first member of a group waiting for half of the session timeout.
_QUICK_JOIN = {"SESSION_TIMEOUT": "6s", "REBALANCE_TIMEOUT": "4s"}


class DemoFailed(RuntimeError):
    """A part of the demo ended or hangs; the message has a sentence and the end of its log."""


class DemoStack:
    """Everything the demo runs, on free ports of this machine; use it in a `with` statement.

    Leaving the statement ends all of it and removes its data.

    Attributes:
        environment: the settings of the deployment, as environment variables.
    """

    def __init__(self, kind: BrokerKind, on_progress: Callable[[str], None]) -> None:
        self.environment: dict[str, str] = {}
        self._kind = kind
        self._on_progress = on_progress
        self._exit = ExitStack()
        self._processes: dict[str, ServerProcess] = {}
        self._launched: list[ServerProcess] = []
        self._console_port = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _start(self, stack: ExitStack) -> None:
        config = _KEEP_OLD_EVENTS if self._kind == "kafka" else None
        broker = stack.enter_context(
            start_broker(self._kind, config=config, progress=self._on_progress)
        )
        redis = stack.enter_context(start_redis(own=True))
        workspace = Workspace("demo")
        stack.callback(workspace.close)
        *ports, self._console_port = free_ports(4)
        self.environment = {
            f"{ENV_PREFIX}{name}": value
            for name, value in {
                "APP_ID": "tierstream-demo",
                "MODE": "replay",
                "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
                "PRODUCER_IDEMPOTENCE": str(broker.idempotence).lower(),
                "REDIS_URL": redis.url,
                "LOG_FORMAT": "console",
                **(_QUICK_JOIN if self._kind == "embedded" else {}),
            }.items()
        }
        for name, port in zip(_COMMANDS, ports, strict=True):
            self._processes[name] = ServerProcess(
                f"the {name}",
                [sys.executable, "-m", "cli.main", name],
                port=port,
                workspace=workspace,
                environment=self.environment
                | {
                    f"{ENV_PREFIX}HTTP_PORT": str(port),
                    f"{ENV_PREFIX}CONSOLE_PORT": str(self._console_port),
                    "PYTHONPATH": str(_PROJECT),
                },
            )
            stack.callback(self._processes[name].kill)

    async def launch(self) -> None:
        """Start the worker and the projector, and return when both say they are ready.

        The topics must exist.

        Raises:
            DemoFailed: one ended, or is not ready in time.
        """
        await self._launch("worker", "projector")

    async def launch_console(self) -> str:
        """Start the console; the address of its pages, once they are there.

        Raises:
            DemoFailed: it ended, or is not ready in time.
        """
        await self._launch("console")
        return f"http://{LOOPBACK}:{self._console_port}/console/"

    async def _launch(self, *names: str) -> None:
        launched = [self._processes[name] for name in names]
        for process in launched:
            process.launch()
            self._launched.append(process)
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + _READY_TIMEOUT_S
        async with aiohttp.ClientSession(timeout=_REQUEST_TIMEOUT) as client:
            for process in launched:
                while not await _ready(client, process.port):
                    self.check()
                    if loop.time() > deadline_s:
                        raise _failed(process, f"is not ready after {_READY_TIMEOUT_S:g} s")
                    await asyncio.sleep(_POLL_S)

    def check(self) -> None:
        """Raise DemoFailed if a process ended."""
        for process in self._launched:
            if not process.running:
                raise _failed(process, "ended")

    async def metrics(self, client: aiohttp.ClientSession) -> str:
        """The worker's metrics as text.

        Raises:
            DemoFailed: it ended, or does not answer.
        """
        self.check()
        process = self._processes["worker"]
        try:
            async with client.get(f"http://{LOOPBACK}:{process.port}/metrics") as response:
                return await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _failed(process, f"does not answer ({error!r})") from error

    def stuck(self, seconds: float) -> DemoFailed:
        """The failure to raise when there is no more progress."""
        return _failed(self._processes["worker"], f"made no progress for {seconds:g} s")


async def _ready(client: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with client.get(f"http://{LOOPBACK}:{port}/readyz") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _failed(process: ServerProcess, what: str) -> DemoFailed:
    tail = process.log_tail(12) or "(it wrote nothing)"
    return DemoFailed(f"{process.name} {what}; its log ends:\n{tail}")
