"""A type of event is declared in one place, and everything else follows from it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Annotated, Any

import pytest

from config.policy_file import check_policy
from handlers.decode.attributes import ATTRIBUTES
from handlers.decode.decode import IN_THE_LOG, Limits, decode
from handlers.decode.fast import FastDecoder
from handlers.decode.fields import BOOLEAN, CURRENCY, Id, between, money, one_of
from handlers.decode.policy_checks import check_values, precheck
from handlers.decode.schema import Schema
from handlers.events import SCHEMA, CustomerErased, CustomerMerged, Event
from handlers.reasons import Rejection
from handlers.transitions import ORDER_HANDLERS, OTHER_HANDLERS, TIER_HANDLERS
from scoring.money import Amount
from scoring.rules import Rules
from streams.kafka.topics import topic_for
from tests.builders import day, event, without
from tests.oracle.fields import FIELDS_OF
from tests.support.event_table import event_table

ROOT = Path(__file__).resolve().parents[2]
RULES = Rules(check_policy({"currency_rates": {"JPY": "0.0066"}}))

MADE_UP = Schema()


def _depth_fault(bought: Any) -> str | None:
    return "a card has no depth" if bought.shape == "card" and bought.depth != 1 else None


@MADE_UP.event("gift.bought", "gift.returned", topic="support", fast=True, rule=_depth_fault)
class GiftBought(Event):
    """A type that only this test knows."""

    gift_id: Id
    price: Annotated[Amount | None, money(into="price_minor")]
    currency: Annotated[str, CURRENCY]
    shape: Annotated[str, one_of("card", "box")] = "box"
    depth: Annotated[int, between(1, 9)] | None = None
    price_minor: int = 0


@MADE_UP.event("gift.promised", topic="browse")
class GiftPromised(Event):
    """Another, which has no fast path."""

    really: Annotated[bool, BOOLEAN]


GIFT = event("gift.bought", day(1), gift_id="g1", price="12.50", currency="USD")
FAST = FastDecoder(MADE_UP)


def decoded(line: bytes) -> Event | Rejection:
    return decode(line, None, IN_THE_LOG, schema=MADE_UP)


def test_a_declared_type_is_decoded_in_full_and_by_the_fast_path() -> None:
    full = decoded(GIFT)
    assert isinstance(full, GiftBought)
    assert (full.type, full.gift_id, full.price) == ("gift.bought", "g1", Amount(125, 1))
    assert (full.shape, full.depth, full.channel, full.fault) == ("box", None, None, None)
    assert FAST.event(GIFT) == full


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"type": "gift.returned", "shape": "card", "depth": 1, "channel": "web"},
        {"shape": None, "depth": None},
    ],
)
def test_both_ways_give_the_same_event(changes: dict[str, Any]) -> None:
    fields = {"gift_id": "g1", "price": "12.50", "currency": "USD", **changes}
    line = event(fields.pop("type", "gift.bought"), day(1), **fields)
    found = FAST.event(line)
    assert found is not None
    assert found == decoded(line)


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"gift_id": None}, "missing_field", "gift_id is missing: it is null"),
        ({"currency": ""}, "missing_field", "currency is missing: it is an empty text"),
        ({"gift_id": 5}, "wrong_type", "gift_id must be a text, got 5"),
        ({"shape": 5, "depth": "x"}, "wrong_type", "shape must be a text, got 5"),
        ({"depth": True}, "wrong_type", "depth must be an integer, got true"),
    ],
)
def test_its_shape_is_checked_at_ingest(changes: dict[str, Any], reason: str, detail: str) -> None:
    fields = {"gift_id": "g1", "price": "12.50", "currency": "USD", **changes}
    line = event("gift.bought", day(1), **fields)
    found = decoded(line)
    assert isinstance(found, Rejection)
    assert (found.reason, found.detail) == (reason, detail)
    assert FAST.event(line) is None
    assert FAST.raw_event(line, Limits()) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": "12.505"}, "invalid_amount"),
        ({"price": "twelve", "shape": "cube"}, "invalid_amount"),
        ({"currency": "EUR"}, "unknown_currency"),
        ({"price": "1.5", "currency": "JPY"}, "invalid_amount"),
        ({"shape": "card", "depth": 2}, "invalid_value"),
        ({"shape": "cube"}, "invalid_value"),
        ({"depth": 10}, "invalid_value"),
        ({"gift_id": "g" * 129}, "invalid_value"),
    ],
)
def test_its_values_are_checked_with_the_policy(changes: dict[str, Any], reason: str) -> None:
    fields = {"gift_id": "g1", "price": "12.50", "currency": "USD", **changes}
    line = event("gift.bought", day(1), **fields)
    found = decoded(line)
    assert isinstance(found, Event)
    rejection = check_values(found, RULES, MADE_UP)
    assert rejection is not None
    assert rejection.reason == reason
    raw = FAST.raw_event(line, Limits())
    assert raw is None or precheck(raw, RULES) == reason


def test_its_amount_becomes_minor_units() -> None:
    found = decoded(GIFT)
    assert isinstance(found, GiftBought)
    assert check_values(found, RULES, MADE_UP) is None
    assert found.price_minor == 1250
    raw = FAST.raw_event(GIFT, Limits())
    assert raw is not None
    assert precheck(raw, RULES) is None


def test_it_is_sent_to_its_topic() -> None:
    assert topic_for("gift.returned", MADE_UP) == "support"
    assert topic_for("gift.promised", MADE_UP) == "browse"
    assert topic_for("order.placed", MADE_UP) == "orders", "where unknown types go"


def test_a_type_without_a_fast_path_is_left_to_the_full_decoder() -> None:
    line = event("gift.promised", day(1), really=True)
    assert FAST.event(line) is None
    assert isinstance(decoded(line), GiftPromised)
    missing = decoded(without(line, "really"))
    assert isinstance(missing, Rejection)
    assert missing.reason == "missing_field"


def test_the_guide_would_list_it() -> None:
    bought, promised = event_table(MADE_UP).splitlines()[2:]
    assert bought == (
        "| `support` | `gift.bought`, `gift.returned` | `gift_id`, `price` (decimal text or number)"
        ", `currency`; optional `shape` (`card`, `box`), `depth` (1 to 9) |"
    )
    assert promised == "| `browse` | `gift.promised` | `really` (true or false) |"


def test_a_field_that_the_fast_path_cannot_read_is_named_at_once() -> None:
    class Told(Event):
        attributes: Annotated[dict[str, str], ATTRIBUTES]

    with pytest.raises(TypeError, match="Told has a field that the fast path cannot read"):
        Schema().event("gift.told", topic="browse", fast=True)(Told)


def test_a_field_out_of_place_is_named_at_once() -> None:
    schema = Schema()

    @schema.event("gift.counted", topic="browse", fast=True)
    class Counted(Event):
        number_of_ours: int = 0
        gift_id: Id | None = None

    with pytest.raises(TypeError, match="Counted: its JSON fields must come first, by position"):
        FastDecoder(schema)


HANDLERS = {
    "handlers/orders.py",
    "handlers/order_identity.py",
    "handlers/support.py",
    "handlers/care/ticket_stages.py",
    "config/policy_tags.py",
    "scoring/tags.py",
    "streams/erasure/request.py",
    "cli/report/tickets.py",
}
"""They do something for one type; nobody else names any."""


def test_types_are_named_where_they_are_declared_and_by_what_handles_them() -> None:
    naming = set()
    for top in ("scoring", "handlers", "config", "streams", "serving", "cli"):
        for file in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and node.value in SCHEMA:
                    naming.add(file.relative_to(ROOT).as_posix())
    assert naming == HANDLERS | {"handlers/events.py"}


def test_every_event_has_a_handler() -> None:
    handled = {*ORDER_HANDLERS, *TIER_HANDLERS, *OTHER_HANDLERS, CustomerErased, CustomerMerged}
    assert {declared.event for declared in SCHEMA.values()} == handled


def test_the_oracle_knows_the_same_types_and_fields() -> None:
    declared = {
        name: {field.name: field.required for field in found.fields}
        for name, found in SCHEMA.items()
    }
    known = {
        name: {field: what.endswith("required") for field, what in fields.items()}
        for name, fields in FIELDS_OF.items()
    }
    assert known == {name: declared[name] for name in known}
