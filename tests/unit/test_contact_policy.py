"""`[audience]`, `[contact]` and `owner_attribute`: what is read, and what is refused and why."""

from __future__ import annotations

import pytest

from config.policy_file import PolicyError, parse_policy
from handlers.control_records import PolicyActivated, decode_control, encode_control
from handlers.state.customer import pack, unpack
from handlers.state.format_fields import FormatTooOld
from handlers.state.formats import FIRST, NEWEST
from scoring.policy import Cap, ContactPolicy, Policy, Quiet
from tests.builders import day, order, profile
from tests.driver import Driver

WHOLE = """
[audience]
"checkin.due" = "staff"
"dormancy.alert:churned" = "staff"
[contact]
quiet = { from = "21:00", to = "09:00" }
caps = [{ messages = 1, days = 1 }, { messages = 3, days = 7 }]
priority = ["dormancy.alert", "tier.changed:down", "birthday.upcoming"]
exempt = ["points.expiring", "dormancy.alert:churned"]
[care]
owner_attribute = "manager"
"""


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text)
    return refused.value.problems


def test_every_key_is_read() -> None:
    policy = parse_policy(WHOLE)
    assert policy.audience == {"checkin.due": "staff", "dormancy.alert:churned": "staff"}
    assert policy.contact == ContactPolicy(
        Quiet("21:00", "09:00"),
        (Cap(1, 1), Cap(3, 7)),
        ("dormancy.alert", "tier.changed:down", "birthday.upcoming"),
        ("points.expiring", "dormancy.alert:churned"),
    )
    assert policy.care is not None
    assert policy.care.owner_attribute == "manager"


def test_the_sections_may_be_empty_and_are_none_where_they_are_missing() -> None:
    policy = parse_policy("[audience]\n[contact]\n")
    assert (policy.audience, policy.contact) == ({}, ContactPolicy())
    policy = parse_policy("")
    assert (policy.audience, policy.contact) == (None, None)


def test_the_record_of_a_policy_holds_all_of_it() -> None:
    record = PolicyActivated("p", "app", "replay", 0, parse_policy(WHOLE), format=NEWEST)
    assert decode_control(encode_control(record)) == record


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("caps = [{ messages = 1 }]", "contact.caps[1].days", "is missing, a whole number from 1"),
        ("caps = [{ days = 1 }]", "contact.caps[1].messages", "is missing, a whole number from 1"),
        ("caps = [{ messages = 21, days = 1 }]", "contact.caps[1].messages", "from 1 to 20"),
        ("caps = [{ messages = 0, days = 1 }]", "contact.caps[1].messages", "from 1 to 20"),
        ("caps = [{ messages = 1, days = 0 }]", "contact.caps[1].days", "from 1 to 366"),
        ("caps = []", "contact.caps", "must be 1 to 4"),
        (
            "caps = [" + "{ messages = 1, days = 1 }," * 5 + "]",
            "contact.caps",
            "must be 1 to 4",
        ),
        ('quiet = { from = "21:00", to = "21:00" }', "contact.quiet.to", "cover the whole day"),
        ('quiet = { from = "21:00" }', "contact.quiet.to", "is missing"),
        ('quiet = { from = "25:00", to = "09:00" }', "contact.quiet.from", '"00:00" to "23:59"'),
        ('quiet = { from = 21, to = "09:00" }', "contact.quiet.from", "must be a text"),
        ("quiet = 3", "contact.quiet", "must be a table"),
        (
            'caps = [{ messages = 1, days = 1 }]\npriority = ["dormancy.alerts"]',
            "contact.priority",
            "did you mean dormancy.alert?",
        ),
        (
            'caps = [{ messages = 1, days = 1 }]\nexempt = ["tier.changed:sideways"]',
            "contact.exempt",
            "take tier.changed or tier.changed:up or tier.changed:down",
        ),
        ("cap = 1", "contact.cap", "unknown key, did you mean caps?"),
    ],
)
def test_what_is_wrong_in_contact_has_its_place_and_reason(
    text: str, place: str, reason: str
) -> None:
    problem = problems(f"[contact]\n{text}\n")[0]
    assert problem.startswith(f"{place}: ")
    assert reason in problem


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('"checkin.due" = "manager"', "audience.checkin.due", '"customer" or "staff"'),
        ('"chekin.due" = "staff"', "audience.chekin.due", "did you mean checkin.due?"),
        ('"points.changed" = "staff"', "audience.points.changed", "is for nobody in particular"),
    ],
)
def test_what_is_wrong_in_audience_has_its_place_and_reason(
    text: str, place: str, reason: str
) -> None:
    (problem,) = problems(f"[audience]\n{text}\n")
    assert problem.startswith(f"{place}: ")
    assert reason in problem


def test_an_owner_attribute_has_a_name() -> None:
    (problem,) = problems('[care]\nowner_attribute = ""\n')
    assert problem.startswith("care.owner_attribute: must be a text")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[audience]\n", "audience"),
        ("[contact]\ncaps = [{ messages = 1, days = 1 }]\n", "contact"),
        ('[care]\nowner_attribute = "manager"\n', "owner_attribute"),
    ],
)
def test_a_partition_of_an_older_format_takes_no_such_policy(text: str, name: str) -> None:
    record = PolicyActivated("p", "app", "replay", 0, parse_policy(text), format=2)
    with pytest.raises(FormatTooOld, match=f"^{name} cannot be kept in format 2"):
        encode_control(record)


def test_without_the_keys_a_customer_fits_every_older_format() -> None:
    run = Driver(Policy(), format_number=FIRST)
    run.feed(order("o1", "500", day(0)), profile({"owner": "eva"}, day(1)))
    run.pass_to(day(100))
    customer = run.partition.store.get("ana")
    assert customer is not None
    assert customer.messages == []
    assert unpack(pack(customer, FIRST)) == customer
