"""Which of two state records of one key is the newer: by (owner epoch, applied offset)."""

from __future__ import annotations

from typing import Protocol


class StateRecord(Protocol):
    """A record of the changelog: a customer's state, its head, or the partition's own record."""

    epoch: int
    """Of the owner that wrote it."""
    applied: int
    """The last offset of the canonical log that it contains."""


def is_newer(found: StateRecord, known: StateRecord) -> bool:
    """Whether a restore takes this record instead of the known one of the same key.

    The epoch counts first: a former owner may have applied more than its successor.
    """
    return (found.epoch, found.applied) > (known.epoch, known.applied)
