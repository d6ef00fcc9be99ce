"""The lines of an order: nothing in them is judged, so that no order is lost for one of them.

Text numbers are taken as they are for `amount`. What cannot be used is left out and counted: a line
that is no object, a text that is no number where one belongs, a number where a text does.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from handlers.decode.fields import Kind, WrongType
from scoring.money import Amount, amount_of
from scoring.tags import is_usable

MAX_CATEGORIES = 32


Line = tuple[str | None, Amount | None, Amount | None, str | None]
"""`sku`, `quantity`, `unit_price` and `category`: None for what was not told or cannot be used."""

_NAMES = ("sku", "quantity", "unit_price", "category")


class Lines(Struct, frozen=True):
    """The lines of an order, and how many of their values were left out."""

    lines: tuple[Line, ...] = ()
    left_out: int = 0

    @property
    def categories(self) -> tuple[str, ...]:
        """Each category once: the first `MAX_CATEGORIES` that are not too long."""
        found: dict[str, None] = {}
        for *_, category in self.lines:
            if category is not None and is_usable(category):
                found[category] = None
                if len(found) == MAX_CATEGORIES:
                    break
        return tuple(found)


NO_LINES = Lines()


def _lines(value: Any) -> Lines:
    """The lines of a list, from JSON."""
    if type(value) is not list:
        raise WrongType("must be a list")
    lines, left_out = [], 0
    for told in value:
        if type(told) is not dict:
            left_out += 1
            continue
        line = (
            _text(told.get("sku")),
            _number(told.get("quantity")),
            _number(told.get("unit_price")),
            _text(told.get("category")),
        )
        left_out += sum(
            found is None and told.get(name) is not None
            for name, found in zip(_NAMES, line, strict=True)
        )
        lines.append(line)
    return Lines(tuple(lines), left_out)


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _number(value: Any) -> Amount | None:
    return amount_of(value) if type(value) in (str, int, Decimal) else None


class _RawLine(Struct, kw_only=True, gc=False):
    """A line on the fast path. A number with a fraction would pass through a float here."""

    sku: str | None = None
    quantity: str | int | None = None
    unit_price: str | int | None = None
    category: str | None = None


def _lines_of(told: list[_RawLine]) -> Lines:
    """The lines of the fast path."""
    lines, left_out = [], 0
    for raw in told:
        quantity, unit_price = amount_of(raw.quantity), amount_of(raw.unit_price)
        if quantity is None and raw.quantity is not None:
            left_out += 1
        if unit_price is None and raw.unit_price is not None:
            left_out += 1
        lines.append((raw.sku, quantity, unit_price, raw.category))
    return Lines(tuple(lines), left_out)


LINES = Kind(
    _lines,
    list[_RawLine],
    convert=_lines_of,
    words="a list of objects with `sku`, `quantity`, `unit_price`, `category`, each optional; "
    "what cannot be used is left out",
)
