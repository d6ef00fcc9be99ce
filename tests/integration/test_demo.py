"""The demo as a user starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.always

ROOT = Path(__file__).resolve().parents[2]
CLI = [sys.executable, "-m", "cli.main"]
# Settings of somebody's own deployment: the demo must not touch it.
FOREIGN = {
    "TIERSTREAM_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "TIERSTREAM_REDIS_URL": "redis://127.0.0.1:9/0",
    "TIERSTREAM_TOPIC_PREFIX": "production.",
    "TIERSTREAM_MODE": "live",
}


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*CLI, "demo", *arguments],
        cwd=ROOT,
        env=os.environ | FOREIGN | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid="],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents if its_parent == parent]
    return found[1:]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
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


@pytest.mark.slow
def test_ctrl_c_ends_the_demo_and_everything_it_started(tmp_path: Path) -> None:
    with start("--speed", "500", TMPDIR=str(tmp_path)) as demo:
        assert demo.stdout is not None
        assert any(re.search(r"processed [1-9]", line) for line in demo.stdout)
        processes = descendants(demo.pid)
        demo.send_signal(signal.SIGINT)
        output, _ = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert "nothing is left running" in output
    assert len(processes) >= 4  # a broker, a Redis, a worker, a projector
    deadline_s = time.monotonic() + 10
    while any(map(is_alive, processes)):
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_demo_that_stays_ends_with_the_console_open_on_what_it_replayed() -> None:
    with start("--events", "1500", "--keep") as demo:
        assert demo.stdout is not None
        address = next(
            found[1]
            for line in demo.stdout
            if (found := re.search(r"console is open at (\S+)", line))
        )
        page = httpx.get(address, timeout=20, follow_redirects=True)
        assert page.status_code == 200
        assert "Tierstream" in page.text
        demo.send_signal(signal.SIGINT)
        _, stderr = demo.communicate(timeout=30)
    assert demo.returncode == 0, stderr


def test_an_unknown_broker_is_refused() -> None:
    with start("--broker", "carrier-pigeon") as demo:
        _, stderr = demo.communicate(timeout=30)
    assert demo.returncode == 2
    assert "carrier-pigeon" in stderr
