"""Records in our own topics that are not ours: passed over, counted, and logged now and then.

A connector that was pointed at the wrong topic, or somebody at a console, may write anything
anywhere. What they write must stop nobody.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

from handlers.decode.fields import valid_customer_id

_log = logging.getLogger(__name__)

_LOG_EVERY_S = 60.0


class ForeignRecords:
    """Takes note of the records of one process that are passed over.

    Args:
        count: counts one of a topic, by its full name.
        now_s: a clock that never runs back.
    """

    def __init__(
        self,
        count: Callable[[str], None] = lambda _: None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._now_s = now_s
        self._unsaid: Counter[str] = Counter()
        self._said_s: dict[str, float] = {}

    def note(self, topic: str, partition: int, offset: int, why: str) -> None:
        """Count a record; of each topic one is logged a minute, with the number of the others."""
        self._count(topic)
        now_s = self._now_s()
        if now_s - self._said_s.get(topic, float("-inf")) < _LOG_EVERY_S:
            self._unsaid[topic] += 1
            return
        self._said_s[topic] = now_s
        others = self._unsaid.pop(topic, 0)
        more = f"; {others:,} more since the last such line" if others else ""
        _log.warning("passed over %s/%s@%s: %s%s", topic, partition, offset, why, more)


def fault_of_key(key: bytes | None) -> str | None:
    """Why a key is none of a customer; None if it may be one."""
    if key is None:
        return "it has no key"
    try:
        customer_id = key.decode()
    except UnicodeDecodeError:
        return "its key is no UTF-8"
    return None if valid_customer_id(customer_id) else "its key is no customer id"
