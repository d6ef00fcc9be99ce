"""Who reached a level, and when."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT_MAX = 500
"""The most customers of a page."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A customer who reached a level.

    Attributes:
        customer_id: who it is.
        at_ms: when, in milliseconds since 1970.
    """

    customer_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ReachedPage:
    """Some of those who reached a level.

    A page may have fewer customers than asked for, even none, and still not be the last: the work
    for one page has a limit.

    Attributes:
        customers: the latest first.
        cursor: for the next page; None after the last.
    """

    customers: tuple[Reached, ...]
    cursor: str | None
