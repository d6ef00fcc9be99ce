"""A backtest whose partition ends again and again, and goes on from what it has written."""

from __future__ import annotations

from random import Random
from typing import Any

from cli.backtest.files import Line
from cli.backtest.run import Backtest, BacktestOptions
from handlers.partition import Partition
from handlers.state.partition_state import pack_meta, unpack_meta
from handlers.state.store import CustomerStore


class RestartedBacktest(Backtest):
    """As a worker that dies between two records; what has gone out is not put out again."""

    def __init__(self, options: BacktestOptions, files: Any, random: Random) -> None:
        super().__init__(options, files)
        self._random = random

    def take(self, line: Line) -> None:
        super().take(line)
        if self.report.lines and self._random.random() < 0.15:
            self._restart()

    def _restart(self) -> None:
        ended, store = self.partition, CustomerStore()
        ended.store.pack_changed(1, ended.meta.format)
        ended.meta.applied = self._offset
        store.restore(ended.store.packed())
        meta = unpack_meta(pack_meta(ended.meta))
        self.partition = Partition(meta, store, is_whole=ended.is_whole)
        self.partition.context.tally = ended.context.tally
