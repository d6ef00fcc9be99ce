"""Two customers become one: what is kept of each."""

from __future__ import annotations

from handlers.decode.fields import MAX_CHANNELS, MAX_PURPOSES
from handlers.profile.attributes import keep_newest
from handlers.state.customer import MAX_ALSO, MAX_TICKETS, Customer, Tagged, Ticket
from handlers.state.followup import joined as joined_followups
from handlers.state.promise import Promise
from handlers.state.visits import Visits
from handlers.tiers.grading import joined_answers
from handlers.tiers.override import join_overrides
from scoring.bounded.decayed_topk import Sketch
from scoring.care import contact
from scoring.orders.joining import Joined, join_ledgers
from scoring.points.account import Account
from scoring.rules import Rules

Consented = tuple[bool, int]
"""Whether a customer agreed, and when that was said."""


def join(customer: Customer, other: Customer, rules: Rules, today: int) -> Joined:
    """Join `other`, who was merged into `customer`, to it; `other` is used up.

    Tier, level, grace, tags and alerts stay those of the customer until the next evaluation. Lists
    keep to their limits.

    Returns:
        what changed in the orders, for the points that follow from them.
    """
    joined = join_ledgers(customer.ledger, other.ledger, rules, today)
    customer.newest_ms = max(customer.newest_ms, other.newest_ms)
    customer.join_seen(other)
    customer.also = [*customer.also, *other.also, other.customer_id][-MAX_ALSO:]
    _join_interactions(customer, other)
    _join_consent(customer, other)
    _join_attributes(customer, other, rules)
    _join_tickets(customer, other)
    if customer.experience is None:
        customer.experience = other.experience
    elif other.experience is not None:
        customer.experience.join(other.experience)
    if customer.reminded is None:
        customer.reminded = other.reminded
    elif other.reminded is not None:
        customer.reminded.join(other.reminded)
    if other.points is not None:
        customer.points = customer.points or Account()
        customer.points.join(other.points)
    _join_tags(customer, other)
    customer.followups = joined_followups(customer.followups, other.followups)
    _join_churn_answer(customer, other)
    _join_surveys(customer, other)
    _join_visits(customer, other)
    _join_retention(customer, other)
    if customer.expiring is None:
        customer.expiring = other.expiring
    elif other.expiring is not None:
        customer.expiring.join(other.expiring)
    join_overrides(customer, other)
    customer.csat = joined_answers(customer.csat, other.csat)
    if other.messages:
        customer.messages = contact.joined(customer.messages, other.messages)
    return joined


def _join_interactions(customer: Customer, other: Customer) -> None:
    both = (customer.last_interaction_ms, other.last_interaction_ms)
    customer.last_interaction_ms = max((at for at in both if at is not None), default=None)


def _join_consent(customer: Customer, other: Customer) -> None:
    """Consent of both is the stricter one, until it is changed later."""
    said = {customer.marketing_consent, other.marketing_consent} - {None}
    customer.marketing_consent = None if not said else False not in said
    customer.consent_ms = max(customer.consent_ms, other.consent_ms)
    customer.channels = _stricter(customer.channels, other.channels, MAX_CHANNELS)
    customer.purposes = _stricter(customer.purposes, other.purposes, MAX_PURPOSES)


def _stricter(
    own: dict[str, Consented], theirs: dict[str, Consented], most: int
) -> dict[str, Consented]:
    """Each name as the stricter of both said, as of the later; the newest so many names."""
    found = dict(own)
    for name, (agreed, at_ms) in theirs.items():
        if name in found:
            was, was_ms = found[name]
            agreed, at_ms = agreed and was, max(at_ms, was_ms)
        found[name] = agreed, at_ms
    if len(found) > most:
        newest = sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
        found = dict(newest[:most])
    return found


def _join_attributes(customer: Customer, other: Customer, rules: Rules) -> None:
    """Each attribute by its newest time; of equal times the survivor's."""
    newest = dict(other.attributes)
    for name, (value, at_ms) in customer.attributes.items():
        if name not in newest or at_ms >= newest[name][1]:
            newest[name] = value, at_ms
    by_time = sorted(newest.items(), key=lambda item: item[1][1])
    customer.attributes = dict(by_time)
    keep_newest(customer.attributes, rules)


def _join_tickets(customer: Customer, other: Customer) -> None:
    """Each ticket and its kind by the newest time; of equal times the survivor's."""
    tickets = {ticket.ticket_id: ticket for ticket in other.tickets}
    for ticket in customer.tickets:
        their = tickets.get(ticket.ticket_id)
        newer = ticket if their is None or ticket.changed_ms >= their.changed_ms else their
        if their is not None:
            by_kind = ticket if ticket.kind_ms >= their.kind_ms else their
            newer.kind, newer.kind_ms = by_kind.kind, by_kind.kind_ms
            _join_promises(newer, ticket if newer is their else their)
        tickets[ticket.ticket_id] = newer
    by_time = sorted(tickets.values(), key=lambda ticket: ticket.changed_ms)
    customer.tickets = by_time[-MAX_TICKETS:]


def _join_tags(customer: Customer, other: Customer) -> None:
    """The counts and weights of tags; the tags are evaluated afterwards."""
    own, theirs = customer.tagged, other.tagged
    if theirs is None:
        return
    if own is None:
        own = customer.tagged = Tagged()
    for key, counts in theirs.counts.items():
        if key in own.counts:
            own.counts[key].join(counts)
        else:
            own.counts[key] = counts
    own.categories = _joined_sketch(own.categories, theirs.categories)
    own.channels = _joined_sketch(own.channels, theirs.channels)


def _join_surveys(customer: Customer, other: Customer) -> None:
    """When either was asked and answered."""
    if customer.surveyed is None:
        customer.surveyed = other.surveyed
    elif other.surveyed is not None:
        customer.surveyed.join(other.surveyed)


def _join_promises(newer: Ticket, older: Ticket) -> None:
    """What was promised for one ticket, known of both: the newer's stages, and answers of both."""
    if older.promise is None:
        return
    if newer.promise is None:
        newer.promise = Promise(answered_ms=older.promise.answered_ms)
    else:
        newer.promise.join(older.promise, is_open=newer.is_open)


def _join_retention(customer: Customer, other: Customer) -> None:
    """When either was active last."""
    if customer.retention is None:
        customer.retention = other.retention
    elif other.retention is not None:
        customer.retention.note_active(other.retention.since_ms)


def _join_visits(customer: Customer, other: Customer) -> None:
    """The contacts made with either; since when the other was in its tier is dropped with it."""
    if other.visits is None:
        return
    if customer.visits is None:  # who has just come, and is in its tier as of the evaluation
        customer.visits = Visits("", customer.newest_ms)
    customer.visits.join(other.visits)


def _join_churn_answer(customer: Customer, other: Customer) -> None:
    """The newest answer; of equal times the survivor's."""
    own, theirs = customer.churn_answer, other.churn_answer
    if own is None or (theirs is not None and theirs.at_ms > own.at_ms):
        customer.churn_answer = theirs


def _joined_sketch(own: Sketch | None, theirs: Sketch | None) -> Sketch | None:
    if own is None or theirs is None:
        return own or theirs
    if own.half_life_days == theirs.half_life_days:
        own.join(theirs)
    return own
