"""Faults in the product's handlers, as a bug would be: the same records and customers each time.

A fault comes after the handler has done its work, when there is most to put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest import mock
from zlib import crc32

import handlers.merge.routing
import handlers.partition
import handlers.partition_core
import handlers.transitions
from handlers.partition import Partition
from handlers.transitions import ORDER_HANDLERS, OTHER_HANDLERS

IN_EVENTS = (
    *(kind.__name__ for kind in ORDER_HANDLERS),
    *(kind.__name__ for kind in OTHER_HANDLERS),
    *("CustomerMerged", "CustomerErased"),
    *("decode", "check_values", "identify", "evaluate", "compare_level"),
    *("begin_care", "follow_points", "follow_tags", "plan"),
)
"""Where an event may raise: the handler of each type, and what comes before and after it."""

IN_DUE = ("evaluate", "reach_levels", "remind", "expire_points", "fire_tags", "plan")
"""Where a due instant may raise."""

IN_OTHERS = ("reevaluate", "absorb")
"""Where a new policy and a merge may raise, for a customer."""


class Poisoned(Exception):
    """The fault."""


def one_in(share: int) -> Callable[[str], bool]:
    """Chooses about one of so many texts, always the same ones."""
    return lambda text: crc32(text.encode()) % share == 0


class _Trap:
    """Raises when a function is done for an event that is chosen."""

    def __init__(self, is_poisoned: Callable[[str], bool]) -> None:
        self._is_poisoned = is_poisoned
        self._taken: list[str] = []

    def taking(self, take_event: Callable[..., Any]) -> Callable[..., Any]:
        """Note which event is applied; what fires before it is not meant."""

        def call(context: Any, customer: Any, event: Any, *args: Any, **named: Any) -> Any:
            self._taken.append(event.event_id)
            return take_event(context, customer, event, *args, **named)

        return call

    def whole(self, apply: Callable[..., Any]) -> Callable[..., Any]:
        """The event is applied."""

        def call(*args: Any) -> Any:
            try:
                return apply(*args)
            finally:
                self._taken.clear()

        return call

    def inside(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A function that is called while the event is applied."""

        def call(*args: Any, **named: Any) -> Any:
            result = original(*args, **named)
            if self._taken:
                self._spring(self._taken[-1])
            return result

        return call

    def given(self, at: int | None, name: str = "event_id") -> Callable[[Any], Any]:
        """A function to which the event is given, or which returns it."""

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **named: Any) -> Any:
                result = original(*args, **named)
                chosen = getattr(result if at is None else args[at], name, None)
                if chosen is not None:
                    self._spring(chosen)
                return result

            return call

        return wrap

    def _spring(self, chosen: str) -> None:
        if self._is_poisoned(chosen):
            raise Poisoned(chosen)


@contextmanager
def poisoned_events(point: str, is_poisoned: Callable[[str], bool]) -> Iterator[None]:
    """Raise at a place of `IN_EVENTS` for the events whose id is chosen; all erasures raise."""
    trap = _Trap(is_poisoned)
    places: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
        "CustomerMerged": (handlers.partition, "start_merge", trap.given(3)),
        "CustomerErased": (Partition, "_erase", trap.given(2, "customer_id")),
        "decode": (handlers.partition, "decode", trap.given(None)),
        "check_values": (handlers.partition, "check_values", trap.given(0)),
        "identify": (handlers.partition, "identify", trap.given(1)),
        "plan": (handlers.partition, "plan", trap.inside),
    }
    with ExitStack() as stack:
        for owner, name, wrap in (
            (handlers.partition, "take_event", trap.taking),
            (Partition, "_apply", trap.whole),
        ):
            stack.enter_context(_wrapped(owner, name, wrap))
        for table in (ORDER_HANDLERS, OTHER_HANDLERS):
            wrapped = {
                kind: trap.inside(handler)
                for kind, handler in table.items()
                if kind.__name__ == point
            }
            stack.enter_context(mock.patch.dict(table, wrapped))
        if point in places:
            stack.enter_context(_wrapped(*places[point]))
        elif hasattr(handlers.transitions, point) and point[0].islower():
            stack.enter_context(_wrapped(handlers.transitions, point, trap.inside))
        yield


def _wrapped(owner: Any, name: str, wrap: Callable[[Any], Any]) -> AbstractContextManager[Any]:
    return mock.patch.object(owner, name, wrap(getattr(owner, name)))


@contextmanager
def poisoned_dues(point: str, is_poisoned: Callable[[str], bool]) -> Iterator[None]:
    """Raise at a place of `IN_DUE` when an instant of a chosen customer fires."""
    firing: list[str] = []
    guarded = handlers.partition_core.PartitionCore._fire

    def tracked(core: Any, customer: Any, due_ms: int, before: Any) -> Any:
        firing.append(customer.customer_id)
        try:
            return guarded(core, customer, due_ms, before)
        finally:
            firing.pop()

    def failing(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            result = original(*args, **named)
            if firing and is_poisoned(firing[-1]):
                raise Poisoned(firing[-1])
            return result

        return call

    owner: Any = handlers.partition_core if point == "plan" else handlers.transitions
    with (
        mock.patch.object(handlers.partition_core.PartitionCore, "_fire", tracked),
        mock.patch.object(owner, point, failing(getattr(owner, point))),
    ):
        yield


@contextmanager
def poisoned_customers(point: str, is_poisoned: Callable[[str], bool]) -> Iterator[None]:
    """Raise at a place of `IN_OTHERS`, or in `profile_record`, for chosen customers."""
    owners = {"absorb": handlers.merge.routing, "reevaluate": handlers.partition_core}
    owner: Any = owners.get(point, handlers.partition)
    original = getattr(owner, point)

    def call(*args: Any, **named: Any) -> Any:
        result = original(*args, **named)
        customer = next(argument for argument in args if hasattr(argument, "customer_id"))
        if is_poisoned(customer.customer_id):
            raise Poisoned(customer.customer_id)
        return result

    with mock.patch.object(owner, point, call):
        yield


@contextmanager
def poison_everywhere(*places: str) -> Iterator[None]:
    """Raise at several places, each named as `event:PLACE` or `due:PLACE`, now and then."""
    with ExitStack() as stack:
        for place in places:
            kind, _, point = place.partition(":")
            poisoned = poisoned_events if kind == "event" else poisoned_dues
            stack.enter_context(poisoned(point, one_in(5)))
        yield
