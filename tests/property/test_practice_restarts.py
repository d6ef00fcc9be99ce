"""Service levels, visits and retention come out the same, however often a partition restarts."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import pytest

from handlers.outputs import CUSTOMER_PROFILES
from tests.builders import (
    activity,
    day,
    erased,
    merged,
    order,
    profile,
    ticket_opened,
    ticket_reopened,
    ticket_resolved,
    ticket_responded,
    viewed,
)
from tests.driver import run

POLICY = {
    "tiers": [{"name": "A", "min_monetary": "100"}, {"name": "B"}],
    "retention": {"inactive_days": 20, "notice_days": 5},
    "care": {
        "tickets": [
            {
                "kind": "complaint",
                "response_hours": 8,
                "resolution_hours": 30,
                "escalate": [{"after_hours": 20, "to": "manager"}],
            },
            {"tiers": ["A"], "resolution_hours": 60},
        ],
        "hours": {"from": "09:00", "to": "18:00"},
        "visits": {"activities": ["visit"], "days": {"A": 10, "B": 15}},
    },
}
CUSTOMERS = ("ana", "bea", "cleo", "dora")


def some_event(random: Random, number: int, at: str) -> bytes:
    customer = random.choice(CUSTOMERS)
    ticket = f"t{random.randrange(3)}"
    makers = (
        lambda: order(f"o{number}", random.choice(("10", "200")), at, customer),
        lambda: ticket_opened(ticket, at, customer, kind=random.choice(("complaint", "other"))),
        lambda: ticket_responded(ticket, at, customer),
        lambda: ticket_resolved(ticket, at, customer),
        lambda: ticket_reopened(ticket, at, customer),
        lambda: activity("visit", at, customer),
        lambda: viewed(at, customer),
        lambda: profile({"name": "x"}, at, customer),
        lambda: merged(random.choice(CUSTOMERS), at, customer),
        lambda: erased(at, customer),
    )
    weights = (6, 8, 4, 4, 3, 4, 4, 6, 1, 1)
    return random.choices(makers, weights)[0]()


def some_history(random: Random) -> list[bytes]:
    lines, hours = [], 0
    for number in range(60):
        hours += random.choice((1, 5, 20, 60, 200))
        late = random.choice((0, 0, 0, 30, 400))
        lines.append(some_event(random, number, day(0, max(hours - late, 0))))
    return lines


@pytest.mark.parametrize("seed", range(25))
def test_a_history_comes_out_the_same_with_restarts(seed: int) -> None:
    lines = some_history(Random(seed))
    once = run(lines, POLICY)
    again = run(lines, POLICY, restarts=Random(seed))
    assert again.collected.outputs == once.collected.outputs
    assert again.collected.dead_letters == once.collected.dead_letters


def test_the_histories_have_all_of_it() -> None:
    types: Counter[str] = Counter()
    came_back = 0
    for seed in range(25):
        found = run(some_history(Random(seed)), POLICY)
        types.update(each["type"] for each in found.care_reminders)
        told = {each["customer_id"] for each in found.care_reminders if "erased_at" in each}
        came_back += len(told & found.profiles.keys())
        assert not any(
            each["reason"] == "processing_failed" for each in found.collected.dead_letters
        )
    assert all(types[name] > 20 for name in ("ticket.overdue", "visit.due", "retention.due"))
    assert came_back > 10


def test_sequences_rise_by_one_also_after_an_erasure_by_retention() -> None:
    for seed in range(25):
        lines = [each for each in some_history(Random(seed)) if b"customer.erased" not in each]
        last: Counter[str] = Counter()
        for output in run(lines, POLICY).collected.outputs:
            if output.value is not None and output.topic != CUSTOMER_PROFILES:
                last[output.customer_id] += 1
                assert json.loads(output.value)["data"]["sequence"] == last[output.customer_id]
