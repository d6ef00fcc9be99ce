"""What is due comes in the order of (instant, customer id)."""

from __future__ import annotations

from handlers.state.due_queue import DueQueue


def popped(due_queue: DueQueue, now_ms: int) -> list[tuple[int, str]]:
    found = []
    while (due := due_queue.pop_due(now_ms)) is not None:
        found.append(due)
    return found


def test_what_is_due_comes_by_instant_then_by_customer_id() -> None:
    due_queue = DueQueue()
    for customer_id, due_ms in (("b", 20), ("a", 20), ("z", 10), ("é", 20), ("B", 20)):
        due_queue.schedule(customer_id, due_ms)
    assert popped(due_queue, 20) == [(10, "z"), (20, "B"), (20, "a"), (20, "b"), (20, "é")]


def test_ids_are_ordered_by_code_points_not_by_utf_16() -> None:
    due_queue = DueQueue()
    due_queue.schedule("\N{GRINNING FACE}", 1)
    due_queue.schedule("\N{FULLWIDTH LATIN SMALL LETTER A}", 1)
    assert [customer_id for _, customer_id in popped(due_queue, 1)] == [
        "\N{FULLWIDTH LATIN SMALL LETTER A}",
        "\N{GRINNING FACE}",
    ]


def test_an_instant_is_due_when_it_is_reached_not_before() -> None:
    due_queue = DueQueue()
    due_queue.schedule("a", 20)
    assert popped(due_queue, 19) == []
    assert popped(due_queue, 20) == [(20, "a")]


def test_who_was_taken_off_is_due_no_more() -> None:
    due_queue = DueQueue()
    due_queue.schedule("a", 20)
    popped(due_queue, 20)
    assert popped(due_queue, 99) == []
    assert len(due_queue) == 0


def test_the_last_schedule_counts() -> None:
    due_queue = DueQueue()
    due_queue.schedule("a", 20)
    due_queue.schedule("a", 40)
    due_queue.schedule("b", 30)
    due_queue.schedule("b", 10)
    assert popped(due_queue, 35) == [(10, "b")]
    assert popped(due_queue, 40) == [(40, "a")]


def test_a_schedule_may_be_cleared_and_set_to_the_same_again() -> None:
    due_queue = DueQueue()
    due_queue.schedule("a", 20)
    due_queue.schedule("a", None)
    due_queue.schedule("never", None)
    assert popped(due_queue, 99) == []
    due_queue.schedule("a", 20)
    assert popped(due_queue, 99) == [(20, "a")]


def test_a_customer_scheduled_twice_for_one_instant_is_due_once() -> None:
    due_queue = DueQueue()
    for due_ms in (20, 30, 20):
        due_queue.schedule("a", due_ms)
    assert popped(due_queue, 99) == [(20, "a")]


def test_postponing_for_ever_keeps_the_queue_small() -> None:
    due_queue = DueQueue()
    for due_ms in range(100_000):
        due_queue.schedule(f"c{due_ms % 10}", due_ms)
    assert len(due_queue) == 10
    assert len(due_queue._heap) < 2_000
    assert len(popped(due_queue, 100_000)) == 10
