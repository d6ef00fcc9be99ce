"""Measures, times, conditions and due instants as text."""

from __future__ import annotations

import re

from handlers.explain.model import ConditionHeld, DimensionWhy, DueReason, Measured
from handlers.outputs import CrossedView
from scoring.grading import ATTRIBUTES, DIMENSIONS, Said
from scoring.money import grouped_thousands
from scoring.policy import Policy
from scoring.rules import MONEY
from words import Language, Naming, Words
from words.marks import Term, mark

_PREFIXES = ((ATTRIBUTES, "attribute"), (DIMENSIONS, "dimension"))


def _form(term: Term) -> tuple[Term, re.Pattern[str]]:
    """A message, and what finds its fields in a text that was made from it."""
    return term, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(term[1])))


_REMINDERS = [
    _form(mark("tier {tier} is about to be lost")),
    _form(mark("{points} points expire")),
    _form(mark("survey {survey} after {trigger} {id}")),
    _form(mark("survey {survey}")),
    _form(mark("follow-up {id}")),
    _form(mark("{stage} of ticket {ticket} overdue, for {to}")),
    _form(mark("{stage} of ticket {ticket} overdue")),
    _form(mark("end of the retention")),
    _form(mark("erased, for nobody heard of the customer")),
]
"""The names of reminders as `handlers.explain.reminders` makes them."""


def plain(text: str) -> str:
    """Text from outside, with control characters escaped so that no terminal acts on them."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def short(cutoff: Measured) -> str:
    """A cut-off without needless decimals: `400.00` is `400`."""
    text = str(cutoff)
    return text.rstrip("0").removesuffix(".") if "." in text else text


class Wording:
    """Parts of an explanation as text.

    Attributes:
        words: of the language.
        currency: of the policy.
        policy: whose labels are used; None for the names themselves.
    """

    def __init__(self, words: Words, currency: str, policy: Policy | None = None) -> None:
        self.words = words
        self.currency = currency
        self._naming = None if policy is None else Naming(words, policy)

    def time(self, instant: str | None) -> str:
        """An exact instant in UTC."""
        return self.words.instant(instant)

    def minute(self, instant: str) -> str:
        """An instant in UTC to the minute."""
        return self.words.instant(instant).rpartition(":")[0]

    def day(self, day: str) -> str:
        """A date, or that of an instant."""
        return self.words.instant(day[:10])

    def days(self, days: float) -> str:
        """Days without needless decimals."""
        if days == 1:
            return self.words.say("1 day")
        number = f"{days:g}"
        return self.words.say("{days} days", days=number)

    def yes_no(self, answer: bool | None) -> str:
        """A consent as a word."""
        return self.words.term("consent", None if answer is None else str(answer).lower())

    def money(self, amount: str) -> str:
        """An amount in the policy's currency; in English with the code of the currency."""
        if self.words.language is Language.EN:
            return f"{grouped_thousands(amount)} {self.currency}"
        return self.words.money(amount, self.currency)

    def tag(self, name: str) -> str:
        """A tag by its label, if the policy has one."""
        return plain(name if self._naming is None else self._naming.tag(name))

    def orders(self, count: int) -> str:
        """A number of orders."""
        return self.words.plural("{count} order", "{count} orders", count)

    def value(self, measure: str, value: Measured | None) -> str:
        """A value of a measure, money with its currency."""
        if value is None:
            return self.words.say("none")
        if measure in MONEY:
            return self.money(str(value))
        return self.words.number(value) if isinstance(value, int) else value

    def measure(self, measure: str) -> str:
        """A measure by its name; attributes and dimensions have names of the policy's own."""
        for prefix, kind in _PREFIXES:
            if measure.startswith(prefix):
                called = self.words.term("beyond", kind)
                return f"{called} {plain(measure.removeprefix(prefix))}"
        return self.words.term("measure", measure)

    def condition(self, condition: ConditionHeld) -> tuple[str, str, str]:
        """Such as `score ≥ 70`, `is 66`, `4 short`."""
        measure, say = condition.measure, self.words.say
        if measure.startswith(ATTRIBUTES):
            return self._attribute(condition)
        sign = "≤" if condition.comparison == "at_most" else "≥"
        assert not isinstance(condition.required, list)
        asked = f"{self.measure(measure)} {sign} {self.value(measure, condition.required)}"
        if condition.found is None or condition.margin is None:
            return asked, say("has none"), ""
        found = say("is {value}", value=self.value(measure, condition.found))
        by = str(condition.margin)
        amount = self.value(measure, by.removeprefix("-") if measure in MONEY else abs(int(by)))
        if condition.holds:
            return asked, found, say("by {amount}", amount=amount)
        if sign == "≤":
            return asked, found, say("{amount} too many", amount=amount)
        return asked, found, say("{amount} short", amount=amount)

    def crossed(self, crossed: CrossedView) -> str:
        """Such as `score went from 75 to 66, past 70, on 2025-03-04`."""
        measure, cutoff = crossed.measure, crossed.cutoff
        past = self.said(cutoff) if isinstance(cutoff, dict) else self.value(measure, cutoff)
        return self.words.say(
            "{measure} went from {before} to {after}, past {past}, on {time}",
            measure=self.measure(measure),
            before=plain(self.value(measure, crossed.before)),
            after=plain(self.value(measure, crossed.after)),
            past=past,
            time=self.time(crossed.at),
        )

    def dimension(self, why: DimensionWhy) -> tuple[str, str]:
        """What a digit of a dimension follows from, such as `credit: A` and `by its value`."""
        say = self.words.say
        of = plain(why.attribute or "")
        if why.attribute is None:
            of = say("mean of {count} answers", count=why.answers)
        value = say("none") if why.found is None else plain(why.found)
        found = say("{name}: {value}", name=of, value=value)
        if why.is_default:
            return found, say("the default")
        if why.values:
            return found, say("by its value")
        return found, say(
            "cut-offs {cutoffs}: {count} reached",
            cutoffs=" ".join(why.cutoffs),
            count=why.result - 1,
        )

    def said(self, said: Said) -> str:
        """A condition on an attribute, such as `at least 500000, one of A, B`."""
        return self.words.listed([self._asked(operator, value) for operator, value in said.items()])

    def _asked(self, operator: str, value: str | bool | list[str]) -> str:
        called = self.words.term("operator", operator)
        if isinstance(value, bool):
            return called
        text = value if isinstance(value, str) else self.words.listed(value)
        return f"{called} {plain(text)}"

    def _attribute(self, condition: ConditionHeld) -> tuple[str, str, str]:
        """Such as `attribute credit one of A, B`, `is C`."""
        required, say = condition.required, self.words.say
        value = required if isinstance(required, list) else str(required)
        asked = self._asked(condition.comparison, required is None or value)
        found = say("has none")
        if condition.found is not None:
            found = say("is {value}", value=plain(str(condition.found)))
        return f"{self.measure(condition.measure)} {asked}", found, ""

    def due(self, reason: DueReason) -> str:
        """What happens at a due instant."""
        subject = plain(str(reason.subject))
        if reason.kind == "level":
            return self.words.say("becomes {level}", level=self.words.term("level", subject))
        if reason.kind == "reminder":
            return self.words.say("reminder: {name}", name=self.reminder(subject))
        found = self.words.term("due", reason.kind)
        return found.format(subject=self.day(subject) if reason.kind == "merged_leave" else subject)

    def reminder(self, name: str) -> str:
        """A reminder by its kind, or by the name that an explanation gives it."""
        for (_, message), form in _REMINDERS:
            found = form.fullmatch(name)
            if found is not None:
                return self.words.say(message, **found.groupdict())
        return self.words.term("reminder", name)
