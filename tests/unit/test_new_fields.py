"""Under a policy without new keys, outputs differ from those of release 0.2.0 by new fields only.

`tests/example/before` has events, policies and what that release put out. Who adds a field to an
output adds it to `NEW_FIELDS`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handlers import outputs
from tests.unit.test_backtest import backtest

BEFORE = Path(__file__).parents[1] / "example" / "before"
UNTIL = {"plain": "2026-01-01T00:00:00Z", "profile": "2026-03-01T00:00:00Z"}

TOPICS = (
    outputs.TIER_CHANGES,
    outputs.DORMANCY_ALERTS,
    outputs.CARE_REMINDERS,
    outputs.PROFILE_CHANGES,
    outputs.CUSTOMER_PROFILES,
)

COMMON = {
    "suppressed",
    "backfill",
    "marketing_consent",
    "consented_channels",
    "reason",
    "audience",
    "owner",
    "not_before",
}
"""Of these an output of release 0.2.0 had some or none; now it has all."""

NEW_FIELDS: dict[str, set[str]] = {
    "tier.changed": set(),
    "dormancy.alert": set(),
    "dormancy.withdrawn": set(),
    "customer.reactivated": set(),
    "customer.returned": set(),
    "birthday.upcoming": set(),
    "anniversary.upcoming": set(),
    "holiday.upcoming": set(),
    "checkin.due": set(),
    "profile.refresh_due": set(),
    "points.changed": set(),
    "points.refused": set(),
    "tags.changed": set(),
    "customer.profile": {"override", "keep", "channel_consent", "purpose_consent", "spend_ever"},
}
"""The new fields of each type beside `COMMON`."""
NEW_IN_OBJECTS: dict[str, set[str]] = {"next_tier": {"orders_needed", "total_needed"}}
"""The new fields of objects within an output, by the name of the field that holds the object."""


def records_of(file: Path) -> list[dict[str, Any]]:
    """The records of a file, one a line."""
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def outputs_of(out: Path) -> list[dict[str, Any]]:
    """All outputs of a backtest, in the order of their topics."""
    return [record for topic in TOPICS for record in records_of(out / f"{topic}.jsonl")]


def new_of(kind: str, before: dict[str, Any]) -> set[str]:
    """The fields of an output that are to be there and were not before."""
    common = set[str]() if kind == "customer.profile" else COMMON
    return (common | NEW_FIELDS[kind]) - set(before)


def as_before(data: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The fields that were there before, without those that are new in their objects."""
    return {name: _without_new(name, data[name]) for name in data if name in before}


def _without_new(name: str, value: Any) -> Any:
    new = NEW_IN_OBJECTS.get(name)
    if new is None or not isinstance(value, dict):
        return value
    return {key: held for key, held in value.items() if key not in new}


@pytest.mark.parametrize("name", sorted(UNTIL))
def test_outputs_are_what_they_were_but_for_the_new_fields(name: str, tmp_path: Path) -> None:
    folder = BEFORE / name
    policy = str(folder / "policy.toml")
    done = backtest(tmp_path, folder / "events.jsonl", "--policy", policy, "--until", UNTIL[name])
    assert done.exit_code == 0
    before = records_of(folder / "outputs.jsonl")
    for found, was in zip(outputs_of(done.out), before, strict=True):
        data, old = found.pop("data"), was.pop("data")
        assert found == was
        assert set(data) - set(old) == new_of(found["type"], old)
        assert as_before(data, old) == old


def test_all_types_of_release_0_2_0_are_compared() -> None:
    kinds = {one["type"] for name in UNTIL for one in records_of(BEFORE / name / "outputs.jsonl")}
    assert kinds <= set(NEW_FIELDS)
    assert set(NEW_FIELDS) - kinds <= {"points.refused", "holiday.upcoming"}
