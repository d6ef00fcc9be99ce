"""The sentence of an output of any type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from words.naming import Naming
from words.sentences.level import LEVEL_SENTENCES
from words.sentences.profile import PROFILE_SENTENCES
from words.sentences.reminder import REMINDER_SENTENCES
from words.sentences.tier import tier_sentence

SENTENCES = {
    "tier.changed": tier_sentence,
    **LEVEL_SENTENCES,
    **REMINDER_SENTENCES,
    **PROFILE_SENTENCES,
}


def sentence(type_name: str, data: Mapping[str, Any], naming: Naming) -> str:
    """An output as a sentence; of an unknown type, the type.

    Args:
        type_name: such as `tier.changed`.
        data: its `data` as it is in JSON; what is absent there is left out.
        naming: the language, and the policy whose names and currency are used.
    """
    tell = SENTENCES.get(type_name)
    return type_name if tell is None else tell(data, naming)


def do_not_contact(data: Mapping[str, Any], naming: Naming) -> str:
    """Why an output is not to be acted on; empty if it is."""
    why = data.get("suppressed")
    words = naming.words
    return words.say("do not contact: {why}", why=words.term("suppressed", why)) if why else ""
