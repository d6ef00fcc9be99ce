"""What the parts of a programme add to a customer's state is as docs/rules.md says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from config.policy_file import check_policy
from handlers.state.customer import pack
from handlers.state.formats import NEWEST
from tests.builders import (
    activity,
    consent,
    day,
    order,
    overridden,
    profile,
    survey,
    ticket_opened,
)
from tests.driver import Driver
from tests.unit.test_docs import RULES

TIERS = [{"name": "A", "min_monetary": "1000"}, {"name": "B"}]
ATTRIBUTES = profile({"credit": "A", "manager": "ann"}, day(0, 1))
CREDIT = {"name": "credit", "source": "attribute", "attribute": "credit", "values": {"A": 5}}
HAPPY = {"name": "happy", "source": "satisfaction", "cutoffs": ["2", "3", "4", "4.5"]}
ANSWERS = [survey(4, day(0, 2 + number)) for number in range(5)]
TERMS = {"response_hours": 2, "resolution_hours": 24}
DORMANCY = {"at_risk_days": 1, "dormant_days": 60, "churned_days": 90}
CONTACT = {"caps": [{"messages": 1, "days": 7}]}
ASKS = overridden("A", day(1), until=day(300), by="ann", event_id="ask")

PARTS: dict[str, tuple[dict[str, Any], dict[str, Any], list[bytes]]] = {
    "digits and conditions from attributes": ({}, {"dimensions": [CREDIT]}, [ATTRIBUTES]),
    "a digit from satisfaction, after five answers": ({}, {"dimensions": [HAPPY]}, ANSWERS),
    "the owner": ({"care": {}}, {"care": {"owner_attribute": "manager"}}, [ATTRIBUTES]),
    "the stages of an open ticket": (
        {"care": {}},
        {"care": {"tickets": [TERMS]}},
        [ticket_opened("t1", day(0, 1))],
    ),
    "the last contact, for visits": (
        {"care": {}},
        {"care": {"visits": {"activities": ["call"], "days": {"B": 60}}}},
        [activity("call", day(0, 1))],
    ),
    "a message that counts for the caps": (
        {"dormancy": DORMANCY},
        {"dormancy": DORMANCY, "contact": CONTACT},
        [],
    ),
    "the last sign, for retention": (
        {},
        {"retention": {"inactive_days": 90, "notice_days": 5}},
        [],
    ),
}
"""A policy without the part, one with it, and events."""


def size(keys: dict[str, Any], *lines: bytes) -> int:
    """Bytes of a customer's state some days after an order and these events."""
    run = Driver(check_policy({"version": "p", "tiers": TIERS, **keys}), format_number=NEWEST)
    run.feed(order("o1", "100", day(0)), *lines)
    run.pass_to(day(3))
    return len(pack(run.state()))


def told(part: str) -> int:
    """The bytes that the document names for a part."""
    [found] = re.findall(rf"^\| {re.escape(part)} \| (\d+) \|$", RULES.read_text(), re.MULTILINE)
    return int(found)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_adds_what_the_document_says(part: str) -> None:
    without, with_it, lines = PARTS[part]
    assert size(with_it, *lines) - size(without, *lines) == told(part)


def test_a_tier_by_hand_and_purposes_add_what_the_document_says() -> None:
    purposes = consent(True, day(0, 1), purposes={"profiling": False})
    assert size({}, purposes) - size({}, consent(True, day(0, 1))) == told("a purpose refused")
    remembered = size({}, activity("call", day(1)))  # the id of an event, as of any other
    for keys in ({}, {"override": {"approval": True}}):
        assert size(keys, ASKS) - remembered == told("a tier by hand, or one that waits")


def test_who_uses_none_of_it_has_nothing_of_it() -> None:
    every: dict[str, Any] = {"override": {"approval": True}, "dimensions": [CREDIT, HAPPY]}
    assert size(every) == size({})
