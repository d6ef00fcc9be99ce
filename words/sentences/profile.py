"""Changes of the profile as sentences: tags, points, attributes, the account manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from words.naming import Naming

Data = Mapping[str, Any]


def _tags(data: Data, naming: Naming) -> str:
    words = naming.words
    added, removed = (
        words.listed([naming.tag(each["tag"]) for each in data.get(name) or ()])
        for name in ("added", "removed")
    )
    parts = []
    if added:
        parts.append(words.say("new tags: {tags}", tags=added))
    if removed:
        parts.append(words.say("gone tags: {tags}", tags=removed))
    return words.say("; ").join(parts)


def _points(data: Data, naming: Naming) -> str:
    words, delta = naming.words, data["delta"]
    return words.say(
        "{points} points ({cause}), balance {balance}",
        points=("+" if delta > 0 else "") + words.number(delta),
        cause=words.term("points", data.get("cause")),
        balance=words.number(data["balance"]),
    )


def _refused(data: Data, naming: Naming) -> str:
    words = naming.words
    return words.say(
        "redemption of {points} points refused, balance {balance}",
        points=words.number(data["points"]),
        balance=words.number(data["balance"]),
    )


def _attributes(data: Data, naming: Naming) -> str:
    names = naming.words.listed(list(data.get("refused") or ()))
    return naming.words.say("attributes that cannot be used: {names}", names=names)


def _owner(data: Data, naming: Naming) -> str:
    words = naming.words
    before, after = (data.get(name) or words.say("nobody") for name in ("previous_owner", "owner"))
    return words.say(
        "account manager {before} → {after}; handed over: open tickets {tickets}, "
        "follow-ups {followups}",
        before=before,
        after=after,
        tickets=len(data.get("open_tickets") or ()),
        followups=len(data.get("followups") or ()),
    )


PROFILE_SENTENCES: Mapping[str, Callable[[Data, Naming], str]] = {
    "tags.changed": _tags,
    "points.changed": _points,
    "points.refused": _refused,
    "attributes.refused": _attributes,
    "owner.changed": _owner,
}
