"""The state of one customer: everything that later outputs depend on, bounded in size."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct, field, msgpack

from handlers.decode.content import BY_FIELDS_SINCE, Content
from handlers.decode.digests import DIGEST_BYTES
from handlers.state.expiring import Expiring
from handlers.state.followup import Followup
from handlers.state.format_fields import check_fits, since
from handlers.state.formats import NEWEST, with_number, without_number
from handlers.state.promise import Promise
from handlers.state.retention import Retention, Retired
from handlers.state.visits import Visits
from scoring.bounded import seen_ids
from scoring.bounded.decayed_topk import Sketch
from scoring.bounded.rolling_counts import DayCounts
from scoring.care.dates import Reminded
from scoring.care.surveyed import Surveyed
from scoring.crossed import Crossed
from scoring.dormancy import ACTIVE, LEVELS
from scoring.orders.ledger import Ledger
from scoring.override import Override
from scoring.points.account import Account
from scoring.rules import PROSPECT, Rules
from scoring.satisfaction import ChurnAnswer, Experience, Timed
from scoring.timestamps import NEVER_MS

MAX_SEEN_EVENTS = 64
MAX_TICKETS = 64

MERGED = "merged"
"""The stage of a customer who was merged into another."""
MAX_ALSO = 16
"""Ids merged into a customer that are remembered."""

_SEEN_BYTES = 2 * DIGEST_BYTES
_MOST_SEEN_BYTES = MAX_SEEN_EVENTS * _SEEN_BYTES
COMPLAINT = "complaint"
PROFILING = "profiling"
"""The purpose without which nothing is concluded from what the customer does."""


class Grace(Struct, array_like=True, frozen=True):
    """A tier that is kept for now: the business day it ends, and the conditions that were lost."""

    until_day: int
    crossed: tuple[Crossed, ...]


class Ticket(Struct, array_like=True):
    """A support ticket, as its newest event left it."""

    ticket_id: str
    kind: str | None
    kind_ms: int
    is_open: bool
    changed_ms: int
    open_since_ms: int | None = None
    """While open, when it was opened or reopened; `NEVER_MS` if resolved before its opening."""
    promise: Annotated[Promise | None, since(3)] = None
    """Its stages, under a policy with terms for tickets."""


class Tagged(Struct, array_like=True):
    """The tags of a customer, and the counts and weights that they follow from."""

    since: dict[str, int] = field(default_factory=dict)
    """The instant at which each tag became true."""
    due_day: int | None = None
    """The first business day on which time alone may change a tag."""
    counts: dict[str, DayCounts] = field(default_factory=dict)
    """The counts of each kind of event that a rule counts."""
    categories: Sketch | None = None
    channels: Sketch | None = None


class MergedInto(Struct, array_like=True, frozen=True):
    """The merge by which a customer became part of another."""

    into: str
    offset: int
    """Of the merge's record, in the log of this customer's partition."""
    number: int
    """The number of this merge among the customer's, from 1, refused ones included."""


class Away(Struct, array_like=True, frozen=True):
    """A time in the log in which a customer was merged into another, and then came back."""

    since: int
    """The offset of the merge's record."""
    until: int
    """The offset of the record by which the customer came back."""
    into: str


class Customer(Struct, array_like=True):
    """One customer. The first six fields are what `Head` reads. New ones come last, with `since`.

    `applied` is the last offset of the canonical log that changed this state, `epoch` the owner
    that wrote it. A restore and the skipping of applied records rest on both.
    """

    epoch: int
    applied: int
    next_due_ms: int | None
    tier: str
    stage: str
    erased: bool
    customer_id: str
    sequence: int = 0
    newest_ms: int = NEVER_MS
    level: int = ACTIVE
    level_since_ms: int = NEVER_MS
    standing: list[tuple[int, str]] = field(default_factory=list)
    """Alerts that were not withdrawn: (level, output id)."""
    last_interaction_ms: int | None = None
    ledger: Ledger = field(default_factory=Ledger)
    seen_events: bytes = b""
    """Of the 64 events accepted last, those that came in a format before the third, oldest first: a
    digest of the id, a digest of the whole object."""
    grace: Grace | None = None
    marketing_consent: bool | None = None
    consent_ms: int = NEVER_MS
    attributes: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Value and time of each attribute; an empty text stands for a removed one."""
    tickets: list[Ticket] = field(default_factory=list)
    """Least recently changed first, by arrival."""
    refused: list[int] = field(default_factory=list)
    """Offsets of refused records that must not move time, not yet behind a checkpoint."""
    experience: Experience | None = None
    """Survey answers and resolutions, under a policy that asks for satisfaction."""
    points: Account | None = None
    """Points, once there were some; they stay under a policy without points."""
    tagged: Tagged | None = None
    """Tags, under a policy that declares some."""
    reminded: Reminded | None = None
    """The reminders the customer has had, once a policy had care."""
    merged_into: MergedInto | None = None
    """Set for a customer who was merged into another; then nothing else is kept."""
    also: list[str] = field(default_factory=list)
    """Ids merged into this customer, latest last."""
    merge_count: int = 0
    """How often this customer was merged into another; more than once if a merge was refused."""
    first_offset: Annotated[int, since(2)] = -1
    """The offset of the record by which this id came to be known; -1 if an earlier version wrote
    the state."""
    away: Annotated[list[Away], since(2)] = field(default_factory=list)
    """Merges that were undone, oldest first, not yet behind a checkpoint."""
    followups: Annotated[list[Followup], since(3)] = field(default_factory=list)
    """Least recently told first, by arrival."""
    churn_answer: Annotated[ChurnAnswer | None, since(3)] = None
    """The newest answer to why the customer left."""
    channels: Annotated[dict[str, tuple[bool, int]], since(3)] = field(default_factory=dict)
    """Whether the customer agreed to be contacted by each channel, and when that was said."""
    override: Annotated[Override | None, since(3)] = None
    """The newest word on the tier by hand, also one whose time is over."""
    rose_day: Annotated[int | None, since(3)] = None
    """The business day of the last rise in tier, with which a hold begins; None if a fall ended
    it."""
    purposes: Annotated[dict[str, tuple[bool, int]], since(3)] = field(default_factory=dict)
    """Whether the customer agreed to each purpose, and when that was said."""
    expiring: Annotated[Expiring | None, since(3)] = None
    """Falls told of and to be told of, once a policy had `warn_days`."""
    pending_override: Annotated[Override | None, since(3)] = None
    """The newest tier by hand that waits for approval, also one whose time is over."""
    surveyed: Annotated[Surveyed | None, since(3)] = None
    """When the customer was asked and answered, under a policy with surveys."""
    erased_offset: Annotated[int, since(3)] = -1
    """The offset of the record by which the customer was erased; -1 if that is not known."""
    recent_events: Annotated[bytes, since(3)] = b""
    """The events accepted last, oldest first: a digest of the id, a digest of the fields."""
    csat: Annotated[list[Timed], since(3)] = field(default_factory=list)
    """Time and score of the five newest CSAT answers, under a policy that grades by them."""
    visits: Annotated[Visits | None, since(3)] = None
    """The contacts made, under a policy with visits."""
    messages: Annotated[list[tuple[int, int]], since(3)] = field(default_factory=list)
    """Under a policy with caps, the business days of messages, each with their number."""
    retention: Annotated[Retention | None, since(3)] = None
    """How long the customer is inactive, under a policy with retention."""
    retired_ms: Annotated[int | None, since(3)] = None
    """Of who was erased by its retention, when that was; what happens from then on begins anew."""
    retired: Annotated[list[Retired], since(3)] = field(default_factory=list)
    """Such erasures that have ended, oldest first, not yet behind a checkpoint."""

    @property
    def is_gone(self) -> bool:
        """Whether only a marker is kept: the customer was erased or merged into another."""
        return self.erased or self.merged_into is not None

    def merged_at(self, offset: int) -> str | None:
        """The customer that this one was merged into, as of a record that may be read again."""
        if self.merged_into is not None and self.merged_into.offset <= offset:
            return self.merged_into.into
        return next((away.into for away in self.away if away.since <= offset < away.until), None)

    def is_erased_at(self, offset: int) -> bool:
        """Whether the customer was erased, as of a record that may be read again."""
        if self.erased:
            past = self.retired_ms is not None and self.erased_offset == offset
            return self.erased_offset <= offset and not past
        return any(one.since < offset < one.until for one in self.retired)

    def comes_back_at(self, occurred_ms: int) -> bool:
        """Whether an event of this time begins the customer anew, who was erased by retention."""
        return self.erased and self.retired_ms is not None and occurred_ms >= self.retired_ms

    def is_duplicate(self, event_digest: bytes, content: Content) -> bool | None:
        """Whether an event was seen: True with this content, False with other, None if new.

        After a merge one id may have been seen with two contents. Digests of the whole object are
        compared with such.
        """
        if event_digest not in self.recent_events and event_digest not in self.seen_events:
            return None
        found = _was_seen(self.recent_events, event_digest, content.digest)
        if found or event_digest not in self.seen_events:
            return found
        before = _was_seen(self.seen_events, event_digest, content.digest_of_object())
        return found if before is None else before

    def remember(self, event_digest: bytes, content: Content, number: int) -> None:
        """Remember an accepted event in a format, and forget the oldest beyond 64."""
        if number < BY_FIELDS_SINCE:
            entry = event_digest + content.digest_of_object()
            self.seen_events = (self.seen_events + entry)[-_MOST_SEEN_BYTES:]
            return
        entries, seen = self.recent_events + event_digest + content.digest, self.seen_events
        if seen and len(seen) + len(entries) > _MOST_SEEN_BYTES:
            self.seen_events = seen[_SEEN_BYTES:]
        self.recent_events = entries[-_MOST_SEEN_BYTES:]

    def forget_newest(self) -> None:
        """Forget the newest event: it was refused after all."""
        if self.recent_events:
            self.recent_events = self.recent_events[:-_SEEN_BYTES]
        else:
            self.seen_events = self.seen_events[:-_SEEN_BYTES]

    def join_seen(self, other: Customer) -> None:
        """Remember the events of a customer who is merged into this one, as many as there is room.

        Of each kind both keep their newest; those of older formats go first.
        """
        self.recent_events = seen_ids.joined(
            self.recent_events, other.recent_events, MAX_SEEN_EVENTS
        )
        room = _MOST_SEEN_BYTES - len(self.recent_events)
        seen = seen_ids.joined(self.seen_events, other.seen_events, MAX_SEEN_EVENTS)
        self.seen_events = seen[-room:] if room else b""

    def refuse(self, offset: int, checkpoint: int) -> None:
        """Note a refused record, so that it moves no time when it is read again."""
        self.refused = [kept for kept in self.refused if kept > checkpoint]
        self.refused.append(offset)

    @property
    def known_attributes(self) -> dict[str, str]:
        """The attributes that are known."""
        return {name: value for name, (value, _) in self.attributes.items() if value}

    def owner(self, rules: Rules) -> str | None:
        """The account manager, by the attribute that the policy says names it."""
        name = rules.owner_attribute
        return None if name is None else self.attributes.get(name, ("", 0))[0] or None

    @property
    def consented_channels(self) -> list[str]:
        """The channels that the customer agreed to be contacted by, sorted."""
        channels = self.channels
        return sorted([name for name in channels if channels[name][0]]) if channels else []

    @property
    def refuses_profiling(self) -> bool:
        """Whether the customer said no to the purpose `profiling`."""
        return bool(self.purposes) and self.purposes.get(PROFILING, (True, 0))[0] is False

    @property
    def open_tickets(self) -> int:
        """How many tickets are open."""
        return sum([ticket.is_open for ticket in self.tickets]) if self.tickets else 0

    @property
    def open_complaints(self) -> int:
        """How many of the open tickets are complaints."""
        if not self.tickets:
            return 0
        return sum([ticket.is_open and ticket.kind == COMPLAINT for ticket in self.tickets])


class Head(Struct, array_like=True):
    """The first fields of a customer's state, read without the rest."""

    epoch: int
    applied: int
    next_due_ms: int | None
    tier: str
    stage: str
    erased: bool


def _was_seen(seen: bytes, event_digest: bytes, content: bytes) -> bool | None:
    """Whether an id stands in a list: True with this content, False with other, None if not."""
    found, at = None, seen.find(event_digest)
    while at != -1:
        if at % _SEEN_BYTES == 0:
            if seen.startswith(content, at + DIGEST_BYTES):
                return True
            found = False
        at = seen.find(event_digest, at + 1)
    return found


def new_customer(customer_id: str) -> Customer:
    """A customer of whom nothing is known yet."""
    return Customer(0, -1, None, PROSPECT, PROSPECT, False, customer_id)


def erased_customer(customer: Customer) -> Customer:
    """The marker of an erased customer: the id, and the offsets that must move no time."""
    found = Customer(
        customer.epoch, customer.applied, None, PROSPECT, PROSPECT, True, customer.customer_id
    )
    found.refused, found.first_offset = customer.refused, customer.first_offset
    found.retired = customer.retired
    return found


def retired_customer(customer: Customer, at_ms: int) -> Customer:
    """The marker of a customer who was erased by its retention: also the sequence is kept."""
    found = erased_customer(customer)
    found.sequence, found.retired_ms = customer.sequence, at_ms
    found.merge_count, found.away = customer.merge_count, customer.away
    return found


def begun_anew(marker: Customer, offset: int, checkpoint: int) -> Customer:
    """The customer who comes back after its retention, of whom nothing is known any more.

    Args:
        marker: what was left.
        offset: of the record by which it comes back.
        checkpoint: up to which no record is read again.
    """
    found = new_customer(marker.customer_id)
    found.sequence, found.refused = marker.sequence, marker.refused
    found.first_offset = marker.first_offset
    found.merge_count, found.away = marker.merge_count, marker.away
    kept = [one for one in marker.retired if one.until > checkpoint]
    found.retired = [*kept, Retired(marker.erased_offset, offset)]
    return found


def merged_customer(customer: Customer, merged_into: MergedInto) -> Customer:
    """The marker of a merged customer: the way to the other, and offsets that move no time."""
    found = Customer(
        customer.epoch, customer.applied, None, PROSPECT, MERGED, False, customer.customer_id
    )
    found.refused, found.merged_into = customer.refused, merged_into
    found.first_offset, found.away = customer.first_offset, customer.away
    found.retired = customer.retired
    return found


def stage_of(customer: Customer, rules: Rules) -> str:
    """The stage: by dormancy level first, then by the number of orders."""
    orders_ever = customer.ledger.orders_ever
    if orders_ever == 0:
        return PROSPECT
    if customer.level > ACTIVE:
        return LEVELS[customer.level]
    if customer.ledger.frequency >= rules.loyal_min_orders:
        return "loyal"
    return "new" if orders_ever == 1 else "active"


_NAME = "the state"
_encoder = msgpack.Encoder()
_decoder = msgpack.Decoder(Customer)
_head_decoder = msgpack.Decoder(Head)


def pack(customer: Customer, number: int = NEWEST) -> bytes:
    """The state as bytes, in the format of this number.

    Raises:
        FormatTooOld: it would lose something.
    """
    if number < NEWEST:
        check_fits(customer, number)
    return with_number(number, _encoder.encode(customer))


def unpack(packed: bytes) -> Customer:
    """The state from its bytes.

    Raises:
        NewerFormat: a newer release wrote it.
        msgspec.DecodeError: it is no state.
    """
    return _decoder.decode(without_number(_NAME, packed))


def unpack_head(packed: bytes) -> Head:
    """The head of a state from its bytes; the same errors as `unpack`."""
    return _head_decoder.decode(without_number(_NAME, packed))
