"""Control records of the canonical log: ticks and policies."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Struct

from handlers.state.format_fields import check_fits, since, without_newer
from handlers.state.formats import FIRST, NEWEST, check_json_format
from scoring.policy import Policy

CLOCK_TICK = "clock.tick"
POLICY_ACTIVATED = "policy.activated"

Mode = Literal["live", "replay"]


class _Control(Struct, frozen=True, tag_field="type", omit_defaults=True, kw_only=True):
    format: int = FIRST
    """Of the record, and with a policy of all records of the partition from here on."""


_LATEST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z: the last that a time can be written as."""


class ClockTick(_Control, frozen=True, tag=CLOCK_TICK):
    """The wall time of the worker that owns the partition."""

    at: Annotated[int, msgspec.Meta(ge=-_LATEST_MS, le=_LATEST_MS)]


class PolicyActivated(_Control, frozen=True, tag=POLICY_ACTIVATED):
    """From here on: the policy, and the settings of the deployment that shape results."""

    event_id: str
    app_id: str
    mode: Mode
    allowed_lateness_ms: int
    policy: Policy
    rules: Annotated[int, since(2)] = 0
    """The number of the rules of the release that wrote it; 0 if it did not say."""
    at_a_time: Annotated[int | None, since(2)] = None
    """How many customers each further record re-evaluates; None: all of them by this record."""
    live_from_ms: Annotated[int | None, since(3)] = None
    """What takes effect before this instant is history, not to be acted on; None: nothing is."""
    quiet: Annotated[bool, since(3)] = False
    """What follows from this policy alone is not to be acted on."""


ControlRecord = ClockTick | PolicyActivated


class UnreadableControl(Exception):
    """A record of the log written by a newer version. It must not be skipped."""


class _Typed(Struct):
    type: str


_typed = msgspec.json.Decoder(_Typed)
_decoder: msgspec.json.Decoder[ControlRecord] = msgspec.json.Decoder(ControlRecord)
_encoder = msgspec.json.Encoder()


def is_control(value: bytes | None) -> bool:
    """Whether the value of a record without a key is a tick or a policy, by its type."""
    try:
        return value is not None and _typed.decode(value).type in (CLOCK_TICK, POLICY_ACTIVATED)
    except msgspec.MsgspecError:
        return False


def is_policy(value: bytes) -> bool:
    """Whether the value of a control record is a policy, by its type."""
    return _typed.decode(value).type == POLICY_ACTIVATED


def decode_control(value: bytes) -> ControlRecord:
    """A control record from its bytes.

    Raises:
        NewerFormat: a newer release wrote it.
        msgspec.MsgspecError: it is something else.
    """
    check_json_format(value)
    return _decoder.decode(value)


def encode_control(record: ControlRecord) -> bytes:
    """The bytes of a control record.

    Raises:
        FormatTooOld: it would lose something in its format.
    """
    if record.format >= NEWEST:
        return _encoder.encode(record)
    check_fits(record, record.format)
    return _encoder.encode(without_newer(record, record.format))
