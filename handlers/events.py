"""The events, decoded. Times are epoch milliseconds.

Amounts are exact decimals until the policy's currencies turn them into minor units; None stands
for a text that is no plain decimal. `fault` is why a value is out of range or not in its list,
reported only when nothing that comes earlier is wrong.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from scoring.money import Amount


class Event(Struct, kw_only=True):
    """What every event has. `content` is a digest of the parsed object."""

    event_id: str
    type: str
    customer_id: str
    occurred_ms: int
    content: bytes = b""
    fault: str | None = None
    channel: str | None = None


class OrderPlaced(Event, kw_only=True):
    """An order, counted at this time."""

    order_id: str
    amount: Amount | None
    currency: str
    payment_status: str | None = None
    items: tuple[str, ...] = ()
    """The categories of its lines, each once."""
    amount_minor: int = 0
    """Minor units of `currency`, set by the value check."""


class OrderChanged(Event, kw_only=True):
    """An order paid, cancelled or not paid for, by `type`."""

    order_id: str


class OrderRefunded(Event, kw_only=True):
    """Part or all of an order's amount given back, in the order's currency."""

    order_id: str
    refund_id: str
    amount: Amount | None
    refund_units: int = 0
    """In units of the base currency's digits, set by the value check."""


class Browsed(Event, kw_only=True):
    """Any browse event: an interaction."""

    category: str | None = None


class TicketChanged(Event, kw_only=True):
    """A support ticket opened, resolved or reopened, by `type`."""

    ticket_id: str
    kind: str | None = None
    severity: int | None = None


class SurveyAnswered(Event, kw_only=True):
    """A CSAT (1 to 5) or NPS (0 to 10) answer."""

    survey: str
    score: int
    ticket_id: str | None = None


class ProfileUpdated(Event, kw_only=True):
    """Attributes told anew; an empty text takes one away."""

    attributes: dict[str, str]


class ConsentChanged(Event, kw_only=True):
    """Whether marketing may contact the customer."""

    marketing: bool


class CustomerMerged(Event, kw_only=True):
    """This customer is the same as another, who survives."""

    into: str


class CustomerErased(Event, kw_only=True):
    """Everything about the customer is to be forgotten."""


class ActivityRecorded(Event, kw_only=True):
    """An activity outside orders, such as a referral."""

    activity: str


class PointsRedeemed(Event, kw_only=True):
    """Points spent."""

    redemption_id: str
    points: int


PaymentStatus = Literal["pending", "paid", "failed"]
ORDER_TOPIC, BROWSE_TOPIC, SUPPORT_TOPIC, PROFILE_TOPIC = "orders", "browse", "support", "profiles"

BROWSE_TYPES = (
    "page.viewed",
    "product.viewed",
    "product.searched",
    "link.clicked",
    "cart.updated",
    "checkout.started",
)
