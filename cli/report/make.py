"""Makes one report: reads what it needs, and writes the file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from cli.report.document import Document
from cli.report.facts import Facts
from cli.report.html import write_html
from cli.report.period import Period
from cli.report.read import read_figures, read_profiles
from cli.report.sheets import document
from cli.report.topics import read_topics
from cli.report.xlsx import write_xlsx
from config.policy_file import load_policy
from config.settings import Settings
from serving.api.jobs import KafkaUnavailable, Ports
from serving.api.local import local_api
from streams.policy_log import policy_in_force
from streams.runtime.clock import wall_ms
from words import Words

ENDINGS = (".xlsx", ".html")
"""What the name of a report's file may end with."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be reported.

    Attributes:
        period: which days.
        words: in which language.
        timezone: whose days the falls are told by; None for that of the policy.
        with_names: whether to show the attribute `name`.
    """

    period: Period
    words: Words
    timezone: str | None
    with_names: bool


async def read(settings: Settings, request: Request) -> Document:
    """Read all that a report of these settings' deployment says.

    Tiers are named by the policy in force; before there is one, by that of the settings.

    Raises:
        NoFigures: Redis does not answer, has no view, or there is too much to count.
        BrokerUnreachable, TopicsUnusable: as the names say.
    """
    now_ms = wall_ms()
    today = datetime.fromtimestamp(now_ms / 1_000, UTC).date()
    policy = await policy_in_force(settings) or load_policy(settings.policy_file)
    timezone = request.timezone or policy.timezone
    async with local_api(settings, Ports(_nothing, _nothing, _no_policy)) as api:
        figures = await read_figures(api, request.period, timezone, today)
        happened = await read_topics(settings, request.period)
        moves = [*happened.moves.of("up"), *happened.moves.of("down")]
        profiles = await read_profiles(api, dict.fromkeys(move.customer_id for move in moves))
    facts = Facts(
        period=request.period,
        figures=figures,
        happened=happened,
        profiles=profiles,
        policy=policy,
        timezone=timezone,
        made_ms=now_ms,
        with_names=request.with_names,
    )
    return document(facts, request.words)


async def _nothing(_customer_id: str) -> bytes:
    raise KafkaUnavailable("a report asks for figures only")


async def _no_policy() -> None:
    raise KafkaUnavailable("a report asks for figures only")


def write(found: Document, words: Words, file: Path) -> None:
    """Write a report in the form of the file's ending: the whole of it, or nothing.

    Raises:
        OSError: the file cannot be written.
    """
    if file.suffix.lower() == ".html":
        _replace(file, lambda target: write_html(found, words, target))
    else:
        _replace(file, lambda target: write_xlsx(found, target))


def _replace(file: Path, write_to: Callable[[BinaryIO], None]) -> None:
    """Write beside a file, and then put it in its place."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as target:
            write_to(target)
            target.flush()
            os.fsync(target.fileno())
        unfinished.chmod(0o640)
        unfinished.replace(file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
