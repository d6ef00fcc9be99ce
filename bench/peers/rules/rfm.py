"""The job of every peer: RFM over a rolling window, and the tier that follows.

Needs nothing but Python, so that it can be imported in the environment of any peer.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, Protocol

PROSPECT = "prospect"
ORDER = "order.placed"

_MS_PER_DAY = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()


class Rules(NamedTuple):
    """Window, cut-offs and tiers; amounts in cents, tiers best first as (name, least score)."""

    window_days: int
    recency_days: tuple[int, ...]
    frequency: tuple[int, ...]
    monetary_minor: tuple[int, ...]
    tiers: tuple[tuple[str, int], ...]

    def tier_of(self, recency_days: int | None, frequency: int, monetary_minor: int) -> str:
        """The tier of these figures."""
        if recency_days is None:
            return PROSPECT
        above_least = (  # R + F + M - 3
            4
            - bisect_left(self.recency_days, recency_days)
            + bisect_right(self.frequency, frequency)
            + bisect_right(self.monetary_minor, monetary_minor)
        )
        score = 100 * above_least // 12
        return next(name for name, least in self.tiers if score >= least)


class Customer(Protocol):
    """What a peer keeps of a customer."""

    day: int
    """Of the newest event; 0 before the first."""
    last_order_day: int
    """0 without an order."""
    applied: int
    """Offset of the newest order applied; -1 without one."""
    tier: str
    days: list[list[int]]
    """[day, orders, cents] for each day with orders in the window, ascending."""


@dataclass(slots=True)
class PlainCustomer:
    """A `Customer` for peers that have no form of their own."""

    day: int = 0
    last_order_day: int = 0
    applied: int = -1
    tier: str = PROSPECT
    days: list[list[int]] = field(default_factory=list)


class Figures(NamedTuple):
    """Figures of a customer as of the newest event."""

    recency_days: int | None
    frequency: int
    monetary_minor: int
    tier: str


def figures_of(customer: Customer) -> Figures:
    """The figures as they stand."""
    ordered = customer.last_order_day
    frequency = monetary_minor = 0
    for _, orders, minor in customer.days:
        frequency += orders
        monetary_minor += minor
    recency_days = customer.day - ordered if ordered else None
    return Figures(recency_days, frequency, monetary_minor, customer.tier)


def apply(rules: Rules, customer: Customer, event: Mapping[str, Any], offset: int) -> str | None:
    """Let an event change its customer.

    Args:
        rules: of the job.
        customer: is changed in place.
        event: `type`, `occurred_at`, and `amount` of an order.
        offset: of the record; orders that were applied before are skipped.

    Returns:
        The tier before, if it is another now; else None.
    """
    day = day_of(event["occurred_at"])
    if event["type"] == ORDER and offset > customer.applied:
        customer.applied = offset
        customer.last_order_day = max(customer.last_order_day, day)
        _add(customer.days, day, minor_of(event["amount"]))
    customer.day = max(customer.day, day)
    days, first = customer.days, customer.day - rules.window_days + 1
    while days and days[0][0] < first:
        del days[0]
    before = customer.tier
    recency_days, frequency, monetary_minor, _ = figures_of(customer)
    customer.tier = rules.tier_of(recency_days, frequency, monetary_minor)
    return None if customer.tier == before else before


def _add(days: list[list[int]], day: int, minor: int) -> None:
    for found in reversed(days):
        if found[0] == day:
            found[1] += 1
            found[2] += minor
            return
        if found[0] < day:
            days.insert(days.index(found) + 1, [day, 1, minor])
            return
    days.insert(0, [day, 1, minor])


def day_of(occurred_at: str) -> int:
    """Days since 1970 of an RFC 3339 time in UTC."""
    return date.fromisoformat(occurred_at[:10]).toordinal() - _EPOCH


def day_of_ms(at_ms: int) -> int:
    """Days since 1970 of an instant."""
    return at_ms // _MS_PER_DAY


def minor_of(amount: str) -> int:
    """Cents of a decimal text with two decimals."""
    return int(amount.replace(".", ""))


class Job(NamedTuple):
    """What a peer program is started with."""

    bootstrap_servers: str
    group: str
    folder: Path
    partitions: int
    topics: dict[str, str]
    rules: Rules
    commit_interval_ms: int | None
    """Between commits, snapshots or checkpoints; None: as the program thinks best."""

    def note_started(self) -> None:
        """Say that the first record is about to be processed."""
        (self.folder / "started").touch()


def read_job(path: str) -> Job:
    """Read the file that the harness wrote."""
    found = json.loads(Path(path).read_text())
    rules = Rules(
        found["window_days"],
        tuple(found["recency_days"]),
        tuple(found["frequency"]),
        tuple(found["monetary_minor"]),
        tuple((tier["name"], tier["min_score"]) for tier in found["tiers"]),
    )
    return Job(
        found["bootstrap_servers"],
        found["group"],
        Path(found["folder"]),
        found["partitions"],
        found["topics"],
        rules,
        found["commit_interval_ms"],
    )


def write_job(job: Job, path: Path) -> None:
    """The file for a program."""
    rules = job.rules
    found = {
        "bootstrap_servers": job.bootstrap_servers,
        "group": job.group,
        "folder": str(job.folder),
        "partitions": job.partitions,
        "topics": job.topics,
        "commit_interval_ms": job.commit_interval_ms,
        "window_days": rules.window_days,
        "recency_days": rules.recency_days,
        "frequency": rules.frequency,
        "monetary_minor": rules.monetary_minor,
        "tiers": [{"name": name, "min_score": least} for name, least in rules.tiers],
    }
    path.write_text(json.dumps(found, indent=2))
