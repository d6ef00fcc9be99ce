"""Prometheus itself, from Debian's package: scrapes, and evaluates the rules of `ops/`."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from devtools.servers.guardian import Workspace
from devtools.servers.ports import LOOPBACK, free_ports
from tests.harness.environment import ROOT, bare_environment
from tests.harness.kafka import in_ci
from tests.harness.process import Process

OPS = ROOT / "ops" / "prometheus"
_PACKAGE = "prometheus"
_KEPT = Path.home() / ".cache" / "tierstream" / "prometheus"
_EVERY = "1s"
_READY_TIMEOUT_S = 30.0
_POLL_S = 0.2


def program(name: str) -> Path:
    """`prometheus` or `promtool`: installed, or unpacked from Debian's package without installing.

    Nothing starts by itself, and nobody need be root. Elsewhere the test skips.
    """
    found = _found(name)
    if found is None:
        with Path(tempfile.gettempdir(), "tierstream-apt.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of the tests want it, too
            found = _found(name) or _unpack(name)
    if found is not None:
        return found
    reason = f"{name} is missing: apt-get install {_PACKAGE}"
    if in_ci():
        pytest.fail(f"CI needs Prometheus; {reason}", pytrace=False)
    pytest.skip(reason)


def _found(name: str) -> Path | None:
    installed = shutil.which(name)
    if installed is not None:
        return Path(installed)
    kept = _KEPT / "usr" / "bin" / name
    return kept if kept.exists() else None


def _unpack(name: str) -> Path | None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            try:
                _run("apt-get", "-q", "download", _PACKAGE, folder=folder)
            except subprocess.SubprocessError:
                _run("apt-get", "-q", "update", folder=folder)
                _run("apt-get", "-q", "download", _PACKAGE, folder=folder)
            (package,) = Path(folder).glob("*.deb")
            _KEPT.mkdir(parents=True, exist_ok=True)
            _run("dpkg-deb", "--extract", str(package), str(_KEPT), folder=folder)
        except (OSError, subprocess.SubprocessError):
            return None
    return _found(name)


def _run(*command: str, folder: str) -> None:
    # As root apt would give the download to a user who may not write here.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, timeout=120
    )


def configuration(ports: Mapping[str, int]) -> dict[str, Any]:
    """That of `ops/`, with the addresses of processes on this machine, and faster.

    Args:
        ports: where each job's process answers; all jobs must be there.
    """
    found: dict[str, Any] = yaml.safe_load((OPS / "prometheus.yml").read_text())
    found["global"] = {"scrape_interval": _EVERY, "evaluation_interval": _EVERY}
    found["rule_files"] = [str(OPS / name) for name in found["rule_files"]]
    for job in found["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [f"{LOOPBACK}:{ports[job['job_name']]}"]}]
    return found


class Prometheus:
    """A running server.

    Args:
        port: where it answers.
        process: its process.
    """

    def __init__(self, port: int, process: Process) -> None:
        self._process = process
        self._http = httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", timeout=10)

    async def ready(self) -> None:
        """Wait until it answers."""
        deadline_s = time.monotonic() + _READY_TIMEOUT_S
        while not await self._is_ready():
            self._process.must_run()
            assert time.monotonic() < deadline_s, f"Prometheus is not ready\n{self._process.log}"
            await asyncio.sleep(_POLL_S)

    async def targets(self) -> dict[str, str]:
        """The health of each job's target: `up`, `down`, or `unknown` before the first scrape."""
        data = await self._told("targets")
        return {found["labels"]["job"]: found["health"] for found in data["activeTargets"]}

    async def rules(self) -> dict[str, Any]:
        """Every rule by its name, with `health`, `lastError`, `state` and its last evaluation."""
        data = await self._told("rules")
        return {rule["name"]: rule for group in data["groups"] for rule in group["rules"]}

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an expression, now."""
        data = await self._told("query", query=expression)
        found: list[dict[str, Any]] = data["result"] if data["resultType"] == "vector" else [data]
        return found

    async def close(self) -> None:
        """Close the client."""
        await self._http.aclose()

    async def _is_ready(self) -> bool:
        try:
            return (await self._http.get("/-/ready")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def _told(self, what: str, **parameters: str) -> Any:
        answer = await self._http.get(f"/api/v1/{what}", params=parameters)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()["data"]


@contextmanager
def prometheus(
    ports: Mapping[str, int], folder: Path, workspace: Workspace
) -> Iterator[Prometheus]:
    """A server that scrapes these ports; ended at the end.

    Args:
        ports: where each job's process answers.
        folder: for its configuration, data and log.
        workspace: ends it if this process dies.
    """
    server = program("prometheus")
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration(ports)))
    (port,) = free_ports()
    command = [
        str(server),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{port}",
    ]
    log = folder / "prometheus.log"
    process = Process("prometheus", command, bare_environment(), log, workspace)
    try:
        yield Prometheus(port, process)
    finally:
        process.end()
