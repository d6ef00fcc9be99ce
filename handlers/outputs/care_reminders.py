"""What goes out on `care-reminders`."""

from __future__ import annotations

from handlers.outputs.envelope import Change, Head


class ReminderHead(Head):
    """The common fields of all records on `care-reminders`."""

    due_on: str
    tier: str
    action: str | None


class Reminder(Change, frozen=True, kw_only=True):
    """`data` of a record on `care-reminders`; `due_on` is the local date it is about."""

    due_on: str
    tier: str
    action: str | None


class BirthdayUpcoming(Reminder, frozen=True, kw_only=True):
    """`data` of `birthday.upcoming`."""

    age: int


class AnniversaryUpcoming(Reminder, frozen=True, kw_only=True):
    """`data` of `anniversary.upcoming`: that of the first counted order."""

    years: int
    first_order_at: str | None


class HolidayUpcoming(Reminder, frozen=True, kw_only=True):
    """`data` of `holiday.upcoming`."""

    holiday: str


class CheckinDue(Reminder, frozen=True, kw_only=True):
    """`data` of `checkin.due`."""

    last_interaction_at: str
    silent_days: int


class ProfileRefreshDue(Reminder, frozen=True, kw_only=True):
    """`data` of `profile.refresh_due`."""

    last_updated_at: str | None
    unchanged_days: int


class TierExpiring(Reminder, frozen=True, kw_only=True):
    """`data` of `tier.expiring`: the fall on `due_on`, and the orders of today that prevent it."""

    falls_to: str
    keeps_until: str
    orders_needed: int | None
    total_needed: str | None


class PointsExpiring(Reminder, frozen=True, kw_only=True):
    """`data` of `points.expiring`: how many points expire at the start of `due_on`."""

    points: int
    expires_at: str
    balance: int


class SurveyDue(Reminder, frozen=True, kw_only=True):
    """`data` of `survey.due`: which survey, and what it is asked for.

    `trigger` is `cadence`, `ticket` (with `ticket_id`) or `order` (with `order_id`).
    """

    survey: str
    trigger: str
    ticket_id: str | None
    order_id: str | None


class FollowupDue(Reminder, frozen=True, kw_only=True):
    """`data` of `followup.due`: a contact that was agreed for `due_on`."""

    followup_id: str
    by: str | None
    note: str | None


class VisitDue(Reminder, frozen=True, kw_only=True):
    """`data` of `visit.due`: a visit on `due_on`, so many `days` after the last contact made.

    `last_contact_at` is null where none was; then they count from when the tier was reached.
    """

    last_contact_at: str | None
    days: int


class TicketOverdue(Reminder, frozen=True, kw_only=True):
    """`data` of `ticket.overdue`: a stage (`response`, `resolution`) that was due at `due_at`.

    `step` is whom to tell by now; null at `due_at` itself. `due_on` is the date of `due_at`.
    """

    ticket_id: str
    stage: str
    step: str | None
    due_at: str


class RetentionDue(Reminder, frozen=True, kw_only=True):
    """`data` of `retention.due`: nobody heard of the customer since, who is erased on `due_on`."""

    last_active_at: str
    erased_at: str
