"""What a customer is counted under: the values of the axes, and the amounts that are summed.

Both are plain functions of one profile. Redis keeps them in the customer's hash, so that a later
profile, or a removal, takes away exactly what was added.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from handlers.profile.attributes import KNOWN_NAMES

AXES = {
    "gender": "a",
    "region": "b",
    "city_tier": "c",
    "occupation": "d",
    "known": "e",
    "known_count": "f",
    "marketing_consent": "g",
    "consented_channel": "h",
    "orders": "i",
    "orders_ever": "j",
    "mean_order": "k",
    "score": "l",
    "health": "m",
    "csat": "n",
    "nps": "o",
    "first_order": "p",
    "last_order": "q",
    "as_of": "r",
    "decimals": "s",
}
"""Axes that are counted beside the facets, and the letter under which a hash stores a value."""

ATTRIBUTES = ("gender", "region", "city_tier", "occupation")
"""Axes whose values are those of attributes, word for word."""

SEVERAL = frozenset({"known", "consented_channel", "tag"})
"""Axes of which a customer may have any number of values; of all others, at most one."""

MEASURES = (
    "customers",
    "spend_high",
    "spend_low",
    "spend_ever_high",
    "spend_ever_low",
    "orders",
    "orders_ever",
    "points",
)
"""What is summed for each value of a facet. An amount is in ten-thousandths of the currency, fine
enough for every currency of ISO 4217, and in two parts: ``high`` · `LOW_LIMIT` + ``low``."""

LOW_LIMIT = 10**9
SCALE = 4
"""Decimals of a summed amount."""

VALUE_MAX_BYTES = 64
"""Longer values are not counted."""

_AMOUNT = re.compile(r"(-?)([0-9]{1,14})(?:\.([0-9]{1,4}))?", re.ASCII)
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}-", re.ASCII)
_COUNT_MAX = 10**12
_BANDS = (5, 10, 20, 50)
"""Fewer than 5 orders are counted one by one; from then on in bands that begin at these."""


def sums_of(data: dict[str, Any]) -> tuple[int, ...]:
    """What a profile adds to each of `MEASURES`; what is no number in range adds nothing."""
    points = data.get("points")
    return (
        1,
        *divmod(amount_of(data.get("monetary")), LOW_LIMIT),
        *divmod(amount_of(data.get("spend_ever")), LOW_LIMIT),
        _count(data.get("frequency")),
        _count(data.get("orders_ever")),
        _integer(points.get("balance")) if isinstance(points, dict) else 0,
    )


def cells_of(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Axis and value, for all values of a profile on `AXES`; each once."""
    attributes = data.get("attributes")
    yield from _attribute_cells(attributes if isinstance(attributes, dict) else {})
    yield from _consent_cells(data)
    yield from _order_cells(data)
    for axis, owner, name, low, high in _NUMBERS:
        found = data if owner is None else data.get(owner)
        value = found.get(name) if isinstance(found, dict) else None
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            yield axis, str(value)
    for axis, name in _MONTHS:
        text = data.get(name)
        if isinstance(text, str) and _MONTH.match(text):
            yield axis, text[:7]


_NUMBERS: tuple[tuple[str, str | None, str, int, int], ...] = (
    ("score", None, "score", 0, 100),
    ("health", "health", "score", 0, 100),
    ("csat", "satisfaction", "csat_last", 1, 5),
    ("nps", "satisfaction", "nps_last", 0, 10),
)
_MONTHS = (("first_order", "first_order_at"), ("last_order", "last_order_at"), ("as_of", "as_of"))


def _attribute_cells(attributes: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for axis in ATTRIBUTES:
        value = attributes.get(axis)
        if isinstance(value, str) and _is_counted(value):
            yield axis, value
    known = [place for place, name in enumerate(KNOWN_NAMES) if attributes.get(name)]
    for place in known:
        yield "known", str(place)
    yield "known_count", str(len(known))


def _consent_cells(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(agreed := data.get("marketing_consent"), bool):
        yield "marketing_consent", "true" if agreed else "false"
    channels = data.get("channel_consent")
    for channel, agreed in channels.items() if isinstance(channels, dict) else ():
        if agreed is True and _is_counted(channel):
            yield "consented_channel", channel


def _order_cells(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    orders = _count(data.get("frequency"))
    yield "orders", band(orders)
    yield "orders_ever", band(_count(data.get("orders_ever")))
    spend = data.get("monetary")
    if isinstance(spend, str) and (found := _AMOUNT.fullmatch(spend)):
        yield "decimals", str(len(found[3] or ""))
        if orders:
            yield "mean_order", str(amount_band(amount_of(spend) // (orders * 10**SCALE)))


def band(count: int) -> str:
    """The band of a number of orders, such as ``3``, ``10-19`` or ``50+``."""
    if count < _BANDS[0]:
        return str(count)
    for low, following in itertools.pairwise(_BANDS):
        if count < following:
            return f"{low}-{following - 1}"
    return f"{_BANDS[-1]}+"


def amount_band(amount: int) -> int:
    """The largest of 0, 1, 2, 5, 10, 20, 50, 100 … that is not above ``amount``."""
    if amount < 1:
        return 0
    power: int = 10 ** (len(str(amount)) - 1)
    digit = amount // power
    return power * (5 if digit >= 5 else 2 if digit >= 2 else 1)


def _is_counted(value: str) -> bool:
    return 0 < len(value.encode()) <= VALUE_MAX_BYTES and SEPARATOR not in value


SEPARATOR = "\n"
"""Stands between the cells that a hash stores; a value with it is not counted."""


def amount_of(value: object) -> int:
    """An amount as decimal text, in ten-thousandths of the currency; 0 for anything else."""
    found = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return 0
    minor = int(found[2] + (found[3] or "").ljust(SCALE, "0"))
    return -minor if found[1] else minor


def is_amount(value: object) -> bool:
    """Whether a value of a profile is an amount in range, as decimal text."""
    return isinstance(value, str) and _AMOUNT.fullmatch(value) is not None


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if abs(value) <= _COUNT_MAX else 0


def _count(value: object) -> int:
    return max(0, _integer(value))
