"""The life of one partition's log, record by record."""

import copy
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from tests.oracle import (
    ahead,
    care,
    contact,
    feelings,
    followups,
    merging,
    owner,
    points,
    retention,
    service,
    surveys,
    tags,
    visits,
)
from tests.oracle.checks import (
    Limits,
    amount_of,
    ingest_reason,
    integer_of,
    is_integer,
    policy_reason,
    time_of,
)
from tests.oracle.customer import Customer
from tests.oracle.due import fire_until
from tests.oracle.effects import LEVEL_REASONS, LOWERING_TYPES, REASONS, Effect, apply_event
from tests.oracle.evaluation import (
    Cause,
    Output,
    attributes_refused,
    compare_level,
    evaluate_tier,
    view_on,
)
from tests.oracle.fields import FIELDS_OF, content_of
from tests.oracle.forwarded import Followed, Forwarded, Merge, Transfer, Way, next_way
from tests.oracle.identity import (
    CONFLICT,
    DUPLICATE,
    INVALID_AMOUNT,
    INVALID_VALUE,
    Event,
    verdict_on,
)
from tests.oracle.policy import Policy, read_policy
from tests.oracle.records import (
    MOST_BYTES,
    NotJsonError,
    from_binary,
    native_fields,
    parse_object,
    readable_event_id,
)
from tests.oracle.rounds import MOST_UNFINISHED, Facts, Round, Turns, Waiting
from tests.oracle.tiers import PROSPECT, rank_of
from tests.oracle.times import business_day


def is_control(parsed: dict[str, Any]) -> bool:
    """Whether an object is a record of a log that is no event."""
    if parsed.get("type") == "clock.tick":
        return is_integer(parsed.get("at"))
    return parsed.get("type") == "policy.activated" and isinstance(parsed.get("policy"), dict)


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
    """Everything a partition knows, and everything it has put out.

    With `is_whole` all customers are here, so a merge is complete at once. Without, what goes on to
    another customer is left in `passed`, and comes back by `take_in` and `take_followed` from the
    log of the partition that it goes to.
    """

    deployment: Deployment
    policy: Policy
    is_whole: bool = True
    clock_ms: int | None = None
    newest_event_ms: int | None = None
    customers: dict[str, Customer] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    lapsed: dict[str, retention.Lapsed] = field(default_factory=dict)  # erased by retention
    lapses: list[tuple[str, int]] = field(default_factory=list)  # all of them: id and sequence
    merged: dict[str, Merge] = field(default_factory=dict)
    departures: Counter[str] = field(default_factory=Counter)  # how often each was merged
    passed: dict[int, Forwarded] = field(default_factory=dict)  # by the record it follows from
    outputs: list[Output] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    accepted: int = 0
    changed_lines: list[int] = field(default_factory=list)  # records that change a customer
    duplicates: int = 0
    left_out: int = 0
    unmatched: int = 0
    line: int = 0  # the record being taken
    places: int = 0  # how many events have come so far
    is_log: bool = False  # and no file of events
    key: str | None = None  # of the record being taken, as far as it is known
    waiting: dict[str, Waiting] = field(default_factory=dict)  # for their turn under the policy
    round: Round = field(default_factory=Round)
    turns_told: Turns | None = None  # and had by `turn`, since not everybody is here
    facts: Facts = field(default_factory=Facts)

    def take(self, raw: bytes, line: int) -> None:
        """One line of a file, from its bytes to its outputs."""
        self.line = line
        parsed = self._parse(raw)
        if parsed is None:
            return
        if is_control(parsed):
            self.take_control(raw, line)
        else:
            self._take_event(parsed)

    def take_control(self, raw: bytes, line: int) -> None:
        """A record of a log that is no event: a tick, or a policy."""
        self.line, self.is_log = line, True
        parsed = parse_object(raw)
        if parsed["type"] == "clock.tick":
            self._take_tick(integer_of(parsed["at"]))
        else:
            self._take_policy(json.loads(raw))

    def take_keyed(
        self,
        raw: bytes | None,
        line: int,
        attributes: dict[str, bytes],
        way: Way | None = None,
        key: str | None = None,
    ) -> None:
        """A record of a log under a customer's key: an event, or what was to be one.

        With a way it was told of somebody merged, and has come on it.
        """
        self.line, self.key = line, key
        if raw is None:
            self._bury(self._spared("not_json"), None)
            return
        parsed = self._parse(raw, attributes)
        if parsed is not None:
            self._take_event(parsed, way)

    def take_in(self, transfer: Transfer, line: int) -> None:
        """Somebody who was merged comes in: to be joined, to go on, or to go back."""
        self.line = line
        way = transfer.way
        if way.into == transfer.customer.customer_id:
            self._take_back(transfer)
        elif way.into in self.merged or self._is_erased(way.into):
            further = next_way(way.into, self.merged.get(way.into), way)
            assert further is not None, "the way of a transfer ends where it began"
            self.passed[line] = replace(transfer, way=further)
        else:
            self.changed_lines.append(line)
            self._move_time(transfer.at_ms, way.into)
            self._join(way.into, transfer)

    def _parse(
        self, raw: bytes, attributes: dict[str, bytes] | None = None
    ) -> dict[str, Any] | None:
        if len(raw) > MOST_BYTES:
            self._bury(self._spared("too_large"), None)
            return None
        try:
            parsed = parse_object(raw)
            if attributes and "ce_specversion" in attributes:
                return from_binary(parsed, attributes)
        except NotJsonError:
            self._bury(self._spared("not_json"), None)
            return None
        return parsed

    def _spared(self, reason: str, *customer_ids: str) -> str:
        """The reason of a dead letter: in a log nothing of the erased is told, whatever it is."""
        ids = [*customer_ids, *([] if self.key is None else [self.key])]
        is_erased = self.is_log and any(self._is_erased(self._survivor(each)) for each in ids)
        return "erased_customer" if is_erased else reason

    def _bury(self, reason: str, event_id: str | None) -> None:
        if event_id is not None and len(event_id) > 128:
            event_id = None
        self.dead_letters.append({"reason": reason, "event_id": event_id, "line": self.line})

    def _take_event(self, parsed: dict[str, Any], way: Way | None = None) -> None:
        fields = native_fields(parsed)
        reason = ingest_reason(parsed, fields, self.deployment.limits)
        if reason is not None:
            told = fields.get("customer_id")
            ids = [told] if isinstance(told, str) else []
            self._bury(self._spared(reason, *ids), readable_event_id(parsed))
            return
        at_ms = time_of(fields["occurred_at"])
        assert at_ms is not None
        fault = policy_reason(fields, self.policy)
        until_ms = self.deployment.until_ms
        if fault is None and until_ms is not None and at_ms > until_ms:
            self.left_out += 1
            return
        self.places += 1
        has_amount = fault is None and "amount" in FIELDS_OF[fields["type"]]
        event = Event(
            event_id=fields["event_id"],
            type=fields["type"],
            customer_id=fields["customer_id"],
            at_ms=at_ms,
            fields=fields,
            content=content_of(fields, at_ms),
            amount=amount_of(fields, self.policy) if has_amount else None,
            acts_as=fields["type"],
            place=self.places,
        )
        if self.is_whole:
            way = Way(self._survivor(event.customer_id))
        self._take_usable(event, way or Way(event.customer_id), fault)

    def _survivor(self, customer_id: str) -> str:
        """Whom merges lead to, as far as is known here."""
        while customer_id in self.merged:
            customer_id = self.merged[customer_id].into
        return customer_id

    def _take_usable(self, event: Event, way: Way, fault: str | None) -> None:
        """An event on its way to a customer who may be gone; who is there looks at its values."""
        customer_id = way.into
        if customer_id in self.merged or self._is_erased_for(event, customer_id):
            further = next_way(customer_id, self.merged.get(customer_id), way)
            if further is not None:
                self.passed[self.line] = Followed(further)
            elif event.type == "customer.erased":
                self.accepted += 1
                self.lapsed.pop(customer_id, None)
                self.erased.add(customer_id)
                self._move_time(event.at_ms)
            else:
                self._bury("erased_customer", event.event_id)
            return
        if fault is not None:
            self._bury(fault, event.event_id)
            return
        came_back = way.back_from is not None and event.customer_id != customer_id
        event = replace(event, customer_id=customer_id)
        customer = self.customers.get(customer_id)
        as_known = Customer(customer_id, event.at_ms, event.at_ms)
        if customer is not None:
            as_known = copy.deepcopy(customer) if customer_id in self.waiting else customer
            self._freeze_at_clock(as_known)
        verdict = verdict_on(event, as_known, self.policy.currency, self.clock_of(as_known))
        if verdict == DUPLICATE:
            self.duplicates += 1
        elif verdict in (CONFLICT, INVALID_AMOUNT, INVALID_VALUE):
            self._bury(verdict, event.event_id)
        elif event.type == "customer.merged" and (came_back or self._is_impossible(event)):
            self._bury("invalid_value", event.event_id)
        else:
            self.accepted += 1
            self._accept(replace(event, acts_as=verdict))

    def _is_impossible(self, merge: Event) -> bool:
        survivor = self._survivor(merge.fields["into"])
        return survivor == merge.customer_id or self._is_erased(survivor)

    def _is_erased(self, customer_id: str) -> bool:
        return customer_id in self.erased or customer_id in self.lapsed

    def _is_erased_for(self, event: Event, customer_id: str) -> bool:
        """What occurs after an erasure by retention finds nobody, and begins somebody anew."""
        lapsed = self.lapsed.get(customer_id)
        if lapsed is not None and event.type != "customer.erased":
            return event.at_ms < lapsed.at_ms
        return self._is_erased(customer_id)

    def _new(self, customer_id: str, at_ms: int) -> Customer:
        """Somebody comes, perhaps back after an erasure by retention."""
        customer = Customer(customer_id, at_ms, at_ms, tags=tags.Tags())
        lapsed = self.lapsed.pop(customer_id, None)
        if lapsed is not None:
            customer.sequence = lapsed.sequence
        self.customers[customer_id] = customer
        return customer

    def _fire(self, customer: Customer, until_ms: int) -> list[tuple[int, Output]]:
        """Fires what is due for somebody, who may be gone behind it."""
        fired = fire_until(customer, until_ms, self.clock_ms, self.policy)
        if customer.lapsed_ms is not None:
            self.unmatched += customer.unmatched + len(customer.waiting)
            lapsed = retention.Lapsed(customer.lapsed_ms, customer.sequence)
            self.lapsed[customer.customer_id] = lapsed
            self.lapses.append((customer.customer_id, customer.sequence))
            del self.customers[customer.customer_id]
        return fired

    def _clock_or(self, at_ms: int) -> int:
        """The partition's clock; before the first tick that of a customer."""
        return at_ms if self.clock_ms is None else self.clock_ms

    def clock_of(self, customer: Customer) -> int:
        """The greater of the customer's newest event and the partition's clock."""
        return newest(customer.newest_event_ms, self.clock_ms)

    def _freeze_at_clock(self, customer: Customer) -> None:
        today = business_day(self.clock_of(customer), self.policy.timezone)
        customer.freeze_what_left(today, self.policy)

    def _accept(self, event: Event) -> None:
        self.changed_lines.append(self.line)
        self._move_time(event.at_ms, event.customer_id)
        self.facts.known_since.setdefault(event.customer_id, self.line)
        customer = self.customers.get(event.customer_id)
        if customer is not None:
            self.outputs += [output for _, output in self._fire(customer, event.at_ms)]
        if event.customer_id not in self.customers:
            customer = self._new(event.customer_id, event.at_ms)
        assert customer is not None
        if event.type == "customer.erased":
            self.unmatched += customer.unmatched + len(customer.waiting)
            self.erased.add(event.customer_id)
            del self.customers[event.customer_id]
            return
        customer.newest_event_ms = max(customer.newest_event_ms, event.at_ms)
        if event.type == "customer.merged":
            customer.position_ms = self.clock_of(customer)
            self._freeze_at_clock(customer)
            customer.remember(event.event_id, event.content)
            self._send_off(event, customer)
            return
        self._apply(event, customer)
        customer.remember(event.event_id, event.content)

    def _send_off(self, event: Event, customer: Customer) -> None:
        self.departures[customer.customer_id] += 1
        merge = Merge(event.fields["into"], self.departures[customer.customer_id])
        del self.customers[customer.customer_id]
        self.merged[customer.customer_id] = merge
        way = next_way(customer.customer_id, merge, Way(customer.customer_id))
        assert way is not None
        transfer = Transfer(way, customer, self.policy, event.event_id, event.at_ms)
        if self.is_whole:
            self._join(self._survivor(merge.into), transfer)
        else:
            self.passed[self.line] = transfer

    def _join(self, customer_id: str, transfer: Transfer) -> None:
        until_ms = max(transfer.at_ms, transfer.customer.newest_event_ms)
        self.turn(customer_id)
        self.facts.known_since.setdefault(customer_id, self.line)
        customer = self.customers.get(customer_id)
        if customer is not None:
            self.outputs += [output for _, output in self._fire(customer, until_ms)]
        if customer_id not in self.customers:
            customer = self._new(customer_id, until_ms)
        assert customer is not None
        at_ms = max(until_ms, self.clock_of(customer))
        clock_ms = self._clock_or(at_ms)
        self.outputs += merging.take_over(customer, transfer, at_ms, clock_ms, self.policy)

    def _take_back(self, transfer: Transfer) -> None:
        """Nobody was there to stay: the customer is as before, and time has passed."""
        self._bury("invalid_value", transfer.event_id)
        self.changed_lines.append(self.line)
        customer = transfer.customer
        del self.merged[customer.customer_id], customer.remembered[-1]
        self.customers[customer.customer_id] = customer
        if rank_of(customer.tier, self.policy) is None:
            customer.tier, customer.grace = PROSPECT, None
        left_ms = customer.position_ms
        tags.forget_by_policy(
            customer, transfer.policy, self.policy, business_day(left_ms, self.policy.timezone)
        )
        feelings.look_for_scores(customer, transfer.policy, self.policy)
        self._reconsider(customer, self.policy, left_ms)
        at_ms = self.clock_of(customer)
        self.outputs += [output for _, output in self._fire(customer, at_ms)]

    def _apply(self, event: Event, customer: Customer) -> None:
        at_ms = self.clock_of(customer)
        assert customer.position_ms <= at_ms
        customer.position_ms = at_ms
        today = business_day(at_ms, self.policy.timezone)
        customer.freeze_what_left(today, self.policy)
        before = view_on(customer, today, self.policy)
        tier, manager = customer.tier, owner.owner_of(customer, self.policy)
        effect = apply_event(event, customer, self.policy, today)
        cause = Cause(
            at_ms,
            today,
            before,
            reason=REASONS.get(event.acts_as),
            late=event.at_ms < at_ms,
            caused_by=(event.event_id,),
            may_lower_at_once=event.acts_as in LOWERING_TYPES and effect.may_lower,
            by_hand=event.acts_as in ("tier.overridden", "tier.override_approved"),
        )
        told = evaluate_tier(customer, cause, self.policy)
        reason = LEVEL_REASONS.get(event.acts_as, "interaction")
        told += compare_level(customer, at_ms, effect, self.policy, reason)
        care.watch(customer, at_ms, self.policy)
        told += ahead.warn(customer, at_ms, self.policy)
        answered_ms = event.at_ms if event.type == "survey.answered" else None
        surveys.follow(customer, at_ms, self.policy, answered_ms)
        if event.type == "followup.scheduled":
            told += followups.remind(customer, at_ms, self.policy)
        visits.follow(customer, at_ms, self.policy, event)
        clock_ms = self._clock_or(at_ms)
        told += retention.follow(customer, at_ms, clock_ms, self.policy, event)
        told += service.remind(customer, at_ms, self.policy)
        told += points.follow(event, effect.orders, customer, tier, at_ms, self.policy)
        tags.note(event, customer, self.policy, today)
        told += tags.look(
            customer,
            at_ms,
            self.policy,
            reason="event",
            caused_by=(event.event_id,),
            late=event.at_ms < at_ms,
        )
        if effect.refused:
            told.append(attributes_refused(customer, event, effect.refused, at_ms, self.policy))
        told += owner.look(
            customer,
            manager,
            at_ms,
            self.policy,
            reason="profile",
            caused_by=(event.event_id,),
        )
        self.outputs += contact.weigh_together(customer, told, self.policy)

    def _move_time(self, event_ms: int, own: str | None = None) -> None:
        """An event was accepted: time may pass, but who is next under a new policy comes first."""
        self.facts.steps.append(self.line)
        self._go_round(own)
        self.newest_event_ms = newest(event_ms, self.newest_event_ms)
        if not self.deployment.live:
            self._move_clock(self.newest_event_ms - self.deployment.allowed_lateness_ms)

    def _take_tick(self, at_ms: int) -> None:
        beyond = self.deployment.until_ms is not None and at_ms > self.deployment.until_ms
        if self.deployment.live and not beyond:
            self._go_round(None)
            self._move_clock(at_ms - self.deployment.allowed_lateness_ms)

    def _move_clock(self, clock_ms: int) -> None:
        """Moves the partition's clock and fires all that is due, by instant, then customer."""
        self.clock_ms = newest(clock_ms, self.clock_ms)
        fired = [
            (at_ms, customer_id, output)
            for customer_id, customer in list(self.customers.items())
            if customer_id not in self.waiting
            for at_ms, output in self._fire(customer, self.clock_ms)
        ]
        fired.sort(key=lambda each: each[:2])
        self.outputs += [output for _, _, output in fired]

    def finish(self) -> int | None:
        """Fires all that is due at the end and returns that final time."""
        self.finish_round()
        ends = [self.deployment.until_ms]
        if self.deployment.until_ms is None:
            ends = [self.newest_event_ms, self.clock_ms]
        end_ms = max((end for end in ends if end is not None), default=None)
        if end_ms is not None:
            self._move_clock(end_ms)
        return end_ms

    def _take_policy(self, given: dict[str, Any]) -> None:
        """A new policy: everybody is evaluated under it, at once or when their turn comes.

        The record also says in which mode and how far behind time the clock goes from here on.
        """
        self.deployment = replace(
            self.deployment,
            live=given["mode"] == "live",
            allowed_lateness_ms=given["allowed_lateness_ms"],
        )
        live_from = given.get("live_from_ms")
        former, policy = (
            self.policy,
            read_policy(given["policy"], live_from_ms=live_from, is_quiet=bool(given.get("quiet"))),
        )
        if policy == former:
            self.policy = replace(former, live_from_ms=live_from)
            return
        self.policy = policy
        for customer_id, customer in self.customers.items():
            self.waiting.setdefault(customer_id, Waiting(former, self.clock_of(customer)))
        at_a_time, told = given.get("at_a_time"), self.turns_told
        if at_a_time is None or self.round.unfinished >= MOST_UNFINISHED:
            self.finish_round()
        elif told is None:
            known = [*self.customers, *self.erased, *self.lapsed, *self.merged]
            self.round.begin(known, at_a_time)
        elif self.line in told.at_once:
            self.finish_round()

    def _go_round(self, own: str | None) -> None:
        """A record was accepted: its own customer has a turn, then who is next."""
        if own is not None:
            self.turn(own)
        for customer_id in self.round.next():
            self.turn(customer_id)

    def finish_round(self) -> None:
        """Everybody who still waits has a turn."""
        self.round.rest()
        for customer_id in sorted(self.waiting):
            self.turn(customer_id)

    def turn(self, customer_id: str) -> None:
        """Evaluates somebody as of when the policy came, and fires what was due since then."""
        waiting, customer = self.waiting.pop(customer_id, None), self.customers.get(customer_id)
        if waiting is None or customer is None:
            return
        self._reconsider(customer, waiting.policy, waiting.at_ms)
        if self.clock_ms is not None and self.clock_ms > waiting.at_ms:
            fired = self._fire(customer, self.clock_ms)
            self.outputs += [output for _, output in fired]

    def _reconsider(self, customer: Customer, former: Policy, at_ms: int) -> None:
        """Evaluates a customer under the policy in force, who was under a former one."""
        former_day = business_day(at_ms, former.timezone)
        customer.freeze_what_left(former_day, former)
        before = view_on(customer, former_day, former)
        today = business_day(at_ms, self.policy.timezone)
        customer.freeze_what_left(today, self.policy)
        feelings.look_for_scores(customer, former, self.policy)
        if "satisfaction" not in self.policy.sections:
            customer.answers, customer.resolutions = [], []
        contact.forget_by_policy(customer, self.policy)
        service.forget_by_policy(customer, self.policy)
        customer.in_rollout = self.policy.is_quiet
        cause = Cause(at_ms, today, before, reason="policy")
        told = evaluate_tier(customer, cause, self.policy)
        told += compare_level(customer, at_ms, Effect(), self.policy, "policy")
        care.rewatch(customer, at_ms, former, self.policy)
        ahead.look_anew(customer)
        told += ahead.warn(customer, at_ms, self.policy)
        surveys.follow(customer, at_ms, self.policy)
        told += followups.remind(customer, at_ms, self.policy)
        visits.follow(customer, at_ms, self.policy)
        clock_ms = self._clock_or(at_ms)
        told += retention.reconsider(customer, at_ms, clock_ms, self.policy)
        told += service.remind(customer, at_ms, self.policy)
        if self.policy.points is not None:
            told += points.expire(customer, at_ms, self.policy, "policy")
        tags.forget_by_policy(customer, former, self.policy, today)
        told += tags.look(customer, at_ms, self.policy, reason="policy")
        self.outputs += contact.weigh_together(customer, told, self.policy)
        customer.in_rollout = False
