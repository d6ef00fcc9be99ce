"""The values of an explanation, for people and programs: what `build` returns.

Money is decimal text in major units of the policy's currency; times are RFC 3339 in UTC; a
business day is its local date. A measure that a prospect does not have is null.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from handlers.explain.contact import ContactWhy
from handlers.outputs import CrossedView, Keep, NextTier, PromiseView, RfmView
from handlers.profile.record import SatisfactionView

Measured = int | str
"""A whole number, or money as decimal text."""

NotCounted = Literal["cancelled", "failed", "not_paid", "fully_refunded"]
DueKind = Literal[
    "order_leaves",
    "merged_leave",
    "recency_passes",
    "grace_ends",
    "hold_ends",
    "override_ends",
    "approval_ends",
    "level",
    "reminder",
    "points_expire",
    "tags_change",
]
WaitingKind = Literal[
    "payment", "failed_payment", "cancellation", "refund", "edit", "refund_cancellation"
]


class ConsentWhy(Struct, frozen=True):
    """Whether the customer agreed to a channel or a purpose, and when that was said."""

    name: str
    agreed: bool
    told_at: str


class Who(Struct, frozen=True):
    """What is known of the person. Only the names of attributes, as values are personal."""

    attributes: list[str]
    attributes_at: str | None
    marketing_consent: bool | None
    consent_at: str | None
    also_known_as: list[str]
    """The ids merged into this one last."""
    channels: list[ConsentWhy]
    purposes: list[ConsentWhy]
    churn_answer: str | None = None
    """Why the customer left, as told last."""
    churn_answered_at: str | None = None


class ConditionHeld(Struct, frozen=True):
    """One condition and the value found; a negative `margin` is what is missing.

    There is none for conditions on attributes.
    """

    measure: str
    comparison: Literal["at_least", "at_most", "in", "not_in", "present"]
    required: Measured | list[str] | None
    """Texts for `in` and `not_in`; null for `present`."""
    found: Measured | None
    margin: Measured | None
    holds: bool


class TierHeld(Struct, frozen=True):
    """A tier and each of its conditions; without any, it is for everyone with a counted order."""

    name: str
    label: dict[str, str]
    holds: bool
    conditions: list[ConditionHeld]


class GraceHeld(Struct, frozen=True):
    """A tier that is kept for now: until when, what follows, and the conditions that were lost."""

    until: str
    falls_to: str
    crossed: list[CrossedView]


class OverrideWhy(Struct, frozen=True):
    """The tier by hand whose time is not over; it rests under a policy without the tier."""

    tier: str
    mode: Literal["floor", "ceiling", "fixed"]
    until: str
    is_in_force: bool
    told_at: str
    event_id: str
    by: str | None
    note: str | None
    approved_by: str | None = None


class TierWhy(Struct, frozen=True):
    """The tier, its conditions, those of the next one, and what happens without an event.

    `qualifies_for` counts an override in force, `by_figures` does not.
    """

    name: str
    qualifies_for: str
    current: TierHeld | None
    above: TierHeld | None
    next_tier: NextTier | None
    grace: GraceHeld | None
    keeps_until: str | None
    by_figures: str = ""
    falls_to: str | None = None
    """The tier after `keeps_until`."""
    keep: Keep | None = None
    """The orders of today that keep the tier then; null without a fall ahead."""
    held_until: str | None = None
    """When the hold after the last rise ends; null if none runs."""
    override: OverrideWhy | None = None
    waits: OverrideWhy | None = None
    """The tier by hand that waits for approval."""
    told_at: str | None = None
    """When the fall ahead will be told, under a policy with `warn_days`; null if not any more."""


class DigitWhy(Struct, frozen=True):
    """One digit: 5 less the cut-offs passed (recency), or 1 more than the cut-offs reached."""

    digit: Literal["r", "f", "m"]
    measure: str
    found: Measured
    cutoffs: list[Measured]
    passed: int
    result: int
    weight: int


class DimensionWhy(Struct, frozen=True):
    """One digit beside R, F and M, by `cutoffs` or by `values`.

    `found` is the attribute's value, or the exact mean of the `answers` newest CSAT answers; null
    where there is none. `is_default` tells that nothing found gave the digit.
    """

    name: str
    attribute: str | None
    found: str | None
    answers: int | None
    cutoffs: list[str]
    values: dict[str, int]
    is_default: bool
    result: int
    weight: int


class ScoreWhy(Struct, frozen=True):
    """`floor(100 * points / most_points)`; points are the sum of weight * (digit - 1)."""

    figures: RfmView
    digits: list[DigitWhy]
    points: int
    most_points: int
    dimensions: list[DimensionWhy] | None = None
    """Only under a policy with dimensions."""


class OrderWhy(Struct, frozen=True):
    """An order in the window. `leaves_at` is the instant at which it will have left."""

    order_id: str
    placed_at: str
    business_day: str
    amount: str
    refunded: str
    value: str
    placed_in: str | None
    """The amount as it was placed in another currency, such as `10.00 EUR`."""
    payment: Literal["pending", "paid", "failed"]
    not_counted: NotCounted | None
    leaves_at: str
    placed_with: str | None = None
    """The amount and currency it was placed with, if it was edited since."""
    edited_at: str | None = None
    """When the edit occurred that holds."""
    paid_at: str | None = None
    """When the newest payment occurred; null if it is the `payment_status` it was placed with."""
    cancelled_at: str | None = None
    """When the newest cancellation occurred that no payment was newer than when it came."""
    returned: str | None = None
    """What returns without an order took of it, part of `refunded`."""


class MergedWhy(Struct, frozen=True):
    """The counted orders of one business day, merged into one entry."""

    business_day: str
    count: int
    value: str
    leaves_at: str


class OrdersWhy(Struct, frozen=True):
    """The orders in the window by order time, and the totals of all time."""

    window_days: int
    currency: str
    counts_when: Literal["placed", "paid"]
    frequency: int
    monetary: str
    in_window: list[OrderWhy]
    merged: list[MergedWhy]
    out_of_window: int
    orders_ever: int
    spend_ever: str
    first_order_at: str | None
    last_order_at: str | None


class LevelStep(Struct, frozen=True):
    """A dormancy level and the instant at which silence reaches it."""

    level: str
    threshold_days: float
    at: str
    is_reached: bool


class StandingAlert(Struct, frozen=True):
    """An alert that was not withdrawn."""

    level: str
    id: str


class LevelWhy(Struct, frozen=True):
    """The dormancy level and the basis of its thresholds."""

    name: str
    since: str | None
    last_interaction_at: str | None
    basis: str | None
    mean_gap_days: float | None
    """Between counted orders, with `basis` cadence."""
    steps: list[LevelStep]
    standing: list[StandingAlert]
    alive: str | None = None
    """The probability that the customer still buys, to four decimals, with `basis` probability."""


class LotWhy(Struct, frozen=True):
    """The unspent points of one business day, and when they expire."""

    earned_on: str
    points: int
    expires_at: str | None


class PointsWhy(Struct, frozen=True):
    """The account of points, lots oldest first, and the rate of the next order."""

    balance: int
    owed: int
    """Points to take back that were spent already; what is earned next is set against them."""
    earned: int
    redeemed: int
    taken_back: int
    expired: int
    lots: list[LotWhy]
    next_order_rate: str
    """Points for each major unit of the base currency, or for each full `next_order_per`."""
    next_order_per: str | None = None
    cancellations_waiting: int = 0
    """Redemptions that were cancelled before they came."""


class ReminderWhy(Struct, frozen=True):
    """A future reminder, if nothing changes: when it goes out, and the date it is about."""

    at: str
    kind: str
    """`birthday`, `anniversary`, `holiday`, `checkin`, `profile_refresh`, `tier_expiring`,
    `points_expiring`, `survey`, `followup`, `visit`, `ticket` or `retention`."""
    due_on: str
    name: str


class VisitsWhy(Struct, frozen=True):
    """The last contact made, null without one; since when the days to the next visit count."""

    last_contact_at: str | None
    since: str
    told: bool
    """Whether the visit after that was asked for."""


class SurveysWhy(Struct, frozen=True):
    """When the customer was asked and answered last; null for never."""

    asked_at: str | None
    answered_at: str | None


class TagWhy(Struct, frozen=True):
    """A tag that holds, since when, and the kind of rule that gave it."""

    tag: str
    since: str
    kind: str


class NameWeight(Struct, frozen=True):
    """The weight of a category or a channel today; it may be too high by up to `error`."""

    of: str
    name: str
    weight: str
    error: str


class HealthPart(Struct, frozen=True):
    """A part of the health score, null where nothing is known, and its weight."""

    part: str
    value: int | None
    weight: str


class HealthWhy(Struct, frozen=True):
    """`floor(sum(weight * value) / sum(weight))` over the parts that are known."""

    score: int | None
    parts: list[HealthPart]


class DueReason(Struct, frozen=True):
    """What happens at the next due instant; `subject` is an order id, a date, days or a level."""

    kind: DueKind
    subject: Measured | None = None


class DueNext(Struct, frozen=True):
    """The instant at which the customer is due next, if no event comes."""

    at: str
    reasons: list[DueReason]


class WaitingWhy(Struct, frozen=True):
    """A change that waits for its order; money is in the currency of that order."""

    kind: WaitingKind
    order_id: str
    refund_id: str | None = None
    amount: str | None = None
    currency: str | None = None
    """As it was told with the amount."""


class TicketWhy(Struct, frozen=True):
    """An open support ticket."""

    ticket_id: str
    kind: str | None
    changed_at: str


class Position(Struct, frozen=True):
    """The offset of the canonical log up to which this state goes, and its owner epoch."""

    applied: int
    epoch: int
    sequence: int
    """The number of outputs of this customer so far."""


class Explanation(Struct, frozen=True):
    """Everything about one customer as of its clock."""

    customer_id: str
    as_of: str
    business_day: str
    timezone: str
    policy_version: str
    newest_event_at: str | None
    stage: str
    who: Who
    tier: TierWhy
    score: ScoreWhy | None
    orders: OrdersWhy
    level: LevelWhy
    due: DueNext | None
    waiting: list[WaitingWhy]
    open_tickets: list[TicketWhy]
    position: Position
    points: PointsWhy | None = None
    """Only under a policy with points."""
    reminders: list[ReminderWhy] | None = None
    """Only under a policy with care; the next of each kind, soonest first."""
    satisfaction: SatisfactionView | None = None
    """Only under a policy that asks for it; so are the four below."""
    health: HealthWhy | None = None
    holdout: bool | None = None
    tags: list[TagWhy] | None = None
    weights: list[NameWeight] | None = None
    """The weights of categories and channels, heaviest first."""
    surveys: SurveysWhy | None = None
    """Only under a policy that asks customers."""
    promises: list[PromiseView] | None = None
    """Only under a policy with terms for tickets: the stages that run."""
    visits: VisitsWhy | None = None
    """Only under a policy with visits."""
    suppressed: str | None = None
    """Why an output of now is not to be acted on, as far as it follows from the customer."""
    contact: ContactWhy | None = None
    """Only under a policy that limits contact."""
