"""What a field of an event may hold: the kinds with which `handlers.events` declares its fields.

A kind says the same thing three times: to the full decoder, to the fast path, and to readers of the
guide. Where it can, one function makes all three from one argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from scoring.money import Amount, amount_of
from scoring.timestamps import parse_date

MAX_ID_LENGTH = 128
MAX_CHANNELS = 16
MAX_PURPOSES = 8
_MAX_INTEGER_DIGITS = 30

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

Check = Callable[[Any], Any]
Bound = Callable[[Any], str | None]


class WrongType(Exception):
    """A value of another JSON type than its field has.

    Args:
        wanted: what the field must have.
        found: the value that is wrong, where it is not the field's own but one inside it.
    """

    def __init__(self, wanted: str, found: object = None) -> None:
        super().__init__(wanted)
        self.found = found


class Kind(Struct, frozen=True):
    """What a field may hold.

    Attributes:
        check: returns a JSON value in the form the event keeps, or raises `WrongType`. Ingest
            refuses what it raises for.
        raw: the JSON values that the fast path takes, as a type of msgspec; None for none. Never
            more than `check` and `bound` accept.
        bound: says what is wrong with a checked value, or returns None. The engine refuses what
            it names, as `invalid_value`.
        convert: does for a value of type `raw` what `check` does; None where the two are equal.
        words: what the guide says of the values.
        takes_null: null is a value: a required field must be there all the same.
        only_with: the name of another field: this one is looked at only where that one is there
            and not null.
        is_time: the text is an RFC 3339 time, which the event keeps in milliseconds; another text
            is an invalid timestamp.
        is_tier: the text names a tier, which the policy must have.
    """

    check: Check
    raw: Any
    bound: Bound | None = None
    convert: Check | None = None
    words: str = ""
    takes_null: bool = False
    only_with: str | None = None
    is_time: bool = False
    is_tier: bool = False

    def described(self, words: str) -> Kind:
        """The same kind with other words in the guide."""
        return replace(self, words=words)

    def seen_with(self, other: str) -> Kind:
        """The same kind for a field that is looked at only with another one."""
        return replace(self, only_with=other)


class MoneyKind(Kind, frozen=True, kw_only=True):
    """An amount, which the engine turns into minor units by the policy.

    Attributes:
        into: the field of the event that takes the minor units.
        of_order: it is in the currency of an order, which may not be known yet.
        may_be_optional: the policy says whether the amount must be there; ingest does not.
    """

    into: str
    of_order: bool = False
    may_be_optional: bool = False

    def unless_optional(self) -> MoneyKind:
        """The same kind where the policy says whether it must be there: absent it is `UNSET`."""
        return replace(self, may_be_optional=True)


class CurrencyKind(Kind, frozen=True):
    """The currency of the event's amount: the policy must have a rate for it."""


# -- checks


def valid_customer_id(customer_id: str) -> bool:
    """1 to 128 characters, none of them a control character (Unicode category Cc)."""
    return 0 < len(customer_id) <= MAX_ID_LENGTH and _CONTROL.search(customer_id) is None


def text(value: Any) -> str:
    """Any text."""
    if type(value) is not str:
        raise WrongType("must be a text")
    return value


def integer(value: Any) -> int:
    """A whole number, by value: 5 and 5.0, not 5.5, not true."""
    if type(value) is int:
        return value
    if type(value) is Decimal and value == value.to_integral_value():
        return int(value) if value.adjusted() < _MAX_INTEGER_DIGITS else 10**_MAX_INTEGER_DIGITS
    raise WrongType("must be an integer")


def instant(value: Any) -> Any:
    """A text or an integer; whether it is a time is checked later."""
    if type(value) in (list, dict):
        raise WrongType("must be an RFC 3339 time or an integer")
    return value if type(value) is str else integer(value)


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise WrongType("must be true or false")
    return value


def _amount(value: Any) -> Amount | None:
    """A decimal text or a number, exactly; None where the text is no plain decimal."""
    if type(value) not in (str, int, Decimal):
        raise WrongType("must be a decimal text or a number")
    return amount_of(value)


def _flags(value: Any) -> dict[str, bool]:
    """An object of true and false; names with null are left out."""
    if type(value) is not dict:
        raise WrongType("must be an object")
    found: dict[str, bool] = {}
    for name, inner in value.items():
        if inner is None:
            continue
        if type(inner) is not bool:
            raise WrongType(f"must have true or false for {name[:32]!r}", inner)
        found[name] = inner
    return found


# -- bounds


def id_fault(value: str) -> str | None:
    """What is wrong with the length of an id; an empty one that is required is missing."""
    return _label_fault(value) if value else f"must have 1 to {MAX_ID_LENGTH} characters"


def _label_fault(value: str) -> str | None:
    if len(value) > MAX_ID_LENGTH:
        return f"has {len(value)} characters, at most {MAX_ID_LENGTH}"
    return None


def readable_id(found: object) -> str | None:
    """The event id as a dead letter names it: any text of 1 to 128 characters; else None."""
    return found if type(found) is str and 0 < len(found) <= MAX_ID_LENGTH else None


def _customer_id_fault(value: str) -> str | None:
    return None if valid_customer_id(value) else "is no customer id"


def _date_fault(value: str | None) -> str | None:
    if value is None or parse_date(value) is not None:
        return None
    return f"must be a date such as 2026-12-31, got {value[:32]!r}"


# -- kinds


def text_of(most: int) -> Kind:
    """A text of 1 to `most` characters."""

    def bound(value: str) -> str | None:
        return None if 0 < len(value) <= most else f"must have 1 to {most} characters"

    raw = Annotated[str, Meta(min_length=1, max_length=most)]
    return Kind(text, raw, bound, words=f"1 to {most} characters")


def not_zero(most: int) -> Kind:
    """An integer other than 0, from `-most` to `most`."""

    def bound(value: int) -> str | None:
        if value == 0:
            return "must not be 0"
        return None if -most <= value <= most else f"must be {-most} to {most}"

    return Kind(integer, None, bound, words="a whole number, not 0")


def flags(most: int) -> Kind:
    """An object of at most so many names, each true or false."""

    def bound(value: dict[str, bool]) -> str | None:
        if len(value) > most:
            return f"has {len(value)} names, at most {most}"
        if any(not 0 < len(name) <= MAX_ID_LENGTH for name in value):
            return f"has a name that does not have 1 to {MAX_ID_LENGTH} characters"
        return None

    return Kind(_flags, None, bound, words=f"an object of at most {most} names, true or false")


def one_of(*allowed: str) -> Kind:
    """A text out of a list."""

    def bound(value: str) -> str | None:
        return None if value in allowed else f"must be one of {', '.join(allowed)}"

    words = ", ".join(f"`{value}`" for value in allowed)
    return Kind(text, Literal[allowed], bound, words=words)


def between(low: int, high: int) -> Kind:
    """An integer from `low` to `high`, both included."""

    def bound(value: int) -> str | None:
        return None if low <= value <= high else f"must be {low} to {high}"

    raw = Annotated[int, Meta(ge=low, le=high)]
    return Kind(integer, raw, bound, words=f"{low} to {high}")


def money(into: str, *, of_order: bool = False) -> MoneyKind:
    """An amount from 0; `into` names the field that takes its minor units.

    With `of_order` it is in the currency of an order, which may not be known yet.
    """
    # A number with a fraction would pass through a float here, so the fast path leaves it.
    raw = Annotated[str, Meta(min_length=1)] | int
    return MoneyKind(
        _amount,
        raw,
        convert=amount_of,
        words="decimal text or number",
        into=into,
        of_order=of_order,
    )


TEXT = Kind(text, str)
ID = Kind(text, Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)], id_fault)
LABEL = Kind(
    text,
    Annotated[str, Meta(max_length=MAX_ID_LENGTH)],
    _label_fault,
    words=f"at most {MAX_ID_LENGTH} characters",
)
DATE_OR_NULL = Kind(text, None, _date_fault, words="a date, or null", takes_null=True)
TIER_OR_NULL = Kind(text, None, words="a tier, or null", takes_null=True, is_tier=True)
TIME = Kind(text, None, words="an RFC 3339 time", is_time=True)
CUSTOMER_ID = Kind(text, None, _customer_id_fault)
INTEGER = Kind(integer, int)
BOOLEAN = Kind(_boolean, bool, words="true or false")
CURRENCY = CurrencyKind(text, str)

Id = Annotated[str, ID]
Text = Annotated[str, TEXT]
