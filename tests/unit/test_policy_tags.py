"""The tags of a policy: every kind is read, and what is wrong with one is said."""

from __future__ import annotations

import re

import pytest

from config.policy_file import PolicyError, parse_policy
from handlers.control_records import PolicyActivated, decode_control, encode_control
from handlers.events import SCHEMA, Browsed
from scoring.policy import Action, TagRule
from scoring.rules import Rules


def tag(name: str = "t", **fields: str) -> str:
    lines = "".join(f"{key} = {value}\n" for key, value in fields.items())
    return f'[[tags]]\ntag = "{name}"\n{lines}'


def count(name: str = "often", events: str = '["page.viewed"]', **more: str) -> str:
    return tag(name, **{"kind": '"count"', "events": events, "at_least": "2", **more})


def age(bands: str = "[18, 60]", name: str = "age") -> str:
    return tag(name, kind='"age"', bands=bands)


def top(of: str, name: str = "t", **more: str) -> str:
    return tag(name, kind='"top"', of=f'"{of}"', **more)


def share(of: str, **more: str) -> str:
    return tag(kind='"order_share"', of=f'"{of}"', **{"at_least": "0.5", **more})


def orders(of: str, **more: str) -> str:
    return tag(kind='"orders"', of=f'"{of}"', at_least="1", **more)


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text)
    return refused.value.problems


def test_every_kind_is_read_and_goes_through_the_log() -> None:
    policy = parse_policy(
        "[satisfaction]\n"
        + age()
        + tag("a", kind='"attribute"', of='"region"', values='["x"]')
        + count("b", '["browse", "order.placed"]', days="30", at_most="3")
        + tag("c", kind='"orders"', of='"average"', days="90", at_least='"12.50"')
        + tag("d", kind='"order_share"', of='"hours"', hours="[22, 6]", at_least="0.5")
        + top("category", "e", top="2", purchase_weight="9")
        + tag("f", kind='"measure"', of='"nps_last"', at_most="6")
    )
    assert policy.tags == (
        TagRule("age", "age", bands=(18, 60)),
        TagRule("a", "attribute", of="region", values=("x",)),
        TagRule(
            "b",
            "count",
            events=(*SCHEMA.names_of(Browsed), "order.placed"),
            days=30,
            at_least="2",
            at_most="3",
        ),
        TagRule("c", "orders", of="average", days=90, at_least="12.50"),
        TagRule("d", "order_share", of="hours", hours=(22, 6), at_least="0.5"),
        TagRule("e", "top", of="category", top=2, at_least="0.5", purchase_weight=9),
        TagRule("f", "measure", of="nps_last", at_most="6"),
    )
    assert Rules(policy).tags is not None
    record = PolicyActivated("p1", "app", "replay", 0, policy)
    assert decode_control(encode_control(record)) == record


@pytest.mark.parametrize("name", ["often", "0-9_a", "母婴偏好", "fidèle", "वफ़ादार", "часто_1"])
def test_a_tag_has_a_name_in_any_script(name: str) -> None:
    (found,) = parse_policy(age(name=name)).tags or ()
    assert (found.tag, found.label) == (name, {})


@pytest.mark.parametrize("name", ["Often", "-a", "a b", "fide\u0300le", "😀", "中" * 22, "a:b"])
def test_a_name_has_one_spelling_and_no_signs(name: str) -> None:
    with pytest.raises(PolicyError, match="letters of any script"):
        parse_policy(age(name=name))


def test_a_tag_and_an_action_have_labels() -> None:
    labels = 'label = { en = "Age", zh = "年龄" }\n'
    actions = '[actions.nurture]\nlabel = { zh = "培育" }\n'
    policy = parse_policy(actions + age() + labels)
    assert [each.label for each in policy.tags or ()] == [{"en": "Age", "zh": "年龄"}]
    assert policy.actions == {"nurture": Action({"zh": "培育"})}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (age() + "label = 5", "tags[1].label: must be a table"),
        ("[actions]\ncall = 5", "actions.call: must be a table"),
        ('[actions.call]\nlabels = { en = "x" }', "actions.call.labels: unknown key"),
        ("[actions.call]\nlabel = { en = 5 }", "actions.call.label.en: must be a text"),
    ],
)
def test_a_label_is_a_text_by_language(text: str, problem: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(problem)):
        parse_policy(text)


def test_without_any_there_are_none() -> None:
    assert parse_policy("").tags is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tags = []", "tags: must be 1 to 64 tables"),
        ("".join(age(name=f"a{n}") for n in range(65)), "tags: must be 1 to 64 tables"),
        ("tags = 5", "tags: must be written as [[tags]] tables"),
        (
            age(name="Age"),
            "tags[1].tag: takes letters of any script (no capitals), digits, - and _",
        ),
        (
            age(name="a:b"),
            "tags[1].tag: takes letters of any script (no capitals), digits, - and _",
        ),
        (age(name=""), "tags[1].tag: must be a text of 1 to 32 characters"),
        (age() + age(), "tags[2].tag: 'age' stands twice"),
        (tag(kind='"regex"'), 'tags[1].kind: must be "attribute" or "age" or "count" or'),
        (tag(of='"region"'), 'tags[1].kind: must be "attribute" or'),
        (age() + "days = 3", "tags[1].days: unknown key"),
        (age("[60, 18]"), "tags[1].bands: must be 1 to 16 rising whole numbers from 1 to 150"),
        (age("[0, 18]"), "tags[1].bands: must be 1 to 16 rising whole"),
        (age("[]"), "tags[1].bands: must be 1 to 16 rising whole"),
        (age("[151]"), "tags[1].bands: must be 1 to 16 rising whole numbers"),
        (tag(kind='"attribute"'), "tags[1].of: must be a text of 1 to 128 characters"),
        (
            tag(kind='"attribute"', of='"region"', values='["a", "a"]'),
            "tags[1].values: must be a list of up to 64 different texts",
        ),
        (count(events="[]"), "tags[1].events: must be a list of types of events such as"),
        (
            count(events='["page.seen"]'),
            "tags[1].events: 'page.seen' is no type of event that can be counted",
        ),
        (
            count(events='["customer.erased"]'),
            "tags[1].events: 'customer.erased' is no type of event that can be counted",
        ),
        (
            count(activity='"referral"'),
            "tags[1].activity: goes with events =",
        ),
        (count(days="367"), "tags[1].days: must be a whole number from 1 to 366"),
        (
            tag(kind='"count"', events='["browse"]'),
            "tags[1].at_least: is missing: a rule needs at_least, at_most or both",
        ),
        (count(at_least='"2.5"'), "tags[1].at_least: must be a whole number, got 2.5"),
        (count(at_least="-2"), "tags[1].at_least: must be a decimal from 0"),
        (count(at_most="1"), "tags[1].at_least: must not exceed at_most"),
        (orders("sum"), 'tags[1].of: must be "count" or "spend" or "average" or "ever"'),
        (orders("ever", days="5"), "tags[1].days: unknown key"),
        (
            "window_days = 30\n" + orders("count", days="31"),
            "tags[1].days: must be a whole number from 1 to 30",
        ),
        (share("small"), "tags[1].amount: is missing, the largest amount that is small"),
        (
            share("small", amount='"0.005"'),
            "tags[1].amount: '0.005' has more than the 2 decimals of USD",
        ),
        (share("refunded", at_least="1.5"), "tags[1].at_least: must be at most 1, got 1.5"),
        (share("refunded", min_orders="0"), "tags[1].min_orders: must be a whole number from 1"),
        (share("hours", hours="[24, 6]"), "tags[1].hours: must be two hours such as [22, 6]"),
        (share("hours", hours="[6, 6]"), "tags[1].hours: must be two hours such as [22, 6]"),
        (share("hours"), "tags[1].hours: must be two hours such as [22, 6]"),
        (top("sku"), 'tags[1].of: must be "category" or "channel"'),
        (top("channel", top="11"), "tags[1].top: must be a whole number from 1 to 10"),
        (top("channel", half_life_days="0"), "tags[1].half_life_days: must be a whole number"),
        (top("channel", view_weight="1"), "tags[1].view_weight: unknown key"),
        (top("category", view_weight="101"), "tags[1].view_weight: must be a whole number from 0"),
        (
            top("category", at_least="0"),
            "tags[1].at_least: must be from 0.001 to 1000000000, got 0",
        ),
        (
            top("channel") + top("channel", "u"),
            'tags[2].of: there is another rule for the top of "channel" already',
        ),
        (
            tag(kind='"measure"', of='"nps_last"', at_most="6"),
            'tags[1].of: "nps_last" needs a [satisfaction] section',
        ),
        (
            tag(kind='"measure"', of='"open_tickets"', at_least="0.5"),
            "tags[1].at_least: must be a whole number, got 0.5",
        ),
        (
            "".join(count(f"a{n}", '["activity.recorded"]', activity=f'"a{n}"') for n in range(17)),
            "tags: count 17 kinds of events in all, at most 16 may be",
        ),
        (
            count(events='["browse"]', days="251"),
            "tags: count 6 kinds of events over 1506 days taken together, at most 1500 may be",
        ),
        (
            count(events='["activity.recorded"]', activity='"' + 22 * "客" + '"'),
            "tags[1].activity: must take at most 64 bytes",
        ),
    ],
)
def test_a_wrong_tag_is_refused_with_its_key_and_the_reason(text: str, problem: str) -> None:
    assert any(found.startswith(problem) for found in problems(text)), problems(text)
