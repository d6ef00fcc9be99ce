"""Structured logs on stderr, ours and those of the libraries in one form.

No record's value, no attribute of a customer and no password may appear in a log. Our own code
does not log them; here is the net below it, and the reason why libraries are never set to DEBUG:
there aiokafka writes whole requests, records and logins included.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["json", "console"]

_LIBRARY_LEVELS = {
    "aiokafka": logging.WARNING,  # INFO tells every join, sync and subscription
    "faust": logging.WARNING,  # INFO draws tables of offsets
    "mode": logging.WARNING,
    "aiohttp": logging.WARNING,
    "asyncio": logging.WARNING,
    "redis": logging.WARNING,
    # WARNING tells each request of a stranger that is no HTTP, ERROR what we have told already.
    "uvicorn": logging.CRITICAL,
}
_PAYLOADS = ("attributes", "body", "data", "headers", "payload", "profile", "raw", "value")
_SECRETS = ("authorization", "password", "redis_url", "sasl_password", "secret", "token")
_WITHHELD = frozenset((*_PAYLOADS, *_SECRETS))
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")
_MASK = "***"

_REPEATS_MAX = 5
_REPEAT_WINDOW_S = 30.0
_REPEAT_KEYS_MAX = 256


def configure_logging(level: str, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send every log record of this process to ``stream`` (stderr by default).

    Calling it again replaces what was set before. Start Faust's worker with
    ``override_logging=False``, or it puts its own handlers in place of this one.

    Args:
        level: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``; for our own loggers.
        log_format: ``json`` for one object a line, ``console`` for people.
        stream: where to write.
    """
    target = stream if stream is not None else sys.stderr
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.addFilter(RepeatLimit(tuple(_LIBRARY_LEVELS), time.monotonic))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_note_suppressed, *_common()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderer(log_format, colors=target.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, floor in _LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(floor, logging.getLevelNamesMapping()[level]))
    logging.captureWarnings(True)


class RepeatLimit(logging.Filter):
    """Lets a library say the same thing a few times in a while, not thousands of times a second.

    Args:
        names: loggers it applies to, with all below them.
        clock: seconds that never go back.
    """

    def __init__(self, names: tuple[str, ...], clock: Callable[[], float]) -> None:
        super().__init__()
        self._prefixes = tuple(f"{name}." for name in names)
        self._clock = clock
        self._said: dict[tuple[str, str], _Repeats] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write the record; one that follows suppressed ones tells how many."""
        if not f"{record.name}.".startswith(self._prefixes):
            return True
        now_s = self._clock()
        repeats = self._repeats(record.name, str(record.msg), now_s)
        if now_s - repeats.since_s >= _REPEAT_WINDOW_S:
            if repeats.count > _REPEATS_MAX:
                record.suppressed = repeats.count - _REPEATS_MAX
            repeats.since_s, repeats.count = now_s, 0
        repeats.count += 1
        return repeats.count <= _REPEATS_MAX

    def _repeats(self, name: str, message: str, now_s: float) -> _Repeats:
        key = name, message  # the text before its arguments are filled in
        if key not in self._said:
            if len(self._said) >= _REPEAT_KEYS_MAX:
                self._said.pop(next(iter(self._said)))
            self._said[key] = _Repeats(now_s)
        return self._said[key]


class _Repeats:
    __slots__ = ("count", "since_s")

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self.count = 0


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # Plain text: the richer forms also show local variables, and records are among those.
        structlog.processors.format_exc_info,
        withhold,
    ]


def _renderer(log_format: LogFormat, *, colors: bool) -> list[Processor]:
    if log_format == "console":
        return [
            structlog.dev.ConsoleRenderer(
                colors=colors, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    return [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer()]


def withhold(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide what must not be logged: payloads, secrets, and credentials inside of URLs."""
    for name, value in event.items():
        if name.startswith("_"):
            continue
        if isinstance(value, bytes | bytearray | memoryview):
            event[name] = f"<{len(value)} bytes>"
        elif name in _WITHHELD and not isinstance(value, int | float | None):
            event[name] = _MASK
        elif isinstance(value, str) and "://" in value:
            event[name] = _URL_CREDENTIALS.sub(f"{_MASK}@", value)
    return event


def _note_suppressed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    suppressed = getattr(event.get("_record"), "suppressed", None)
    if suppressed is not None:
        event["suppressed"] = suppressed
    return event
