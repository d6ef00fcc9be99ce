"""The life of one partition's log, record by record."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.oracle import care, points, tags
from tests.oracle.checks import (
    Limits,
    amount_of,
    integer_of,
    is_integer,
    reason_against,
    time_of,
)
from tests.oracle.customer import Customer
from tests.oracle.due import fire_until
from tests.oracle.effects import LOWERING_TYPES, REASONS, Effect, apply_event
from tests.oracle.evaluation import Cause, Output, compare_level, evaluate_tier, view_on
from tests.oracle.identity import CONFLICT, DUPLICATE, Event, verdict_on
from tests.oracle.policy import Policy, read_policy
from tests.oracle.records import (
    MOST_BYTES,
    NotJsonError,
    content_of,
    native_fields,
    parse_object,
    readable_event_id,
)
from tests.oracle.times import business_day


def newest(at_ms: int, other_ms: int | None) -> int:
    return at_ms if other_ms is None else max(at_ms, other_ms)


@dataclass(frozen=True)
class Deployment:
    """The settings that shape results."""

    live: bool
    allowed_lateness_ms: int
    until_ms: int | None
    limits: Limits


@dataclass
class Partition:
    """Everything a partition knows, and everything it has put out."""

    deployment: Deployment
    policy: Policy
    clock_ms: int | None = None
    newest_event_ms: int | None = None
    customers: dict[str, Customer] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    outputs: list[Output] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    duplicates: int = 0
    left_out: int = 0
    unmatched: int = 0

    def take(self, raw: bytes, line: int) -> None:
        """One record, from its bytes to its outputs."""
        if len(raw) > MOST_BYTES:
            self._bury("too_large", None, line)
            return
        try:
            parsed = parse_object(raw)
        except NotJsonError:
            self._bury("not_json", None, line)
            return
        if parsed.get("type") == "clock.tick" and is_integer(parsed.get("at")):
            self._take_tick(integer_of(parsed["at"]))
        elif parsed.get("type") == "policy.activated" and isinstance(parsed.get("policy"), dict):
            self._take_policy(json.loads(raw)["policy"])
        else:
            self._take_event(parsed, line)

    def _bury(self, reason: str, event_id: str | None, line: int) -> None:
        self.dead_letters.append({"reason": reason, "event_id": event_id, "line": line})

    def _take_event(self, parsed: dict[str, Any], line: int) -> None:
        fields = native_fields(parsed)
        reason = reason_against(parsed, fields, self.policy, self.deployment.limits)
        if reason is not None:
            self._bury(reason, readable_event_id(parsed), line)
            return
        at_ms = time_of(fields["occurred_at"])
        assert at_ms is not None
        if self.deployment.until_ms is not None and at_ms > self.deployment.until_ms:
            self.left_out += 1
            return
        event = Event(
            event_id=fields["event_id"],
            type=fields["type"],
            customer_id=fields["customer_id"],
            at_ms=at_ms,
            fields=fields,
            content=content_of(parsed),
            amount=amount_of(fields, self.policy) if "amount" in fields else None,
            acts_as=fields["type"],
        )
        self._take_valid(event, line)

    def _take_valid(self, event: Event, line: int) -> None:
        if event.customer_id in self.erased:
            if event.type == "customer.erased":
                self._move_time(event.at_ms)
            else:
                self._bury("erased_customer", event.event_id, line)
            return
        customer = self.customers.get(event.customer_id)
        verdict = event.type
        if customer is not None:
            self._freeze_at_clock(customer)
            verdict = verdict_on(event, customer)
        if verdict == DUPLICATE:
            self.duplicates += 1
        elif verdict == CONFLICT:
            self._bury(CONFLICT, event.event_id, line)
        else:
            self._accept(Event(**(vars(event) | {"acts_as": verdict})))

    def clock_of(self, customer: Customer) -> int:
        """The greater of the customer's newest event and the partition's clock."""
        return newest(customer.newest_event_ms, self.clock_ms)

    def _freeze_at_clock(self, customer: Customer) -> None:
        today = business_day(self.clock_of(customer), self.policy.timezone)
        customer.freeze_what_left(today, self.policy)

    def _accept(self, event: Event) -> None:
        self._move_time(event.at_ms)
        customer = self.customers.get(event.customer_id)
        if customer is None:
            customer = Customer(event.customer_id, event.at_ms, event.at_ms, tags=tags.Tags())
            self.customers[event.customer_id] = customer
        self.outputs += [output for _, output in fire_until(customer, event.at_ms, self.policy)]
        if event.type == "customer.erased":
            self.unmatched += customer.unmatched + len(customer.waiting)
            self.erased.add(event.customer_id)
            del self.customers[event.customer_id]
            return
        customer.newest_event_ms = max(customer.newest_event_ms, event.at_ms)
        self._apply(event, customer)
        customer.remember(event.event_id, event.content)

    def _apply(self, event: Event, customer: Customer) -> None:
        at_ms = self.clock_of(customer)
        assert customer.position_ms <= at_ms
        customer.position_ms = at_ms
        today = business_day(at_ms, self.policy.timezone)
        customer.freeze_what_left(today, self.policy)
        before = view_on(customer, today, self.policy)
        tier = customer.tier
        effect = apply_event(event, customer, self.policy, today)
        cause = Cause(
            at_ms,
            today,
            before,
            reason=REASONS.get(event.acts_as),
            late=event.at_ms < at_ms,
            caused_by=(event.event_id,),
            may_lower_at_once=event.acts_as in LOWERING_TYPES,
        )
        self.outputs += evaluate_tier(customer, cause, self.policy)
        self.outputs += compare_level(customer, at_ms, effect, self.policy)
        care.watch(customer, at_ms, self.policy)
        self.outputs += points.follow(event, effect.order, customer, tier, at_ms, self.policy)
        tags.note(event, customer, self.policy, today)
        self.outputs += tags.look(
            customer,
            at_ms,
            self.policy,
            reason="event",
            caused_by=(event.event_id,),
            late=event.at_ms < at_ms,
        )

    def _move_time(self, event_ms: int) -> None:
        self.newest_event_ms = newest(event_ms, self.newest_event_ms)
        if not self.deployment.live:
            self._move_clock(self.newest_event_ms - self.deployment.allowed_lateness_ms)

    def _take_tick(self, at_ms: int) -> None:
        beyond = self.deployment.until_ms is not None and at_ms > self.deployment.until_ms
        if self.deployment.live and not beyond:
            self._move_clock(at_ms - self.deployment.allowed_lateness_ms)

    def _move_clock(self, clock_ms: int) -> None:
        """Moves the partition's clock and fires all that is due, by instant, then customer."""
        self.clock_ms = newest(clock_ms, self.clock_ms)
        fired = [
            (at_ms, customer_id, output)
            for customer_id, customer in self.customers.items()
            for at_ms, output in fire_until(customer, self.clock_ms, self.policy)
        ]
        fired.sort(key=lambda each: each[:2])
        self.outputs += [output for _, _, output in fired]

    def finish(self) -> int | None:
        """Fires all that is due at the end and returns that final time."""
        ends = [self.deployment.until_ms]
        if self.deployment.until_ms is None:
            ends = [self.newest_event_ms, self.clock_ms]
        end_ms = max((end for end in ends if end is not None), default=None)
        if end_ms is not None:
            self._move_clock(end_ms)
        return end_ms

    def _take_policy(self, given: dict[str, Any]) -> None:
        """A new policy: everybody is evaluated under it at once."""
        former, self.policy = self.policy, read_policy(given)
        for _, customer in sorted(self.customers.items()):
            at_ms = self.clock_of(customer)
            former_day = business_day(at_ms, former.timezone)
            customer.freeze_what_left(former_day, former)
            before = view_on(customer, former_day, former)
            today = business_day(at_ms, self.policy.timezone)
            customer.freeze_what_left(today, self.policy)
            if "satisfaction" not in self.policy.sections:
                customer.answers, customer.resolutions = [], []
            cause = Cause(at_ms, today, before, reason="policy")
            self.outputs += evaluate_tier(customer, cause, self.policy)
            self.outputs += compare_level(customer, at_ms, Effect(), self.policy)
            care.rewatch(customer, at_ms, former, self.policy)
            if self.policy.points is not None:
                self.outputs += points.expire(customer, at_ms, self.policy, "policy")
            tags.forget_by_policy(customer, former, self.policy, today)
            self.outputs += tags.look(customer, at_ms, self.policy, reason="policy")
