"""What goes out on `customer-profiles`."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType, field

from handlers.outputs.tier_changes import NextTier


class PointsView(Struct, frozen=True):
    """Points in the profile; the last four are totals of all time."""

    balance: int
    next_expiry_at: str | None
    next_expiry_points: int | None
    earned: int
    redeemed: int
    taken_back: int
    expired: int


class Keep(Struct, frozen=True):
    """The fewest orders today that keep a tier at its next fall, and their smallest total."""

    orders_needed: int | None
    total_needed: str | None


class OverrideView(Struct, frozen=True):
    """A tier by hand that is in force; `mode` where it is no floor."""

    tier: str
    until: str
    by: str | None
    note: str | None
    mode: str | UnsetType = UNSET


class PendingOverrideView(Struct, frozen=True):
    """A tier by hand that waits for approval."""

    event_id: str
    tier: str
    until: str
    mode: str
    by: str | None
    note: str | None


class TagView(Struct, frozen=True):
    """A tag and the instant at which it became true."""

    tag: str
    since: str


class FollowupView(Struct, frozen=True):
    """A follow-up to come, as the profile shows it."""

    followup_id: str
    on: str
    by: str | None
    note: str | None


class PromiseView(Struct, frozen=True):
    """A stage of a ticket that runs: when it is due, what was told of it last, what comes next."""

    ticket_id: str
    stage: str
    due_at: str
    overdue: bool
    step: str | None
    next_at: str | None
    next_step: str | None


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
    spend_ever: str
    first_order_at: str | None
    last_order_at: str | None
    last_interaction_at: str | None
    open_tickets: int
    next_tier: NextTier | None
    keeps_until: str | None
    as_of: str
    policy_version: str
    override: OverrideView | None = None
    keep: Keep | None = None
    pending_override: PendingOverrideView | UnsetType | None = UNSET
    """Under a policy that asks for approval, or while one waits."""
    channel_consent: dict[str, bool] = field(default_factory=dict)
    """What the customer said of each channel."""
    purpose_consent: dict[str, bool] = field(default_factory=dict)
    """What the customer said of each purpose."""
    dimensions: dict[str, int] | UnsetType = UNSET
    """The digits beside R, F and M."""
    satisfaction: Struct | UnsetType = UNSET
    health: Struct | UnsetType = UNSET
    holdout: bool | UnsetType = UNSET
    tags: list[TagView] | UnsetType = UNSET
    points: PointsView | UnsetType = UNSET
    followups: list[FollowupView] | UnsetType = UNSET
    """Only while there are some to come."""
    churn_answer: str | UnsetType = UNSET
    """Why the customer left, only once that was told; so is the next."""
    churn_answered_at: str | UnsetType = UNSET
    promises: list[PromiseView] | UnsetType = UNSET
    """Under a policy with terms for tickets."""
    next_visit_on: str | UnsetType | None = UNSET
    """Under a policy with visits; null if none is to come."""
    owner: str | UnsetType | None = UNSET
    """The account manager, under a policy that says which attribute names it."""
