"""What a run took: wall time, and CPU time of the client, of the broker and of everybody else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bench.processes import busy_seconds, cpu_seconds


class Spent(NamedTuple):
    """CPU is user and system time."""

    seconds: float
    client_cpu_seconds: float
    broker_cpu_seconds: float
    others_cpu_share: float
    """Of the machine's CPU time, what other processes than client, broker and harness used."""


class Meter:
    """Reads the clocks twice.

    Args:
        broker_pids: of the broker.
        client_cpu: CPU seconds of the client so far; None: this process is the client.
    """

    def __init__(
        self, broker_pids: Sequence[int], client_cpu: Callable[[], float] | None = None
    ) -> None:
        self._client_is_us = client_cpu is None
        self._client_cpu = client_cpu or time.process_time
        self._broker_pids = broker_pids
        self._began = self._read()

    def start(self) -> None:
        """The clock runs from here, not from when this was made."""
        self._began = self._read()

    def stop(self) -> Spent:
        """What was spent since the start."""
        wall, client, broker, busy, own = (
            now - then for now, then in zip(self._read(), self._began, strict=True)
        )
        ours = broker + (own if self._client_is_us else client + own)
        others = max(0.0, busy - ours)
        cores = os.cpu_count() or 1
        return Spent(wall, client, broker, others / (wall * cores))

    def _read(self) -> tuple[float, float, float, float, float]:
        return (
            time.monotonic(),
            self._client_cpu(),
            sum(map(cpu_seconds, self._broker_pids)),
            busy_seconds(),
            time.process_time(),
        )
