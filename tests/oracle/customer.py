"""What the oracle keeps of a customer: everything, but for what the rules say is forgotten."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.ledger import (
    MOST_ORDERS_IN_WINDOW,
    Counted,
    Order,
    counted_orders,
    freeze,
    has_left_window,
)
from tests.oracle.levels import ACTIVE
from tests.oracle.policy import Policy
from tests.oracle.tiers import PROSPECT
from tests.oracle.times import business_day

MOST_REMEMBERED = 64
MOST_WAITING = 64
MOST_TICKETS = 64
MOST_ATTRIBUTES = 64


@dataclass(frozen=True)
class Change:
    """A payment, cancellation or refund: `kind` is the type of its event."""

    kind: str
    order_id: str
    refund_id: str = ""
    amount: Fraction = Fraction(0)


@dataclass
class Ticket:
    """The state told last by event time, and the kind told last by event time."""

    state: str = ""
    state_at_ms: int | None = None
    kind: str | None = None
    kind_at_ms: int | None = None
    told: list[tuple[int, str]] = field(default_factory=list)  # time and type, as they arrived


@dataclass(frozen=True)
class Grace:
    """A running grace: its last day's successor and the conditions lost when it began."""

    until: date
    crossed: list[dict[str, Any]]


@dataclass
class Customer:
    """One customer's whole history and the little that evaluations leave behind."""

    customer_id: str
    newest_event_ms: int
    position_ms: int  # everything due up to here has fired
    orders: list[Order] = field(default_factory=list)
    interactions_ms: list[int] = field(default_factory=list)
    remembered: list[tuple[str, Any]] = field(default_factory=list)
    waiting: list[Change] = field(default_factory=list)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    consents: list[tuple[int, bool]] = field(default_factory=list)
    answers: list[tuple[str, int, int]] = field(default_factory=list)  # survey, time, score
    resolutions: list[tuple[int, int]] = field(default_factory=list)  # time, how long it took
    updates: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # of the profile
    cared_for_since_ms: int | None = None
    dates_told: dict[str, list[date]] = field(default_factory=dict)
    checkins_told_ms: list[int] = field(default_factory=list)
    refreshes_told_ms: list[int] = field(default_factory=list)
    movements: list[Any] = field(default_factory=list)  # of points
    untold_points: int = 0  # that came by merges while no policy had points
    activities: list[tuple[str, date]] = field(default_factory=list)  # that gave points
    redemptions: list[tuple[str, int]] = field(default_factory=list)  # accepted
    attributes: dict[str, tuple[str, int]] = field(default_factory=dict)  # value, told when
    unmatched: int = 0
    tier: str = PROSPECT
    grace: Grace | None = None
    level: int = ACTIVE
    level_since_ms: int = 0
    standing_alerts: list[tuple[int, int]] = field(default_factory=list)  # level, sequence
    sequence: int = 0
    tags: Any = None  # a tests.oracle.tags.Tags

    def open_orders(self) -> list[Order]:
        """The orders that changes still reach, by order time, then arrival."""
        found = [order for order in self.orders if not order.frozen]
        return sorted(found, key=lambda order: (order.placed_at_ms, order.arrival))

    def open_order(self, order_id: str) -> Order | None:
        """The order that changes reach; of two that came together by a merge the later one."""
        found = [order for order in self.open_orders() if order.order_id == order_id]
        return found[-1] if found else None

    def next_arrival(self) -> int:
        return max((order.arrival for order in self.orders), default=-1) + 1

    def counted(self, policy: Policy) -> list[Counted]:
        return counted_orders(self.orders, policy)

    def last_order_ms(self, policy: Policy) -> int | None:
        return max((order.at_ms for order in self.counted(policy)), default=None)

    def last_interaction_ms(self) -> int | None:
        return max(self.interactions_ms, default=None)

    def marketing_consent(self) -> bool | None:
        """The consent told last by event time, among equals the one that arrived last."""
        if not self.consents:
            return None
        newest = max(at_ms for at_ms, _ in self.consents)
        return [granted for at_ms, granted in self.consents if at_ms == newest][-1]

    def attribute(self, name: str) -> str | None:
        """The value told last by event time, among equals the one that arrived last."""
        told = [(at_ms, values[name]) for at_ms, values in self.updates if name in values]
        newest = max((at_ms for at_ms, _ in told), default=None)
        return [value for at_ms, value in told if at_ms == newest][-1] if told else None

    def open_tickets(self) -> list[Ticket]:
        states = ("ticket.opened", "ticket.reopened")
        return [ticket for ticket in self.tickets.values() if ticket.state in states]

    def suppressed(self, *, held_out: bool | None) -> str | None:
        if self.marketing_consent() is False:
            return "no_consent"
        complaints = [ticket for ticket in self.open_tickets() if ticket.kind == "complaint"]
        if complaints:
            return "open_complaint"
        return "holdout" if held_out else None

    def remember(self, event_id: str, content: Any) -> None:
        self.remembered = [*self.remembered, (event_id, content)][-MOST_REMEMBERED:]

    def let_wait(self, change: Change) -> None:
        self.waiting.append(change)
        if len(self.waiting) > MOST_WAITING:
            self.waiting.pop(0)
            self.unmatched += 1

    def touch_ticket(self, ticket_id: str) -> Ticket:
        """The ticket, as the one changed last; more than 64 are not remembered."""
        ticket = self.tickets.pop(ticket_id, Ticket())
        self.tickets[ticket_id] = ticket
        if len(self.tickets) > MOST_TICKETS:
            del self.tickets[next(iter(self.tickets))]
        return ticket

    def tell_attribute(self, name: str, value: str, at_ms: int) -> None:
        """Takes a word about an attribute, if none was newer; the one told of longest ago goes."""
        if name in self.attributes and self.attributes[name][1] > at_ms:
            return
        self.attributes.pop(name, None)
        self.attributes[name] = value, at_ms

    def forget_attributes(self) -> None:
        while len(self.attributes) > MOST_ATTRIBUTES:
            del self.attributes[next(iter(self.attributes))]

    def freeze_what_left(self, today: date, policy: Policy) -> None:
        """Orders whose window has passed stay as they are from now on."""
        for order in self.orders:
            day = business_day(order.placed_at_ms, policy.timezone)
            if not order.left_window and has_left_window(day, today, policy):
                freeze(order, policy, merged=False)

    def merge_beyond_newest(self, policy: Policy) -> None:
        """Orders in the window beyond the newest 512 are frozen, but for leaving the window."""
        for order in self.open_orders()[:-MOST_ORDERS_IN_WINDOW]:
            freeze(order, policy, merged=True)
