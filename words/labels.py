"""What a policy calls its own tiers, in a language."""

from __future__ import annotations

from collections.abc import Mapping

from scoring.policy import Policy
from scoring.rules import PROSPECT
from words.language import Language
from words.translator import Words


def label_of(labels: Mapping[str, str], words: Words) -> str:
    """The label in the language, else in English, else in any; empty if there is none."""
    found = labels.get(words.language) or labels.get(Language.EN)
    return found or next(iter(labels.values()), "")


def tier_label(policy: Policy, tier: str, words: Words) -> str:
    """What people call a tier; its name where the policy has no label for it."""
    if tier == PROSPECT:
        return words.term("stage", PROSPECT)
    labels = next((each.label for each in policy.tiers if each.name == tier), {})
    return label_of(labels, words) or tier
