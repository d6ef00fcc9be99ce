"""What the values of closed sets are called, for every value that a user sees.

The keys are wire values; the sets themselves are declared where the rules are.
"""

from __future__ import annotations

from collections.abc import Mapping

Term = tuple[str | None, str]
"""Context (None for most) and message id of the catalogue."""


def mark(message: str) -> Term:
    """A message for the catalogue."""
    return None, message


def mark_in(context: str, message: str) -> Term:
    """A message whose English text means several things."""
    return context, message


_LEVELS = {
    "active": mark("active"),
    "at_risk": mark("at risk"),
    "dormant": mark("dormant"),
    "churned": mark("churned"),
}
_SEGMENTS = {
    "Champions": mark("Champions"),
    "Loyal": mark("Loyal"),
    "Potential Loyalist": mark("Potential Loyalist"),
    "New Customers": mark("New Customers"),
    "Promising": mark("Promising"),
    "Need Attention": mark("Need Attention"),
    "About To Sleep": mark("About To Sleep"),
    "At Risk": mark("At Risk"),
    "Cannot Lose Them": mark("Cannot Lose Them"),
    "Hibernating": mark("Hibernating"),
    "Lost": mark("Lost"),
}
_REASONS = {
    "order": mark_in("reason", "order"),
    "cancellation": mark("cancellation"),
    "refund": mark("refund"),
    "interaction": mark("interaction"),
    "survey": mark_in("reason", "survey"),
    "profile": mark_in("reason", "profile"),
    "override": mark("tier by hand"),
    "policy": mark("new policy"),
    "merge": mark("merge"),
    "event": mark("another event"),
    "silence": mark("silence"),
    "time": mark_in("reason", "time"),
    "window": mark("orders left the window"),
    "grace_expired": mark("grace over"),
}
_CAUSES = {
    "order": mark("after an order"),
    "cancellation": mark("after a cancellation"),
    "refund": mark("after a refund"),
    "interaction": mark("after an interaction"),
    "survey": mark("after an answer to a survey"),
    "profile": mark("after an update of the profile"),
    "override": mark("by hand"),
    "policy": mark("by a new policy"),
    "merge": mark("by a merge of two ids"),
    "event": mark("after another event"),
    "silence": mark("without any event"),
    "time": mark("as time passed"),
    "window": mark("as orders left the window"),
    "grace_expired": mark("as the grace ended"),
}
_SUPPRESSED = {
    "backfill": mark("history"),
    "policy_rollout": mark("quiet start of a policy"),
    "no_consent": mark("no consent"),
    "open_complaint": mark("open complaint"),
    "holdout": mark("held out for comparison"),
    "frequency_cap": mark("enough messages"),
}
_OUTPUTS = {
    "tier.changed": mark("Tier changed"),
    "dormancy.alert": mark("Dormancy alert"),
    "dormancy.withdrawn": mark("Alert withdrawn"),
    "customer.reactivated": mark("Bought again"),
    "customer.returned": mark("Is back"),
    "birthday.upcoming": mark("Birthday ahead"),
    "anniversary.upcoming": mark("Anniversary ahead"),
    "holiday.upcoming": mark("Holiday ahead"),
    "checkin.due": mark("Check-in due"),
    "profile.refresh_due": mark("Profile to be refreshed"),
    "tier.expiring": mark("Tier about to fall"),
    "points.expiring": mark("Points about to expire"),
    "survey.due": mark("Survey due"),
    "followup.due": mark("Follow-up due"),
    "visit.due": mark("Visit due"),
    "retention.due": mark("Erasure ahead"),
    "ticket.overdue": mark("Ticket overdue"),
    "tags.changed": mark("Tags changed"),
    "points.changed": mark("Points changed"),
    "points.refused": mark("Redemption refused"),
    "attributes.refused": mark("Attributes refused"),
    "owner.changed": mark("Account manager changed"),
    "customer.profile": mark("Profile"),
}
_MEASURES = {
    "recency_days": mark("days since the last order"),
    "frequency": mark_in("measure", "orders"),
    "monetary": mark_in("measure", "value"),
    "r": mark("R"),
    "f": mark("F"),
    "m": mark("M"),
    "score": mark("score"),
    "orders_ever": mark("orders ever"),
    "spend_ever": mark("spend ever"),
}
_DEAD_LETTERS = {
    "too_large": mark("larger than 256 KiB"),
    "not_json": mark("no JSON object"),
    "missing_field": mark("a required field is missing"),
    "unknown_type": mark("unknown type of event"),
    "wrong_topic": mark("in the wrong topic"),
    "unsupported_schema_version": mark("unsupported schema version"),
    "wrong_type": mark("a field of the wrong type"),
    "invalid_customer_id": mark("invalid customer id"),
    "invalid_timestamp": mark("invalid time"),
    "from_the_future": mark("time in the future"),
    "erased_customer": mark("the customer was erased"),
    "invalid_amount": mark("invalid amount"),
    "unknown_currency": mark("currency without a rate"),
    "invalid_value": mark("invalid value"),
    "conflict": mark("same id, other content"),
    "processing_failed": mark("a fault in the rules"),
}
_ACTIONS = {
    "dedicated_service": mark("dedicated service"),
    "upgrade_offer": mark("upgrade offer"),
    "nurture": mark("nurture"),
    "care_message": mark("care message"),
    "wake_up_offer": mark("wake-up offer"),
    "win_back_survey": mark("win-back survey"),
    "welcome_back": mark("welcome back"),
    "welcome_back_browse": mark("welcome back, while browsing"),
}
"""Those of the default policy; others have labels in their policy."""

_ATTRIBUTES = {
    "name": mark("Name"),
    "email": mark("E-mail"),
    "phone": mark("Phone"),
    "registered_at": mark("Registered"),
    "birth_date": mark("Birth date"),
    "gender": mark("Gender"),
    "region": mark("Region"),
    "city_tier": mark("City tier"),
    "occupation": mark("Occupation"),
}

TERMS: Mapping[str, Mapping[str, Term]] = {
    "attribute": _ATTRIBUTES,
    "level": _LEVELS,
    "stage": {
        "prospect": mark("prospect"),
        "new": mark_in("stage", "new"),
        "loyal": mark_in("stage", "loyal"),
        **_LEVELS,
    },
    "segment": _SEGMENTS,
    "reason": _REASONS,
    "cause": _CAUSES,
    "points": {
        **_REASONS,
        "activity": mark_in("points", "activity"),
        "expiry": mark("expired"),
        "redemption": mark("redemption"),
        "redemption_cancelled": mark("redemption cancelled"),
        "adjustment": mark_in("points", "by hand"),
    },
    "suppressed": _SUPPRESSED,
    "output": _OUTPUTS,
    "measure": _MEASURES,
    "dead_letter": _DEAD_LETTERS,
    "action": _ACTIONS,
    "direction": {"up": mark("up"), "down": mark("down")},
    "basis": {
        "fixed": mark("as the policy fixes it"),
        "cadence": mark("by this customer's own rhythm"),
        "probability": mark("by what is likely for this customer"),
    },
    "audience": {"customer": mark_in("audience", "customer"), "staff": mark("staff")},
    "ticket": {
        "complaint": mark("complaint"),
        "question": mark("question"),
        "return": mark_in("ticket", "return"),
        "other": mark_in("ticket", "other"),
    },
    "ticket_stage": {"response": mark("response"), "resolution": mark("resolution")},
    "survey": {"csat": mark("CSAT"), "nps": mark("NPS"), "churn": mark("why customers left")},
    "mode": {"floor": mark("at least"), "ceiling": mark("at most"), "fixed": mark("exactly")},
    "operator": {
        "min": mark("at least"),
        "max": mark("at most"),
        "at_least": mark("at least"),
        "at_most": mark("at most"),
        "in": mark("one of"),
        "not_in": mark("none of"),
        "present": mark("is known"),
    },
    "beyond": {"attribute": mark("attribute"), "dimension": mark("dimension")},
    "trigger": {
        "cadence": mark("some time"),
        "ticket": mark_in("trigger", "ticket"),
        "order": mark_in("trigger", "order"),
    },
    "reminder": {
        "birthday": mark("birthday"),
        "anniversary": mark("anniversary"),
        "holiday": mark("holiday"),
        "checkin": mark("checkin"),
        "profile_refresh": mark("profile refresh"),
        "tier_expiring": mark("tier expiring"),
        "points_expiring": mark("points expiring"),
        "survey": mark_in("reminder", "survey"),
        "followup": mark("followup"),
        "visit": mark("visit"),
        "ticket": mark_in("reminder", "ticket"),
        "retention": mark("retention"),
    },
    "process": {
        "live": mark("worker"),
        "replay": mark("worker (replay)"),
        "projector": mark("projector"),
        "api": mark("API"),
        "console": mark("console"),
    },
    "due": {
        "order_leaves": mark("order {subject} leaves the window"),
        "merged_leave": mark("the merged orders of {subject} leave the window"),
        "recency_passes": mark("more than {subject} days since the last order"),
        "grace_ends": mark("the grace ends"),
        "hold_ends": mark("the hold after the last rise ends"),
        "override_ends": mark("the tier by hand, {subject}, ends"),
        "approval_ends": mark("the tier by hand that waits for approval is over"),
        "level": mark("becomes {level}"),
        "reminder": mark("reminder: {name}"),
        "points_expire": mark("{subject} points expire"),
        "tags_change": mark("tags are looked at"),
    },
    "waiting": {
        "payment": mark("payment"),
        "failed_payment": mark("failed payment"),
        "cancellation": mark("cancellation"),
        "refund": mark("refund"),
        "edit": mark("edit"),
        "refund_cancellation": mark("refund cancellation"),
    },
    "not_counted": {
        "cancelled": mark("cancelled"),
        "failed": mark("payment failed"),
        "not_paid": mark("not paid"),
        "fully_refunded": mark("fully refunded"),
    },
    "health": {
        "recency": mark("recency"),
        "frequency": mark("frequency"),
        "monetary": mark("monetary"),
        "level": mark("level"),
        "satisfaction": mark("satisfaction"),
        "support": mark("support"),
    },
    "consent": {
        "": mark("never told"),
        "true": mark("yes"),
        "false": mark("no"),
    },
}
"""Terms by kind and wire value."""
