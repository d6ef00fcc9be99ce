"""The types of events: what each holds, which topic it belongs to, whether it has a fast path.

Each class declares its types once: how a record is decoded and checked, where it is sent, and the
table in the guide follow from here. What an event does is in its handler (`handlers.transitions`).

Times are epoch milliseconds. Amounts are exact decimals until the policy's currencies turn them
into minor units; None stands for a text that is no plain decimal, UNSET for no amount.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Struct, UnsetType

from handlers.decode.attributes import ATTRIBUTES, Attributes
from handlers.decode.content import Content
from handlers.decode.fields import (
    BOOLEAN,
    CURRENCY,
    CUSTOMER_ID,
    DATE_OR_NULL,
    ID,
    INTEGER,
    LABEL,
    MAX_CHANNELS,
    MAX_PURPOSES,
    TIER_OR_NULL,
    TIME,
    Id,
    Text,
    between,
    flags,
    money,
    not_zero,
    one_of,
    text_of,
)
from handlers.decode.lines import LINES, NO_LINES, Lines
from handlers.decode.schema import Schema
from scoring.money import Amount

SCHEMA = Schema()
"""All types of events."""

_IN_ORDERS_CURRENCY = money(into="amount_minor", of_order=True).described("in the order's currency")
_ORDERS_CURRENCY = CURRENCY.described("that of the order")


class Event(Struct):
    """What every event has, in the order in which the fast path gives it.

    `content` recognises the same event when it comes again. `fault` says why a value is out of
    range or not in its list; it is reported only if nothing that comes earlier is wrong.
    """

    event_id: str
    type: str
    customer_id: str
    occurred_ms: int
    content: Content
    fault: str | None
    channel: str | None


# -- orders


@SCHEMA.event("order.placed", topic="orders", fast=True)
class OrderPlaced(Event):
    """An order was placed, at `occurred_ms`."""

    order_id: Id
    currency: Annotated[str, CURRENCY]
    amount: Annotated[
        Amount | UnsetType | None,
        money(into="amount_minor")
        .unless_optional()
        .described(
            'decimal text or number; required, unless the policy says `amounts = "optional"`'
        ),
    ] = UNSET
    payment_status: Annotated[str, one_of("pending", "paid", "failed")] | None = None
    items: Annotated[Lines, LINES] = NO_LINES
    amount_minor: int = 0
    """Minor units of `currency`, set by the policy's checks."""


@SCHEMA.event("order.paid", "order.cancelled", "order.payment_failed", topic="orders", fast=True)
class OrderChanged(Event):
    """An order was paid or cancelled, or its payment failed, by `type`."""

    order_id: Id
    is_status: bool = False
    """A `payment_status` of `paid`, told again at or before the order's own time."""


@SCHEMA.event("order.updated", topic="orders", fast=True, since=3)
class OrderUpdated(Event):
    """An order was edited: its amount is another one, in the order's currency."""

    order_id: Id
    amount: Annotated[Amount | None, _IN_ORDERS_CURRENCY]
    currency: Annotated[str, _ORDERS_CURRENCY] | None = None
    items: Annotated[Lines, LINES] = NO_LINES
    amount_minor: int = 0
    """Minor units of `currency` where it was told."""


@SCHEMA.event("order.refunded", topic="orders", fast=True)
class OrderRefunded(Event):
    """Part or all of an order's amount was refunded; without an order it is a return."""

    refund_id: Id
    amount: Annotated[Amount | None, _IN_ORDERS_CURRENCY]
    order_id: Annotated[str, ID.described("without it: a return, whatever was bought")] | None = (
        None
    )
    currency: Annotated[str, _ORDERS_CURRENCY] | None = None
    amount_minor: int = 0
    """Minor units of `currency` where it was told, or of the base currency; set by the policy's
    checks."""


@SCHEMA.event("order.refund_cancelled", topic="orders", fast=True, since=3)
class RefundCancelled(Event):
    """A refund failed or was undone."""

    order_id: Id
    refund_id: Id


# -- browse


@SCHEMA.event(
    "page.viewed",
    "product.viewed",
    "product.searched",
    "link.clicked",
    "cart.updated",
    "checkout.started",
    topic="browse",
    fast=True,
)
class Browsed(Event):
    """Any browse event: an interaction."""

    session_id: Id | None = None
    category: Text | None = None
    sku: Text | None = None
    query: Text | None = None
    url: Text | None = None


# -- support


@SCHEMA.event("ticket.opened", topic="support", fast=True)
class TicketOpened(Event):
    """A support ticket was opened."""

    ticket_id: Id
    kind: Annotated[str, one_of("complaint", "question", "return", "other")] | None = None
    severity: Annotated[int, between(1, 5)] | None = None


@SCHEMA.event("ticket.responded", topic="support", since=3)
class TicketResponded(Event):
    """A support ticket was answered for the first time: no interaction of the customer."""

    ticket_id: Id


@SCHEMA.event("ticket.resolved", "ticket.reopened", topic="support")
class TicketChanged(Event):
    """A support ticket was resolved or reopened, by `type`."""

    ticket_id: Id


MAX_ANSWER = 64
CHURN = "churn"
"""The survey that asks why somebody left."""


def _needed_of_answer(survey: Any) -> tuple[str, ...]:
    return ("answer",) if survey == CHURN else ("score",)


def _score_fault(answer: Any) -> str | None:
    if answer.survey == CHURN or answer.score is None:
        return None
    low, high = (1, 5) if answer.survey == "csat" else (0, 10)
    if low <= answer.score <= high:
        return None
    return f"score {answer.score} is out of range for {answer.survey}"


@SCHEMA.event(
    "survey.answered",
    topic="support",
    fast=True,
    rule=_score_fault,
    needed=("survey", _needed_of_answer),
)
class SurveyAnswered(Event):
    """A CSAT (1 to 5) or NPS (0 to 10) answer by its score, or why somebody left.

    The score is there for `csat` and `nps`, the answer for `churn`.
    """

    survey: Annotated[str, one_of("csat", "nps", CHURN)]
    score: (
        Annotated[int, INTEGER.described("needed for `csat`, 1 to 5, and `nps`, 0 to 10")] | None
    ) = None
    answer: (
        Annotated[str, text_of(MAX_ANSWER).described("needed for `churn`: 1 to 64 characters")]
        | None
    ) = None
    ticket_id: Id | None = None
    comment: Text | None = None


@SCHEMA.event("followup.scheduled", topic="support", since=3)
class FollowupScheduled(Event):
    """A contact was agreed with the customer, moved, or called off: no interaction.

    Told again it moves; null in the place of the date ends it.
    """

    followup_id: Id
    on: Annotated[str | None, DATE_OR_NULL.described("a date; null ends it")]
    by: Annotated[str, LABEL] | None = None
    note: Annotated[str, LABEL] | None = None


# -- profiles


@SCHEMA.event("profile.updated", topic="profiles")
class ProfileUpdated(Event):
    """Attributes were set; an empty text takes one away."""

    attributes: Annotated[
        Attributes,
        ATTRIBUTES.described(
            "an object, such as of `birth_date`, `gender`, `region`, `city_tier`, `occupation`, "
            "`registered_at`, `name`, `email`, `phone` and your own; "
            "[what can be used](rules.md#attributes)"
        ),
    ]


@SCHEMA.event("consent.changed", topic="profiles", any_of=("marketing", "channels", "purposes"))
class ConsentChanged(Event):
    """Whether marketing may contact the customer, by which channels, and for what else.

    At least one of the three is there. Channels and purposes are each a name of the sender's own.
    """

    marketing: Annotated[bool, BOOLEAN] | None = None
    channels: Annotated[dict[str, bool], flags(MAX_CHANNELS)] | None = None
    purposes: Annotated[dict[str, bool], flags(MAX_PURPOSES)] | None = None
    source: Text | None = None
    text_version: Text | None = None


def _merge_fault(merged: Any) -> str | None:
    same = merged.into == merged.customer_id
    return "a customer cannot be merged into itself" if same else None


@SCHEMA.event("customer.merged", topic="profiles", rule=_merge_fault)
class CustomerMerged(Event):
    """The customer was merged into another, who survives."""

    into: Annotated[str, CUSTOMER_ID.described("the id that stays: [merging](rules.md#merging)")]


@SCHEMA.event("customer.erased", topic="profiles")
class CustomerErased(Event):
    """Everything about the customer is to be erased."""


@SCHEMA.event("activity.recorded", topic="profiles")
class ActivityRecorded(Event):
    """An activity outside orders, such as a referral."""

    activity: Annotated[str, ID.described("such as `referral`")]


@SCHEMA.event("points.redeemed", topic="profiles")
class PointsRedeemed(Event):
    """Points are to be spent."""

    redemption_id: Id
    points: Annotated[int, between(1, 10**12).described("a whole number above 0")]


@SCHEMA.event("points.redemption_cancelled", topic="profiles", since=3)
class RedemptionCancelled(Event):
    """A redemption is undone: its points come back."""

    redemption_id: Id


@SCHEMA.event("points.adjusted", topic="profiles", since=3)
class PointsAdjusted(Event):
    """Points are given (above 0) or taken by hand."""

    points: Annotated[int, not_zero(10**12)]
    reason: Annotated[str, LABEL]


def _override_fault(override: Any) -> str | None:
    if override.tier is None or override.until > override.occurred_ms:
        return None
    return "until must be later than occurred_at"


def _needed_of_tier(tier: Any) -> tuple[str, ...]:
    return () if tier is None else ("until",)


@SCHEMA.event(
    "tier.overridden",
    topic="profiles",
    rule=_override_fault,
    needed=("tier", _needed_of_tier),
    since=3,
)
class TierOverridden(Event):
    """Somebody grants a tier, or bounds it, until an instant; without a tier it ends."""

    tier: Annotated[
        str | None, TIER_OR_NULL.described("a tier of the policy; null ends the one in force")
    ]
    until: Annotated[
        int, TIME.seen_with("tier").described("an RFC 3339 time, needed with a tier")
    ] = 0
    """Epoch milliseconds; without meaning where `tier` is None."""
    mode: Annotated[str, one_of("floor", "ceiling", "fixed")] | None = None
    by: Annotated[str, LABEL] | None = None
    note: Annotated[str, LABEL] | None = None


@SCHEMA.event("tier.override_approved", topic="profiles", since=3)
class TierOverrideApproved(Event):
    """Somebody else approves a tier by hand that waits for it."""

    override: Annotated[str, ID.described("the event id of the one approved")]
    by: Annotated[str, LABEL]
