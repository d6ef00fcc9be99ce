"""What several commands share: checks of arguments, JSON output, and the frame of a process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from cli.errors import fail
from handlers.decode.fields import valid_customer_id
from scoring.timestamps import parse_rfc3339

LangOption = Annotated[
    str | None,
    typer.Option(
        "--lang",
        metavar="en|zh",
        help="Language of the text; without it, as configured. JSON stays the same.",
    ),
]

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.settings import Settings
    from streams.runtime.http_server import HttpServer
    from streams.runtime.metrics import Metrics
    from words import Words


def refuse_no_id(customer: str) -> None:
    """End the command if a text cannot be a customer id."""
    try:
        customer.encode()
    except UnicodeEncodeError:
        fail("the customer id is no valid text")
    if not valid_customer_id(customer):
        fail("a customer id has 1 to 128 characters, none of them a control character")


def instant_ms(option: str, text: str | None) -> int | None:
    """The time given for an option, in milliseconds since 1970; ends the command if it is none."""
    found = None if text is None else parse_rfc3339(text)
    if text is not None and found is None:
        fail(f"{option} {text}: no RFC 3339 time such as 2026-01-01T00:00:00Z")
    return found


def words_for(lang: str | None) -> Words:
    """The words of the language asked for, else configured; ends the command if there is none.

    Raises:
        SettingsError: the configured one is wrong.
    """
    from config.settings import load_settings
    from words import Language, UnknownLanguage, language_of, words_in

    if lang is None:
        return words_in(Language(load_settings().lang))
    try:
        return words_in(language_of(lang))
    except UnknownLanguage as error:
        fail(f"--lang: {error}")


def print_json(value: Any) -> None:
    """Write a value to the standard output, as indented JSON."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def warn_of_unknown_variables(log: Any) -> None:
    """Log which environment variables look like settings and are none."""
    from config.settings import unknown_variables

    for name, meant in unknown_variables(os.environ).items():
        log.warning("a variable is no setting", variable=name, meant=meant)


def stop_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set from now on."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def process_metrics(settings: Settings, kind: str) -> Metrics:
    """The metrics of this process; ``kind`` is the process, such as ``api``."""
    from streams.runtime.metrics import Metrics

    metrics = Metrics()
    metrics.worker.info({"app_id": settings.app_id, "mode": kind})
    return metrics


class Health(Protocol):
    """The state of a process, for its probes."""

    def ready(self) -> Mapping[str, bool]:
        """What must hold for the process to do its work, by name."""

    def alive(self) -> Mapping[str, bool]:
        """What must hold for the process not to be restarted, by name."""


def operator_server(
    settings: Settings, metrics: Metrics, health: Health
) -> AbstractAsyncContextManager[HttpServer]:
    """Metrics and probes of a process, on the port for operators."""
    from streams.runtime.http_server import HttpServer

    return HttpServer(
        settings.http_host,
        settings.http_port,
        metrics.registry,
        readiness=health.ready,
        liveness=health.alive,
    )
