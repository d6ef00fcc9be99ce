"""Logs are structured, in UTC, quiet about repetitions, and silent about payloads and secrets."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from streams.runtime.logs import RepeatLimit, configure_logging

SECRET = "correct-horse"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    names = ["aiokafka", "faust", "mode", "aiohttp", "asyncio", "redis"]
    before = root.handlers[:], root.level, [logging.getLogger(name).level for name in names]
    yield
    root.handlers[:], level, levels = before
    root.setLevel(level)
    for name, level in zip(names, levels, strict=True):
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_own_and_foreign_records_have_one_form(stream: io.StringIO) -> None:
    configure_logging("INFO", "json", stream)
    structlog.get_logger("serving.view").info("ready", partitions=4)
    logging.getLogger("faust.worker").warning("started %s", "agent")
    own, foreign = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", own.pop("timestamp"))
    assert own == {
        "logger": "serving.view",
        "level": "info",
        "message": "ready",
        "partitions": 4,
    }
    foreign.pop("timestamp")
    assert foreign == {"logger": "faust.worker", "level": "warning", "message": "started agent"}


def test_console_is_for_people(stream: io.StringIO) -> None:
    configure_logging("INFO", "console", stream)
    structlog.get_logger("serving").info("ready", partitions=4)
    assert re.search(r"\[info +\] ready +\[serving\] partitions=4", stream.getvalue())


def test_level_is_kept(stream: io.StringIO) -> None:
    configure_logging("WARNING", "json", stream)
    structlog.get_logger("serving").info("hidden")
    logging.getLogger("another").info("hidden")
    structlog.get_logger("serving").warning("shown")
    assert [line["message"] for line in lines(stream)] == ["shown"]


def test_libraries_are_never_set_to_debug(stream: io.StringIO) -> None:
    configure_logging("DEBUG", "json", stream)
    structlog.get_logger("serving").debug("ours")
    for name in ("aiokafka.conn", "faust.app", "mode.worker", "asyncio", "redis"):
        logging.getLogger(name).debug("request with records and a login")
    assert [line["message"] for line in lines(stream)] == ["ours"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_payloads_and_secrets_are_withheld(stream: io.StringIO, log_format: Any) -> None:
    configure_logging("DEBUG", log_format, stream)
    log = structlog.get_logger("streams")
    log.info(
        "event", value=SECRET, payload={"a": SECRET}, attributes=[SECRET], note=SECRET.encode()
    )
    log.info("connecting to redis://ana:%s@host/0", SECRET, url=f"redis://:{SECRET}@host/0")
    logging.getLogger("redis").warning("cannot reach rediss://:p@%s@host:6379", SECRET)
    log.info("numbers are no payload", value=3)
    written = stream.getvalue()
    assert SECRET not in written
    assert "<13 bytes>" in written
    assert "redis://***@host/0" in written
    assert '"value": 3' in written or "value=3" in written


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_traceback_does_not_show_local_variables(stream: io.StringIO, log_format: Any) -> None:
    configure_logging("INFO", log_format, stream)

    def fail(record: str) -> None:
        raise ValueError(f"a record of {len(record)} characters")

    try:
        fail(SECRET)
    except ValueError:
        structlog.get_logger("streams").exception("failed")
        logging.getLogger("faust").exception("failed")
    written = stream.getvalue()
    assert written.count("ValueError: a record of 13 characters") == 2
    assert SECRET not in written


def test_setting_up_again_does_not_double_the_records(stream: io.StringIO) -> None:
    configure_logging("INFO", "json", io.StringIO())
    configure_logging("INFO", "json", stream)
    structlog.get_logger("streams").info("once")
    assert len(lines(stream)) == 1


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def record(name: str, message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, message, arguments, None)


def test_library_that_repeats_itself_is_cut_short_and_told_how_often() -> None:
    clock = Clock()
    limit = RepeatLimit(("aiokafka",), clock)
    passed = [limit.filter(record("aiokafka.client", "Topic %s missing", n)) for n in range(1_000)]
    assert passed == [True] * 5 + [False] * 995
    assert limit.filter(record("aiokafka.client", "something else"))
    clock.now_s += 30
    later = record("aiokafka.client", "Topic %s missing", "t")
    assert limit.filter(later)
    assert later.__dict__["suppressed"] == 995


def test_our_own_records_are_not_cut_short() -> None:
    limit = RepeatLimit(("aiokafka",), Clock())
    assert all(limit.filter(record("streams.worker", "again")) for _ in range(100))
    assert all(limit.filter(record("aiokafkaesque", "again")) for _ in range(100))


def test_memory_for_repetitions_has_a_limit() -> None:
    limit = RepeatLimit(("aiokafka",), Clock())
    for number in range(10_000):
        limit.filter(record("aiokafka", f"message {number}"))
    assert len(limit._said) <= 256
