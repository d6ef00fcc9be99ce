"""Why outputs go out: the wire values of `reason`, and which one an event has."""

from __future__ import annotations

from handlers.events import (
    Browsed,
    Event,
    ProfileUpdated,
    SurveyAnswered,
    TicketChanged,
    TicketOpened,
    TierOverridden,
    TierOverrideApproved,
)

ORDER = "order"
CANCELLATION = "cancellation"
REFUND = "refund"
INTERACTION = "interaction"
SURVEY = "survey"
PROFILE = "profile"
OVERRIDE = "override"
POLICY = "policy"
MERGE = "merge"
OTHER = "event"
"""An event of another kind: it changes no tier and no level."""
SILENCE = "silence"
"""Time alone, of an alert."""
TIME = "time"
"""Time alone, of a reminder or a tag."""

_REASONS: dict[type[Event], str] = {
    Browsed: INTERACTION,
    TicketOpened: INTERACTION,
    TicketChanged: INTERACTION,
    SurveyAnswered: SURVEY,
    ProfileUpdated: PROFILE,
    TierOverridden: OVERRIDE,
    TierOverrideApproved: OVERRIDE,
}


def reason_of(event: Event) -> str:
    """The `reason` of what follows from an event that is about no order.

    That of an event about an order is in its `handlers.effects.Effect`.
    """
    return _REASONS.get(type(event), OTHER)


def alert_reason(reason: str) -> str:
    """The `reason` of an alert, by that of a tier change: a survey is an interaction."""
    return INTERACTION if reason == SURVEY else reason
