"""The fast path from bytes to an event, for records without fault or oddity: nearly all.

One typed pass over the bytes replaces the checks field by field. It accepts only what
`handlers.decode.decode` accepts, and then gives the same event. It refuses nothing: for a record
that is wrong or merely unusual (a CloudEvent, a number with a fraction, a type without a fast path,
deep nesting) it returns None, and `decode` decides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Union

import msgspec

from handlers.decode.decode import IN_THE_LOG, Limits
from handlers.decode.fields import valid_customer_id
from handlers.decode.json_object import MAX_NESTING, MAX_RECORD_BYTES, is_usual
from handlers.decode.raw_event import RawEvent, raw_class
from handlers.decode.schema import InputTopic, Schema
from handlers.events import SCHEMA, Event
from scoring.timestamps import parse_rfc3339

_SECONDS = {f":{second:02d}": second * 1_000 for second in range(60)}
_ENDS = {"Z": 0, **{f".{ms:03d}Z": ms for ms in range(1_000)}}


class FastDecoder:
    """Decodes the types of a schema that have a fast path.

    Args:
        schema: the types of events that are known.
    """

    def __init__(self, schema: Schema) -> None:
        raw = tuple(raw_class(declared) for declared in schema.values() if declared.fast)
        self._decode: Callable[[bytes], RawEvent] = msgspec.json.Decoder(
            Union[raw]  # noqa: UP007 - there is no other way to write it
        ).decode

    def raw_event(
        self, value: bytes | None, limits: Limits, topic: InputTopic | None = None
    ) -> RawEvent | None:
        """The fields of an event that `decode` accepts; None where `decode` has to decide."""
        if value is None or len(value) > MAX_RECORD_BYTES:
            return None
        if value.count(b"{") + value.count(b"[") > MAX_NESTING:
            return None
        try:
            raw = self._decode(value)
            if not value.isascii():
                value.decode()  # the decoder skips the text of unknown fields
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        if topic is not None and raw.declared.topic != topic:
            return None
        if _lacks_needed(raw) or _occurred_ms(raw, limits) is None:
            return None
        return raw

    def event(self, value: bytes | None) -> Event | None:
        """The event of a record of the canonical log, as `decode` gives it.

        The record has no headers of a CloudEvent. None where `decode` has to decide.
        """
        if value is None or len(value) > MAX_RECORD_BYTES:
            return None
        try:
            raw = self._decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        occurred_ms = _occurred_ms(raw, IN_THE_LOG)
        if occurred_ms is None or _lacks_needed(raw) or not is_usual(value):
            return None
        rule = raw.declared.rule
        if rule is not None and rule(raw) is not None:
            return None
        return raw.event(occurred_ms, value)


def _lacks_needed(raw: RawEvent) -> bool:
    """Whether a field is absent that another field's value asks for."""
    declared = raw.declared
    if declared.needed is None:
        return False
    names = declared.needed(getattr(raw, declared.needed_by))
    return any(getattr(raw, name) in (None, "") for name in names)


def _occurred_ms(raw: RawEvent, limits: Limits) -> int | None:
    """The time of an event, if its customer id and its time are right."""
    customer_id = raw.customer_id
    if not customer_id.isprintable() and not valid_customer_id(customer_id):
        return None
    found = raw.occurred_at
    occurred_ms = found if type(found) is int else _instant_ms(found)  # type: ignore[arg-type]
    if occurred_ms is None or occurred_ms < limits.min_event_ms:
        return None
    if limits.max_event_ms is not None and occurred_ms > limits.max_event_ms:
        return None
    return occurred_ms


@lru_cache(maxsize=4_096)
def _minute_ms(minute: str) -> int | None:
    """The instant at which a minute such as `2026-01-01T12:34` of UTC begins."""
    return parse_rfc3339(f"{minute}:00Z")


def _instant_ms(text: str) -> int | None:
    """As `parse_rfc3339`, but UTC by its parts: consecutive events often share the minute."""
    second_ms, end_ms = _SECONDS.get(text[16:19]), _ENDS.get(text[19:])
    if second_ms is not None and end_ms is not None:
        minute_ms = _minute_ms(text[:16])
        if minute_ms is not None:
            return minute_ms + second_ms + end_ms
    return parse_rfc3339(text)


_DECODER = FastDecoder(SCHEMA)
raw_event = _DECODER.raw_event
fast_event = _DECODER.event
