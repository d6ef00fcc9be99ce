"""The state machine of one partition: the canonical log in, outputs and changed customers out.

Its state and outputs are a function of the log alone. The worker, the backtest and the tests all
run this code.

What the policy declares beyond tiers and levels hooks in at four places, always in this order:

- after an accepted event (`_accept`): tier, level, then `_follow`: care, points, tags;
- at a due instant (`_fire`): tier (one evaluation), levels, then `_fire_features`: care, points'
  expiry, tags;
- under a new policy (`_reconsider`): tier, level, then `_reconsider_features`: care, points, tags;
- each tells its own next due instant after the customer's clock (`_feature_dues`), None if there
  is none; `_plan` takes the least. A feature must leave nothing due at or before the instant it
  was fired at.

A policy without such sections (`Rules.has_features` is false) passes none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct, field, msgpack

from handlers.browse import browsed
from handlers.care import care_due_ms, remind, rewatch, watch
from handlers.content import id_digest
from handlers.context import Cause, Context
from handlers.customer import NEVER_MS, Customer, erased_customer, new_customer, stage_of
from handlers.decode import ANY_TIME, Limits, decode
from handlers.dormancy import CameBack, compare_level, level_due_ms, reach_levels
from handlers.effect import Effect, Happened
from handlers.evaluation import TIME, evaluate, tier_due_ms, totals
from handlers.events import (
    ActivityRecorded,
    Browsed,
    ConsentChanged,
    CustomerErased,
    CustomerMerged,
    Event,
    OrderChanged,
    OrderPlaced,
    OrderRefunded,
    PointsRedeemed,
    ProfileUpdated,
    SurveyAnswered,
    TicketChanged,
)
from handlers.identity import identify
from handlers.log import ClockTick, Mode, PolicyActivated, decode_control
from handlers.orders import order_changed, order_placed, order_refunded
from handlers.points import EXPIRY, expire_points, follow_points, points_due_ms
from handlers.profile_view import profile_record
from handlers.profiles import accepted_only, consent_changed, profile_updated
from handlers.reasons import Rejection
from handlers.satisfaction import count_answer
from handlers.store import CustomerStore
from handlers.support import survey_answered, ticket_changed
from handlers.tags import fire_tags, follow_tags, reconsider_tags, tags_due_ms
from handlers.values import check_values
from scoring.policy import Policy
from scoring.rules import DORMANT, Rules
from scoring.satisfaction import Experience

OrderHandler = Callable[[Customer, Any, Rules, int], Effect]
OtherHandler = Callable[[Customer, Any], CameBack | None]

ORDER_HANDLERS: dict[type[Event], OrderHandler] = {
    OrderPlaced: order_placed,
    OrderChanged: order_changed,
    OrderRefunded: order_refunded,
}
OTHER_HANDLERS: dict[type[Event], OtherHandler] = {
    Browsed: browsed,
    TicketChanged: ticket_changed,
    SurveyAnswered: survey_answered,
    ProfileUpdated: profile_updated,
    ConsentChanged: consent_changed,
    CustomerMerged: accepted_only,
    ActivityRecorded: accepted_only,
    PointsRedeemed: accepted_only,
}


class Source(NamedTuple):
    """Where upstream put a record: one sequence of rising offsets a partition."""

    topic: str
    partition: int
    offset: int
    incarnation: str = ""
    """Tells topics apart that were made anew under one name, each with offsets of its own; empty
    where nobody knows."""

    @property
    def full_topic(self) -> str:
        """The topic with its incarnation; no topic's name has an `@`."""
        return f"{self.topic}@{self.incarnation}" if self.incarnation else self.topic


class Meta(Struct):
    """What a partition knows beside its customers."""

    epoch: int = 0
    applied: int = -1
    """The last position of the log whose effects are all durable."""
    app_id: str = ""
    mode: Mode = "live"
    allowed_lateness_ms: int = 0
    policy: Policy | None = None
    newest_ms: int = NEVER_MS
    clock_ms: int = NEVER_MS
    positions: dict[str, int] = field(default_factory=dict)
    """The newest offset taken from each source partition, by `topic@incarnation/partition`."""
    profiles_end: int | None = None
    """The offset of the newest profile that an owner wrote, as far as this record knows."""


class NoPolicy(Exception):
    """An event stands in the log before any policy."""


class Partition:
    """One partition's customers, clock, policy and due instants."""

    def __init__(self, meta: Meta | None = None, store: CustomerStore | None = None) -> None:
        self.meta = meta or Meta()
        self.store = CustomerStore() if store is None else store
        self.stale_profiles: dict[str, None] = {}
        """Customers whose profile is to be sent anew."""
        self._context: Context | None = None
        if self.meta.policy is not None:
            self._context = Context(_source(self.meta.app_id), Rules(self.meta.policy))

    @property
    def context(self) -> Context:
        """The rules in force, the outbox and the tally.

        Raises:
            NoPolicy: no policy was activated yet.
        """
        if self._context is None:
            raise NoPolicy("the log has no policy before its first event")
        return self._context

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self.context.rules

    def control(self, position: int, value: bytes) -> None:
        """Apply a tick or a policy."""
        record = decode_control(value)
        if isinstance(record, ClockTick):
            self.tick(position, record.at)
        else:
            self.activate(position, record)

    def tick(self, position: int, wall_ms: int) -> None:
        """Wall time passed: in live mode the clock moves."""
        if self.meta.mode == "live":
            self._move_clock(position, wall_ms - self.meta.allowed_lateness_ms)

    def activate(self, position: int, activated: PolicyActivated) -> None:
        """Put a policy in force and look at every customer under it."""
        meta = self.meta
        same = meta.policy == activated.policy
        meta.app_id, meta.policy = activated.app_id, activated.policy
        meta.mode, meta.allowed_lateness_ms = activated.mode, activated.allowed_lateness_ms
        before = self._context
        if before is not None and same:
            before.source = _source(meta.app_id)
            return
        self._context = Context(_source(meta.app_id), Rules(activated.policy))
        if before is not None:
            self._context.outbox, self._context.tally = before.outbox, before.tally
            cause = Cause(f"policy:{activated.event_id}", (), "policy")
            for customer_id in self.store.ids():
                self._reconsider(position, customer_id, before.rules, cause)

    def admit(
        self,
        value: bytes | None,
        headers: Mapping[str, bytes] | None = None,
        limits: Limits = ANY_TIME,
    ) -> Event | Rejection:
        """Make an event of a record, or find why it cannot be used, without looking at state."""
        rules = self.rules
        event = decode(value, headers, limits)
        if isinstance(event, Rejection):
            return event
        return check_values(event, rules) or event

    def is_applied(self, source: Source) -> bool:
        """Whether this record of a source partition, or a later one, was taken already."""
        return is_repeated(self.meta.positions, source)

    def apply(self, position: int, event: Event) -> Rejection | None:
        """Apply an admitted event at a position of the log.

        Returns why it became a dead letter after all, or None if it was accepted or a duplicate.
        """
        context = self.context
        customer = self.store.get(event.customer_id)
        if customer is None:
            customer = new_customer(event.customer_id)
        elif customer.applied >= position:
            context.tally.skipped += 1
            if position not in customer.refused:
                self._advance(position, event.occurred_ms)
            return None
        identified = identify(customer, event, context.rules.base_currency)
        if isinstance(identified, Event):
            context.tally.accepted[event.type] += 1
            self._advance(position, event.occurred_ms)
            self._accept(position, customer, identified)
            return None
        if event.occurred_ms > self.meta.newest_ms:
            customer.refuse(position, self.meta.applied)
        if isinstance(identified, Rejection):
            return identified
        context.tally.duplicates[event.type] += 1
        return None

    def fire_due(self, position: int, until_ms: int) -> None:
        """Fire all that is due up to an instant, by (instant, customer id)."""
        pop_due, get = self.store.wheel.pop_due, self.store.get
        while (due := pop_due(until_ms)) is not None:
            due_ms, customer_id = due
            customer = get(customer_id)
            assert customer is not None
            was = customer.tier, customer.stage
            self._fire(customer, due_ms)
            self._settle(position, customer, due_ms, was)

    def finish(self, position: int, until_ms: int) -> None:
        """Let time pass to an instant at the end of a log."""
        self._move_clock(position, until_ms)

    def newest_event_ms(self) -> int:
        """The newest event time seen."""
        return self.meta.newest_ms

    def clock_of(self, customer: Customer) -> int:
        """The customer's clock: its newest event or the partition's clock."""
        return max(customer.newest_ms, self.meta.clock_ms)

    def profile(self, customer_id: str) -> Any:
        """The record for `customer-profiles` as of the customer's clock; None if unknown."""
        customer = self.store.get(customer_id)
        if customer is None:
            return None
        context = self.context
        return profile_record(customer, context.rules, self.clock_of(customer), context.source)

    def _advance(self, position: int, occurred_ms: int) -> None:
        meta = self.meta
        if occurred_ms > meta.newest_ms:
            meta.newest_ms = occurred_ms
            if meta.mode == "replay":
                self._move_clock(position, occurred_ms - meta.allowed_lateness_ms)

    def _move_clock(self, position: int, clock_ms: int) -> None:
        if clock_ms > self.meta.clock_ms:
            self.meta.clock_ms = clock_ms
            self.fire_due(position, clock_ms)

    def _accept(self, position: int, customer: Customer, event: Event) -> None:
        occurred_ms = event.occurred_ms
        was = (customer.tier, customer.stage) if customer.applied >= 0 else None
        while customer.next_due_ms is not None and customer.next_due_ms <= occurred_ms:
            due_ms = customer.next_due_ms
            self._fire(customer, due_ms)
            self._plan(customer, due_ms)
        if type(event) is CustomerErased:
            self._erase(position, customer, was)
            return
        clock_before = self.clock_of(customer)
        now_ms = max(clock_before, occurred_ms)
        customer.newest_ms = max(customer.newest_ms, occurred_ms)
        customer.remember(id_digest(event.event_id), event.content)
        tier_before, has_features = customer.tier, self.context.rules.has_features
        is_late = occurred_ms < clock_before
        if type(event) in ORDER_HANDLERS:
            effect = self._accept_order(customer, event, now_ms, is_late=is_late)
            moves_due = True
        else:
            effect = Effect()
            moves_due = self._accept_other(customer, event, now_ms)
        if has_features:
            cause = Cause(_cause_key(event), (event.event_id,), effect.reason, is_late)
            self._follow(customer, Happened(event, effect, tier_before, now_ms, cause))
        if moves_due or has_features:
            self._settle(position, customer, now_ms, was)
        else:
            self._put(position, customer, was)

    def _accept_order(
        self, customer: Customer, event: Event, now_ms: int, *, is_late: bool
    ) -> Effect:
        context = self.context
        rules = context.rules
        today = rules.calendar.day(now_ms)
        before = totals(customer.ledger, rules, today)
        effect = ORDER_HANDLERS[type(event)](customer, event, rules, today)
        context.tally.unmatched += effect.unmatched
        cause = Cause(_cause_key(event), (event.event_id,), effect.reason, is_late)
        evaluate(context, customer, now_ms, before, cause, reduces=effect.reduces)
        compare_level(context, customer, now_ms, cause.key, effect.came_back)
        return effect

    def _accept_other(self, customer: Customer, event: Event, now_ms: int) -> bool:
        """Apply an event that is about no order; whether a due instant or the stage moves by it.

        Orders stay as they are, so the tier does too. An interaction ends only churned, and puts
        off nothing but it.
        """
        if self.context.rules.satisfaction is not None:
            if customer.experience is None:
                customer.experience = Experience()
            if type(event) is SurveyAnswered:
                count_answer(self.context, customer, event)
        came_back = OTHER_HANDLERS[type(event)](customer, event)
        if came_back is None or customer.level < DORMANT:
            return False
        compare_level(self.context, customer, now_ms, _cause_key(event), came_back)
        return True

    def _fire(self, customer: Customer, due_ms: int) -> None:
        """Do what is due for one customer at one instant: the tier first, then levels, the rest."""
        context = self.context
        rules = context.rules
        context.tally.due += 1
        today = rules.calendar.day(due_ms)
        if due_ms == rules.calendar.start(today):
            before = totals(customer.ledger, rules, rules.calendar.previous(today))
            left = customer.ledger.evict(rules, today)
            evaluate(context, customer, due_ms, before, Cause(f"time:{due_ms}", tuple(left), TIME))
        reach_levels(context, customer, due_ms)
        if rules.has_features:
            self._fire_features(customer, due_ms)

    def _follow(self, customer: Customer, happened: Happened) -> None:
        """What an accepted event comes to beyond tier and level."""
        if self.context.rules.care is not None:
            watch(customer, happened.now_ms)
        if self.context.rules.points is not None:
            follow_points(self.context, customer, happened)
        if self.context.rules.tags is not None:
            follow_tags(self.context, customer, happened)

    def _fire_features(self, customer: Customer, due_ms: int) -> None:
        """What is due at an instant beyond tier and level."""
        if self.context.rules.care is not None:
            remind(self.context, customer, due_ms)
        if self.context.rules.points is not None:
            cause = Cause(f"time:{due_ms}", (), EXPIRY)
            expire_points(self.context, customer, due_ms, cause)
        if self.context.rules.tags is not None:
            fire_tags(self.context, customer, due_ms)

    def _reconsider_features(
        self, customer: Customer, now_ms: int, old_rules: Rules, cause: Cause
    ) -> None:
        """What a new policy comes to beyond tier and level."""
        if self.context.rules.care is not None:
            rewatch(customer, old_rules, self.context.rules, now_ms)
        if self.context.rules.points is not None:
            expire_points(self.context, customer, now_ms, cause)
        reconsider_tags(self.context, customer, now_ms, cause)

    def _feature_dues(self, customer: Customer, now_ms: int) -> tuple[int | None, ...]:
        """When each feature is due next after `now_ms`."""
        rules = self.context.rules
        return (
            None if rules.care is None else care_due_ms(rules, customer, now_ms),
            None if rules.points is None else points_due_ms(customer),
            None if rules.tags is None else tags_due_ms(rules, customer),
        )

    def _reconsider(self, position: int, customer_id: str, old_rules: Rules, cause: Cause) -> None:
        if self.store.applied(customer_id) >= position:
            return
        customer = self.store.get(customer_id)
        assert customer is not None
        if customer.erased:
            return
        context = self.context
        rules = context.rules
        was = customer.tier, customer.stage
        now_ms = self.clock_of(customer)
        today = rules.calendar.day(now_ms)
        before = totals(customer.ledger, old_rules, old_rules.calendar.day(now_ms))
        if rules.satisfaction is None:
            customer.experience = None
        customer.ledger.recount(rules)
        customer.ledger.evict(rules, today)
        evaluate(context, customer, now_ms, before, cause)
        compare_level(context, customer, now_ms, cause.key, None)
        self._reconsider_features(customer, now_ms, old_rules, cause)
        self._settle(position, customer, now_ms, was)

    def _erase(self, position: int, customer: Customer, was: tuple[str, str] | None) -> None:
        if customer.erased:
            return
        tally = self.context.tally
        tally.unmatched += len(customer.ledger.waiting)
        if was is not None:
            tally.population[was] -= 1
        erased = erased_customer(customer)
        erased.applied = position
        self.store.put(erased)
        self.stale_profiles[erased.customer_id] = None

    def _plan(self, customer: Customer, now_ms: int) -> None:
        """Work out the customer's stage, and when it is due next after `now_ms`."""
        rules = self.context.rules
        customer.stage = stage_of(customer, rules)
        due = _earlier(
            tier_due_ms(rules, customer, rules.calendar.day(now_ms)), level_due_ms(rules, customer)
        )
        if rules.has_features:
            for feature_due in self._feature_dues(customer, now_ms):
                due = _earlier(due, feature_due)
        customer.next_due_ms = due

    def _settle(
        self, position: int, customer: Customer, now_ms: int, was: tuple[str, str] | None
    ) -> None:
        """Put a changed customer back, with what follows for it from the change."""
        self._plan(customer, now_ms)
        self._put(position, customer, was)

    def _put(self, position: int, customer: Customer, was: tuple[str, str] | None) -> None:
        """Put a changed customer back, and count where it stands."""
        customer.applied = position
        now = customer.tier, customer.stage
        if was != now:
            population = self.context.tally.population
            population[now] += 1
            if was is not None:
                population[was] -= 1
        self.store.put(customer)
        self.stale_profiles[customer.customer_id] = None


def is_repeated(positions: dict[str, int], source: Source) -> bool:
    """Whether this record of a source partition, or a later one, came before; if not, note it.

    Args:
        positions: as in `Meta.positions`.
        source: where the record came from.
    """
    key = f"{source.full_topic}/{source.partition}"
    position = positions.get(key)
    if position is None:
        position = _former_position(positions, source)
    if source.offset <= position:
        positions[key] = position
        return True
    positions[key] = source.offset
    return False


def _former_position(positions: dict[str, int], source: Source) -> int:
    """The position of a source partition that is new in this incarnation; -1 for none.

    One from a time when nobody knew of incarnations goes on in the first that is known. Otherwise
    the former incarnation is over, and its position is forgotten.
    """
    if not source.incarnation:
        return -1
    former = -1
    suffix = f"/{source.partition}"
    for key in [key for key in positions if _is_of(key, source.topic, suffix)]:
        position = positions.pop(key)
        if "@" not in key:
            former = position
    return former


def _is_of(key: str, topic: str, suffix: str) -> bool:
    """Whether a position is that of a partition of a topic, in whatever incarnation."""
    return key.endswith(suffix) and key.removesuffix(suffix).partition("@")[0] == topic


_meta_encoder = msgpack.Encoder()
_meta_decoder = msgpack.Decoder(Meta)


def pack_meta(meta: Meta) -> bytes:
    """The partition's own state as bytes."""
    return _meta_encoder.encode(meta)


def unpack_meta(packed: bytes) -> Meta:
    """The partition's own state from its bytes."""
    return _meta_decoder.decode(packed)


def _earlier(due: int | None, other: int | None) -> int | None:
    """The earlier of two due instants, None standing for never."""
    if due is None or other is None:
        return other if due is None else due
    return min(due, other)


def _cause_key(event: Event) -> str:
    return f"event:{event.event_id}@{event.occurred_ms}"


def _source(app_id: str) -> str:
    return f"tierstream/{app_id}"
