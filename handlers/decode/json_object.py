"""From the bytes of a record to a JSON object, with exact numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec

from handlers.reasons import NOT_JSON, TOO_LARGE, Rejection

MAX_RECORD_BYTES = 256 * 1024
MAX_NESTING = 32

_BIG = 2**63
_MANY_DIGITS = b"0" * 19
_DIGITS_AS_ZEROS = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
_SHOWN_BYTES = 20
_TRUNCATED = "Input data was truncated"
_PLACE = re.compile(r"\(byte ([0-9]+)\)$", re.ASCII)
_KINDS = {
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    Decimal: "a number",
    type(None): "null",
}
_TOO_DEEP = f"nested deeper than {MAX_NESTING}"


class JsonObject(NamedTuple):
    """A parsed record.

    Attributes:
        fields: its names and values; numbers with a fraction or an exponent are decimals.
        has_odd_numbers: a number is a decimal or large, so that equal ones may be written in
            different ways.
    """

    fields: dict[str, Any]
    has_odd_numbers: bool


_exact = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def parse(value: bytes | None) -> JsonObject | Rejection:
    """Parse a record, or say why it is too large or no JSON object; None is a tombstone."""
    if value is None:
        return Rejection(NOT_JSON, "a record without a value is no event")
    if len(value) > MAX_RECORD_BYTES:
        return Rejection(TOO_LARGE, f"{len(value)} bytes, at most {MAX_RECORD_BYTES}")
    try:
        document = _exact.decode(value)
    except msgspec.ValidationError:
        # Integers of hundreds of digits are JSON too, but rare, so slower code reads them.
        try:
            document = json.loads(
                value.decode(),
                parse_int=Decimal,
                parse_float=Decimal,
                parse_constant=_refuse_constant,
            )
            _encoder.encode(document)  # a text may hold half of a surrogate pair here
        except (ValueError, InvalidOperation, RecursionError) as error:
            return Rejection(NOT_JSON, _why(error, value))
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidOperation) as error:
        return Rejection(NOT_JSON, _why(error, value))
    except RecursionError:
        return Rejection(NOT_JSON, _TOO_DEEP)
    if type(document) is not dict:
        return Rejection(NOT_JSON, f"not a JSON object, but {_KINDS[type(document)]}")
    try:
        return JsonObject(document, _has_odd_numbers(document.values(), 1))
    except RecursionError:
        return Rejection(NOT_JSON, _TOO_DEEP)


def _why(error: Exception, value: bytes) -> str:
    """What is wrong with the JSON of a record, as a sentence."""
    if isinstance(error, InvalidOperation):
        return "a number has an exponent of more than 18 digits"
    if isinstance(error, UnicodeDecodeError):
        return _no_utf8(value)
    if isinstance(error, UnicodeEncodeError):
        return "a text has half of a surrogate pair"
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    said = str(error)
    if said == _TRUNCATED:
        return f"JSON is truncated: it ends after {len(value)} bytes"
    place = _PLACE.search(said)
    return said if place is None else said + _at(value, int(place[1]))


def _at(value: bytes, place: int) -> str:
    """What stands at the place where JSON is malformed, for the end of a sentence."""
    found = value[place : place + _SHOWN_BYTES].decode("utf-8", "replace")
    if not found:
        return ""
    hint = "; NaN and infinity are no JSON" if found.lstrip("-")[:3] in ("NaN", "Inf") else ""
    return f", at {json.dumps(found, ensure_ascii=False)}{hint}"


def is_usual(value: bytes) -> bool:
    """Whether `parse` takes a record of which a typed decoder has read all fields but unknown ones.

    What such a decoder skips may be nested too deep, no UTF-8, or a number with an exponent of more
    than 18 digits.
    """
    if value.count(b"{") + value.count(b"[") > MAX_NESTING:
        return False
    try:
        if not value.isascii():
            value.decode()
        if _MANY_DIGITS in value.translate(_DIGITS_AS_ZEROS):
            _exact.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidOperation, RecursionError):
        return False
    return True


def _no_utf8(value: bytes) -> str:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte 0x{value[error.start]:02x} at position {error.start}"
    return "a text has half of a surrogate pair"


def encode(fields: dict[str, Any]) -> bytes:
    """The JSON of a parsed object, with exact numbers."""
    return _encoder.encode(fields)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _has_odd_numbers(values: Iterable[Any], depth: int) -> bool:
    """Whether a number is a decimal or large. Raises RecursionError below `MAX_NESTING`."""
    if depth > MAX_NESTING:
        raise RecursionError
    found = False
    for value in values:
        kind = type(value)
        if kind is str:
            continue
        if kind is dict:
            found |= _has_odd_numbers(value.values(), depth + 1)
        elif kind is list:
            found |= _has_odd_numbers(value, depth + 1)
        elif kind is Decimal or (kind is int and not -_BIG < value < _BIG):
            found = True
    return found
