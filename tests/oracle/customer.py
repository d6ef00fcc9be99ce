"""What the oracle keeps of a customer: everything, but for what the rules say is forgotten."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from tests.oracle.grades import grades_of
from tests.oracle.ledger import (
    MOST_ORDERS_IN_WINDOW,
    Basis,
    Change,
    Counted,
    Order,
    counted_orders,
    freeze,
    has_left_window,
)
from tests.oracle.levels import ACTIVE
from tests.oracle.overrides import Override
from tests.oracle.policy import Policy
from tests.oracle.tiers import PROSPECT
from tests.oracle.times import business_day

MOST_REMEMBERED = 64
MOST_WAITING = 64
MOST_TICKETS = 64
MOST_ATTRIBUTES = 64
MOST_GONE = 256
PROFILING = "profiling"


@dataclass
class Ticket:
    """The state told last by event time, and the kind told last by event time."""

    state: str = ""
    state_at_ms: int | None = None
    kind: str | None = None
    kind_at_ms: int | None = None
    opened_at_ms: int | None = None  # since when it is open
    told: list[tuple[int, str]] = field(default_factory=list)  # time and type, as they arrived
    promise: Any = None  # a tests.oracle.service.Promise

    @property
    def is_open(self) -> bool:
        return self.state in ("ticket.opened", "ticket.reopened")


@dataclass
class Told:
    """A value told again and again: the newest by event time holds, of equal ones the later."""

    value: Any
    at_ms: int


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
    channels: dict[str, Told] = field(default_factory=dict)
    purposes: dict[str, Told] = field(default_factory=dict)
    overrides: list[Override] = field(default_factory=list)
    pending: Override | None = None  # set by hand, and not yet approved
    gone: list[str] = field(default_factory=list)  # ids of orders that left the window
    returns: list[tuple[str, Fraction, str]] = field(default_factory=list)  # id, amount, currency
    followups: dict[str, Any] = field(default_factory=dict)  # tests.oracle.followups.Followup
    churn_answers: list[tuple[int, str]] = field(default_factory=list)
    expiring_told: list[tuple[str, date]] = field(default_factory=list)  # tier, day of the fall
    last_rise: date | None = None
    fall_ahead: Any = None  # a tests.oracle.ahead.Known
    asked: Any = None  # a tests.oracle.surveys.Asked
    visits: Any = None  # a tests.oracle.visits.Visits
    retention: Any = None  # a tests.oracle.retention.Retention
    lapsed_ms: int | None = None  # when retention erased the customer
    points_told_ms: list[int] = field(default_factory=list)  # expiries that were reminded of
    redemptions_cancelled: list[str] = field(default_factory=list)  # that wait for theirs
    fall_known: Any = None  # by tests.oracle.evaluation
    in_rollout: bool = False  # while a policy published quietly takes effect
    answers: list[tuple[str, int, int]] = field(default_factory=list)  # survey, time, score
    graded_scores: list[tuple[int, int]] = field(default_factory=list)  # time, CSAT score
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
    attributes: dict[str, Told] = field(default_factory=dict)  # an empty text: taken away
    unmatched: int = 0
    tier: str = PROSPECT
    grace: Grace | None = None
    level: int = ACTIVE
    level_since_ms: int = 0
    standing_alerts: list[tuple[int, int]] = field(default_factory=list)  # level, sequence
    sequence: int = 0
    tags: Any = None  # a tests.oracle.tags.Tags
    messages: list[date] = field(default_factory=list)  # the business days they count on
    answered_ms: dict[str, int] = field(default_factory=dict)  # the latest answer to a ticket

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

    def basis(self, policy: Policy) -> Basis:
        """What the customer is graded by under a policy."""
        attributes = {name: told.value for name, told in self.attributes.items() if told.value}
        scores = [score for _, score in sorted(self.graded_scores, key=lambda each: each[0])]
        return Basis(self.counted(policy), grades_of(attributes, scores, policy))

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

    def consented_channels(self) -> list[str]:
        return sorted(name for name, told in self.channels.items() if told.value)

    @property
    def refuses_profiling(self) -> bool:
        """Whether nothing is to be concluded from what the customer does."""
        told = self.purposes.get(PROFILING)
        return told is not None and told.value is False

    def attribute(self, name: str) -> str | None:
        """The value told last by event time, among equals the one that arrived last."""
        told = self.attributes.get(name)
        return None if told is None else told.value

    def newest_override(self) -> Override | None:
        return max(self.overrides, key=lambda each: (each.at_ms, each.place), default=None)

    def let_wait_for_approval(self, given: Override) -> None:
        """The newest waits, unless a newer word has ended what was set by hand."""
        when = (given.at_ms, given.place)
        ends = [each for each in self.overrides if each.tier is None]
        if any((each.at_ms, each.place) > when for each in ends):
            return
        if self.pending is None or self.pending.at_ms <= given.at_ms:
            self.pending = given

    def override_waiting(self, at_ms: int) -> Override | None:
        """What waits for approval at an instant."""
        given = self.pending
        return None if given is None or given.until_ms <= at_ms else given

    def open_tickets(self) -> list[Ticket]:
        return [ticket for ticket in self.tickets.values() if ticket.is_open]

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

    def forget_attributes(self, policy: Policy) -> None:
        """More than 64 are not kept: the oldest by event time go, none that the policy names."""
        named = policy.attributes_named
        while sum(bool(told.value) for told in self.attributes.values()) > MOST_ATTRIBUTES:
            may_go = [n for n, told in self.attributes.items() if told.value and n not in named]
            del self.attributes[min(may_go, key=lambda name: self.attributes[name].at_ms)]

    def freeze_what_left(self, today: date, policy: Policy) -> None:
        """Orders whose window has passed stay as they are from now on; their ids are remembered."""
        for order in sorted(self.orders, key=lambda order: (order.placed_at_ms, order.arrival)):
            day = business_day(order.placed_at_ms, policy.timezone)
            if not order.left_window and has_left_window(day, today, policy):
                if not order.merged:
                    self.remember_gone(order.order_id)
                freeze(order, policy, merged=False)

    def remember_gone(self, order_id: str) -> None:
        self.gone = [*self.gone, order_id][-MOST_GONE:]

    def merge_beyond_newest(self, policy: Policy) -> None:
        """Orders in the window beyond the newest are frozen, but for leaving the window."""
        for order in self.open_orders()[:-MOST_ORDERS_IN_WINDOW]:
            freeze(order, policy, merged=True)


def tell(known: dict[str, Told], name: str, value: Any, at_ms: int) -> None:
    """Takes a word about something, if none was newer."""
    if name in known and known[name].at_ms > at_ms:
        return
    known.pop(name, None)
    known[name] = Told(value, at_ms)
