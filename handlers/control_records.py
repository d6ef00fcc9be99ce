"""Control records of the canonical log: ticks and policies."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from scoring.policy import Policy

CLOCK_TICK = "clock.tick"
POLICY_ACTIVATED = "policy.activated"

Mode = Literal["live", "replay"]


class ClockTick(Struct, frozen=True, tag=CLOCK_TICK, tag_field="type"):
    """The wall time of the worker that owns the partition."""

    at: int


class PolicyActivated(Struct, frozen=True, tag=POLICY_ACTIVATED, tag_field="type"):
    """From here on: the policy, and the settings of the deployment that shape results."""

    event_id: str
    app_id: str
    mode: Mode
    allowed_lateness_ms: int
    policy: Policy


ControlRecord = ClockTick | PolicyActivated


class UnreadableControl(Exception):
    """A tick or policy written by a newer version. It must not be skipped."""


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


def decode_control(value: bytes) -> ControlRecord:
    """A control record from its bytes.

    Raises:
        msgspec.MsgspecError: it is something else, or a newer version wrote it.
    """
    return _decoder.decode(value)


def encode_control(record: ControlRecord) -> bytes:
    """The bytes of a control record."""
    return _encoder.encode(record)
