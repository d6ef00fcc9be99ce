"""The events, decoded. Times are epoch milliseconds.

Amounts are exact decimals until the policy's currencies turn them into minor units; None stands
for a text that is no plain decimal. `fault` says why a value is out of range or not in its list; it
is reported only if nothing that comes earlier is wrong.
"""

from __future__ import annotations

from msgspec import Struct

from scoring.money import Amount


class Event(Struct, kw_only=True):
    """The fields of every event. `content` is a digest of the parsed object."""

    event_id: str
    type: str
    customer_id: str
    occurred_ms: int
    content: bytes = b""
    fault: str | None = None
    channel: str | None = None


class OrderPlaced(Event, kw_only=True):
    """An order was placed, at `occurred_ms`."""

    order_id: str
    amount: Amount | None
    currency: str
    payment_status: str | None = None
    items: tuple[str, ...] = ()
    """The categories of its items, each once."""
    amount_minor: int = 0
    """Minor units of `currency`, set by the value check."""


class OrderChanged(Event, kw_only=True):
    """An order was paid or cancelled, or its payment failed, by `type`."""

    order_id: str


class OrderRefunded(Event, kw_only=True):
    """Part or all of an order's amount was refunded, in the order's currency."""

    order_id: str
    refund_id: str
    amount: Amount | None
    refund_units: int = 0
    """In units of the base currency's digits, set by the value check."""


class Browsed(Event, kw_only=True):
    """Any browse event: an interaction."""

    category: str | None = None


class TicketChanged(Event, kw_only=True):
    """A support ticket was opened, resolved or reopened, by `type`."""

    ticket_id: str
    kind: str | None = None
    severity: int | None = None


class SurveyAnswered(Event, kw_only=True):
    """A CSAT (1 to 5) or NPS (0 to 10) answer."""

    survey: str
    score: int
    ticket_id: str | None = None


class ProfileUpdated(Event, kw_only=True):
    """Attributes were set; an empty text removes one."""

    attributes: dict[str, str]


class ConsentChanged(Event, kw_only=True):
    """Whether marketing may contact the customer."""

    marketing: bool


class CustomerMerged(Event, kw_only=True):
    """The customer was merged into another, who survives."""

    into: str


class CustomerErased(Event, kw_only=True):
    """Everything about the customer is to be erased."""


class ActivityRecorded(Event, kw_only=True):
    """An activity outside orders, such as a referral."""

    activity: str


class PointsRedeemed(Event, kw_only=True):
    """Points are to be spent."""

    redemption_id: str
    points: int


PROFILE_TOPIC = "profiles"

BROWSE_TYPES = (
    "page.viewed",
    "product.viewed",
    "product.searched",
    "link.clicked",
    "cart.updated",
    "checkout.started",
)
