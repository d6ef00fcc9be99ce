"""Whether a run told the right figures and tiers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bench.peers.data_set import Reference
from bench.peers.rules.rfm import PROSPECT, Figures, Rules

_EXAMPLES = 5


class Told(NamedTuple):
    """What a run says of a customer, and as of when (None: of the newest event)."""

    figures: Figures
    as_of_ms: int | None = None


class Check(NamedTuple):
    """How many customers were compared, and for how many something is wrong."""

    customers: int
    figures_differ: int
    """Recency, frequency, monetary value or tier; also those of whom nothing was told."""
    tiers_differ: int
    """The newest tier change does not lead to the tier."""
    examples: list[str]


def check(
    reference: Reference, rules: Rules, told: Mapping[str, Told], newest: Mapping[str, str]
) -> Check:
    """Compare every customer of the data set.

    Args:
        reference: of the data set.
        rules: of the job.
        told: by customer.
        newest: the tier to which each customer's newest tier change leads.
    """
    figures_differ = tiers_differ = 0
    examples: list[str] = []
    for customer_id, last_ms in reference.last_ms.items():
        found = told.get(customer_id)
        as_of_ms = None if found is None else found.as_of_ms
        wanted = reference.figures(rules, customer_id, as_of_ms)
        is_stale = as_of_ms is not None and as_of_ms < last_ms
        if found is None or found.figures != wanted or is_stale:
            figures_differ += 1
            if len(examples) < _EXAMPLES:
                examples.append(f"{customer_id}: {found}, but {wanted}")
        if newest.get(customer_id, PROSPECT) != wanted.tier:
            tiers_differ += 1
            if len(examples) < _EXAMPLES:
                examples.append(f"{customer_id}: {newest.get(customer_id)}, but {wanted.tier}")
    return Check(len(reference.last_ms), figures_differ, tiers_differ, examples)


def told_by_probes(values: Iterable[bytes | None]) -> dict[str, Told]:
    """The answers to probes, by customer; the newest counts."""
    told = {}
    for value in values:
        data: dict[str, Any] = json.loads(value or b"{}")
        figures = Figures(*(data[name] for name in Figures._fields))
        told[data["customer_id"]] = Told(figures)
    return told


def newest_tiers(values: Iterable[bytes | None]) -> dict[str, str]:
    """Where each customer's newest tier change leads, in the order of the topic."""
    changes: list[dict[str, Any]] = [json.loads(value or b"{}") for value in values]
    return {change["customer_id"]: change["tier"] for change in changes}
