"""Changes and alerts in one sentence each, with their reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.console.known_policy import PolicyWords
from words.sentences import do_not_contact, sentence


def told(kind: str, data: Mapping[str, Any], words: PolicyWords) -> str:
    """What happened to the customer and why, without their name."""
    naming = words.naming
    if naming is None:
        return words.term("output", kind)
    return sentence(kind, data, naming)


def caution(data: Mapping[str, Any], words: PolicyWords) -> str:
    """Why nobody should act on it; empty if somebody may."""
    naming = words.naming
    return "" if naming is None else do_not_contact(data, naming)
