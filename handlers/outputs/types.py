"""The topics and the types of outputs."""

from __future__ import annotations

TIER_CHANGES = "tier-changes"
DORMANCY_ALERTS = "dormancy-alerts"
CARE_REMINDERS = "care-reminders"
PROFILE_CHANGES = "profile-changes"
CUSTOMER_PROFILES = "customer-profiles"

TIER_CHANGED = "tier.changed"
DORMANCY_ALERT = "dormancy.alert"
DORMANCY_WITHDRAWN = "dormancy.withdrawn"
CUSTOMER_REACTIVATED = "customer.reactivated"
CUSTOMER_RETURNED = "customer.returned"
POINTS_CHANGED = "points.changed"
POINTS_REFUSED = "points.refused"
BIRTHDAY_UPCOMING = "birthday.upcoming"
ANNIVERSARY_UPCOMING = "anniversary.upcoming"
HOLIDAY_UPCOMING = "holiday.upcoming"
CHECKIN_DUE = "checkin.due"
PROFILE_REFRESH_DUE = "profile.refresh_due"
POINTS_EXPIRING = "points.expiring"
SURVEY_DUE = "survey.due"
TIER_EXPIRING = "tier.expiring"
FOLLOWUP_DUE = "followup.due"
VISIT_DUE = "visit.due"
RETENTION_DUE = "retention.due"
TICKET_OVERDUE = "ticket.overdue"
TAGS_CHANGED = "tags.changed"
ATTRIBUTES_REFUSED = "attributes.refused"
OWNER_CHANGED = "owner.changed"
CUSTOMER_PROFILE = "customer.profile"

ADDRESSED_TYPES = (
    TIER_CHANGED,
    DORMANCY_ALERT,
    DORMANCY_WITHDRAWN,
    CUSTOMER_REACTIVATED,
    CUSTOMER_RETURNED,
    BIRTHDAY_UPCOMING,
    ANNIVERSARY_UPCOMING,
    HOLIDAY_UPCOMING,
    CHECKIN_DUE,
    PROFILE_REFRESH_DUE,
    TIER_EXPIRING,
    POINTS_EXPIRING,
    SURVEY_DUE,
    FOLLOWUP_DUE,
    VISIT_DUE,
    RETENTION_DUE,
    TICKET_OVERDUE,
)
"""Tier changes, alerts and reminders: for the customer or for the staff."""
CHANGE_TYPES = (
    *ADDRESSED_TYPES,
    TAGS_CHANGED,
    POINTS_CHANGED,
    POINTS_REFUSED,
    ATTRIBUTES_REFUSED,
    OWNER_CHANGED,
)
"""All types but that of profiles."""
