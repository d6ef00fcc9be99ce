"""Formats: which ones this release reads, and where a record has its number.

Customers' states, the record of a partition, control records and forwarded records have the format
of their partition. It stands in the log: a policy record says from where on it holds, and it only
rises. So the number tells a worker of an older release that there is something it would lose.
`docs/formats.md` says how to add one.

- Packed records begin with the number, as one byte. No map and no array of MessagePack begins with
  such a byte, so records without a number are told apart: they have the first format.
- Records in JSON have it as `format`. Without it they have the first format.
"""

from __future__ import annotations

import msgspec

FIRST = 1
"""The format of records without a number: of all releases before formats had one."""
NEWEST = 3
"""The newest format that this release reads and writes. What each one brought:

1. All that there was before numbers.
2. The number itself. Policy records and the partition's own record name the rules. Policy records
   say how many customers go at a time, the partition's own record who of them still wait, and
   states since when the customer is known, and when it was merged away for a time.
3. What shops send beside plain orders: edits, returns, corrections of points, tiers by hand and
   their kind (`docs/rules.md`). Consent by channel and purpose. Policy records and the partition's
   own record say what is history, and whether what follows is to be acted on. A
   partition of an older format goes on by the rules it had.
"""
RULES = 2
"""The number of this release's rules. It rises when the same log gives other results."""

_RECORDS_BEGIN = frozenset((*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF))
"""The bytes that a map or an array of MessagePack begins with."""
_NUMBERS_END = 0x80


class NewerFormat(msgspec.DecodeError):
    """A newer release wrote this record; who reads it as an older one would lose what is new."""

    def __init__(self, what: str, number: int) -> None:
        super().__init__(
            f"{what} has format {number}, and this release reads formats up to {NEWEST}; go on "
            "with the newer release"
        )


class _Numbered(msgspec.Struct):
    format: int = FIRST


_numbered = msgspec.json.Decoder(_Numbered)


def check_format(what: str, number: int) -> None:
    """Check that this release reads the format of a record.

    Raises:
        NewerFormat: it does not.
    """
    if number > NEWEST:
        raise NewerFormat(what, number)


def check_json_format(value: bytes) -> None:
    """Check that this release reads the format of a record in JSON.

    Raises:
        NewerFormat: it does not.
        msgspec.DecodeError: it is no JSON object, or its format is no integer.
    """
    check_format("it", _numbered.decode(value).format)


def with_number(number: int, packed: bytes) -> bytes:
    """A packed record in a format."""
    return packed if number == FIRST else bytes((number,)) + packed


def format_of(packed: bytes) -> int:
    """The format of a packed record, not necessarily one that this release reads."""
    has_number = len(packed) > 1 and FIRST < packed[0] < _NUMBERS_END
    return packed[0] if has_number and packed[1] in _RECORDS_BEGIN else FIRST


def without_number(what: str, packed: bytes) -> bytes | memoryview:
    """What follows the number of a packed record.

    Args:
        what: names the record in an error.
        packed: the record.

    Raises:
        NewerFormat: this release does not read the format.
    """
    number = format_of(packed)
    if number == FIRST:
        return packed
    check_format(what, number)
    return memoryview(packed)[1:]
