"""Check 3, first half: each partition of the log has the published policies, in their order."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.fault.judge.case import Case
from tests.oracle.policy import Policy, read_policy


def check_policies(case: Case) -> Iterator[str]:
    """Policies in the log that nobody published, and published ones that it lacks."""
    published = [read_policy(dict(policy)) for policy in case.evidence.policies]
    versions = [policy.version for policy in published]
    for partition, entries in case.log.items():
        found: list[Policy] = []
        for entry in entries:
            if not entry.is_control:
                continue
            record = json.loads(entry.record.value or b"")
            if record["type"] != "policy.activated":
                continue
            if (record["mode"], record["allowed_lateness_ms"]) != (
                case.evidence.mode,
                case.evidence.allowed_lateness_ms,
            ):
                yield f"{entry} puts other settings in force than the workers have"
            policy = read_policy(record["policy"])
            if not found or found[-1] != policy:
                found.append(policy)
        if found != published:
            yield (
                f"partition {partition} of the log has the policies "
                f"{[policy.version for policy in found]}, published were {versions}"
            )
