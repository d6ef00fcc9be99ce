"""`Words`: everything that turns a value or an English text into one language."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel import dates, numbers

from words.catalogue import texts_in
from words.language import LOCALES, Language
from words.terms import TERMS


class Words:
    """The texts and forms of one language.

    Fields in braces of a message are filled in as they are: who shows them escapes them, as for
    any text from outside.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self.locale = LOCALES[language]
        self._texts = texts_in(language)

    def say(self, message: str, /, **fields: object) -> str:
        """A message; `say("until {time}", time=…)`."""
        return self._filled(None, message, fields)

    def named(self, context: str, message: str, /, **fields: object) -> str:
        """A message whose English text means several things: `named("column", "order")`."""
        return self._filled(context, message, fields)

    def plural(self, one: str, many: str, count: int, /, **fields: object) -> str:
        """A message about a number, filled in as `{count}`: `plural("{count} day", …, 3)`."""
        text = self._texts.get((None, one))
        if text is None:
            text = one if count == 1 else many
        return text.format(count=self.number(count), **fields)

    def term(self, kind: str, value: str | None) -> str:
        """What a wire value is called, such as `term("stage", "at_risk")`; see `TERMS`.

        A value without a text, of another release, is shown as it is.
        """
        found = TERMS[kind].get(value or "")
        if found is None:
            return value or ""
        return self._texts.get(found, found[1])

    def number(self, value: float | Decimal, decimals: int | None = None) -> str:
        """A number with its thousands separated; as many decimals as it has, or so many."""
        return numbers.format_decimal(
            value, "#,##0.###" if decimals is None else _pattern(decimals), locale=self.locale
        )

    def money(self, amount: str | Decimal, currency: str | None = None) -> str:
        """Decimal text in major units with its own decimals, and the sign of the currency."""
        value = Decimal(amount)
        decimals = max(0, -int(value.as_tuple().exponent))
        if currency is None:
            return self.number(value, decimals)
        return numbers.format_currency(
            value, currency, f"¤{_pattern(decimals)}", self.locale, currency_digits=False
        )

    def percent(self, share: float | Decimal, decimals: int = 0) -> str:
        """A share of 1 as a percentage."""
        return numbers.format_percent(share, f"{_pattern(decimals)}%", locale=self.locale)

    def compact(self, value: float | Decimal, decimals: int = 1) -> str:
        """A large number in short, for an axis or a tile: `12.3K`, `1.2万`."""
        return numbers.format_compact_decimal(value, locale=self.locale, fraction_digits=decimals)

    def date(self, day: str | date) -> str:
        """A date, or that of an RFC 3339 time as it is written: `Mar 4, 2026`, `2026年3月4日`."""
        found = date.fromisoformat(day[:10]) if isinstance(day, str) else day
        return dates.format_date(found, "medium", locale=self.locale)

    def moment(self, instant: str | datetime, timezone: str = "UTC") -> str:
        """Date, hour and minute of an instant in a time zone."""
        found = _instant(instant).astimezone(UTC if timezone == "UTC" else ZoneInfo(timezone))
        return f"{self.date(found.date())} {found:%H:%M}"

    def instant(self, instant: str | None) -> str:
        """An exact instant in UTC, with milliseconds only where there are some.

        English has no one order of day and month, so there it is `2026-03-04 05:06:07`.
        """
        if instant is None:
            return self.say("never")
        day, _, clock = instant.removesuffix("Z").removesuffix(".000").partition("T")
        shown = day if self.language is Language.EN else self.date(day)
        return f"{shown} {clock}".rstrip()

    def listed(self, parts: list[str]) -> str:
        """Several things in a row: `a, b`, `a、b`."""
        return self.say(", ").join(parts)

    def _filled(self, context: str | None, message: str, fields: dict[str, object]) -> str:
        text = self._texts.get((context, message), message)
        return text.format(**fields) if fields else text


@cache
def words_in(language: Language = Language.EN) -> Words:
    """The words of a language; made once."""
    return Words(language)


def _pattern(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def _instant(text: str | datetime) -> datetime:
    return text if isinstance(text, datetime) else datetime.fromisoformat(text)
