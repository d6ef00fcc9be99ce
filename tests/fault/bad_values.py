"""Events of the right shape whose customer, time, amount or values cannot be."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tests.fault.record_maker import RecordMaker, json_bytes


def add_impossible(make: RecordMaker, rates: Collection[str]) -> None:
    """`invalid_customer_id` to `invalid_value`, and what is just possible."""
    _add_customers(make)
    _add_times(make)
    _add_amounts(make)
    _add_currencies(make, rates)
    _add_values(make)
    _add_long_ids(make)
    _add_first_of_two(make)


def _add_customers(make: RecordMaker) -> None:
    for name, customer_id in (
        ("a customer with a NUL", "a\x00b"),
        ("a customer with a line feed", "customer\n"),
        ("a customer with a DEL", "a\x7fb"),
        ("a customer with a C1 control", "a\u0085b"),
        ("a customer of 129 characters", "c" * 129),
        ("a customer of 250,000 characters", "c" * 250_000),
    ):
        make.refuse_event("invalid_customer_id", name, customer_id=customer_id)
    for name, customer_id in (
        ("a customer of 128 emoji", "\U0001f600" * 128),
        ("a customer right to left", "\u202eremotsuc\u202c"),
        ("a customer with a zero width space", f"zero\u200bwidth-{make.number}"),
        ("a customer that is a blank", " "),
        ("a customer like a path", "../../etc/passwd"),
        ("a customer like a query", "'; DROP TABLE customers; --"),
        ("a customer with a line separator", "a\u2028b"),
    ):
        make.accept_event(name, customer_id=customer_id)


def _add_times(make: RecordMaker) -> None:
    for at in (
        "2025-01-01T12:00:00",
        "2025-01-01T12:00:60Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T12:60:00Z",
        "2025-02-30T12:00:00Z",
        "2025-02-29T12:00:00Z",
        "2025-13-01T12:00:00Z",
        "2025-00-10T12:00:00Z",
        "2025-01-01T12:00:00+0800",
        "2025-01-01T12:00:00+8",
        "2025-01-01T12:00:00+24:00",
        "2025-01-01T12:00:00 Z",
        "2025-01-01 12:00:00Z",
        "2025-01-01T12:00Z",
        "2025-01-01T12:00:00.Z",
        "2025-01-01T12:00:00,5Z",
        "2025-01-01",
        "2025-1-1T12:00:00Z",
        "20250101T120000Z",
        "2025-W01-3T12:00:00Z",
        "2025-001T12:00:00Z",
        " 2025-01-01T12:00:00Z",
        "2025-01-01T12:00:00Z\n",
        "\uff12025-01-01T12:00:00Z",
        "2025-01-01T12:00:00[UTC]",
        "Wed, 01 Jan 2025 12:00:00 GMT",
        "1735732800000",
        "yesterday",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1979-12-31T23:59:59.999Z",
        "+10000-01-01T00:00:00Z",
        -1,
        0,
        1_735_732_800,  # seconds
        -(10**40),
    ):
        make.refuse_event("invalid_timestamp", f"the time {at!r}", "page.viewed", occurred_at=at)
    for at in ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", 10**15, 10**40):
        make.refuse_event("from_the_future", f"the time {at!r}", "page.viewed", occurred_at=at)
    for unusual in (
        "2025-01-01t12:00:00z",
        "2025-01-01T12:00:00.123456789012345678901234Z",
        "2025-01-01T12:00:00-00:00",
        "2024-02-29T23:59:59.9+23:59",
        1735732800000.0,
    ):
        make.accept_event(f"the time {unusual!r}", "page.viewed", occurred_at=unusual)


def _add_amounts(make: RecordMaker) -> None:
    def written(amount: str) -> bytes:
        """An order with the number as it is written here."""
        event = make.event(f"the number {amount[:24]}")
        return json_bytes(event).replace(b'"12.50"', amount.encode())

    for amount in (
        *("12,50", "1,234.50", "1 000", "1_000", "USD 5", "$5", "ten", "1e3", "+5", "-5"),
        *("-0.01", "--5", ".5", "5.", "5..0", " 5", "5 ", "5\n", "0x10", "NaN", "Infinity"),
        *("\uff11\uff12", "\u0663", "\u00bd", "5\u200b", "1.005", "10000000000.01", "9" * 400),
        *("0." + "0" * 100 + "1", "null", "\u22125"),
    ):
        make.refuse_event("invalid_amount", f"the amount {amount[:20]!r}", amount=amount)
    for amount in (
        *("-1", "-0.01", "1.005", "1e400", "-1e400", "1e-400", "1e11", "1" + "0" * 400),
        *("10000000000.01", "1e-3", "1E+30", "0.10000000000000000001"),
    ):
        name = f"the number {amount[:24]}"
        make.refuse("invalid_amount", name, written(amount), event_id=make.event_id(name))
    for amount in ("-1", "1.00001", "1,5", "1e2"):
        make.refuse_event(
            "invalid_amount", f"a refund of {amount}", "order.refunded", amount=amount
        )
    for amount in ("-0", "0", "00012.500", "10000000000.00", "5.000000000000000000000000"):
        make.accept_event(f"the amount {amount}", amount=amount)
    for amount in ("-0", "-0.0", "0e400", "12.50e0", "1e2"):
        make.accept(f"the number {amount}", written(amount))


def _add_currencies(make: RecordMaker, rates: Collection[str]) -> None:
    for currency in ("usd", "Usd", "US", "USD ", "US$", "XTS", "XXX", "\uff35SD", "USD\x00"):
        make.refuse_event("unknown_currency", f"the currency {currency!r}", currency=currency)
    make.refuse_event("unknown_currency", "a currency of 1,000 letters", currency="USD" * 333)
    make.refuse_event("invalid_amount", "decimals of no currency", currency="XTS", amount="1.005")
    make.refuse_event("invalid_amount", "four decimals of KWD", currency="KWD", amount="1.2345")
    reason = "invalid_amount" if "JPY" in rates else "unknown_currency"
    make.refuse_event(reason, "decimals of JPY", currency="JPY", amount="1.5")
    if "JPY" in rates:
        make.accept_event("zeros behind JPY", currency="JPY", amount="1.000")
    if "KWD" in rates:
        make.accept_event("three decimals of KWD", currency="KWD", amount="1.234")


def _add_values(make: RecordMaker) -> None:
    def invalid(of_type: str, **fields: Any) -> None:
        told = json_bytes(fields).decode()[1:41]
        make.refuse_event("invalid_value", f"{of_type} {told}", of_type, **fields)

    for severity in (0, 6, 9, -1, 10**40):
        invalid("ticket.opened", severity=severity)
    for kind in ("praise", "Complaint", "", " "):
        invalid("ticket.opened", kind=kind)
    for score in (11, -1, 10**40):
        invalid("survey.answered", score=score)
    for score in (0, 6):
        invalid("survey.answered", survey="csat", score=score)
    invalid("survey.answered", survey="ces", score=5)
    invalid("order.placed", payment_status="later")
    for points in (0, -5, 10**12 + 1):
        invalid("points.redeemed", points=points)
    for points in (0, 10**12 + 1, -(10**12) - 1):
        invalid("points.adjusted", points=points)
    for end in ("2036-05-04", "2036-05-04T00:00:00", "2036-02-30T00:00:00Z", "never"):
        name = f"a tier until {end}"
        make.refuse_event("invalid_timestamp", name, "tier.overridden", until=end)
    invalid("tier.overridden", tier="no such tier")
    invalid("tier.overridden", tier="prospect")
    invalid("tier.overridden", until="1995-05-04T00:00:00Z")
    for on in ("2031-02-29", "20310504", "2031-05-04T00:00:00Z", "tomorrow"):
        invalid("followup.scheduled", on=on)
    invalid("survey.answered", survey="churn", answer="x" * 65)
    invalid("consent.changed", channels={f"c{n}": True for n in range(17)})
    invalid("consent.changed", purposes={f"p{n}": True for n in range(9)})
    name = "into themselves"
    customer_id = make.event(name)["customer_id"]
    make.refuse_event("invalid_value", name, "customer.merged", into=customer_id)
    invalid("customer.merged", into="a\x00b")


def _add_long_ids(make: RecordMaker) -> None:
    for of_type, field in (
        ("order.placed", "event_id"),
        ("order.placed", "order_id"),
        ("order.paid", "order_id"),
        ("order.refunded", "refund_id"),
        ("page.viewed", "session_id"),
        ("ticket.resolved", "ticket_id"),
        ("survey.answered", "ticket_id"),
        ("customer.merged", "into"),
        ("activity.recorded", "activity"),
        ("points.redeemed", "redemption_id"),
        ("points.redemption_cancelled", "redemption_id"),
        ("points.adjusted", "reason"),
        ("followup.scheduled", "followup_id"),
        ("followup.scheduled", "by"),
        ("followup.scheduled", "note"),
        ("tier.overridden", "by"),
        ("tier.overridden", "note"),
        ("ticket.responded", "ticket_id"),
    ):
        name = f"{of_type} with a long {field}"
        make.refuse_event("invalid_value", name, of_type, **{field: "i" * 129})
    make.refuse_event("invalid_value", "an event id of 200 KB", event_id="i" * 200_000)
    make.accept_event("an order id of 128", order_id=f"{make.number:0128d}")


def _add_first_of_two(make: RecordMaker) -> None:
    """Two things wrong: the reason is the one that SPEC §3 names first."""
    nobody = {"customer_id": "a\x00"}
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("invalid_customer_id", "a bad customer in the future", nobody | {"occurred_at": 10**15}),
        ("invalid_customer_id", "a bad customer and amount", nobody | {"amount": "-1"}),
        ("invalid_timestamp", "a bad time and amount", {"occurred_at": "now", "amount": "-1"}),
        ("from_the_future", "the future, unpaid", {"occurred_at": 10**15, "amount": "-1"}),
        ("invalid_amount", "a bad amount and currency", {"amount": "-1", "currency": "XTS"}),
        ("invalid_amount", "a bad amount and id", {"amount": "-1", "order_id": "i" * 129}),
        ("unknown_currency", "a bad currency and id", {"currency": "XTS", "order_id": "i" * 129}),
    ]
    for reason, name, fields in cases:
        make.refuse_event(reason, name, **fields)
