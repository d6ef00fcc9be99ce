"""Run a Faust app as this process, and say with the exit code how it ended."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from typing import Any

import faust
import uvloop
from typing_extensions import override

from streams.faust_app.app import StreamApp

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5


class StreamWorker(faust.Worker):
    """Faust's worker without its terminal decoration, log set-up and debugger."""

    def __init__(self, app: StreamApp, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False)
        self.spinner = None

    @override
    def _crash(self, reason: BaseException) -> None:
        """Keep the first reason: what fails during the stop is a consequence."""
        super()._crash(self.crash_reason or reason)

    @override
    def _setproctitle(self, info: str, **_: Any) -> None:
        """Nothing: the process keeps the name of its command."""

    @override
    def _install_signal_handlers_unix(self) -> None:
        """Only the two that stop; Faust would open a debugger on SIGUSR2."""
        self.loop.add_signal_handler(signal.SIGINT, self._on_sigint)
        self.loop.add_signal_handler(signal.SIGTERM, self._on_sigterm)


def run_worker(
    app: StreamApp, *, stop_timeout_s: float = 90.0, crash_timeout_s: float = 15.0
) -> int:
    """Run ``app`` until SIGTERM, SIGINT or a failure, and return the exit code.

    SIGTERM and SIGINT finish the batches in flight, commit them and leave the group: 0. Any
    exception in an agent or a task stops everything, commits nothing more, and is logged: 1. The
    logging of the process stays as it is.

    Args:
        app: with its agents and tables; it cannot be run a second time.
        stop_timeout_s: a stop that takes longer ends the process at once, with 1.
        crash_timeout_s: the same for the stop after a failure, when nothing is left to save.
    """
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # for the consumer's thread, too
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = StreamWorker(app, loop)
    ended = threading.Event()
    guard = threading.Thread(
        target=_end_late_stop,
        args=(worker, ended, stop_timeout_s, crash_timeout_s),
        name="stop-guard",
        daemon=True,
    )
    guard.start()
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        code = int(end.code or 0)
    except asyncio.CancelledError:
        code = 1
    finally:
        # The loop took its handlers with it; a request to end that comes now must not take the
        # place of the exit code.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ended.set()
    if worker.crash_reason is not None:
        _tell(worker.crash_reason)
        return code or 1
    return code


def _end_late_stop(
    worker: StreamWorker, ended: threading.Event, stop_timeout_s: float, crash_timeout_s: float
) -> None:
    """Faust's threads are no daemons: a stop that hangs would keep the process for ever."""
    while not worker.should_stop:
        if ended.wait(_LOOK_EVERY_S):
            return
    waited_s = 0.0
    while not ended.wait(_LOOK_EVERY_S):
        waited_s += _LOOK_EVERY_S
        reason = worker.crash_reason
        if waited_s >= (stop_timeout_s if reason is None else min(stop_timeout_s, crash_timeout_s)):
            if reason is not None:
                _tell(reason)
            _log.critical("the stop took longer than %g s: ending the process", waited_s)
            os._exit(1)


def _tell(reason: BaseException) -> None:
    _log.critical("worker stopped by %s: %s", type(reason).__name__, reason)
