"""Records of the changelog as a consumer hands them over."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from streams.faust_app import Batch

CHANGELOG = "app-customers-changelog"


def changelog_batch(
    records: Iterable[tuple[bytes | None, bytes | None]], number: int = 0, first_offset: int = 0
) -> Batch:
    """Records by key and value, at least one, with offsets one after another."""
    found: Any = [
        SimpleNamespace(offset=offset, timestamp=0, key=key, value=value, headers=())
        for offset, (key, value) in enumerate(records, first_offset)
    ]
    return Batch.of(TP(CHANGELOG, number), found)
