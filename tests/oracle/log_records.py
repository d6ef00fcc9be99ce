"""Records of the log, and whose belong together because a merge names both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.oracle.forwarded import Way
from tests.oracle.records import NotJsonError, from_binary, native_fields, parse_object

Place = tuple[int, int]
"""A record of the log: partition and offset."""


@dataclass(frozen=True)
class Arrival:
    """How a record came that passes something on: what it follows from, and which way it took.

    The value of an event is in its record; of somebody merged it is no matter what the record says.
    """

    follows_from: Place
    way: Way
    is_transfer: bool


@dataclass(frozen=True)
class LogRecord:
    """A record of the log; one without a key is a tick or a policy."""

    offset: int
    key: bytes | None
    value: bytes | None
    attributes: dict[str, bytes] = field(default_factory=dict)
    arrival: Arrival | None = None


def apart(events: list[tuple[int, LogRecord]]) -> list[list[tuple[int, LogRecord]]]:
    """The records by groups of customers that no merge connects."""
    group_of: dict[bytes, set[bytes]] = {}
    for _, record in events:
        together = _named_together(record)
        joined = together.union(*(group_of.get(key, set()) for key in together))
        for key in joined:
            group_of[key] = joined
    found: dict[int, list[tuple[int, LogRecord]]] = {}
    for number, record in events:
        assert record.key is not None
        found.setdefault(id(group_of[record.key]), []).append((number, record))
    return list(found.values())


def _named_together(record: LogRecord) -> set[bytes]:
    """The ids of a record: whose it is, whom a merge names, and by whom it has come."""
    assert record.key is not None
    keys = {record.key}
    if record.arrival is not None:
        way = record.arrival.way
        hops = way.passed if way.back_from is None else (*way.passed, way.back_from)
        keys |= {hop.customer_id.encode() for hop in hops}
    if record.value is not None and b"customer.merged" in _merged_marks(record):
        try:
            parsed = parse_object(record.value)
            if "ce_specversion" in record.attributes:
                parsed = from_binary(parsed, record.attributes)
        except NotJsonError:
            return keys
        into = native_fields(parsed).get("into")
        if isinstance(into, str):
            keys.add(into.encode("utf-8", "surrogatepass"))
    return keys


def _merged_marks(record: LogRecord) -> bytes:
    """Where the type of an event may stand."""
    return (record.value or b"") + record.attributes.get("ce_type", b"")


def take_turns(folds: Sequence[Iterator[Place]]) -> None:
    """Goes on with each fold in turn until it waits for another, and until all are done."""
    waiting_for: dict[int, Place | None] = dict.fromkeys(range(len(folds)))
    while waiting_for:
        before = dict(waiting_for)
        for number in list(waiting_for):
            try:
                waiting_for[number] = next(folds[number])
            except StopIteration:
                del waiting_for[number]
        if before == waiting_for:
            places = ", ".join(f"{p[0]}/{p[1]}" for p in waiting_for.values() if p is not None)
            raise ValueError(f"somebody arrives from {places}, where nobody was merged")
