"""Whom an output concerns: the customer, or the staff that looks after the customer."""

from __future__ import annotations

CUSTOMER = "customer"
STAFF = "staff"
STAFF_TYPES = frozenset(
    {
        "ticket.overdue",
        "followup.due",
        "visit.due",
        "profile.refresh_due",
        "retention.due",
    }
)
"""The types that are for the staff, unless the policy says otherwise."""

FORMS = {
    "dormancy.alert": ("at_risk", "dormant", "churned"),
    "tier.changed": ("up", "down"),
}
"""What may follow a type after a colon, as in `dormancy.alert:churned`."""


def audience_of(table: dict[str, str], type_name: str, form: str) -> str:
    """Whom an output is for: as the table has its form, else its type, else by default."""
    found = table.get(f"{type_name}:{form}") or table.get(type_name)
    return found or (STAFF if type_name in STAFF_TYPES else CUSTOMER)
