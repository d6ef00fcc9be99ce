"""`Naming`: the words of a language together with a policy's own names."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from scoring.grading import ATTRIBUTES, DIMENSIONS
from scoring.policy import Policy
from scoring.rules import MONEY, PROSPECT
from words.language import Language
from words.translator import Words

Value = int | str | None
"""A whole number, or money as decimal text, or the text of an attribute; None for nothing."""


class Naming:
    """What a policy calls its tiers, in a language, and values of its measures as text.

    Attributes:
        words: of the language.
        policy: whose names are used.
    """

    def __init__(self, words: Words, policy: Policy) -> None:
        self.words = words
        self.policy = policy
        self._tags = {rule.tag: label_of(rule.label, words) for rule in policy.tags or ()}
        self._tiers = {tier.name: label_of(tier.label, words) for tier in policy.tiers}

    def tier(self, name: str) -> str:
        """What people call a tier; its name where the policy has no label for it."""
        if name == PROSPECT:
            return self.words.term("stage", PROSPECT)
        return self._tiers.get(name) or name

    def tag(self, name: str) -> str:
        """What people call a tag, with its value if it has one: `age:18-39`, `年龄：18-39`."""
        rule, _, value = name.partition(":")
        called = self._tags.get(rule) or rule
        if not value:
            return called
        return self.words.say("{tag}: {value}", tag=called, value=value) if called != rule else name

    def action(self, name: str) -> str:
        """What people call an action: by the policy, else as those of the default policy."""
        declared = (self.policy.actions or {}).get(name)
        label = "" if declared is None else label_of(declared.label, self.words)
        return label or self.words.term("action", name)

    def money(self, amount: str | Decimal) -> str:
        """Decimal text in major units of the policy's currency."""
        return self.words.money(amount, self.policy.currency)

    def measure(self, name: str) -> str:
        """What a measure is called; attributes and dimensions have the policy's own names."""
        for prefix, kind in ((ATTRIBUTES, "attribute"), (DIMENSIONS, "dimension")):
            if name.startswith(prefix):
                return self.words.term("beyond", kind) + " " + name.removeprefix(prefix)
        return self.words.term("measure", name)

    def value(self, measure: str, value: Value) -> str:
        """A value of a measure."""
        if value is None:
            return self.words.say("none")
        if measure in MONEY:
            return self.money(str(value))
        return self.words.number(value) if isinstance(value, int) else value

    def asked(self, operator: str, bound: object) -> str:
        """What a condition on an attribute asks, such as `at least 500000`, `one of A, B`."""
        text = (
            self.words.listed([str(each) for each in bound])
            if isinstance(bound, list | tuple)
            else str(bound)
        )
        called = self.words.term("operator", operator)
        return called if isinstance(bound, bool) or bound is None else f"{called} {text}"


def label_of(labels: Mapping[str, str], words: Words) -> str:
    """The label in the language, else in English, else in any; empty if there is none."""
    found = labels.get(words.language) or labels.get(Language.EN)
    return found or next(iter(labels.values()), "")
