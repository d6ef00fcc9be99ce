"""What stands in a record that is refused: for its dead letter, and to know whose it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from handlers.decode.cloudevents import from_binary, from_structured
from handlers.decode.json_object import parse
from handlers.reasons import Rejection
from scoring.timestamps import rfc3339

SHOWN_CHARACTERS = 40
_CONTROL = re.compile("[\x7f-\x9f]")
_MOST_MS = 253_402_300_799_999
_FIRST_MS = 631_152_000_000
"""1990-01-01T00:00:00Z: a number is taken for seconds only if that gives a time from then on."""
_LAST_LIKELY_MS = 4_102_444_800_000
"""2100-01-01T00:00:00Z, the same for smaller parts of a second."""
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]+)?"
_HINTS = (
    (_TIME, "it has no offset such as Z or +08:00"),
    (rf"{_TIME}[+-][0-9]{{2}}:?", "its offset has no minutes, such as +08:00"),
    (rf"{_TIME}[+-][0-9]{{4}}", "its offset has no colon, such as +08:00"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "it is a date without a time"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2} .*", "there is a blank in the place of the T"),
    (r"-?[0-9]+", "milliseconds since 1970 are a number, not a text"),
    (_TIME + r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})", "there is no such time"),
)


def shown(value: Any) -> str:
    """A JSON value, shortened, for a sentence."""
    if type(value) is list or type(value) is dict:
        return "a list" if type(value) is list else "an object"
    if type(value) is str:
        cut = value[:SHOWN_CHARACTERS]
        text = _CONTROL.sub(
            lambda found: f"\\u{ord(found[0]):04x}", json.dumps(cut, ensure_ascii=False)
        )
        return text + ("…" if cut != value else "")
    text = str(value) if type(value) in (int, Decimal) else json.dumps(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def value_in(value: bytes | None, headers: Mapping[str, bytes] | None, name: str) -> Any:
    """The value of a field of a record, CloudEvents too; None if none can be read."""
    parsed = parse(value)
    if isinstance(parsed, Rejection):
        return None
    document = parsed.fields
    if headers and "ce_specversion" in headers:
        try:
            document = from_binary(document, headers)
        except UnicodeDecodeError:
            return None
    elif document.get("specversion") is not None:
        document = from_structured(document)
    return document.get(name)


def text_in(value: bytes | None, headers: Mapping[str, bytes] | None, name: str) -> str | None:
    """The same, if it is a text."""
    found = value_in(value, headers, name)
    return found if type(found) is str else None


def time_hint(value: Any) -> str:
    """What is wrong with a text that is no time, or which unit a number seems to have.

    It begins with `; `, or is empty where nothing can be said.
    """
    if type(value) is str:
        found = next((hint for form, hint in _HINTS if re.fullmatch(form, value, re.ASCII)), None)
        return "" if found is None else f"; {found}"
    if type(value) not in (int, Decimal) or not abs(value) < 10**20:
        return ""
    if _FIRST_MS <= value * 1_000 <= _MOST_MS:
        as_seconds = rfc3339(int(value * 1_000))
        return f"; milliseconds are expected, and as seconds it would be {as_seconds}"
    for factor, unit in ((1_000, "microseconds"), (1_000_000, "nanoseconds")):
        if _FIRST_MS <= value // factor <= _LAST_LIKELY_MS:
            as_parts = rfc3339(int(value // factor))
            return f"; milliseconds are expected, and as {unit} it would be {as_parts}"
    return ""
