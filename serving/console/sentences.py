"""Changes and alerts in one sentence each, with their reason."""

from __future__ import annotations

from typing import Any

from words import Words


def sentence(event: dict[str, Any], words: Words) -> str:
    """What happened to the customer, without their name."""
    data = event["data"]
    told = {
        "tier.changed": _tier_changed,
        "dormancy.alert": _alert,
        "points.changed": _points,
        "tags.changed": _tags,
    }.get(event["type"])
    return told(data, words) if told else words.term("output", event["type"])


def reason(event: dict[str, Any], words: Words) -> str:
    """Why, and whether it is not to be acted on."""
    data = event["data"]
    parts = [words.term("reason", data["reason"])] if data.get("reason") else []
    if data.get("suppressed"):
        why = words.term("suppressed", data["suppressed"])
        parts.append(words.say("not to be acted on: {reason}", reason=why))
    return words.listed(parts)


def _tier_changed(data: dict[str, Any], words: Words) -> str:
    tiers = {"before": data["previous_tier"], "after": data["tier"]}
    if data["direction"] == "up":
        return words.say("rose from {before} to {after}", **tiers)
    return words.say("fell from {before} to {after}", **tiers)


def _alert(data: dict[str, Any], words: Words) -> str:
    return words.say("is now {level}", level=words.term("level", data["level"]))


def _points(data: dict[str, Any], words: Words) -> str:
    return words.say("has {count} points now", count=words.number(data["balance"]))


def _tags(data: dict[str, Any], words: Words) -> str:
    added = words.listed([added["tag"] for added in data["added"]])
    if added:
        return words.say("has new tags: {tags}", tags=added)
    return words.term("output", "tags.changed")
