"""The due queue: which customer is due next, from a heap of instants, never by a scan."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

_SLACK = 1_000


class DueQueue:
    """The next due instant of each customer, popped in (instant, customer id) order."""

    def __init__(self, due: dict[str, int] | None = None) -> None:
        """Begin with instants by customer id, or empty."""
        self._due: dict[str, int] = {} if due is None else due
        self._heap: list[tuple[int, str]] = []
        self._build()

    def __len__(self) -> int:
        return len(self._due)

    def due_ms(self, customer_id: str) -> int | None:
        """The instant at which a customer is due; None if it is not."""
        return self._due.get(customer_id)

    def schedule(self, customer_id: str, due_ms: int | None) -> None:
        """Set or clear (None) the instant at which a customer is due."""
        if due_ms is None:
            self._due.pop(customer_id, None)
        elif self._due.get(customer_id) != due_ms:
            self._due[customer_id] = due_ms
            heappush(self._heap, (due_ms, customer_id))
            if len(self._heap) > 2 * len(self._due) + _SLACK:
                self._build()

    def pop_due(self, now_ms: int) -> tuple[int, str] | None:
        """Take off the first customer due by `now_ms`, as (instant, id); None if there is none."""
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            due_ms, customer_id = heappop(heap)
            if self._due.get(customer_id) == due_ms:
                del self._due[customer_id]
                return due_ms, customer_id
        return None

    def _build(self) -> None:
        self._heap = [(due_ms, customer_id) for customer_id, due_ms in self._due.items()]
        heapify(self._heap)
