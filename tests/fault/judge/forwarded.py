"""How a record of the log says that it passes something from one customer to another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.fault.evidence import RawRecord
from tests.fault.judge.wire import Unreadable, headers_of
from tests.oracle.forwarded import Hop, Way
from tests.oracle.log import Arrival

_TYPES = {"customer.transferred": True, "customer.followed": False}


@dataclass(frozen=True)
class ForwardedRecord:
    """What the headers say.

    Attributes:
        arrival: which record it follows from, by which way it came, and whether somebody merged
            came with it, or an event.
        customer_id: who came with it; None for an event.
        event_id: of the merge; likewise.
        event: the value of the merge's record, with somebody merged and if there is room.
    """

    arrival: Arrival
    customer_id: str | None
    event_id: str | None
    event: bytes | None


def forwarded_in_log(record: RawRecord) -> ForwardedRecord | None:
    """What a record passes on; None if it came in as it is.

    Raises:
        Unreadable: its headers are not as documented.
    """
    headers = headers_of(record)
    told = headers.get("onward")
    if told is None:
        return None
    try:
        said: dict[str, Any] = json.loads(told)
        partition, offset = headers["onward-from"].decode().split("/")
        back = said["back"]
        way = Way(
            said["into"],
            tuple(Hop(*_hop(hop)) for hop in said["via"]),
            None if back is None else Hop(*_hop(back)),
        )
        is_transfer = _TYPES[said["type"]]
        arrival = Arrival((int(partition), int(offset)), way, is_transfer)
        return ForwardedRecord(
            arrival,
            said["customer_id"] if is_transfer else None,
            said["event_id"] if is_transfer else None,
            headers.get("onward-event"),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Unreadable("its headers onward and onward-from are not as documented") from error


def _hop(said: list[Any]) -> tuple[str, int]:
    customer_id, number = said
    return customer_id, number
