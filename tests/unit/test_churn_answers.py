"""Why customers left: kept by the newest answer, counted, shown, and made a tag."""

from __future__ import annotations

from typing import Any

import pytest

from config.policy_file import PolicyError, check_policy
from handlers.control_records import PolicyActivated, encode_control
from handlers.state.format_fields import FormatTooOld
from handlers.state.formats import NEWEST
from scoring.policy import Policy, Satisfaction, TagRule
from streams.engine.metrics import EngineMetrics
from streams.runtime.metrics import Metrics
from tests.builders import day, edited, erased, left_because, merged, order, survey, viewed, without
from tests.driver import Driver

LEFT = TagRule("left", "answer", survey="churn")


def driver(*rules: TagRule, number: int = NEWEST) -> Driver:
    return Driver(Policy(tags=rules or None), format_number=number)


def tags(run: Driver) -> list[str]:
    return [entry["tag"] for entry in run.profile()["tags"]]


def test_the_newest_answer_by_its_time_is_in_the_profile() -> None:
    run = driver()
    run.feed(viewed(day(0)))
    assert "churn_answer" not in run.profile()
    run.feed(left_because("price", day(5)), left_because("moved", day(3)))
    found = run.profile()
    assert (found["churn_answer"], found["churn_answered_at"]) == ("price", day(5))
    run.feed(left_because("service", day(5), event_id="again"))
    assert run.profile()["churn_answer"] == "service", "of equal times the later in the log"


def test_an_answer_makes_a_tag_that_the_next_answer_replaces() -> None:
    run = driver(LEFT)
    run.feed(left_because("price", day(5)))
    assert tags(run) == ["left:price"]
    (told,) = run.feed(left_because("moved", day(6)))
    assert told["type"] == "tags.changed"
    assert [entry["tag"] for entry in told["added"]] == ["left:moved"]
    assert [entry["tag"] for entry in told["removed"]] == ["left:price"]


def test_a_rule_may_name_the_answers_that_make_tags() -> None:
    run = driver(TagRule("left", "answer", survey="churn", values=("price",)))
    run.feed(left_because("moved", day(5)))
    assert tags(run) == []
    run.feed(left_because("price", day(6)))
    assert tags(run) == ["left:price"]


def test_an_answer_of_64_wide_characters_makes_a_tag() -> None:
    run = driver(LEFT)
    run.feed(left_because("太贵" * 32, day(5)))
    assert tags(run) == ["left:" + "太贵" * 32]


def test_an_answer_given_before_the_rule_makes_a_tag_with_it() -> None:
    run = driver()
    run.feed(left_because("price", day(5)))
    run.activate(Policy(tags=(LEFT,)), "tags")
    assert tags(run) == ["left:price"]


def test_it_is_an_interaction_and_no_part_of_satisfaction() -> None:
    run = Driver(Policy(satisfaction=Satisfaction()), format_number=NEWEST)
    run.feed(order("o1", "10", day(0)))
    run.pass_to(day(300))
    (back,) = run.feed(left_because("price", day(301)))
    assert back["type"] == "customer.returned"
    assert run.profile()["satisfaction"]["csat_answers"] == 0
    assert run.partition.context.tally.answers == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (without(left_because("x", day(1)), "answer"), "missing_field"),
        (left_because("", day(1)), "missing_field"),
        (left_because("x" * 65, day(1)), "invalid_value"),
        (left_because(5, day(1)), "wrong_type"),
        (left_because("太" * 64, day(1)), None),
        (without(survey(5, day(1)), "score"), "missing_field"),
        (edited(survey(5, day(1)), survey="sorrow"), "invalid_value"),
        (survey(11, day(1), survey="nps"), "invalid_value"),
        (survey(0, day(1), survey="nps"), None),
    ],
)
def test_what_an_answer_must_be(line: bytes, reason: str | None) -> None:
    assert driver().reject(line) == reason


def test_merged_the_newest_answer_holds() -> None:
    run = driver()
    run.feed(left_because("price", day(5)), left_because("moved", day(6), customer="bob"))
    run.feed(merged("ana", day(7), customer="bob"))
    assert run.profile()["churn_answer"] == "moved"
    run.feed(left_because("later", day(8), customer="zoe"), left_because("own", day(8)))
    run.feed(merged("ana", day(9), customer="zoe"))
    assert run.profile()["churn_answer"] == "own", "of equal times the survivor's"


def test_nothing_is_left_of_it_after_an_erasure() -> None:
    run = driver()
    run.feed(left_because("price", day(5)), erased(day(6)))
    assert run.state().churn_answer is None


def test_answers_are_counted_and_taken_back_with_their_record() -> None:
    run = driver()
    run.feed(left_because("price", day(5)), left_because("price", day(6)), viewed(day(7)))
    assert run.partition.context.tally.churn_answers == {"price": 2}


def test_a_worker_has_so_many_different_answers_as_labels() -> None:
    metrics = Metrics()
    engine = EngineMetrics(metrics, "")
    labels = {engine._churn_label(f"answer {number}") for number in range(150)}
    assert len(labels) == 101
    assert "other" in labels
    assert engine._churn_label("answer 3") == "answer 3"


def test_a_partition_of_an_older_format_does_not_know_them() -> None:
    run = driver(number=2)
    assert run.reject(left_because("price", day(5))) == "invalid_value"
    assert run.reject(survey(5, day(6))) is None


def test_a_policy_of_an_older_format_cannot_have_the_rule() -> None:
    record = PolicyActivated("p", "app", "live", 0, Policy(tags=(LEFT,)), format=2)
    with pytest.raises(FormatTooOld, match="survey"):
        encode_control(record)


def test_the_rule_is_read_and_checked() -> None:
    rule: dict[str, Any] = {"tag": "left", "kind": "answer", "values": ["price"]}
    found = check_policy({"tags": [rule]}).tags
    assert found == (TagRule("left", "answer", survey="churn", values=("price",)),)
    with pytest.raises(PolicyError) as error:
        check_policy({"tags": [{**rule, "survey": "nps"}]})
    assert error.value.problems == ["tags[1].survey: must be \"churn\", got 'nps'"]
