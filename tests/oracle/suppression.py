"""Why an output is not to be acted on, and what consent there is."""

from typing import Any

from tests.oracle.customer import Customer
from tests.oracle.feelings import is_held_out
from tests.oracle.policy import Policy


def is_backfill(effective_ms: int, policy: Policy) -> bool:
    return policy.live_from_ms is not None and effective_ms < policy.live_from_ms


def suppressed(customer: Customer, effective_ms: int, policy: Policy) -> str | None:
    """The first reason that holds."""
    consent = customer.marketing_consent()
    refused = consent is not True if policy.opt_in else consent is False
    complaints = [ticket for ticket in customer.open_tickets() if ticket.kind == "complaint"]
    reasons = {
        "backfill": is_backfill(effective_ms, policy),
        "policy_rollout": customer.in_rollout,
        "no_consent": refused,
        "open_complaint": bool(complaints),
        "holdout": bool(is_held_out(customer.customer_id, policy)),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def marks(customer: Customer, effective_ms: int, policy: Policy) -> dict[str, Any]:
    """What stands beside every output."""
    return {
        "suppressed": suppressed(customer, effective_ms, policy),
        "backfill": is_backfill(effective_ms, policy),
        "policy_version": policy.version,
        "marketing_consent": customer.marketing_consent(),
        "consented_channels": customer.consented_channels(),
        "audience": None,
        "owner": None,
        "not_before": None,
    }
