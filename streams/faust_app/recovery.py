"""Faust's restore, except that a step that takes too long stops the process."""

from __future__ import annotations

from typing import Any

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery, ServiceStopped
from typing_extensions import override


class RestoreTimeout(RuntimeError):
    """The broker did not answer a step of the restore in time."""


class StrictRecovery(Recovery):
    """Restores the tables after a rebalance, or fails."""

    @override
    async def _wait(self, coro: Any, timeout: Any = None) -> None:
        """Wait for one step; Faust takes a timeout for the end of the app and restores no more."""
        try:
            await super()._wait(coro, timeout)
        except ServiceStopped:
            if self.should_stop:
                raise
            raise RestoreTimeout(f"a step of the restore took longer than {timeout} s") from None


class StrictTables(TableManager):
    """The tables of an app, with a `StrictRecovery`."""

    @property
    @override
    def recovery(self) -> Recovery:
        """The service that restores the tables."""
        if self._recovery is None:
            self._recovery = StrictRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
