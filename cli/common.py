"""What the processes that serve from the view begin with: what is told, what stops them."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config.settings import Settings
    from streams.runtime.metrics import Metrics
from cli.errors import fail
from handlers.decode.schema import valid_customer_id


def warn_of_unknown_variables(log: Any) -> None:
    """Say in a command's log which variables look like settings and are none."""
    from config.settings import unknown_variables

    for name, meant in unknown_variables(os.environ).items():
        log.warning("a variable is no setting", variable=name, meant=meant)


def stop_signals() -> asyncio.Event:
    """What SIGTERM and SIGINT set from now on."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def process_metrics(settings: Settings, kind: str) -> Metrics:
    """The metrics of this process, which say of which kind it is."""
    from streams.runtime.metrics import Metrics

    metrics = Metrics()
    metrics.worker.info({"app_id": settings.app_id, "mode": kind})
    return metrics


def refuse_no_id(customer: str) -> None:
    """End the command if a text can be no customer's id."""
    try:
        customer.encode()
    except UnicodeEncodeError:
        fail("the customer id is no valid text")
    if not valid_customer_id(customer):
        fail("a customer id has 1 to 128 characters, none of them a control character")
