"""Reads a TOML table key by key, and names every wrong or unknown key with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import Any


class TomlTable:
    """One table of a document. Problems go to a list that all tables of it share."""

    def __init__(self, table: dict[str, Any], path: str, problems: list[str]) -> None:
        self._table = table
        self._path = path
        self._problems = problems
        self._known: set[str] = set()

    def wrong(self, key: str, reason: str) -> None:
        """Note a problem with a key."""
        self._problems.append(f"{self._path}{key}: {reason}")

    @property
    def is_sound(self) -> bool:
        """Whether no problem of this table, or of one below it, was noted so far."""
        return not any(problem.startswith(self._path) for problem in self._problems)

    def table(self, key: str) -> TomlTable:
        """The table below a key; an empty one if absent."""
        found = self._get(key, {})
        if type(found) is not dict:
            self.wrong(key, "must be a table")
            found = {}
        return TomlTable(found, f"{self._path}{key}.", self._problems)

    def optional_table(self, key: str) -> TomlTable | None:
        """The table below a key; None if absent."""
        return self.table(key) if self._get(key, None) is not None else None

    def tables(self, key: str) -> list[TomlTable] | None:
        """The tables of an array of tables; None if absent."""
        found = self._get(key, None)
        if found is None:
            return None
        if type(found) is not list or any(type(item) is not dict for item in found):
            self.wrong(key, f"must be written as [[{self._path}{key}]] tables")
            return []
        return [
            TomlTable(item, f"{self._path}{key}[{place}].", self._problems)
            for place, item in enumerate(found, 1)
        ]

    def text(self, key: str, default: str, longest: int = 128) -> str:
        """A text that is not empty."""
        found = self._get(key, default)
        if type(found) is str and 0 < len(found) <= longest:
            return found
        self.wrong(key, f"must be a text of 1 to {longest} characters, got {_shown(found)}")
        return default

    def optional_text(self, key: str, default: str | None) -> str | None:
        """A text; an empty one stands for none."""
        if key in self._table and self._table[key] == "":
            self._known.add(key)
            return None
        if default is None and key not in self._table:
            self._known.add(key)
            return None
        return self.text(key, default or "")

    def choice(self, key: str, default: str, allowed: Iterable[str], later: str = "") -> Any:
        """One of some words."""
        found = self._get(key, default)
        if found not in allowed:
            words = " or ".join(f'"{word}"' for word in allowed)
            self.wrong(key, f"must be {words}, got {_shown(found)}{later}")
            return default
        return found

    def boolean(self, key: str, *, default: bool) -> bool:
        """True or false."""
        found = self._get(key, default)
        if type(found) is bool:
            return found
        self.wrong(key, f"must be true or false, got {_shown(found)}")
        return default

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        found = self.optional_integer(key, low, high)
        return default if found is None else found

    def optional_integer(self, key: str, low: int, high: int) -> int | None:
        """A whole number within bounds, or None if absent."""
        found = self._get(key, None)
        if found is None:
            return None
        if type(found) is not int or not low <= found <= high:
            self.wrong(key, f"must be a whole number from {low} to {high}, got {_shown(found)}")
            return None
        return found

    def integer_or_word(self, key: str, low: int, high: int, word: str) -> int | str | None:
        """A whole number within bounds or a word; None if absent."""
        found: int | str | None = self._get(key, None)
        if found is None or found == word or (type(found) is int and low <= found <= high):
            return found
        self.wrong(
            key, f'must be a whole number from {low} to {high} or "{word}", got {_shown(found)}'
        )
        return None

    def integers(self, key: str, default: tuple[int, ...], high: int) -> tuple[int, ...]:
        """Four ascending whole numbers from 0."""
        found = self._get(key, list(default))
        if (
            type(found) is not list
            or len(found) != 4
            or any(type(item) is not int or not 0 <= item <= high for item in found)
            or not _ascending(found)
        ):
            self.wrong(key, f"must be four ascending whole numbers from 0, got {_shown(found)}")
            return default
        return tuple(found)

    def texts(self, key: str, most: int, longest: int) -> tuple[str, ...]:
        """A list of texts, none twice; an empty one if absent."""
        found = self._get(key, [])
        if (
            type(found) is not list
            or len(found) > most
            or any(type(item) is not str or not 0 < len(item) <= longest for item in found)
            or len(set(found)) != len(found)
        ):
            self.wrong(key, f"must be a list of up to {most} different texts, got {_shown(found)}")
            return ()
        return tuple(found)

    def whole_numbers(self, key: str, most: int, high: int) -> tuple[int, ...]:
        """A list of whole numbers from 0; an empty one if absent."""
        found = self._get(key, [])
        if _are_whole(found, most, 0, high):
            return tuple(found)
        self.wrong(key, f"must be up to {most} whole numbers from 0 to {high}, got {_shown(found)}")
        return ()

    def different(self, key: str, high: int, first: str = "1") -> tuple[int, ...]:
        """A list of different whole numbers from 1, at least one; `first` says what 1 is."""
        found = self._get(key, [])
        if _are_whole(found, high, 1, high) and 0 < len(found) == len(set(found)):
            return tuple(found)
        must = f"must be different whole numbers from {first} to {high}, at least one"
        self.wrong(key, f"{must}, got {_shown(found)}")
        return ()

    def rising(self, key: str, most: int, high: int) -> tuple[int, ...]:
        """A list of rising whole numbers from 1, at least one."""
        found = self._get(key, [])
        are_whole = _are_whole(found, most, 1, high)
        if are_whole and found and all(left < right for left, right in pairwise(found)):
            return tuple(found)
        must = f"must be 1 to {most} rising whole numbers from 1 to {high}"
        self.wrong(key, f"{must}, got {_shown(found)}")
        return ()

    def decimal(self, key: str, default: str) -> str:
        """A decimal from 0, as a text or a number, kept as text."""
        found = self.optional_decimal(key)
        return default if found is None else found

    def optional_decimal(self, key: str) -> str | None:
        """A decimal from 0, kept as text, or None if absent."""
        found = self._get(key, None)
        if found is None:
            return None
        text = decimal_text(found)
        if text is None:
            self.wrong(key, f'must be a decimal from 0 such as "12.50", got {_shown(found)}')
        return text

    def decimals(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Four ascending decimals from 0, kept as text."""
        found = self._get(key, list(default))
        texts = [decimal_text(item) for item in found] if type(found) is list else []
        known = [text for text in texts if text is not None]
        if len(texts) != 4 or len(known) != 4 or not _ascending([Fraction(t) for t in known]):
            self.wrong(key, f"must be four ascending decimals from 0, got {_shown(found)}")
            return default
        return tuple(known)

    def signed_decimal(self, key: str) -> str | None:
        """A decimal that may be below 0, kept as text, or None if absent."""
        found = self._get(key, None)
        if found is None:
            return None
        text = signed_text(found)
        if text is None:
            self.wrong(key, f'must be a decimal such as "12.50", got {_shown(found)}')
        return text

    def signed_decimals(self, key: str) -> tuple[str, ...] | None:
        """Four ascending decimals that may be below 0, kept as text, or None if absent."""
        found = self._get(key, None)
        if found is None:
            return None
        texts = [signed_text(item) for item in found] if type(found) is list else []
        known = [text for text in texts if text is not None]
        if len(texts) != 4 or len(known) != 4 or not _ascending([Fraction(t) for t in known]):
            self.wrong(key, f"must be four ascending decimals, got {_shown(found)}")
            return None
        return tuple(known)

    def decimal_map(self) -> dict[str, str]:
        """All keys of this table, each with a decimal above 0."""
        found = {}
        for key in self._table:
            text = self.optional_decimal(key)
            if text is not None and Fraction(text) == 0:
                self.wrong(key, "must be above 0")
            elif text is not None:
                found[key] = text
        return found

    def text_map(self) -> dict[str, str]:
        """All keys of this table, each with a text."""
        return {key: self.text(key, "") for key in self._table}

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._table

    def names(self) -> list[str]:
        """All keys of this table, for one whose keys are the user's own names."""
        return list(self._table)

    def is_empty_list(self, key: str) -> bool:
        """Whether an empty list stands under a key."""
        return self._table.get(key) == []

    def unknown(self) -> list[str]:
        """The keys that nobody asked for."""
        return [key for key in self._table if key not in self._known]

    def wrong_whole(self, reason: str) -> None:
        """Note a problem with the table as a whole."""
        self._problems.append(f"{self._path.removesuffix('.')}: {reason}")

    def finish(self) -> None:
        """Note every key that nobody asked for."""
        for key in self._table:
            if key not in self._known:
                close = get_close_matches(key, self._known, n=1)
                self.wrong(key, "unknown key" + (f", did you mean {close[0]}?" if close else ""))

    def _get(self, key: str, default: Any) -> Any:
        self._known.add(key)
        return self._table.get(key, default)


def decimal_text(value: object) -> str | None:
    """A TOML number or decimal text as plain decimal text; None if it is negative or neither."""
    if type(value) is str:
        whole, point, fraction = value.partition(".")
        digits = whole + fraction
        plain = digits.isascii() and digits.isdigit() and bool(whole)
        return value if plain and (not point or fraction) and len(value) <= 40 else None
    if type(value) is int:
        return str(value) if 0 <= value < 10**30 else None
    if type(value) is Decimal and value.is_finite() and 0 <= value < 10**30:
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and exponent < -40:
            return None  # written out, such a number could fill the memory
        text = f"{value:f}"
        return text if len(text) <= 40 else None
    return None


def signed_text(value: object) -> str | None:
    """As `decimal_text`, but a minus is allowed."""
    if type(value) is str and value.startswith("-"):
        text = decimal_text(value[1:])
        return None if text is None else f"-{text}"
    if type(value) in (int, Decimal) and value < 0:  # type: ignore[operator]
        text = decimal_text(-value)  # type: ignore[operator]
        return None if text is None else f"-{text}"
    return decimal_text(value)


def _ascending(values: list[Any]) -> bool:
    return all(left <= right for left, right in pairwise(values))


def _are_whole(found: Any, most: int, low: int, high: int) -> bool:
    """Whether a value is a list of so many whole numbers at most, each from low to high."""
    return (
        type(found) is list
        and len(found) <= most
        and all(type(item) is int and low <= item <= high for item in found)
    )


def _shown(found: object) -> str:
    """A value as it stands in TOML, where that is not as Python writes it."""
    if type(found) is bool:
        return "true" if found else "false"
    if type(found) is Decimal:
        return str(found)
    if type(found) is list:
        return f"[{', '.join(map(_shown, found))}]"
    return repr(found)
