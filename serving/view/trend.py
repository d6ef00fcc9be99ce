"""The trend of a customer: orders, spend and score by month, from the last profile of each.

A profile tells what counted until then, so the difference between two is what came to count
between them, whichever profiles between were never seen. What is stored of a month is replaced by
the next profile of that month, and so is exact however often a profile comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from scoring.timestamps import parse_rfc3339, rfc3339
from serving.view.axes import is_amount

_MONTH_CHARACTERS = 7
_COUNT_MAX = 10**12
_BEGINNING = b"from"


@dataclass(frozen=True, slots=True)
class Month:
    """What came to count up to the last profile of a month.

    Attributes:
        name: of the month in UTC, such as ``2026-01``.
        after_ms: since when, in milliseconds since 1970: the profile before, or the beginning.
        as_of_ms: until when: the last profile of the month.
        orders: counted orders; below 0 if more were taken back than came.
        spend: their value, as decimal text.
        score: as of the last profile; None for a prospect.
    """

    name: str
    after_ms: int
    as_of_ms: int
    orders: int
    spend: str
    score: int | None


@dataclass(frozen=True, slots=True)
class Trend:
    """The months of a customer.

    Attributes:
        since_ms: from when on they are known, in milliseconds since 1970; None if nothing is.
        months: those with a profile, the oldest first.
    """

    since_ms: int | None
    months: tuple[Month, ...]


def trend_text(data: dict[str, Any]) -> str:
    """What is stored of a profile: month, orders, spend, instant and score, and the beginning.

    The beginning is known if no order counted before this month: it is the month's first instant.

    Args:
        data: the profile; it need not be one that Tierstream wrote.

    Returns:
        Text as the script reads it; empty for a profile that lacks one of these.
    """
    at, orders, spend = data.get("as_of"), data.get("orders_ever"), data.get("spend_ever")
    as_of_ms = parse_rfc3339(at) if isinstance(at, str) else None
    if as_of_ms is None or not _is_count(orders) or not is_amount(spend):
        return ""
    score = data.get("score")
    digits = str(score) if _is_count(score) else ""
    month = month_of(as_of_ms)
    beginning = f"0,0,{_first_ms(month)}," if _begins_in(data, month) else ""
    return f"{month}|{orders},{spend},{as_of_ms},{digits}|{beginning}"


def trend_of(fields: Mapping[bytes, bytes]) -> Trend:
    """The trend that a hash of the view tells."""
    beginning = fields.get(_BEGINNING)
    if beginning is None:
        return Trend(None, ())
    before = _parse(beginning)
    since_ms, months = before.as_of_ms, []
    for name in sorted(fields.keys() - {_BEGINNING}):
        last = _parse(fields[name])
        months.append(
            Month(
                name.decode(),
                before.as_of_ms,
                last.as_of_ms,
                last.orders - before.orders,
                format(last.spend - before.spend, "f"),
                last.score,
            )
        )
        before = last
    return Trend(since_ms, tuple(months))


@dataclass(frozen=True, slots=True)
class _Stored:
    orders: int
    spend: Decimal
    as_of_ms: int
    score: int | None


def _parse(text: bytes) -> _Stored:
    orders, spend, as_of_ms, score = text.decode().split(",")
    return _Stored(int(orders), Decimal(spend), int(as_of_ms), int(score) if score else None)


def month_of(instant_ms: int) -> str:
    """The month of an instant in UTC, such as ``2026-01``."""
    return rfc3339(instant_ms)[:_MONTH_CHARACTERS]


def _first_ms(month: str) -> int:
    return round(datetime.fromisoformat(f"{month}-01T00:00:00+00:00").timestamp()) * 1_000


def _begins_in(data: dict[str, Any], month: str) -> bool:
    first = data.get("first_order_at")
    if isinstance(first, str):
        return first[:_MONTH_CHARACTERS] >= month
    return bool(data.get("orders_ever") == 0)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _COUNT_MAX
