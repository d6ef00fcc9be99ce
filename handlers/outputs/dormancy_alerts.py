"""What goes out on `dormancy-alerts`."""

from __future__ import annotations

from handlers.outputs.envelope import Change


class LevelChanged(Change, frozen=True, kw_only=True):
    """`data` of the four types on `dormancy-alerts`."""

    level: str
    previous_level: str
    last_order_at: str | None
    last_interaction_at: str | None
    threshold_days: float | None
    basis: str | None
    withdraws: list[str]
    tier: str
    open_tickets: int
    action: str | None
