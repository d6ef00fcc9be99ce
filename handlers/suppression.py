"""Why an output is suppressed: it goes out, marked as not to be acted on."""

from __future__ import annotations

from handlers.state.customer import Customer
from scoring.rules import Rules

BACKFILL = "backfill"
POLICY_ROLLOUT = "policy_rollout"
NO_CONSENT = "no_consent"
OPEN_COMPLAINT = "open_complaint"
HOLDOUT = "holdout"
FREQUENCY_CAP = "frequency_cap"
"""The last reason: `handlers.contact` finds it, of what no other holds for."""


def refuses(rules: Rules, customer: Customer) -> bool:
    """Whether marketing must not contact a customer: refused, or not agreed where that is asked."""
    agreed = customer.marketing_consent
    return agreed is False or (rules.is_opt_in and agreed is None)


def suppressed(
    rules: Rules,
    customer: Customer,
    *,
    is_backfill: bool = False,
    is_rollout: bool = False,
    is_for_staff: bool = False,
) -> str | None:
    """The first reason that holds now, or None.

    Holdout comes behind all that is true of a customer: the reasons before it then take the same
    customers from both groups, so that the groups stay comparable.

    Args:
        rules: in force for the customer.
        customer: as of after the event.
        is_backfill: the output takes effect before the deployment went live.
        is_rollout: it follows from a policy that was published quietly.
        is_for_staff: it is not for the customer: what holds of the customer does not matter.
    """
    if is_backfill:
        return BACKFILL
    if is_rollout:
        return POLICY_ROLLOUT
    if is_for_staff:
        return None
    if refuses(rules, customer):
        return NO_CONSENT
    if customer.open_complaints:
        return OPEN_COMPLAINT
    if rules.holdout is not None and rules.holdout.holds_out(customer.customer_id):
        return HOLDOUT
    return None
