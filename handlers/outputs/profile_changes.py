"""What goes out on `profile-changes`: points, tags, attributes and owners."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from handlers.outputs.envelope import Change
from handlers.outputs.profile import FollowupView, TagView


class PointsChanged(Change, frozen=True, kw_only=True):
    """`data` of `points.changed`: the change, and the balance after it."""

    cause: str
    caused_by: list[str]
    order_id: str | None
    activity: str | None
    redemption_id: str | None
    delta: int
    balance: int
    next_expiry_at: str | None
    next_expiry_points: int | None
    adjustment_reason: str | UnsetType = UNSET
    """Why points were given or taken by hand; only where they were."""


class PointsRefused(Change, frozen=True, kw_only=True):
    """`data` of `points.refused`: a redemption that was refused, and why."""

    caused_by: list[str]
    redemption_id: str
    points: int
    balance: int


class TagsChanged(Change, frozen=True, kw_only=True):
    """`data` of `tags.changed`; removed tags say since when they were true."""

    late: bool
    caused_by: list[str]
    added: list[TagView]
    removed: list[TagView]


class AttributesRefused(Change, frozen=True, kw_only=True):
    """`data` of `attributes.refused`: what of an update was left out, by name, and why."""

    caused_by: list[str]
    refused: dict[str, str]


class TicketView(Struct, frozen=True):
    """An open ticket, and when it was opened or reopened, where that is known."""

    ticket_id: str
    kind: str | None
    opened_at: str | None


class OwnerChanged(Change, frozen=True, kw_only=True):
    """`data` of `owner.changed`: the account manager before, and what the next one takes over."""

    caused_by: list[str]
    previous_owner: str | None
    tier: str
    keeps_until: str | None
    open_tickets: list[TicketView]
    followups: list[FollowupView]
