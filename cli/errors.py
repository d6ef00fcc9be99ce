"""How commands fail: one sentence on the standard error, and an exit code that is not zero."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from aiokafka.errors import KafkaError

from config.policy_file import PolicyError
from config.settings import SettingsError
from handlers.control_records import UnreadableControl
from handlers.state.format_fields import FormatTooOld
from handlers.state.formats import NewerFormat
from streams.changelog import StateUnreadable
from streams.checked_clock import WrongClock
from streams.kafka.clients import BrokerUnreachable
from streams.kafka.topics import TopicsUnusable

EXPECTED = (
    SettingsError,
    PolicyError,
    BrokerUnreachable,
    TopicsUnusable,
    StateUnreadable,
    UnreadableControl,
    NewerFormat,
    FormatTooOld,
    WrongClock,
    KafkaError,
    OSError,
)
"""Errors that users can mend; any other is a bug and shows its traceback."""


@contextmanager
def one_sentence(*more: type[Exception]) -> Iterator[None]:
    """End the command with one sentence if an error of `EXPECTED`, or of ``more``, is raised."""
    # The Kafka client's own log lines would stand before that sentence and say less. A process
    # that stays configures logging when it has started.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        yield
    except (*EXPECTED, *more) as error:
        fail(_sentence(error))


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def fail(sentence: str, code: int = 1) -> NoReturn:
    """End the command with a sentence on the standard error."""
    typer.echo(f"tierstream: {sentence}", err=True)
    raise typer.Exit(code)
