"""Memory per customer is bounded, however long and busy the customer's life."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from msgspec import structs

from handlers.decode.attributes import MAX_ATTRIBUTES
from handlers.decode.json_object import MAX_RECORD_BYTES
from handlers.merge.forwarding import MAX_HOPS, Hop, Transfer
from handlers.merge.join import join
from handlers.state.customer import (
    MAX_ALSO,
    MAX_SEEN_EVENTS,
    MAX_TICKETS,
    Customer,
    Tagged,
    Ticket,
    new_customer,
    pack,
)
from handlers.state.followup import MAX_FOLLOWUPS, Followup
from handlers.state.partition_state import Source
from handlers.state.promise import Promise, Stage
from handlers.state.visits import Visits
from scoring.bounded.decayed_topk import CAPACITY, Sketch, Weight
from scoring.bounded.rolling_counts import DayCounts
from scoring.bounded.seen_ids import digest
from scoring.care.dates import Reminded
from scoring.orders.change import REFUND, Change
from scoring.orders.ledger import MAX_LEFT, MAX_WAITING, MergedDay
from scoring.orders.order import Foreign, Later, Order
from scoring.orders.order_limits import (
    MAX_ORDER_BYTES,
    MAX_ORDERS,
    MAX_ORDERS_BEFORE,
    MOST_BYTES,
    order_bytes,
)
from scoring.orders.refunds import MAX_REFUND_IDS, Refunds
from scoring.orders.returns import MAX_RETURNS
from scoring.points.account import MAX_ACTIVITIES_COUNTED, MAX_WARNED, Account, Counted
from scoring.points.redemptions import MAX_LOTS, MAX_REDEMPTIONS, Lot, Redemptions, Spent
from scoring.points.terms import MAX_POINTS, Earned, Terms
from scoring.policy import Activity, PointsPolicy, Policy
from scoring.rules import Rules
from scoring.satisfaction import MAX_KEPT, ChurnAnswer, Experience
from scoring.tags import MAX_COUNTED, MAX_COUNTED_DAYS, MAX_NAME_BYTES, MAX_TAGS
from streams.kafka.forwarded import envelope, read_forwarded
from streams.kafka.headers import Origin, origin_of
from tests.builders import (
    cancelled,
    day,
    order,
    paid,
    profile,
    refund,
    ticket_opened,
    ticket_resolved,
    viewed,
)
from tests.driver import Driver

KAFKA_DEFAULT_MAX_BYTES = 1_048_588
"""The default of `max.message.bytes`, for a batch."""
KAFKA_MAX_RECORD_BYTES = 1_000_000
"""What a state may take, so that there is room for headers."""

EURO = Policy(currency_rates={"EUR": "1.08"})
NEWEST_RULES = Rules(EURO)


def busy_life(orders: int, *, order_every_days: float = 0.25) -> Iterator[bytes]:
    """Orders, some foreign, paid, refunded or cancelled; tickets, views, and loose changes."""
    for number in range(orders):
        hours = int(number * order_every_days * 24)
        at, placed = day(0, hours), f"order-{number:08d}"
        yield order(placed, "59.95", at, currency="EUR" if number % 3 == 0 else "USD")
        yield paid(placed, at)
        if number % 4 == 0:
            yield refund(placed, "9.95", at, f"refund-{number}")
        if number % 6 == 0:
            yield ticket_opened(f"ticket-{number}", at, kind="complaint")
            yield ticket_resolved(f"ticket-{number}", at)
        yield cancelled(f"never-placed-{number}", at)
        yield profile({"region": f"r{number % 9}"}, at)
        for view in range(4):
            yield viewed(at, event_id=f"view-{number}-{view}")


def lived(*lines: bytes) -> Customer:
    driver = Driver(EURO)
    driver.feed(*lines)
    assert driver.dead_letters == []
    return driver.state()


def test_five_thousand_events_with_600_orders_and_100_tickets_fit_into_32_kilobytes() -> None:
    events = list(busy_life(600))
    assert len(events) > 5_000
    assert sum(b"ticket.opened" in line for line in events) == 100
    found = lived(*events)
    assert found.ledger.orders_ever == 600
    assert len(pack(found)) < 32_000


def test_a_life_of_twice_the_length_is_no_larger_once_every_list_is_full() -> None:
    once, twice = lived(*busy_life(600)), lived(*busy_life(1_200))
    assert len(pack(twice)) < 1.1 * len(pack(once))


def test_every_list_has_its_limit() -> None:
    found = lived(*busy_life(700, order_every_days=0.1))
    ledger = found.ledger
    assert len(ledger.orders) == MAX_ORDERS_BEFORE
    assert len(ledger.waiting) == MAX_WAITING
    assert len(found.tickets) == MAX_TICKETS
    assert len(found.seen_events) == MAX_SEEN_EVENTS * 16
    assert len(found.standing) <= 3
    assert found.refused == []


def test_merged_days_are_no_more_than_the_days_of_the_window() -> None:
    driver = Driver(Policy(window_days=30))
    driver.feed(*(order(f"o{n}", "1", day(0, n)) for n in range(1_500)))
    assert len(driver.state().ledger.merged) <= 30


def test_an_ordinary_customer_takes_less_than_a_kilobyte_and_a_half() -> None:
    """Mostly the 64 remembered events."""
    views = (viewed(day(n), session_id=f"session-{n}") for n in range(100))
    found = lived(*views, *(order(f"order-{n:08d}", "59.95", day(100 + n)) for n in range(5)))
    assert len(pack(found)) < 1_500


def test_refunds_of_one_order_are_bounded() -> None:
    refunds = (refund("o1", "0.01", day(1), f"refund-{n:08d}") for n in range(1_000))
    found = lived(order("o1", "5000", day(0)), *refunds)
    refunded = found.ledger.orders[0].refunds
    assert refunded is not None
    assert (len(refunded.seen), refunded.units) == (16 * MAX_REFUND_IDS, 1_000)


def worst(name: str = "") -> Customer:
    """Every list full, every text as long as it may be and of the widest characters.

    `name` makes all ids differ from those of others.
    """

    def wide(number: int) -> str:
        return f"{name}{number:03}".rjust(128, "\U00010348")

    found = new_customer(wide(0))
    found.ledger.orders = [
        Order(
            wide(n),
            2**41 + n,
            20_000 + n,
            10**12,
            foreign=Foreign("EUR", 10**12, 10**9, 10**9),
            refunds=Refunds(bytes(16 * MAX_REFUND_IDS), 2**62, 10**12, 4),
            later=Later(2**41, 2**41, 2**41, 10**12, 10**12, True),
            earned=Earned(Terms(10**9, 10**9, 10**12), MAX_POINTS, 20_000, 2**41, 10**12),
        )
        for n in range(MAX_ORDERS)
    ]
    found.ledger.keep_to_limits(NEWEST_RULES)
    found.ledger.waiting = [
        Change(REFUND, wide(999 - n), wide(n), 10**16, 2**41, 4, "EUR") for n in range(MAX_WAITING)
    ]
    found.ledger.returns = bytes(16 * MAX_RETURNS)
    tier = 64 * "\U00010348"
    stage = Stage(2**41, tier, 2**41, 2**41)
    found.tickets = [
        Ticket(
            wide(n),
            "complaint",
            2**41,
            is_open=True,
            changed_ms=2**41,
            promise=Promise(5, 2**41, 2**41, 2**41, stage, stage),
        )
        for n in range(MAX_TICKETS)
    ]
    found.visits = Visits(tier, 2**41, 2**41)
    found.seen_events = bytes(16 * MAX_SEEN_EVENTS)
    value = 1_024 * "\U00010348"
    found.attributes = {wide(n): (value, 2**41) for n in range(MAX_ATTRIBUTES)}
    found.ledger.left = bytes(8 * MAX_LEFT)
    found.ledger.gone_value = 2**62
    found.ledger.merged = [MergedDay(20_000 + n, 10**6, 10**15) for n in range(366)]
    found.experience = Experience(*([(2**41, 2**41)] * MAX_KEPT for _ in range(3)))
    found.tagged = fullest_tags()
    found.points = fullest_account()
    holidays = {f"holiday:{digest(str(n)).hex()}": 20_000 for n in range(128)}
    found.reminded = Reminded(2**41, holidays, 2**41, 2**41)
    found.also = [wide(n) for n in range(MAX_ALSO)]
    found.followups = [
        Followup(wide(n), 20_000, 2**41, wide(0), wide(1), 20_000) for n in range(MAX_FOLLOWUPS)
    ]
    found.churn_answer = ChurnAnswer("\U00010348" * 64, 2**41)
    return found


def test_the_orders_of_the_worst_customer_take_no_more_than_they_may() -> None:
    orders = worst().ledger.orders
    assert all(len(msgspec.msgpack.encode(order)) <= order_bytes(order) for order in orders[:3])
    assert len(msgspec.msgpack.encode(orders)) <= MAX_ORDER_BYTES


def test_2048_ordinary_orders_are_all_kept_one_by_one() -> None:
    """With ids of 36 characters, in another currency, with points, a payment and a refund each."""
    ledger = worst().ledger
    ledger.orders = [
        structs.replace(
            ledger.orders[0],
            order_id=f"00000000-0000-0000-0000-{number:012}",
            refunds=Refunds(bytes(16), 1, 1),
            later=Later(paid_ms=2**41),
        )
        for number in range(MAX_ORDERS)
    ]
    ledger.keep_to_limits(NEWEST_RULES)
    assert len(ledger.orders) == MAX_ORDERS


def test_even_the_worst_customer_fits_a_record_of_kafka() -> None:
    assert len(pack(worst())) < KAFKA_MAX_RECORD_BYTES


def test_two_of_the_worst_customers_become_one_who_fits_a_record_of_kafka() -> None:
    policy = Policy(window_days=366, currency_rates={"EUR": "1"}, points=PointsPolicy())
    own, other = worst("own"), worst("other")
    join(own, other, Rules(policy), 20_300)
    assert len(pack(own)) < KAFKA_MAX_RECORD_BYTES
    ledger, tagged, points = own.ledger, own.tagged, own.points
    assert tagged is not None
    assert points is not None
    assert len(ledger.orders) >= MAX_ORDER_BYTES // MOST_BYTES
    assert len(ledger.waiting) == MAX_WAITING
    assert len(ledger.merged) <= policy.window_days
    assert tagged.categories is not None
    assert len(tagged.categories.weights) == CAPACITY
    assert len(own.seen_events) == 16 * MAX_SEEN_EVENTS
    assert (len(own.tickets), len(own.attributes)) == (MAX_TICKETS, MAX_ATTRIBUTES)
    assert (len(points.lots), len(points.activities)) == (MAX_LOTS, MAX_ACTIVITIES_COUNTED)
    assert (len(own.also), own.also[-1]) == (MAX_ALSO, other.customer_id)


@pytest.mark.parametrize("beside", ["nothing", "a large event", "large attributes", "a large key"])
def test_the_worst_customer_passes_to_another_partition_in_one_record(beside: str) -> None:
    """Over as many ids as a way may have, whatever upstream sent beside the merge."""
    other, large = worst(), bytes(MAX_RECORD_BYTES)
    hop = Hop(other.customer_id, 2**31)
    transfer = Transfer(
        into=other.customer_id,
        via=(hop,) * MAX_HOPS,
        back=hop,
        customer_id=other.customer_id,
        event_id=other.customer_id,
        occurred_ms=2**41,
        left_ms=2**41,
        state=pack(other),
    )
    key = large if beside == "a large key" else b"key"
    origin = Origin(Source("t" * 249, 2**20, 2**41, "i" * 22), 2**41, key)
    headers = [("ce_data", large)] if beside == "large attributes" else []
    event = large if beside == "a large event" else b"{}"
    found = envelope(transfer, event, origin, headers, (2**20, 2**41))
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 2**30)
    batch.append(0, 0, found.key, found.value, found.headers)
    assert len(batch.build()) <= KAFKA_DEFAULT_MAX_BYTES
    forwarded = read_forwarded(found.value, found.headers, "log")
    assert forwarded is not None
    assert (forwarded.content, forwarded.event) == (
        transfer,
        b"{}" if beside in ("nothing", "large attributes") else None,
    )
    assert origin_of(found.headers, found.key) is not None


def fullest_account() -> Account:
    """A lot for every day, every redemption and every activity remembered."""
    return Account(
        lots=[Lot(20_000 + n, 2**41, MAX_POINTS) for n in range(MAX_LOTS)],
        earned=2**62,
        redeemed=2**62,
        taken_back=2**62,
        expired=2**62,
        redemptions=bytes(16 * MAX_REDEMPTIONS),
        activities={
            digest(f"activity-{n}"): Counted(20_000, 10**6, 10**6)
            for n in range(MAX_ACTIVITIES_COUNTED)
        },
        spent=Redemptions(
            [
                Spent(digest(f"r{n}"), [Lot(20_000, 2**41, MAX_POINTS)] * (MAX_LOTS // 64))
                for n in range(MAX_REDEMPTIONS)
            ],
            bytes(8 * MAX_REDEMPTIONS),
        ),
        warned=[2**41 + n for n in range(MAX_WARNED)],
    )


def test_the_account_of_points_keeps_to_its_limits() -> None:
    account = Account()
    for number in range(1_000):
        account.earn(10, number, 10_000 + number)
        account.redeem(f"redemption-{number}", 1)
        account.count(f"activity-{number}", Activity(1), number)
    assert len(account.lots) == MAX_LOTS
    assert len(account.redemptions) == 16 * MAX_REDEMPTIONS
    newest = range(1_000 - MAX_ACTIVITIES_COUNTED, 1_000)
    assert list(account.activities) == [digest(f"activity-{n}") for n in newest]
    assert account.balance == 9_000


def fullest_tags() -> Tagged:
    """As many tags as rules may give, all counters, and both lists of names, at their longest."""
    instant, days = 2**41, MAX_COUNTED_DAYS // MAX_COUNTED
    names = [f"{'x' * (MAX_NAME_BYTES - 3)}{n:03}" for n in range(MAX_TAGS + 2 * 9)]
    counts = DayCounts(2**31, list(range(20_000, 20_000 + days)), [2**20] * days)
    weights = {name: Weight(2**62, 2**62) for name in names[:CAPACITY]}
    return Tagged(
        {f"{'x' * 32}:{name}": instant for name in names},
        20_000,
        {f"activity.recorded:{name}": counts for name in names[:MAX_COUNTED]},
        Sketch(30, 700, weights),
        Sketch(30, 700, weights),
    )


def test_tags_and_what_they_keep_take_at_most_30_kilobytes() -> None:
    found = new_customer("ana")
    without = len(pack(found))
    found.tagged = fullest_tags()
    assert len(pack(found)) - without < 30_000


def test_attributes_are_bounded_even_when_they_are_taken_away_again() -> None:
    lines = []
    for number in range(200):
        lines.append(profile({f"a{number}": "x"}, day(number)))
        lines.append(profile({f"a{number}": ""}, day(number, 1)))
    assert len(lived(*lines).attributes) <= MAX_ATTRIBUTES


@pytest.mark.parametrize("years", [1, 20])
def test_what_left_the_window_takes_no_room(years: int) -> None:
    found = lived(*(order(f"o{n}", "5", day(30 * n)) for n in range(12 * years)))
    assert len(found.ledger.orders) <= 13
    assert found.ledger.orders_ever == 12 * years
