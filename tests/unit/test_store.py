"""A partition's customers: packed, restored by (epoch, position), bounded in what is unpacked."""

from __future__ import annotations

from handlers.decode.content import Content
from handlers.state.customer import (
    Customer,
    Grace,
    Ticket,
    new_customer,
    pack,
    unpack,
    unpack_head,
)
from handlers.state.store import CustomerStore
from scoring.crossed import Crossed
from scoring.orders.change import PAY, Change
from scoring.orders.ledger import Ledger, MergedDay
from scoring.orders.order import Foreign, Order
from scoring.orders.refunds import Refunds


def customer(
    name: str = "ana", *, epoch: int = 0, applied: int = 0, due_ms: int | None = None
) -> Customer:
    found = new_customer(name)
    found.epoch, found.applied, found.next_due_ms = epoch, applied, due_ms
    return found


def rich_customer() -> Customer:
    """Somebody with something in every field that can hold more than a number."""
    found = customer(applied=7, due_ms=123)
    found.tier, found.stage, found.sequence, found.level = "A", "loyal", 12, 2
    found.standing = [(1, "id-1"), (2, "id-2")]
    found.grace = Grace(20_200, (Crossed("score", 75, 66, 70, 5), Crossed("r", None, 1, 2, 6)))
    found.attributes = {"name": ("Ana Pérez", 1), "region": ("北京", 2)}
    found.marketing_consent = False
    found.tickets = [Ticket("t1", "complaint", 5, True, 6), Ticket("t2", None, 1, False, 2)]
    found.refused = [3, 4]
    found.ledger = Ledger(
        orders=[
            Order("o1", 10, 0, 500),
            Order(
                "o2", 20, 0, 542, 1, True, True, Foreign("EUR", 500, 27, 25),
                Refunds(bytes(16), 100, 108),
            ),
        ],
        merged=[MergedDay(5, 2, 900)],
        frozen_count=3,
        waiting=[Change(PAY, "o9")],
    )  # fmt: skip
    found.remember(b"12345678", Content(b"abcdefgh"), 3)
    return found


def test_a_state_comes_back_from_its_bytes_as_it_was() -> None:
    assert unpack(pack(rich_customer())) == rich_customer()


def test_packing_a_state_twice_gives_the_same_bytes() -> None:
    packed = pack(rich_customer())
    assert pack(unpack(packed)) == packed


def test_the_head_is_read_without_the_rest() -> None:
    head = unpack_head(pack(rich_customer()))
    found = rich_customer()
    assert (head.epoch, head.applied, head.next_due_ms) == (found.epoch, 7, 123)
    assert (head.tier, head.stage, head.erased) == ("A", "loyal", False)


def test_an_unknown_customer_is_none() -> None:
    store = CustomerStore()
    assert store.get("nobody") is None
    assert store.applied("nobody") == -1


def test_what_changed_is_packed_once_with_the_owners_epoch() -> None:
    store = CustomerStore()
    store.put(customer("ana"))
    store.put(customer("ben"))
    store.put(customer("ana"))
    packed = store.pack_changed(epoch=9)
    assert [(name, unpack(state).epoch) for name, state in packed] == [("ana", 9), ("ben", 9)]
    assert store.pack_changed(epoch=9) == []


def test_a_change_in_place_counts_when_it_is_put_back() -> None:
    store = CustomerStore()
    store.put(customer("ana"))
    store.pack_changed(1)
    found = store.get("ana")
    assert found is not None
    found.sequence = 5
    store.put(found)
    [(_, packed)] = store.pack_changed(1)
    assert unpack(packed).sequence == 5


def test_ids_are_in_code_point_order_whether_packed_or_not() -> None:
    store = CustomerStore()
    for name in ("b", "é", "B"):
        store.put(customer(name))
    store.pack_changed(1)
    store.put(customer("a"))
    assert store.ids() == ["B", "a", "b", "é"]
    assert len(store) == 4


def test_restore_keeps_the_greatest_epoch_and_of_it_the_last_position() -> None:
    """A former owner that wakes up late has a smaller epoch, however far it thinks it is."""
    records = [
        ("ana", pack(customer(epoch=1, applied=10))),
        ("ana", pack(customer(epoch=2, applied=5))),
        ("ana", pack(customer(epoch=2, applied=6, due_ms=60))),
        ("ana", pack(customer(epoch=2, applied=4))),
        ("ana", pack(customer(epoch=1, applied=99, due_ms=1))),
    ]
    store = CustomerStore()
    store.restore(records)
    found = store.get("ana")
    assert found is not None
    assert (found.epoch, found.applied) == (2, 6)
    assert store.max_epoch == 2
    assert store.due_queue.pop_due(100) == (60, "ana")
    assert store.due_queue.pop_due(100) is None


def test_restored_customers_are_due_when_they_were() -> None:
    store = CustomerStore()
    store.restore([(name, pack(customer(name, due_ms=at))) for name, at in (("b", 5), ("a", 9))])
    assert [store.due_queue.pop_due(9), store.due_queue.pop_due(9)] == [(5, "b"), (9, "a")]


def test_the_applied_position_is_read_without_unpacking() -> None:
    store = CustomerStore()
    store.restore([("ana", pack(customer(applied=42)))])
    assert store.applied("ana") == 42
    assert not store._live


def test_few_customers_are_kept_unpacked() -> None:
    store = CustomerStore(max_live=100)
    for number in range(1_000):
        store.put(customer(f"c{number}"))
        if number % 50 == 49:
            store.pack_changed(1)
    assert len(store._live) <= 125
    assert len(store) == 1_000
    assert store.get("c0") is not None


def test_what_is_newer_than_its_bytes_is_never_forgotten() -> None:
    store = CustomerStore(max_live=10)
    for number in range(100):
        store.put(customer(f"c{number}"))
    store.shrink()
    assert len(store.pack_changed(1)) == 100


def test_packed_states_are_those_of_the_last_packing() -> None:
    store = CustomerStore()
    store.put(customer("ana", applied=1))
    store.pack_changed(1)
    store.put(customer("ben"))
    assert [name for name, _ in store.packed()] == ["ana"]
