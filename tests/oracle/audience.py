"""Whom an output is for, and what that changes of why it is not to be acted on."""

from typing import Any

from tests.oracle.policy import Policy

STAFF = "staff"
_FOR_STAFF = (
    "ticket.overdue",
    "followup.due",
    "visit.due",
    "profile.refresh_due",
    "retention.due",
)
_FOR_NOBODY = (
    "tags.changed",
    "points.changed",
    "points.refused",
    "attributes.refused",
    "owner.changed",
)
_SUPPRESS_FOR_STAFF = ("backfill", "policy_rollout")


def names_of(output: dict[str, Any]) -> list[str]:
    """The names a policy has for an output: its form, if it has one, before its type."""
    forms = {"dormancy.alert": "level", "tier.changed": "direction"}
    form = forms.get(output["type"])
    found = [] if form is None else [f"{output['type']}:{output[form]}"]
    return [*found, output["type"]]


def audience_of(output: dict[str, Any], policy: Policy) -> str | None:
    """None without the section, and for changes of the profile."""
    given = policy.sections.get("audience")
    if given is None or output["type"] in _FOR_NOBODY:
        return None
    default = STAFF if output["type"] in _FOR_STAFF else "customer"
    return next((str(given[name]) for name in names_of(output) if name in given), default)


def address(output: dict[str, Any], policy: Policy) -> None:
    """Says whom an output is for; what is for staff is held back as history and rollout only."""
    output["audience"] = audience_of(output, policy)
    if output["audience"] == STAFF and output["suppressed"] not in _SUPPRESS_FOR_STAFF:
        output["suppressed"] = None
