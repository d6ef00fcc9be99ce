"""JSON objects that lack something, or whose fields have another type than they must."""

from __future__ import annotations

from typing import Any

from tests.fault.record_maker import RecordMaker, cloud_headers, json_bytes

_COMMON = ("event_id", "type", "customer_id", "occurred_at")
_REQUIRED = {
    "order.placed": (*_COMMON, "order_id", "amount", "currency"),
    "order.paid": ("order_id",),
    "order.refunded": ("refund_id", "amount"),
    "ticket.opened": ("ticket_id",),
    "survey.answered": ("survey", "score"),
    "ticket.responded": ("ticket_id",),
    "followup.scheduled": ("followup_id", "on"),
    "profile.updated": ("attributes",),
    "consent.changed": ("marketing",),
    "customer.merged": ("into",),
    "activity.recorded": ("activity",),
    "points.redeemed": ("redemption_id", "points"),
    "points.redemption_cancelled": ("redemption_id",),
    "points.adjusted": ("points", "reason"),
    "tier.overridden": ("tier", "until"),
}


def add_misshapen(make: RecordMaker) -> None:
    """`missing_field` to `wrong_type`, and what looks like them."""
    _add_missing(make)
    _add_unknown(make)
    _add_wrong_types(make)
    _add_odd_shapes(make)
    _add_structured(make)
    _add_binary(make)


def _add_missing(make: RecordMaker) -> None:
    for of_type, fields in _REQUIRED.items():
        for field in fields:
            make.refuse_without(field, of_type)
    for field in ("type", "event_id", "customer_id", "occurred_at", "currency"):
        for word, value in (("null", None), ("empty", "")):
            fault: dict[str, Any] = {field: value}
            make.refuse_event("missing_field", f"{field} {word}", **fault)
    make.refuse_event("missing_field", "an amount that is empty", amount="")
    make.refuse_event("missing_field", "no reason of leaving", "survey.answered", survey="churn")
    nothing = {"marketing": None, "channels": None}
    make.refuse_event("missing_field", "a consent to nothing", "consent.changed", **nothing)
    make.refuse_event("missing_field", "a day that is empty", "followup.scheduled", on="")
    make.refuse_event("missing_field", "a tier that is empty", "tier.overridden", tier="")
    make.refuse_event("missing_field", "an end that is empty", "tier.overridden", until="")
    make.refuse("missing_field", "an empty object", b"{}")
    make.refuse_event("missing_field", "an unknown type, and no time", type="no", occurred_at=None)
    make.refuse_event(
        "missing_field", "no order, and another version", order_id="", schema_version=2
    )
    make.refuse_event("missing_field", "fields in capitals", amount=None, AMOUNT="12.50")


def _add_unknown(make: RecordMaker) -> None:
    for name, found in (
        ("a type we do not know", "order.shipped"),
        ("a type in capitals", "Order.Placed"),
        ("a type with a blank", "order.placed "),
        ("a type with a NUL", "order.placed\x00"),
        ("a type with a zero width space", "order\u200b.placed"),
        ("a type that is a number", 7),
        ("a type that is a list", ["order.placed"]),
        ("a type that is an object", {}),
        ("a type that is false", False),
        # What the canonical log has beside events cannot be put there from outside.
        ("a tick", "clock.tick"),
        ("a policy", "policy.activated"),
    ):
        make.refuse_event("unknown_type", name, type=found)
    make.refuse_event("unknown_type", "an unknown type only lacks", type="no", order_id=None)
    _add_wrong_topics(make)
    for name, version in (
        ("version 2", 2),
        ("version 0", 0),
        ("version -1", -1),
        ("version 2.0", 2.0),
        ("version 10^40", 10**40),
    ):
        make.refuse_event("unsupported_schema_version", name, schema_version=version)
    make.refuse_event(
        "unsupported_schema_version", "version 2 of no type", schema_version=2, amount=[]
    )


def _add_wrong_topics(make: RecordMaker) -> None:
    for name, of_type, topic in (
        ("an order among the browsing", "order.placed", "browse"),
        ("a ticket among the profiles", "ticket.opened", "profiles"),
        ("a view among the orders", "page.viewed", "orders"),
        ("an erasure among the browsing", "customer.erased", "browse"),
    ):
        event = make.event(name, of_type)
        make.refuse("wrong_topic", name, json_bytes(event), topic=topic, event_id=event["event_id"])
    name = "an order of version 2 among the tickets"
    event = make.event(name, schema_version=2)
    make.refuse("wrong_topic", name, json_bytes(event), topic="support", event_id=event["event_id"])


def _add_wrong_types(make: RecordMaker) -> None:
    def wrong(of_type: str, **fields: Any) -> None:
        for field, value in fields.items():
            name = f"{of_type} {field} {json_bytes(value).decode()[:24]}"
            make.refuse_event("wrong_type", name, of_type, **{field: value})

    containers: list[Any] = [[], {}]
    for amount in (True, *containers):
        wrong("order.placed", amount=amount)
    for version in ("1", True, 1.5):
        wrong("order.placed", schema_version=version)
    wrong("order.placed", event_id=17, customer_id=17, order_id=17, currency=840, channel=1)
    wrong("order.placed", customer_id=["c"], occurred_at=1735732800000.5, payment_status=True)
    wrong("order.placed", items={}, event_id={"id": 1})
    for at in (True, ["2025-01-01T00:00:00Z"], 0.1):
        wrong("page.viewed", occurred_at=at)
    wrong("page.viewed", url=["/"], session_id=1, query={"q": "cup"})
    wrong("ticket.opened", severity="3", kind=1, ticket_id=[])
    for severity in (2.5, True):
        wrong("ticket.opened", severity=severity)
    for score in (4.5, "9", True, [9]):
        wrong("survey.answered", score=score)
    wrong("survey.answered", survey=1, comment={})
    wrong("profile.updated", attributes=["region"])
    wrong("consent.changed", marketing="yes")
    wrong("consent.changed", marketing=1)
    wrong("consent.changed", channels=["sms"])
    wrong("consent.changed", channels={"sms": "yes"})
    wrong("consent.changed", purposes={"research": 1})
    wrong("consent.changed", source=3)
    wrong("customer.merged", into=17)
    wrong("points.redeemed", points=1.5, redemption_id=9)
    wrong("points.redeemed", points="5")
    wrong("points.adjusted", points=-1.5, reason=9)
    wrong("points.adjusted", points=True)
    wrong("tier.overridden", tier=1)
    wrong("tier.overridden", until=2_093_558_400_000)
    wrong("tier.overridden", mode=True, note=5)
    wrong("followup.scheduled", on=20310504)
    wrong("followup.scheduled", on=False, by=1)
    wrong("survey.answered", answer=["price"])
    make.refuse_event("wrong_type", "a wrong type and a bad id", customer_id="a\x00", amount=True)


def _add_odd_shapes(make: RecordMaker) -> None:
    for name, fields in (
        ("version 1.0", {"schema_version": 1.0}),
        ("a null where nothing must be", {"schema_version": None, "items": None, "channel": None}),
        ("lines that cannot be used", {"items": [1, None, {"sku": 1}, {"unit_price": True}]}),
        ("a line with a number as text", {"items": [{"quantity": "2", "unit_price": "1.50"}]}),
        ("fields nobody knows", {"__proto__": {"admin": True}, "": 1, "$where": "1==1"}),
    ):
        make.accept_event(name, "order.placed", **fields)
    make.accept_event("a score of 4.0", "survey.answered", score=4.0)
    said = {"marketing": None, "channels": {"sms": True, "post": None}}
    make.accept_event("a consent to channels alone", "consent.changed", **said)
    make.accept_event("no day any more", "followup.scheduled", on=None)
    make.accept_event("no tier, and what looks like an end", "tier.overridden", tier=None, until=5)
    make.accept_event("why somebody left", "survey.answered", survey="churn", answer="x" * 64)
    make.accept_event("attributes with a null", "profile.updated", attributes={"gender": None})
    for attributes in (
        {"age": 33},
        {"likes": ["shoes"]},
        {"birth_date": "1990-02-30"},
        {"registered_at": "2025-01-01 12:00"},
        {"n" * 129: "v"},
        {"name": "v" * 1_025},
        {f"n{number}": "v" for number in range(65)},
    ):
        name = f"attributes {json_bytes(attributes).decode()[:40]}"
        make.accept_event(name, "profile.updated", attributes=attributes)


def _add_structured(make: RecordMaker) -> None:
    """CloudEvents in structured mode."""

    def envelope(name: str, **attributes: Any) -> dict[str, Any]:
        event = make.event(name)
        told = {
            "specversion": "1.0",
            "id": event["event_id"],
            "source": "/shop",
            "type": "order.placed",
            "subject": event["customer_id"],
            "time": make.at,
            "data": {each: event[each] for each in ("order_id", "amount", "currency")},
        }
        return {key: value for key, value in (told | attributes).items() if value is not ...}

    def refuse(reason: str, name: str, **attributes: Any) -> None:
        event = envelope(name, **attributes)
        found = event.get("id")
        event_id = found if isinstance(found, str) and found else None
        topic = "profiles" if event.get("type") == "customer.erased" else "orders"
        make.refuse(reason, name, json_bytes(event), topic=topic, event_id=event_id)

    for attribute in ("id", "type", "subject", "time", "data"):
        refuse("missing_field", f"CloudEvent without {attribute}", **{attribute: ...})
    refuse("missing_field", "CloudEvent whose data is a list", data=[1])
    refuse("missing_field", "CloudEvent with data in base64", data=..., data_base64="e30=")
    refuse("missing_field", "CloudEvent with its fields outside", data={}, order_id="o", amount="1")
    refuse("unknown_type", "CloudEvent of another type", type="com.example.order.placed")
    for version in ("0.3", "1", 1.0, True, ""):
        name = f"CloudEvent of version {json_bytes(version).decode()}"
        refuse("unsupported_schema_version", name, specversion=version)
    no_objects: list[Any] = [[], "{}", 0, False]
    for data in no_objects:
        name = f"CloudEvent whose data is {json_bytes(data).decode()}"
        refuse("wrong_type", name, type="customer.erased", data=data)
    refuse("wrong_type", "CloudEvent with a number as id", id=17)
    refuse("invalid_customer_id", "CloudEvent with a bad subject", subject="a\nb")
    refuse("invalid_timestamp", "CloudEvent with a local time", time="2025-01-01T12:00:00")
    name = "CloudEvent with more attributes"
    make.accept(name, envelope(name, datacontenttype="text/plain", traceparent=17))


def _add_binary(make: RecordMaker) -> None:
    """CloudEvents in binary mode, and headers that only look like it."""
    data = b'{"order_id":"o-1","amount":"12.50","currency":"USD"}'

    def refuse(reason: str, name: str, value: bytes | None = data, **attributes: Any) -> None:
        event_id = make.event_id(name)
        headers = cloud_headers(event_id, **attributes)
        told = attributes.get("id", event_id)
        readable = told if isinstance(told, str) and told else None
        if reason == "not_json":
            readable = None
        make.refuse(reason, name, value, event_id=readable, headers=headers)

    for attribute in ("id", "type", "subject", "time"):
        for word, told in (("without", ""), ("with null for", None)):
            fault: dict[str, Any] = {attribute: told}
            refuse("missing_field", f"headers {word} {attribute}", **fault)
    refuse("missing_field", "headers, and an empty object", b"{}")
    refuse("unknown_type", "headers of another type", type="order.sent")
    refuse("unsupported_schema_version", "headers of version 0.3", specversion="0.3")
    refuse("wrong_type", "headers, and a number as order", data.replace(b'"o-1"', b"1"))
    refuse("invalid_customer_id", "headers with a control character", subject="a\x07b")
    refuse("invalid_timestamp", "headers with a time of day", time="12:00")
    refuse("not_json", "headers with a type that is no text", type=b"order\xff.placed")
    refuse("not_json", "headers with a time that is no text", time=b"\xff\xfe")
    refuse("not_json", "headers with a customer that is no text", subject=b"a\xff")
    refuse("not_json", "headers in UTF-16", specversion="1.0".encode("utf-16"))
    refuse("not_json", "headers, and a tombstone", None)
    refuse("not_json", "headers, and a list", b"[]")
    nothing: Any = (("ce_specversion", None), ("ce_id", None), ("", None))
    make.refuse("missing_field", "headers without values", b"{}", headers=nothing)
    forged = (("reason", b"conflict"), ("source-offset", b"-1"), ("event-id", b"\xff\xfe"))
    make.refuse("not_json", "headers of a dead letter", b"no", headers=forged)
    source = (("source", b"0/0/0/orders"), ("replayed-from", b"\xff/-1"), ("traceparent", None))
    make.refuse("not_json", "headers of the log", b"no", headers=source, key=b"\x00partition")
    make.refuse("not_json", "a key that is no text", b"no", key=b"\xff\xfe\x00")
    make.refuse("not_json", "a key of 10 KB", b"no", key=b"k" * 10_000)
    name = "headers of nobody we know"
    odd: Any = (("traceparent", b"\xff"), ("ce_id", b"\xff\xfe"), ("source", b"9/9/9/orders"))
    make.accept(name, make.event(name), headers=odd)
