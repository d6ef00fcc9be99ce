"""A tier set by hand."""

from dataclasses import dataclass
from typing import Any

from tests.oracle.times import time_text


@dataclass(frozen=True)
class Override:
    """A tier by hand, or with `tier` None its end; of equal times the later place holds."""

    tier: str | None
    until_ms: int
    mode: str
    by: str | None
    note: str | None
    at_ms: int
    place: int
    event_id: str = ""


def shown_pending(override: Override) -> dict[str, Any]:
    """As the profile has one that waits for approval."""
    return {
        "event_id": override.event_id,
        "tier": override.tier,
        "until": time_text(override.until_ms),
        "mode": override.mode,
        "by": override.by,
        "note": override.note,
    }


def shown_override(override: Override) -> dict[str, Any]:
    """As the profile has one in force."""
    mode = {} if override.mode == "floor" else {"mode": override.mode}
    return {
        "tier": override.tier,
        "until": time_text(override.until_ms),
        **mode,
        "by": override.by,
        "note": override.note,
    }
