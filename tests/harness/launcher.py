"""The entry of a process under test: `python -m tests.harness.launcher worker`.

It bends the clock and installs the points of death, in this process only, and then is `tierstream`.
The product itself has no hooks.
"""

from __future__ import annotations

import os
import sys
import time
from functools import wraps
from pathlib import Path
from typing import Any

from tests.harness.controls import VARIABLE, Controls

_NS_PER_MS = 1_000_000


def bend_clock(controls: Controls) -> None:
    """Set the wall clock off by what the controls say. Before others import their `time`."""
    right_ns = time.time_ns

    def bent_ns() -> int:
        return right_ns() + controls.offset_ms * _NS_PER_MS

    def bent_s() -> float:
        return bent_ns() / 1e9

    time.time_ns = bent_ns
    time.time = bent_s


def bend_batches() -> None:
    """Date records by the bent clock: aiokafka's compiled code asks the system itself."""
    from aiokafka.producer.message_accumulator import BatchBuilder

    original = BatchBuilder.append

    @wraps(original)
    def append(builder: Any, *, timestamp: int | None, **record: Any) -> Any:
        now_ms = time.time_ns() // _NS_PER_MS
        return original(builder, timestamp=now_ms if timestamp is None else timestamp, **record)

    BatchBuilder.append = append


def main() -> None:
    """Be `tierstream` under the controls named in the environment."""
    controls = Controls(Path(os.environ.pop(VARIABLE)))
    bend_clock(controls)
    bend_batches()
    if "worker" in sys.argv[1:2]:
        from tests.harness import deadly_points

        deadly_points.install(controls)
    from cli.main import main as tierstream

    tierstream()


if __name__ == "__main__":
    main()
