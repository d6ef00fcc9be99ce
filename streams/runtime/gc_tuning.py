"""How often Python looks for garbage in cycles."""

from __future__ import annotations

import gc

_YOUNG_OBJECTS = 50_000
_YOUNG_PASSES = 20
_MIDDLE_PASSES = 100


def collect_rarely() -> None:
    """Look through young objects less often, and through all of them hardly ever.

    States of customers are many objects that live long and form no cycles. With Python's own
    thresholds (700, 10, 10) a worker spends a tenth of its time looking through them. What does
    form cycles, such as finished tasks and errors with their traces, is still found.
    """
    gc.set_threshold(_YOUNG_OBJECTS, _YOUNG_PASSES, _MIDDLE_PASSES)
