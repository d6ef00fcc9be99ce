"""What `tierstream explain` says of tags, satisfaction, health and holdout."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from cli.explain.render import explanation_view
from config.policy_file import check_policy
from handlers.explain.build import explain
from handlers.explain.model import DueReason, Explanation, HealthPart, NameWeight, TagWhy
from scoring.policy import Policy, TagRule
from tests.builders import (
    day,
    day_ms,
    order,
    profile,
    survey,
    ticket_opened,
    ticket_resolved,
    viewed,
)
from tests.driver import Driver
from words import Language, words_in

DECLARED: dict[str, Any] = {
    "satisfaction": {},
    "health": {"recency": 2, "monetary": 0},
    "holdout": {"share": "0.5", "salt": "s"},
    "tags": [
        {"tag": "region", "kind": "attribute", "of": "region"},
        {"tag": "likes", "kind": "top", "of": "category", "top": 1},
        {"tag": "often", "kind": "count", "events": ["browse"], "days": 30, "at_least": 1},
    ],
}


def explained(*lines: bytes, policy: dict[str, Any] | None = None) -> Explanation:
    driver = Driver(Policy() if policy is None else check_policy(policy))
    driver.feed(*lines)
    state = driver.state()
    return explain(state, driver.partition.rules, driver.partition.clock_of(state))


def words(why: Explanation) -> str:
    console = Console(file=StringIO(), width=100)
    console.print(explanation_view(why, words_in()))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return " ".join(text.split())


LIFE = (
    profile({"region": "north"}, day(0)),
    viewed(day(0, 1), category="hats"),
    viewed(day(0, 2), category="hats"),
    viewed(day(0, 3), category="shoes"),
    order("o1", "60", day(1)),
    ticket_opened("t1", day(1), kind="complaint"),
    ticket_resolved("t1", day(2)),
    survey(4, day(3)),
)


def test_without_the_sections_nothing_is_said_of_them() -> None:
    why = explained(*LIFE)
    found = (why.satisfaction, why.health, why.holdout, why.tags, why.weights)
    assert found == (None,) * 5
    assert not {"Tags", "Satisfaction", "Health"} & set(words(why).split())


def test_tags_are_shown_with_their_kind_and_what_names_weigh() -> None:
    why = explained(*LIFE, policy=DECLARED)
    assert why.tags == [
        TagWhy("likes:hats", day(0, 1), "top"),
        TagWhy("often", day(0, 1), "count"),
        TagWhy("region:north", day(0), "attribute"),
    ]
    assert why.weights is not None
    assert [(w.name, w.error) for w in why.weights] == [("hats", "0.000"), ("shoes", "0.000")]
    # floor(1024 * 2^(r / 30)) on day 20089 (r = 19) by that on day 20092 (r = 22), times 2 and 1
    assert [w.weight for w in why.weights] == ["1.866", "0.933"]


def test_an_approximate_weight_says_by_how_much_it_may_be_too_high() -> None:
    lines = [viewed(day(0, 0, n), category=f"c{n:02}") for n in range(33)]
    why = explained(*lines, policy=DECLARED)
    assert why.weights is not None
    assert why.weights[0] == NameWeight("category", "c32", "2.000", "1.000")
    assert "c32 2.000 (less up to 1.000), c01 1.000," in words(why)


def test_health_is_shown_part_by_part_with_its_weights() -> None:
    health = explained(*LIFE, policy=DECLARED).health
    assert health is not None
    assert health.parts == [
        HealthPart("recency", 100, "2"),
        HealthPart("frequency", 0, "1"),
        HealthPart("level", 100, "1"),
        HealthPart("satisfaction", 75, "1"),
        HealthPart("support", 100, "1"),
    ]
    assert health.score == (2 * 100 + 0 + 100 + 75 + 100) // 6


def test_the_day_on_which_tags_change_is_among_what_comes_next() -> None:
    policy = {**DECLARED, "window_days": 365, "cutoffs": {"recency_days": [90, 91, 92, 93]}}
    why = explained(viewed(day(0)), policy=policy)
    assert why.due is not None
    assert (why.due.at, why.due.reasons) == (day(30), [DueReason("tags_change")])


def test_it_is_shown_in_words() -> None:
    text = words(explained(*LIFE, policy=DECLARED))
    assert "likes:hats since 2025-01-01 01:00:00" in text
    assert "heaviest by category: hats 1.866, shoes 0.933" in text
    assert "CSAT: 4 last, 4.00 in the mean of 1 NPS: no answer yet" in text
    assert "tickets took 24.00 hours in the mean of 1 open: 0 tickets, 0 of them" in text
    assert "79 of 100, the weighted mean of recency 100 weight 2 frequency 0 weight 1" in text
    assert "held out of campaigns" in text


def test_a_tag_is_shown_by_its_label_in_the_language() -> None:
    policy = Policy(tags=(TagRule("age", "age", bands=(18, 60), label={"zh": "年龄段"}),))
    driver = Driver(policy)
    driver.feed(profile({"birth_date": "1990-01-01"}, day(0)))
    why = explain(driver.state(), driver.partition.rules, day_ms(1))
    console = Console(file=StringIO(), width=100)
    console.print(explanation_view(why, words_in(Language.ZH), policy))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert "年龄段：18-59" in text
    assert "自 2025年1月1日 00:00:00 起" in text
