"""Runs events through the rules, so that what counts here is what counted there."""

from __future__ import annotations

from cli.backtest.files import Line, NoFiles
from cli.backtest.run import Backtest, BacktestOptions
from cli.uplift.comparison import Uplift
from handlers.control_records import CLOCK_TICK, ClockTick, decode_control, is_control
from scoring.timestamps import NEVER_MS


class CountedOrders(Backtest):
    """One run over a file of events, or over one partition of the log, that writes nothing.

    The report learns each customer as the rules left it, and how far time was observed.
    """

    def __init__(self, uplift: Uplift, options: BacktestOptions) -> None:
        super().__init__(options, NoFiles())
        self.partition.on_put = uplift.take_customer
        self._uplift = uplift
        uplift.knows_orders = True

    def take(self, line: Line) -> None:
        """Apply the next line."""
        super().take(line)
        newest_ms = self.partition.meta.newest_ms
        if newest_ms != NEVER_MS:
            self._uplift.observe(newest_ms)
        if CLOCK_TICK.encode() in line.raw and is_control(line.raw):
            control = decode_control(line.raw)
            if isinstance(control, ClockTick):
                self._uplift.observe(control.at)
