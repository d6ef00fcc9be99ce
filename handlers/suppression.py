"""Why an output goes out marked as not to be acted on."""

from __future__ import annotations

from handlers.state.customer import Customer
from scoring.rules import Rules

NO_CONSENT = "no_consent"
OPEN_COMPLAINT = "open_complaint"
HOLDOUT = "holdout"


def suppressed(rules: Rules, customer: Customer) -> str | None:
    """The first reason that holds now, or None.

    Holdout comes last: who is held out and who is not lose the same customers to the other
    reasons, so the two groups that are left can be compared.
    """
    if customer.marketing_consent is False:
        return NO_CONSENT
    if customer.open_complaints:
        return OPEN_COMPLAINT
    if rules.holdout is not None and rules.holdout.holds_out(customer.customer_id):
        return HOLDOUT
    return None
