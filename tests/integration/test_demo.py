"""The demo as a user starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
CLI = [sys.executable, "-m", "streams.cli"]
# Settings of somebody's own deployment: the demo must not touch it.
FOREIGN = {
    "TIERSTREAM_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "TIERSTREAM_REDIS_URL": "redis://127.0.0.1:9/0",
    "TIERSTREAM_TOPIC_PREFIX": "production.",
    "TIERSTREAM_MODE": "live",
}


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*CLI, "demo", *arguments],
        cwd=ROOT,
        env=os.environ | FOREIGN,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def interrupted() -> Iterator[tuple[int, str, list[psutil.Process]]]:
    """A demo that was stopped with Ctrl-C while events went through it."""
    with start("--speed", "500") as demo:
        assert demo.stdout is not None
        lines: list[str] = []
        for line in demo.stdout:
            lines.append(line)
            if re.search(r"processed [1-9]", line):
                break
        running = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=30)
        yield demo.returncode, "".join(lines) + rest, running


def test_the_demo_replays_real_purchases_and_sums_up() -> None:
    with start("--events", "3000", "--seed", "4") as demo:
        stdout, stderr = demo.communicate(timeout=100)
    assert demo.returncode == 0, stderr
    found = re.search(r"3,000 events in .*: ([0-9,]+) customers, ([0-9,]+) tier\s+changes", stdout)
    assert found is not None, stdout
    customers, changes = (int(number.replace(",", "")) for number in found.groups())
    assert 1_000 < customers < 2_000
    assert customers <= changes
    assert f"The Redis view holds {customers:,} of {customers:,} customers." in stdout
    assert "prospect → C  order" in stdout
    assert "What to try next" in stdout


def test_ctrl_c_ends_the_demo_and_everything_it_started(
    interrupted: tuple[int, str, list[psutil.Process]],
) -> None:
    code, output, processes = interrupted
    assert code == 130
    assert "nothing is left running" in output
    names = " ".join(" ".join(process.args) for process in [] if process)
    assert len(processes) >= 4, names
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []


def test_an_unknown_broker_is_refused() -> None:
    with start("--broker", "carrier-pigeon") as demo:
        _, stderr = demo.communicate(timeout=30)
    assert demo.returncode == 2
    assert "carrier-pigeon" in stderr


def test_the_demo_starts_within_seconds() -> None:
    began_s = time.monotonic()
    with start("--events", "10") as demo:
        demo.communicate(timeout=60)
    assert demo.returncode == 0
    assert time.monotonic() - began_s < 45
