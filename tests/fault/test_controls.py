from __future__ import annotations

import inspect
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import pytest

from streams.runtime.metrics import FlushStep
from tests.harness.controls import POINTS, Controls
from tests.harness.deadly_points import STEPS, WRAPPED

_CLOCK = """
import sys, time
from pathlib import Path
from streams.runtime.metrics import FlushStep
from tests.harness.controls import Controls
from tests.harness.launcher import bend_batches, bend_clock
bend_clock(Controls(Path(sys.argv[1])))
bend_batches()
from aiokafka.producer.message_accumulator import BatchBuilder
builder = BatchBuilder(1000, 0, is_transactional=0)
dated = builder.append(timestamp=None, key=None, value=b"v")
sys.stdout.write(f"{time.time()} {time.time_ns()} {dated.timestamp}")
"""


@pytest.mark.parametrize(("owner", "name", "parameters"), WRAPPED)
def test_what_is_wrapped_is_still_there(
    owner: type[Any], name: str, parameters: tuple[str, ...]
) -> None:
    found = inspect.signature(getattr(owner, name)).parameters
    assert tuple(found) == parameters


def test_each_step_of_a_flush_has_its_point() -> None:
    assert STEPS.keys() == set(get_args(FlushStep))
    assert {point for point, _ in STEPS.values()} <= set(POINTS)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_sends_itself_a_signal_at_its_point_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, number: signal.Signals
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("os.kill", lambda _, signal_number: sent.append(signal_number))
    monkeypatch.setattr("os.write", lambda *_: 0)
    rig, process = Controls(tmp_path / "controls"), Controls(tmp_path / "controls")
    rig.arm(point, number)
    for other in POINTS:
        process.reach(other)
    process.reach(point)
    assert sent == [number]
    assert not rig.is_armed


def test_a_process_under_test_lives_in_another_time(tmp_path: Path) -> None:
    controls = Controls(tmp_path / "controls")
    controls.offset_ms = 3_600_000
    command = [sys.executable, "-c", _CLOCK, str(controls.file)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    seconds, ns, record_ms = told.split()
    ahead_s = time.time() + 3_600
    for told_s in (float(seconds), int(ns) / 1e9, int(record_ms) / 1e3):
        assert told_s == pytest.approx(ahead_s, abs=60)
