"""The attributes of a profile, each by itself: what can be used of them, and why not of the rest.

No profile is lost for one field. Whether `birth_date` is a date is judged where it is applied,
since that depends on the customer's calendar (`handlers.profile.attributes`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from handlers.decode.fields import MAX_ID_LENGTH, Kind, WrongType
from handlers.reasons import INVALID_VALUE, WRONG_TYPE
from scoring.timestamps import parse_date, parse_rfc3339

ATTRIBUTES_SINCE = 3
"""The format from which on a partition takes attributes one by one."""
MAX_ATTRIBUTES = 64
MAX_ATTRIBUTE_LENGTH = 1024
MAX_DIGITS = 40
"""Of a number, all digits of its plain form counted."""
MAX_REFUSED = 64
"""Names that are told to be left out; further ones are only counted."""


class Attributes(Struct):
    """What an update tells of a profile.

    Attributes:
        values: by name, as texts; an empty one takes the attribute away.
        refused: why each name that was left out cannot be used, by its first 128 characters.
        not_named: how many more were left out.
        fault_before: the reason and the detail with which releases before format 3 refuse the
            update as a whole; None if they do not.
    """

    values: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    not_named: int = 0
    fault_before: tuple[str, str] | None = None


def _attributes(value: Any) -> Attributes:
    """An object; names with null are left out."""
    if type(value) is not dict:
        raise WrongType("must be an object")
    found = Attributes()
    told = {name: inner for name, inner in value.items() if inner is not None}
    for name, inner in told.items():
        text = _as_text(inner)
        why = f"is {_WORDS[type(inner)]}" if text is None else _fault(name, text)
        if why is None and text is not None:
            found.values[name] = text
        elif len(found.refused) < MAX_REFUSED:
            found.refused[name[:MAX_ID_LENGTH]] = why or ""
        else:
            found.not_named += 1
    found.fault_before = _fault_before(told)
    return found


_WORDS = {
    list: "a list, a text is expected",
    dict: "an object, a text is expected",
    int: f"a number of more than {MAX_DIGITS} digits",
    Decimal: f"a number of more than {MAX_DIGITS} digits",
}


def _as_text(value: Any) -> str | None:
    """A text as it is, a number as a plain decimal, a boolean as its JSON; else None."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    return plain_decimal(value) if type(value) in (int, Decimal) else None


def plain_decimal(number: int | Decimal) -> str | None:
    """A number without exponent or trailing zeros; None if it has more than `MAX_DIGITS` digits."""
    exact = Decimal(number)
    if not exact:
        return "0"
    if abs(exact.adjusted()) >= MAX_DIGITS:
        return None
    sign, digits, exponent = exact.as_tuple()
    assert isinstance(exponent, int)
    significant = "".join(map(str, digits)).rstrip("0")
    exponent += len(digits) - len(significant)
    if exponent >= 0:
        whole, fraction = significant + "0" * exponent, ""
    else:
        padded = significant.rjust(1 - exponent, "0")
        whole, fraction = padded[:exponent], padded[exponent:]
    whole = whole.lstrip("0") or "0"
    if len(whole) + len(fraction) > MAX_DIGITS:
        return None
    return ("-" if sign else "") + whole + (f".{fraction}" if fraction else "")


def _fault(name: str, text: str) -> str | None:
    if len(name) > MAX_ID_LENGTH:
        return f"a name has at most {MAX_ID_LENGTH} characters, this one {len(name)}"
    if len(text) > MAX_ATTRIBUTE_LENGTH:
        return f"has {len(text)} characters, at most {MAX_ATTRIBUTE_LENGTH}"
    if name == "registered_at" and not _is_date_or_time(text):
        return "must be a date such as 2025-12-31, or an RFC 3339 time"
    return None


def _is_date_or_time(text: str) -> bool:
    return not text or parse_date(text) is not None or parse_rfc3339(text) is not None


def _fault_before(told: dict[str, Any]) -> tuple[str, str] | None:
    """Why a release before format 3 refuses an update as a whole."""
    if any(type(inner) is not str for inner in told.values()):
        return WRONG_TYPE, "attributes must be texts"
    if len(told) > MAX_ATTRIBUTES:
        return INVALID_VALUE, f"attributes has {len(told)} names, at most {MAX_ATTRIBUTES}"
    for name, inner in told.items():
        if _fault(name, inner) is not None or (
            name == "birth_date" and inner and parse_date(inner) is None
        ):
            return INVALID_VALUE, f"the attribute {name[:MAX_ID_LENGTH]!r} cannot be used"
    return None


ATTRIBUTES = Kind(_attributes, None, words="an object")
