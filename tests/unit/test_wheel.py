"""What is due comes in the order of (instant, customer id)."""

from __future__ import annotations

from handlers.state.due_queue import DueWheel


def popped(wheel: DueWheel, now_ms: int) -> list[tuple[int, str]]:
    found = []
    while (due := wheel.pop_due(now_ms)) is not None:
        found.append(due)
    return found


def test_what_is_due_comes_by_instant_then_by_customer_id() -> None:
    wheel = DueWheel()
    for customer_id, due_ms in (("b", 20), ("a", 20), ("z", 10), ("é", 20), ("B", 20)):
        wheel.schedule(customer_id, due_ms)
    assert popped(wheel, 20) == [(10, "z"), (20, "B"), (20, "a"), (20, "b"), (20, "é")]


def test_ids_are_ordered_by_code_points_not_by_utf_16() -> None:
    wheel = DueWheel()
    wheel.schedule("\N{GRINNING FACE}", 1)
    wheel.schedule("\N{FULLWIDTH LATIN SMALL LETTER A}", 1)
    assert [customer_id for _, customer_id in popped(wheel, 1)] == [
        "\N{FULLWIDTH LATIN SMALL LETTER A}",
        "\N{GRINNING FACE}",
    ]


def test_an_instant_is_due_when_it_is_reached_not_before() -> None:
    wheel = DueWheel()
    wheel.schedule("a", 20)
    assert popped(wheel, 19) == []
    assert popped(wheel, 20) == [(20, "a")]


def test_who_was_taken_off_is_due_no_more() -> None:
    wheel = DueWheel()
    wheel.schedule("a", 20)
    popped(wheel, 20)
    assert popped(wheel, 99) == []
    assert len(wheel) == 0


def test_the_last_schedule_counts() -> None:
    wheel = DueWheel()
    wheel.schedule("a", 20)
    wheel.schedule("a", 40)
    wheel.schedule("b", 30)
    wheel.schedule("b", 10)
    assert popped(wheel, 35) == [(10, "b")]
    assert popped(wheel, 40) == [(40, "a")]


def test_a_schedule_may_be_cleared_and_set_to_the_same_again() -> None:
    wheel = DueWheel()
    wheel.schedule("a", 20)
    wheel.schedule("a", None)
    wheel.schedule("never", None)
    assert popped(wheel, 99) == []
    wheel.schedule("a", 20)
    assert popped(wheel, 99) == [(20, "a")]


def test_a_customer_scheduled_twice_for_one_instant_is_due_once() -> None:
    wheel = DueWheel()
    for due_ms in (20, 30, 20):
        wheel.schedule("a", due_ms)
    assert popped(wheel, 99) == [(20, "a")]


def test_postponing_for_ever_keeps_the_wheel_small() -> None:
    wheel = DueWheel()
    for due_ms in range(100_000):
        wheel.schedule(f"c{due_ms % 10}", due_ms)
    assert len(wheel) == 10
    assert len(wheel._heap) < 2_000
    assert len(popped(wheel, 100_000)) == 10
