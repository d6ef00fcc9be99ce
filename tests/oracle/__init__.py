"""A naive oracle: the rules of docs/rules.md once more, slow and plain, to judge the product by.

It shares no code with the product and keeps no figure: orders, interactions, tickets and consents
are kept in full, and every figure is recomputed from them whenever it is asked for.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.oracle.checks import Limits
from tests.oracle.partition import Deployment, Partition
from tests.oracle.policy import read_policy
from tests.oracle.profiles import profile_of

__all__ = ["Result", "run"]

DORMANCY_TYPES = (
    "dormancy.alert",
    "dormancy.withdrawn",
    "customer.reactivated",
    "customer.returned",
)
CARE_TYPES = (
    "birthday.upcoming",
    "anniversary.upcoming",
    "holiday.upcoming",
    "checkin.due",
    "profile.refresh_due",
    "tier.expiring",
    "points.expiring",
    "survey.due",
    "followup.due",
    "visit.due",
    "retention.due",
    "ticket.overdue",
)
PROFILE_CHANGE_TYPES = (
    "points.changed",
    "points.refused",
    "tags.changed",
    "attributes.refused",
    "owner.changed",
)
MIN_EVENT_TIME_MS = 631_152_000_000  # 1990-01-01T00:00:00Z


@dataclass(frozen=True)
class Result:
    """What a log comes to. Outputs are `{"type": ..., **data}`, in the order put out.

    `lapses` are the erasures by retention: the customer's id, and its sequence then.
    """

    tier_changes: list[dict[str, Any]]
    dormancy_alerts: list[dict[str, Any]]
    care_reminders: list[dict[str, Any]]
    profile_changes: list[dict[str, Any]]
    profiles: dict[str, dict[str, Any]]
    dead_letters: list[dict[str, Any]]
    accepted: int
    duplicates: int
    left_out: int
    unmatched: int
    lapses: list[tuple[str, int]]


def run(
    lines: Sequence[bytes],
    policy: dict[str, Any],
    *,
    mode: Literal["replay", "live"] = "replay",
    allowed_lateness_ms: int = 300_000,
    until_ms: int | None = None,
    final_fire: bool = True,
    now_ms: int | None = None,
    max_future_skew_ms: int = 300_000,
    min_event_time_ms: int = MIN_EVENT_TIME_MS,
    app_id: str = "tierstream",
    live_from_ms: int | None = None,
) -> Result:
    """Runs one partition's records, in order of arrival, through a policy parsed from TOML.

    Without `final_fire` nothing fires beyond the last record, and the profiles are as of each
    customer's own clock. `now_ms` is the wall clock for `from_the_future`, by default the real
    one. `app_id` is taken because callers have it; it shapes ids and sources only, which the
    oracle does not make.
    """
    del app_id
    newest_ms = (now_ms if now_ms is not None else time.time_ns() // 1_000_000) + max_future_skew_ms
    deployment = Deployment(
        live=mode == "live",
        allowed_lateness_ms=allowed_lateness_ms,
        until_ms=until_ms,
        limits=Limits(min_event_time_ms, newest_ms),
    )
    partition = Partition(deployment, read_policy(policy, live_from_ms=live_from_ms))
    for number, raw in enumerate(lines, start=1):
        if raw.strip():
            partition.take(raw.removesuffix(b"\n"), number)
    partition.finish_round()
    end_ms = partition.finish() if final_fire else None
    waiting = sum(each.unmatched + len(each.waiting) for each in partition.customers.values())
    return Result(
        tier_changes=[o for o in partition.outputs if o["type"] == "tier.changed"],
        dormancy_alerts=[o for o in partition.outputs if o["type"] in DORMANCY_TYPES],
        care_reminders=[o for o in partition.outputs if o["type"] in CARE_TYPES],
        profile_changes=[o for o in partition.outputs if o["type"] in PROFILE_CHANGE_TYPES],
        profiles={
            customer_id: profile_of(
                customer,
                partition.clock_of(customer) if end_ms is None else end_ms,
                partition.policy,
            )
            for customer_id, customer in sorted(partition.customers.items())
        },
        dead_letters=partition.dead_letters,
        accepted=partition.accepted,
        duplicates=partition.duplicates,
        left_out=partition.left_out,
        unmatched=partition.unmatched + waiting,
        lapses=partition.lapses,
    )
