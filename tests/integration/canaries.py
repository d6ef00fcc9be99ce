"""A person whose every value stands nowhere else, so that any trace of one can be found."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import msgpack

from scoring.timestamps import rfc3339
from tests.builders import (
    activity,
    edited,
    event,
    order,
    paid,
    profile,
    redeemed,
    refund,
    survey,
    ticket_opened,
    ticket_resolved,
    to_ms,
)
from tests.harness.topic_access import Message

_DAY_MS = 86_400_000
_ATTRIBUTES = ("name", "email", "phone", "gender", "region", "city_tier", "occupation")
_KEPT = ("own attribute", "own value", "order", "waiting order", "ticket", "past ticket")
_WEIGHED = ("category", "channel")
_DIGESTED = ("event", "refund", "redemption")
_PASSED = ("upstream key", "sku", "session", "query", "url", "comment", "activity", "source")
_IN_HEADERS = ("extension",)
_ALL = (*_ATTRIBUTES, *_KEPT, *_WEIGHED, *_DIGESTED, *_PASSED, *_IN_HEADERS)


class Person:
    """A customer with a life in every kind of event.

    Attributes:
        customer_id: the id, found nowhere else either.
        kept: by name, the bytes of values that state, profile or view have until the erasure.
        passed: those of values that nothing but the topics of events should ever have.
    """

    def __init__(self) -> None:
        token = uuid.uuid4().hex[:10]
        self.customer_id = f"who-{token}"
        self._texts = {name: f"{name}-{token}" for name in _ALL}
        # A letter of two bytes beside it: whoever escapes or re-codes texts is found too.
        self._texts["name"] = f"Zoë {self._texts['name']}"
        self._texts |= {"birth_date": "1931-02-27", "amount": "7391.37"}
        self._placed_at = rfc3339(time.time_ns() // 1_000_000 - _DAY_MS - 12_347)
        kept = (*_ATTRIBUTES, *_KEPT, *_WEIGHED, "birth_date")
        self.kept = {name: self._texts[name].encode() for name in kept}
        self.kept["amount"] = msgpack.encode(739_137)
        self.kept["order time"] = msgpack.encode(to_ms(self._placed_at))
        self.kept["order time as text"] = self._placed_at.encode()
        self.passed = {name: self._texts[name].encode() for name in _ALL if name not in kept}

    @property
    def canaries(self) -> Mapping[str, bytes]:
        """All of them."""
        return {**self.kept, **self.passed}

    def life(self) -> list[Message]:
        """All that can be told about the person, in an order after which much stands."""
        at = rfc3339(time.time_ns() // 1_000_000)
        told = [*self._profile(at), *self._orders(at), *self._browsing(at), *self._support(at)]
        key = self._texts["upstream key"].encode()
        messages = [
            Message(topic, edited(line, event_id=f"{self._texts['event']} {number}"), key)
            for number, (topic, line) in enumerate(told)
        ]
        return [*messages, self._binary(at)]

    def late(self) -> list[Message]:
        """Events of the same values, told after the erasure."""
        at = rfc3339(time.time_ns() // 1_000_000)
        attributes = {name: self._texts[name] for name in (*_ATTRIBUTES, "birth_date")}
        amount, who = self._texts["amount"], self.customer_id
        return [
            Message("profiles", edited(profile(attributes, at, who), event_id="late 1")),
            Message("orders", edited(order(self._texts["order"], amount, at, who), event_id="l 2")),
            self._binary(at),
        ]

    def _profile(self, at: str) -> Iterator[tuple[str, bytes]]:
        texts, who = self._texts, self.customer_id
        attributes = {name: texts[name] for name in (*_ATTRIBUTES, "birth_date")}
        attributes[texts["own attribute"]] = texts["own value"]
        yield "profiles", profile(attributes, at, who)
        yield "profiles", activity("referral", at, who)
        yield "profiles", activity(texts["activity"], at, who)

    def _orders(self, at: str) -> Iterator[tuple[str, bytes]]:
        texts, who = self._texts, self.customer_id
        line = {
            "sku": texts["sku"],
            "quantity": 1,
            "unit_price": "1",
            "category": texts["category"],
        }
        more: dict[str, Any] = {"channel": texts["channel"], "items": [line]}
        yield "orders", order(texts["order"], texts["amount"], self._placed_at, who, **more)
        yield "orders", refund(texts["order"], "1", at, texts["refund"], who)
        yield "orders", paid(texts["waiting order"], at, who)

    def _browsing(self, at: str) -> Iterator[tuple[str, bytes]]:
        texts, who = self._texts, self.customer_id
        more = {name: texts[name] for name in ("category", "sku", "url", "channel")}
        for _ in range(3):
            yield "browse", event("product.viewed", at, who, session_id=texts["session"], **more)
        yield "browse", event("product.searched", at, who, query=texts["query"])

    def _support(self, at: str) -> Iterator[tuple[str, bytes]]:
        texts, who = self._texts, self.customer_id
        ticket = texts["ticket"]
        yield "support", ticket_opened(ticket, at, who, kind="complaint", severity=4)
        yield "support", ticket_opened(texts["past ticket"], at, who)
        yield "support", ticket_resolved(texts["past ticket"], at, who)
        yield "support", survey(3, at, who, ticket_id=ticket, comment=texts["comment"])

    def redemption(self) -> Message:
        """Points spent, once there are some."""
        at = rfc3339(time.time_ns() // 1_000_000)
        return Message(
            "profiles",
            redeemed(3, at, self.customer_id, redemption_id=self._texts["redemption"]),
        )

    def _binary(self, at: str) -> Message:
        """A CloudEvent in binary mode, with an attribute of its own."""
        texts = self._texts
        headers = {
            "ce_specversion": "1.0",
            "ce_id": f"binary {at}",
            "ce_type": "page.viewed",
            "ce_source": texts["source"],
            "ce_subject": self.customer_id,
            "ce_time": at,
            "ce_extension": texts["extension"],
        }
        value = json.dumps({"url": texts["url"], "session_id": texts["session"]}).encode()
        pairs = tuple((name, text.encode()) for name, text in headers.items())
        return Message("browse", value, headers=pairs)
