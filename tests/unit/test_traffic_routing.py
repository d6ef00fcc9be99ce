"""Every event type has its input topic."""

from __future__ import annotations

import pytest

from handlers.events import SCHEMA
from streams.kafka.topics import INPUT_TOPICS, topic_for


def test_every_topic_has_types() -> None:
    assert {declared.topic for declared in SCHEMA.values()} == set(INPUT_TOPICS)


@pytest.mark.parametrize(
    ("event_type", "topic"),
    [
        ("order.placed", "orders"),
        ("order.refunded", "orders"),
        ("checkout.started", "browse"),
        ("link.clicked", "browse"),
        ("survey.answered", "support"),
        ("ticket.reopened", "support"),
        ("customer.erased", "profiles"),
        ("points.redeemed", "profiles"),
    ],
)
def test_a_type_goes_to_its_topic(event_type: str, topic: str) -> None:
    assert topic_for(event_type) == topic


def test_no_type_but_those_of_orders_goes_to_orders() -> None:
    elsewhere = {name for name in SCHEMA if topic_for(name) != "orders"}
    assert elsewhere == {name for name in SCHEMA if not name.startswith("order.")}


@pytest.mark.parametrize("unreadable", [None, 7, ["order.placed"], "", "wishlist.updated"])
def test_what_has_no_known_type_goes_to_orders(unreadable: object) -> None:
    assert topic_for(unreadable) == "orders"
