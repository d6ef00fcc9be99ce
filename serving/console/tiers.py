"""The tiers from the best down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any


def ranked_tiers(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The tiers of figures by tier, from the highest revenue a customer down, prospects last."""

    def rank(row: Mapping[str, Any]) -> tuple[bool, Decimal, str]:
        mean = Decimal(row["spend"]) / max(1, row["customers"])
        return row["value"] == "prospect", -mean, row["value"]

    return [row["value"] for row in sorted(rows, key=rank)]
