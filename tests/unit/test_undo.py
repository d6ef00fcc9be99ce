"""What a customer is put back from shares nothing with the customer that a record may change."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct, inspect

from handlers.state.customer import Customer, new_customer, pack
from handlers.state.store import FEW_ORDERS, CustomerStore, snapshot_of
from scoring.orders.ledger import Ledger
from scoring.orders.order import Order

_SAMPLES: dict[type[inspect.Type], Any] = {
    inspect.IntType: 7,
    inspect.StrType: "text",
    inspect.BytesType: b"bytes",
    inspect.BoolType: True,
}


def _sample(kind: Any) -> Any:
    """A value of a type in which every list has an element, and nothing is None."""
    if isinstance(kind, inspect.Metadata):
        return _sample(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _sample(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
    if isinstance(kind, inspect.StructType | inspect.NamedTupleType):
        return kind.cls(*(_sample(field.type) for field in kind.fields))
    if isinstance(kind, inspect.ListType):
        return [_sample(kind.item_type)]
    if isinstance(kind, inspect.DictType):
        return {_sample(kind.key_type): _sample(kind.value_type)}
    if isinstance(kind, inspect.VarTupleType):
        return (_sample(kind.item_type),)
    if isinstance(kind, inspect.TupleType):
        return tuple(map(_sample, kind.item_types))
    return _SAMPLES[type(kind)]


def _filled(kind: type[Struct]) -> Any:
    return _sample(inspect.type_info(kind))


def _changes(value: Any) -> bool:
    """Whether a value, or one in it, can be changed in place."""
    if isinstance(value, Struct):
        fields = (getattr(value, name) for name in value.__struct_fields__)
        return not value.__struct_config__.frozen or any(map(_changes, fields))
    if isinstance(value, tuple):
        return any(map(_changes, value))
    return not isinstance(value, int | str | bytes | None)


def _shared(value: Struct, copy: Struct) -> list[str]:
    """The fields in which a copy has, or holds, an object that can be changed in place."""
    found = []
    for name in value.__struct_fields__:
        mine, theirs = getattr(value, name), getattr(copy, name)
        assert mine == theirs
        if isinstance(mine, list):
            is_shared = mine is theirs or any(map(_changes, theirs))
        elif isinstance(mine, Struct) and mine is not theirs:
            is_shared = any(_changes(getattr(theirs, name)) for name in mine.__struct_fields__)
        else:
            is_shared = _changes(theirs)
        if is_shared:
            found.append(name)
    return found


def test_a_copied_ledger_shares_its_orders_and_nothing_else_that_changes() -> None:
    ledger = _filled(Ledger)
    assert _shared(ledger, ledger.copied()) == ["orders"]
    assert ledger.orders is not ledger.copied().orders


def test_a_copied_order_shares_nothing_that_changes() -> None:
    order = _filled(Order)
    assert None not in (order.refunds, order.earned, order.later, order.foreign)
    assert _shared(order, order.copied()) == []


def test_what_would_be_shared_is_found() -> None:
    class Shelf(Struct):
        books: list[str]
        owner: Order

    shelf = Shelf(["a"], _filled(Order))
    assert _shared(shelf, Shelf(shelf.books, shelf.owner)) == ["books", "owner"]
    assert _shared(shelf, Shelf(["a"], shelf.owner.copied())) == ["owner"], "not to any depth"


def test_a_customer_is_put_back_in_every_field() -> None:
    store, customer = CustomerStore(), new_customer("ana")
    store.put(customer)
    before, snapshot = pack(customer), snapshot_of(customer)
    other = _filled(Customer)
    for name in set(Customer.__struct_fields__) - {"refused", "customer_id"}:
        setattr(customer, name, getattr(other, name))
    store.put_back("ana", snapshot)
    restored = store.get("ana")
    assert restored is not None
    assert pack(restored) == before != pack(customer)


@pytest.mark.parametrize("orders", [0, 1, FEW_ORDERS, FEW_ORDERS + 1])
def test_a_snapshot_serves_twice(orders: int) -> None:
    store, customer = CustomerStore(), new_customer("ana")
    customer.ledger.orders = [_filled(Order) for _ in range(orders)]
    store.put(customer)
    before, snapshot = pack(customer), snapshot_of(customer)
    for _ in range(2):
        store.put_back("ana", snapshot)
        restored = store.get("ana")
        assert restored is not None
        assert pack(restored) == before
        restored.ledger.orders.clear()
