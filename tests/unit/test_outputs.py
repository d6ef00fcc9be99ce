"""Envelopes, ids, sequences, money and times as they go out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cli.backtest.files import DEAD_LETTERS, FILES
from handlers import outputs
from handlers.outputs import output_id
from scoring.policy import Cutoffs, Policy, Tier
from serving.api.sse.position import TOPICS, TYPES
from streams.erasure import retention
from streams.kafka.topics import OUTPUTS
from tests.builders import cancelled, day, edited, order, refund, viewed
from tests.driver import Driver, pick
from tests.oracle import CARE_TYPES, DORMANCY_TYPES, PROFILE_CHANGE_TYPES

LINES = [
    order("o1", "120", day(0, 10)),
    order("o1", "500", day(0), "ben"),
    refund("o1", "500", day(3), "r1", "ben"),
    viewed(day(200), "ben"),
    order("o2", "880", day(201)),
    cancelled("o2", day(202)),
    order("o3", "60", day(150)),
    viewed(day(700), "ben"),
]


def envelopes(*lines: bytes, app_id: str = "tierstream") -> list[dict[str, Any]]:
    """What would go over the wire, as parsed JSON."""
    driver = Driver(app_id=app_id)
    found = []
    for line in lines:
        event = driver.partition.admit(line)
        assert not isinstance(event, tuple)
        driver.partition.apply(driver._next(), event)
        outbox = driver.partition.context.outbox
        found += [json.loads(output.value or b"null") for output in outbox]
        outbox.clear()
    return found


# The envelope


def test_an_output_is_a_structured_cloudevent() -> None:
    [envelope] = envelopes(order("o1", "120", day(0, 10)), app_id="shop")
    assert {name: value for name, value in envelope.items() if name not in {"id", "data"}} == {
        "specversion": "1.0",
        "source": "tierstream/shop",
        "type": "tier.changed",
        "subject": "ana",
        "time": day(0, 10),
        "datacontenttype": "application/json",
    }
    assert envelope["data"]["customer_id"] == "ana"


def test_the_time_of_the_envelope_is_when_the_change_took_effect() -> None:
    for envelope in envelopes(*LINES):
        assert envelope["time"] == envelope["data"]["effective_at"]


def test_outputs_are_keyed_by_customer_id() -> None:
    driver = Driver()
    event = driver.partition.admit(order("o1", "120", day(0), "北京 7"))
    assert not isinstance(event, tuple)
    driver.partition.apply(9, event)
    [output] = driver.partition.context.outbox
    assert (output.topic, output.customer_id) == ("tier-changes", "北京 7")


def test_each_type_goes_to_its_topic() -> None:
    driver = Driver()
    driver.feed(*LINES)
    driver.pass_to(day(900))
    assert {(output["type"], output["topic"]) for output in driver.outputs} == {
        ("tier.changed", "tier-changes"),
        ("dormancy.alert", "dormancy-alerts"),
        ("dormancy.withdrawn", "dormancy-alerts"),
        ("customer.reactivated", "dormancy-alerts"),
    }


def test_a_tier_change_has_exactly_the_fields_of_the_contract() -> None:
    [envelope] = envelopes(order("o1", "120", day(0)))
    assert sorted(envelope["data"]) == sorted(
        """customer_id sequence previous_tier tier direction reason late caused_by effective_at
        before after crossed next_tier keeps_until action suppressed backfill
        policy_version marketing_consent consented_channels
        audience owner not_before""".split()
    )


def test_every_change_of_level_has_exactly_the_fields_of_the_contract() -> None:
    driver = Driver()
    driver.feed(*LINES)
    for output in driver.outputs:
        if output["topic"] == "dormancy-alerts":
            assert sorted(set(output) - {"topic", "id", "type", "source", "subject", "time"}) == (
                sorted(
                    """customer_id sequence level previous_level reason effective_at
                    last_order_at last_interaction_at threshold_days basis withdraws tier
                    open_tickets suppressed backfill action policy_version marketing_consent
                    consented_channels audience owner not_before""".split()
                )
            )


# Ids


def test_the_same_log_gives_the_same_bytes() -> None:
    assert envelopes(*LINES) == envelopes(*LINES)


def test_ids_are_unique() -> None:
    driver = Driver()
    driver.feed(*LINES)
    driver.pass_to(day(900))
    ids = pick(driver.outputs, "id")
    assert len(ids) > 10
    assert len(set(ids)) == len(ids)


def test_an_id_depends_on_customer_type_and_cause_alone() -> None:
    """Not on what others do, nor on the position in the log, nor on the sequence."""
    alone, crowded = Driver(), Driver()
    alone.feed(order("o1", "120", day(0)))
    crowded.feed(viewed(day(0), "ben"), order("x", "9", day(0), "eve"), order("o1", "120", day(0)))
    assert alone.outputs[0]["id"] == crowded.outputs[-1]["id"]
    assert pick(alone.pass_to(day(60)), "id") == pick(
        [o for o in crowded.pass_to(day(60)) if o["customer_id"] == "ana"], "id"
    )


def test_another_customer_type_or_cause_is_another_id() -> None:
    ids = {
        output_id("ana", "tier.changed", "event:e1"),
        output_id("ben", "tier.changed", "event:e1"),
        output_id("ana", "dormancy.alert", "event:e1"),
        output_id("ana", "tier.changed", "event:e2"),
        output_id("an", "atier.changed", "event:e1"),
        output_id("ana1", "tier.changed", ""),
        output_id("ana", "1tier.changed", ""),
    }
    assert len(ids) == 7
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)


def test_two_outputs_of_one_event_have_two_ids() -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0)))
    driver.pass_to(day(100))
    both = driver.feed(order("o2", "995", day(100)))
    assert pick(both, "type") == ["tier.changed", "customer.reactivated"]
    assert both[0]["id"] != both[1]["id"]


# Sequences


def test_the_sequence_rises_by_one_over_all_topics_of_a_customer() -> None:
    driver = Driver()
    driver.feed(*LINES)
    driver.pass_to(day(900))
    for name in ("ana", "ben"):
        of_one = [o["sequence"] for o in driver.outputs if o["customer_id"] == name]
        assert of_one == list(range(1, len(of_one) + 1))
    assert {o["topic"] for o in driver.outputs if o["customer_id"] == "ana"} == {
        "tier-changes",
        "dormancy-alerts",
    }


def test_a_profile_names_the_last_sequence_and_takes_none() -> None:
    driver = Driver()
    driver.feed(order("o1", "120", day(0)))
    assert driver.profile()["sequence"] == 1
    assert driver.profile()["sequence"] == 1
    assert pick(driver.pass_to(day(60)), "sequence") == [2]


# Causes


@pytest.mark.parametrize("event_id", ["e1", "x" * 128, "é ☃", 'quote " and \\'])
def test_the_cause_of_a_change_is_the_id_of_its_event(event_id: str) -> None:
    [envelope] = envelopes(edited(order("o1", "120", day(0)), event_id=event_id))
    assert envelope["data"]["caused_by"] == [event_id]


# Money and times


@pytest.mark.parametrize(
    ("currency", "amount", "text", "needed"),
    [("USD", "12.5", "12.50", "987.50"), ("JPY", "12", "12", "988"), ("KWD", "12.5", "12.500",
     "987.500")],
)  # fmt: skip
def test_money_is_decimal_text_with_the_digits_of_the_base_currency(
    currency: str, amount: str, text: str, needed: str
) -> None:
    tiers = (Tier("gold", min_monetary="1000"), Tier("base"))
    driver = Driver(Policy(currency=currency, tiers=tiers))
    [rise] = driver.feed(order("o1", amount, day(0), currency=currency))
    assert rise["after"]["monetary"] == text
    assert rise["next_tier"]["order_amount_needed"] == needed


def test_money_in_crossed_conditions_is_text_and_the_rest_are_numbers() -> None:
    tiers = (Tier("gold", min_monetary="100", min_frequency=1), Tier("base"))
    driver = Driver(Policy(tiers=tiers, cutoffs=Cutoffs()))
    [rise] = driver.feed(order("o1", "100", day(0)))
    assert pick(rise["crossed"], "measure", "before", "after", "cutoff") == [
        ("frequency", None, 1, 1),
        ("monetary", None, "100.00", "100.00"),
    ]


def test_times_are_utc_with_milliseconds_whatever_the_zone() -> None:
    driver = Driver(Policy(timezone="Asia/Shanghai"))
    [rise] = driver.feed(order("o1", "120", "2025-01-01T23:30:00.0129+08:00"))
    assert rise["effective_at"] == rise["time"] == "2025-01-01T15:30:00.012Z"


def test_texts_go_out_as_they_came_in() -> None:
    [envelope] = envelopes(order("o1", "120", day(0), 'Zoë "北京" 😀'))
    assert envelope["subject"] == envelope["data"]["customer_id"] == 'Zoë "北京" 😀'


def test_every_output_is_known_wherever_outputs_are_listed() -> None:
    constants = [value for name, value in vars(outputs).items() if name.isupper()]
    types = {text for text in constants if re.fullmatch(r"[a-z]+\.[a-z_]+", str(text))}
    assert {outputs.TIER_CHANGED, outputs.POINTS_REFUSED} < types
    of_oracle = {"tier.changed", *DORMANCY_TYPES, *CARE_TYPES, *PROFILE_CHANGE_TYPES}
    assert of_oracle <= set(TYPES) == types - {outputs.CUSTOMER_PROFILE}
    assert TOPICS == OUTPUTS
    assert set(FILES) == {*OUTPUTS, outputs.CUSTOMER_PROFILES, DEAD_LETTERS}
    assert set(retention._HOLDS) > set(FILES) - {DEAD_LETTERS}
