"""Outputs: CloudEvents 1.0 in structured JSON, with one class of `data` for each type."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple, TypedDict

import msgspec
from msgspec import UNSET, Struct, UnsetType

from scoring.money import text_of_minor
from scoring.rfm import Rfm
from scoring.rules import Rules
from scoring.tiers import Crossed
from scoring.timestamps import rfc3339

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
FOLLOWUP_DUE = "followup.due"
TAGS_CHANGED = "tags.changed"
CUSTOMER_PROFILE = "customer.profile"


class Output(NamedTuple):
    """A record to write; the value is None for a tombstone."""

    topic: str
    customer_id: str
    value: bytes | None


class RfmView(Struct, frozen=True):
    """RFM of one business day; money as decimal text in major units."""

    recency_days: int
    frequency: int
    monetary: str
    r: int
    f: int
    m: int
    score: int
    segment: str


class CrossedView(Struct, frozen=True):
    """A condition that came to hold or ceased to."""

    measure: str
    before: int | str | None
    after: int | str | None
    cutoff: int | str
    at: str


class NextTier(Struct, frozen=True):
    """The tier directly above and the smallest single order today that reaches it or better."""

    tier: str
    order_amount_needed: str | None


class TierChanged(Struct, frozen=True):
    """`data` of `tier.changed`."""

    customer_id: str
    sequence: int
    previous_tier: str
    tier: str
    direction: str
    reason: str
    late: bool
    caused_by: list[str]
    effective_at: str
    before: RfmView | None
    after: RfmView | None
    crossed: list[CrossedView]
    next_tier: NextTier | None
    keeps_until: str | None
    action: str | None
    policy_version: str
    marketing_consent: bool | None


class LevelChanged(Struct, frozen=True):
    """`data` of the four types on `dormancy-alerts`."""

    customer_id: str
    sequence: int
    level: str
    previous_level: str
    effective_at: str
    last_order_at: str | None
    last_interaction_at: str | None
    threshold_days: float | None
    basis: str | None
    withdraws: list[str]
    tier: str
    open_tickets: int
    suppressed: str | None
    action: str | None
    policy_version: str
    marketing_consent: bool | None


class ReminderHead(TypedDict):
    """The common fields of all records on `care-reminders`."""

    customer_id: str
    sequence: int
    effective_at: str
    due_on: str
    tier: str
    action: str | None
    suppressed: str | None
    policy_version: str
    marketing_consent: bool | None


class Reminder(Struct, frozen=True):
    """`data` of a record on `care-reminders`; `due_on` is the local date it is about."""

    customer_id: str
    sequence: int
    effective_at: str
    due_on: str
    tier: str
    action: str | None
    suppressed: str | None
    policy_version: str
    marketing_consent: bool | None


class BirthdayUpcoming(Reminder, frozen=True):
    """`data` of `birthday.upcoming`."""

    age: int


class AnniversaryUpcoming(Reminder, frozen=True):
    """`data` of `anniversary.upcoming`: that of the first counted order."""

    years: int
    first_order_at: str | None


class HolidayUpcoming(Reminder, frozen=True):
    """`data` of `holiday.upcoming`."""

    holiday: str


class CheckinDue(Reminder, frozen=True):
    """`data` of `checkin.due`."""

    last_interaction_at: str
    silent_days: int


class ProfileRefreshDue(Reminder, frozen=True):
    """`data` of `profile.refresh_due`."""

    last_updated_at: str | None
    unchanged_days: int


class PointsExpiring(Reminder, frozen=True):
    """`data` of `points.expiring`: how many points expire at the start of `due_on`."""

    points: int
    expires_at: str
    balance: int


class SurveyDue(Reminder, frozen=True):
    """`data` of `survey.due`: which survey, and what it is asked for.

    `trigger` is `cadence`, `ticket` (with `ticket_id`) or `order` (with `order_id`).
    """

    survey: str
    trigger: str
    ticket_id: str | None
    order_id: str | None


class FollowupDue(Reminder, frozen=True):
    """`data` of `followup.due`: a contact that was agreed for `due_on`."""

    followup_id: str
    by: str | None
    note: str | None


class PointsChanged(Struct, frozen=True):
    """`data` of `points.changed`: the change, and the balance after it."""

    customer_id: str
    sequence: int
    effective_at: str
    cause: str
    caused_by: list[str]
    order_id: str | None
    activity: str | None
    redemption_id: str | None
    delta: int
    balance: int
    next_expiry_at: str | None
    next_expiry_points: int | None
    policy_version: str


class PointsRefused(Struct, frozen=True):
    """`data` of `points.refused`: a redemption that was refused, and why."""

    customer_id: str
    sequence: int
    effective_at: str
    reason: str
    caused_by: list[str]
    redemption_id: str
    points: int
    balance: int
    policy_version: str


class PointsView(Struct, frozen=True):
    """Points in the profile; the last four are totals of all time."""

    balance: int
    next_expiry_at: str | None
    next_expiry_points: int | None
    earned: int
    redeemed: int
    taken_back: int
    expired: int


class TagView(Struct, frozen=True):
    """A tag and the instant at which it became true."""

    tag: str
    since: str


class TagsChanged(Struct, frozen=True):
    """`data` of `tags.changed`; removed tags say since when they were true."""

    customer_id: str
    sequence: int
    effective_at: str
    reason: str
    late: bool
    caused_by: list[str]
    added: list[TagView]
    removed: list[TagView]
    policy_version: str
    marketing_consent: bool | None


class FollowupView(Struct, frozen=True):
    """A follow-up to come, as the profile shows it."""

    followup_id: str
    on: str
    by: str | None
    note: str | None


class ChurnAnswerView(Struct, frozen=True):
    """Why the customer left, and when that was told."""

    answer: str
    answered_at: str


class Profile(Struct, frozen=True):
    """`data` of a record on `customer-profiles`.

    The fields that may be unset occur only under a policy that declares them.
    """

    customer_id: str
    sequence: int
    attributes: dict[str, str]
    marketing_consent: bool | None
    tier: str
    stage: str
    level: str
    recency_days: int | None
    frequency: int
    monetary: str
    r: int | None
    f: int | None
    m: int | None
    score: int | None
    segment: str | None
    orders_ever: int
    first_order_at: str | None
    last_order_at: str | None
    last_interaction_at: str | None
    open_tickets: int
    next_tier: NextTier | None
    keeps_until: str | None
    as_of: str
    policy_version: str
    satisfaction: Struct | UnsetType = UNSET
    health: Struct | UnsetType = UNSET
    holdout: bool | UnsetType = UNSET
    tags: list[TagView] | UnsetType = UNSET
    points: PointsView | UnsetType = UNSET
    followups: list[FollowupView] | UnsetType = UNSET
    """Only while there are some to come."""
    churn_answer: ChurnAnswerView | UnsetType = UNSET
    """Only once there is one."""


class _CloudEvent(Struct, frozen=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    data: Any


_encoder = msgspec.json.Encoder()


def output_id(customer_id: str, type_name: str, cause: str) -> str:
    """A pure function of customer, type and cause: 32 hexadecimal digits."""
    parts = f"{len(customer_id)}:{customer_id}{len(type_name)}:{type_name}{cause}"
    return blake2b(parts.encode(), digest_size=16).hexdigest()


def cloud_event(
    source: str, output: str, type_name: str, customer_id: str, time: str, data: Struct
) -> bytes:
    """A CloudEvent of this id, type and time about a customer."""
    return _encoder.encode(
        _CloudEvent("1.0", output, source, type_name, customer_id, time, "application/json", data)
    )


def rfm_view(rfm: Rfm | None, rules: Rules) -> RfmView | None:
    """RFM for an output; None for a prospect."""
    if rfm is None:
        return None
    return RfmView(
        rfm.recency_days,
        rfm.frequency,
        text_of_minor(rfm.monetary, rules.base_digits),
        rfm.r,
        rfm.f,
        rfm.m,
        rfm.score,
        rfm.segment,
    )


def crossed_view(crossed: Crossed, rules: Rules) -> CrossedView:
    """A crossed condition for an output."""
    measure, before, after, cutoff, at_ms = crossed
    if measure == "monetary":
        digits = rules.base_digits
        return CrossedView(
            measure,
            None if before is None else text_of_minor(before, digits),
            None if after is None else text_of_minor(after, digits),
            text_of_minor(cutoff, digits),
            rfc3339(at_ms),
        )
    return CrossedView(measure, before, after, cutoff, rfc3339(at_ms))


def optional_time(instant_ms: int | None) -> str | None:
    """RFC 3339 of an instant, or None."""
    return None if instant_ms is None else rfc3339(instant_ms)
