"""Reads the lines of a backtest by the fast path of decoding, where it applies."""

from __future__ import annotations

from handlers.decode.decode import Limits
from handlers.decode.fast import fast_event
from handlers.events import Event


def usual_event(raw: bytes, limits: Limits) -> Event | None:
    """The event of a usual line whose time is within the limits, as `decode` gives it.

    None where the full path has to decide, also if the fast one raises.
    """
    try:
        event = fast_event(raw)
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        return None
    if event is None or event.occurred_ms < limits.min_event_ms:
        return None
    latest_ms = limits.max_event_ms
    return event if latest_ms is None or event.occurred_ms <= latest_ms else None
