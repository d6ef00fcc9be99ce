"""The topics of which changes are told."""

from __future__ import annotations

from handlers import outputs

TOPICS = (
    outputs.TIER_CHANGES,
    outputs.DORMANCY_ALERTS,
    outputs.CARE_REMINDERS,
    outputs.PROFILE_CHANGES,
)
"""In an order that positions rely on: add at the end only."""

TYPES = (
    outputs.TIER_CHANGED,
    outputs.DORMANCY_ALERT,
    outputs.DORMANCY_WITHDRAWN,
    outputs.CUSTOMER_REACTIVATED,
    outputs.CUSTOMER_RETURNED,
    outputs.BIRTHDAY_UPCOMING,
    outputs.ANNIVERSARY_UPCOMING,
    outputs.HOLIDAY_UPCOMING,
    outputs.CHECKIN_DUE,
    outputs.PROFILE_REFRESH_DUE,
    outputs.TAGS_CHANGED,
    outputs.POINTS_CHANGED,
    outputs.POINTS_REFUSED,
)
