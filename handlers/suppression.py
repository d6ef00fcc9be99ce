"""Why an output is suppressed: it goes out, marked as not to be acted on."""

from __future__ import annotations

from handlers.state.customer import Customer
from scoring.rules import Rules

NO_CONSENT = "no_consent"
OPEN_COMPLAINT = "open_complaint"
HOLDOUT = "holdout"


def suppressed(rules: Rules, customer: Customer) -> str | None:
    """The first reason that holds now, or None.

    Holdout comes last: the other reasons then take the same customers from both groups, so that
    the groups stay comparable.
    """
    if customer.marketing_consent is False:
        return NO_CONSENT
    if customer.open_complaints:
        return OPEN_COMPLAINT
    if rules.holdout is not None and rules.holdout.holds_out(customer.customer_id):
        return HOLDOUT
    return None
