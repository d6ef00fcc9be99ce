"""Rows of work lists and exports: what one looks at of a customer, with the action to take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from scoring.timestamps import parse_rfc3339, rfc3339
from serving.api.auth import Caller
from serving.api.dependencies import Services, need_view
from serving.view.query import Search
from serving.view.reader import ViewReader


class WorkRow(Struct, frozen=True):
    """A customer on a work list."""

    customer_id: str
    name: str | None
    """Null without the scope `attributes`."""
    owner: str | None
    tier: str
    stage: str
    level: str
    segment: str | None
    score: int | None
    spend: str
    """`monetary`."""
    last_order_at: str | None
    keeps_until: str | None
    next_tier: str | None
    order_amount_needed: str | None
    """The smallest single order today that reaches the next tier."""
    open_tickets: int
    open_complaints: int | None
    """Null under a policy that keeps no `satisfaction`."""
    promised_at: str | None
    """When the earliest stage of a ticket is due, under a policy with terms for tickets."""
    overdue: bool
    next_contact_on: str | None
    """The earliest day of a follow-up that was agreed, or of a visit."""
    reached_at: str | None
    """When the level was reached; only on lists of a level."""
    action: str | None
    """What the policy names, as the newest output of `action_type` told it; null without one."""
    action_type: str | None
    action_at: str | None
    suppressed: str | None
    """Why the action is not to be taken; null if it is."""


COLUMNS = WorkRow.__struct_fields__


class Found(NamedTuple):
    """A page of customers.

    Attributes:
        customer_ids: in the order of the list.
        cursor: for the next page; None after the last.
        reached_ms: when each reached the level, where the list is of one.
    """

    customer_ids: Sequence[str]
    cursor: str | None
    reached_ms: Mapping[str, int] = {}


Fetch = Callable[[str | None, int], Awaitable[Found]]
"""A page of a list, by the cursor of the page before and the most customers."""


def searching(view: ViewReader, search: Search) -> Fetch:
    """The pages of a search."""

    async def fetch(cursor: str | None, limit: int) -> Found:
        page = await view.search(replace(search, cursor=cursor, limit=limit))
        need_view(view)
        return Found([hit.customer_id for hit in page.hits], page.cursor)

    return fetch


class _NextTier(Struct):
    tier: str | None = None
    order_amount_needed: str | None = None


class _Satisfaction(Struct):
    open_complaints: int | None = None


class _Promise(Struct):
    due_at: str


class _Followup(Struct):
    on: str


class _Profile(Struct):
    customer_id: str
    tier: str
    stage: str
    level: str
    monetary: str
    attributes: dict[str, str] = field(default_factory=dict)
    owner: str | None = None
    segment: str | None = None
    score: int | None = None
    last_order_at: str | None = None
    keeps_until: str | None = None
    next_tier: _NextTier | None = None
    open_tickets: int = 0
    satisfaction: _Satisfaction | None = None
    promises: list[_Promise] = field(default_factory=list)
    followups: list[_Followup] = field(default_factory=list)
    next_visit_on: str | None = None


class _Entry(Struct):
    type: str
    effective_at: str
    action: str | None = None
    suppressed: str | None = None


_NO_ENTRY = _Entry("", "")
_decode_profile = msgspec.json.Decoder(_Profile).decode
_decode_entry = msgspec.json.Decoder(_Entry).decode


async def rows_of(
    services: Services, caller: Caller, found: Found, kinds: Collection[str], now_ms: int
) -> list[WorkRow]:
    """The rows of a page; who was removed since it was found is left out.

    Args:
        services: of the process.
        caller: who asks; without the scope `attributes` there are no names.
        found: the page.
        kinds: types of outputs, of which the newest tells the action; any with one if it is empty.
        now_ms: the present, in milliseconds since 1970.
    """
    profiles = await services.view.profiles(found.customer_ids)
    need_view(services.view)
    timelines = await services.timelines.several(found.customer_ids)
    return [
        _row(
            _decode_profile(profile),
            _newest(entries, kinds),
            found.reached_ms.get(customer_id),
            now_ms,
            names=caller.sees_attributes,
        )
        for customer_id, profile, entries in zip(
            found.customer_ids, profiles, timelines, strict=True
        )
        if profile is not None
    ]


def _newest(entries: Sequence[bytes], kinds: Collection[str]) -> _Entry:
    for entry in map(_decode_entry, entries):
        if entry.type in kinds or (not kinds and entry.action is not None):
            return entry
    return _NO_ENTRY


def _row(
    profile: _Profile, entry: _Entry, reached_ms: int | None, now_ms: int, *, names: bool
) -> WorkRow:
    ahead = profile.next_tier or _NextTier()
    kept = profile.satisfaction or _Satisfaction()
    promised = min((promise.due_at for promise in profile.promises), default=None)
    contacts = [followup.on for followup in profile.followups]
    if profile.next_visit_on is not None:
        contacts.append(profile.next_visit_on)
    return WorkRow(
        profile.customer_id,
        profile.attributes.get("name") if names else None,
        profile.owner,
        profile.tier,
        profile.stage,
        profile.level,
        profile.segment,
        profile.score,
        profile.monetary,
        profile.last_order_at,
        profile.keeps_until,
        ahead.tier,
        ahead.order_amount_needed,
        profile.open_tickets,
        kept.open_complaints,
        promised,
        _is_past(promised, now_ms),
        min(contacts, default=None),
        None if reached_ms is None else rfc3339(reached_ms),
        entry.action,
        entry.type or None,
        entry.effective_at or None,
        entry.suppressed,
    )


def _is_past(instant: str | None, now_ms: int) -> bool:
    at_ms = None if instant is None else parse_rfc3339(instant)
    return at_ms is not None and at_ms <= now_ms
