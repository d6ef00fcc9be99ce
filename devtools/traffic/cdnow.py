"""The CDNOW purchase log as `order.placed` events (source and attribution: README.md beside it).

The log has dates only. Every purchase gets a time of day within its customer's waking hours, both
worked out from hashes of the row and of the customer id, so that they are the same for ever.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator
from datetime import date
from hashlib import blake2b
from importlib import resources
from typing import NamedTuple

from devtools.traffic.distributions import HOUR_MS
from devtools.traffic.record import Draft, Event, event_of
from scoring.calendar import DAY_MS, day_of_date
from scoring.money import text_of_minor

START_MS = day_of_date(date(1997, 1, 1)) * DAY_MS
"""The log's first instant, 1997-01-01T00:00:00Z."""
END_MS = day_of_date(date(1998, 7, 1)) * DAY_MS
"""The instant after the log's last day, 1998-07-01T00:00:00Z."""

_EARLIEST_WAKING_MS = 6 * HOUR_MS
_WAKING_CHOICES = 4
_AWAKE_MS = 14 * HOUR_MS


class Purchase(NamedTuple):
    """A row of the log. Sorts by time, then by its row in the file.

    `row` counts from 1; `nth` is 1 for the customer's first purchase; `cds` is their number.
    """

    at_ms: int
    row: int
    customer_id: str
    nth: int
    cds: int
    amount_minor: int

    @property
    def order_id(self) -> str:
        """The id of the order, the same at every run."""
        return f"cdnow-{self.row:05d}"

    def event(self) -> Event:
        """The native `order.placed` event of this purchase."""
        fields = {
            "channel": "web",
            "order_id": self.order_id,
            "amount": text_of_minor(self.amount_minor, 2),
            "currency": "USD",
            "payment_status": "paid",
            "items": [{"sku": "cd", "quantity": self.cds, "category": "music"}],
        }
        placed = Draft(self.at_ms, "order.placed", self.customer_id, fields)
        return event_of(placed, f"{self.order_id}-placed")


def purchase_rows() -> list[Purchase]:
    """All purchases in event-time order (70 thousand: about 15 MB)."""
    packed = resources.files("devtools.traffic").joinpath("cdnow.csv.gz").read_bytes()
    text = io.StringIO(gzip.decompress(packed).decode("ascii"))
    rows = csv.reader(text)
    next(rows)
    placed = sorted(
        (_time_of(row, customer_id, day, cds, dollars), row, customer_id, int(cds), dollars)
        for row, (customer_id, day, cds, dollars) in enumerate(rows, start=1)
    )
    seen: Counter[str] = Counter()
    purchases = []
    for at_ms, row, customer_id, cds, dollars in placed:
        seen[customer_id] += 1
        whole, _, cents = dollars.partition(".")
        amount_minor = int(whole) * 100 + int(cents)
        purchases.append(Purchase(at_ms, row, customer_id, seen[customer_id], cds, amount_minor))
    return purchases


def purchases() -> Iterator[Event]:
    """The whole log as native events, in event-time order."""
    for purchase in purchase_rows():
        yield purchase.event()


def _time_of(row: int, customer_id: str, day: str, cds: str, dollars: str) -> int:
    midnight_ms = day_of_date(date.fromisoformat(day)) * DAY_MS
    wakes_ms = _EARLIEST_WAKING_MS + _hash(customer_id) % _WAKING_CHOICES * HOUR_MS
    awake_for_ms = _hash(f"{row},{customer_id},{day},{cds},{dollars}") % _AWAKE_MS
    return midnight_ms + wakes_ms + awake_for_ms


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
