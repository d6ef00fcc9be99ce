"""What callers without the scope `attributes` do not get to see."""

from __future__ import annotations

from typing import Any

import msgspec

from handlers.care import BIRTHDAY

_NO_ATTRIBUTES = msgspec.Raw(b"{}")

_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def without_attributes(profile: bytes) -> bytes:
    """A profile whose attributes are empty, all else as it was to the byte."""
    fields = _decode_fields(profile)
    if "attributes" in fields:
        fields["attributes"] = _NO_ATTRIBUTES
    return _encode(fields)


def seen_by(profile: bytes, *, sees_attributes: bool) -> bytes:
    """A profile as a caller may see it."""
    return profile if sees_attributes else without_attributes(profile)


def without_birthday(explanation: bytes) -> bytes:
    """An explanation without the one attribute in it: the birthday, among what is to come."""
    fields = _decode(explanation)
    if fields.get("reminders"):
        fields["reminders"] = [
            reminder for reminder in fields["reminders"] if reminder["kind"] != BIRTHDAY
        ]
    due = fields.get("due")
    if due:
        birthday = {"kind": "reminder", "subject": BIRTHDAY}
        due["reasons"] = [reason for reason in due["reasons"] if reason != birthday]
        if not due["reasons"]:
            fields["due"] = None
    return _encode(fields)
