"""The catalogue: English message ids with their Chinese texts, read from `zh.po` by Babel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from words.language import Language

Texts = Mapping[tuple[str | None, str], str]
"""Text by context (None for most) and message id. Of a plural the id is its singular."""


@cache
def texts_in(language: Language) -> Texts:
    """All texts of a language; none for English, whose texts are the ids."""
    if language is Language.EN:
        return {}
    return {
        (message.context, _first(message.id)): _first(message.string)
        for message in read_catalogue(language)
        if message.id and not message.fuzzy and _first(message.string)
    }


def read_catalogue(language: Language) -> Catalog:
    """The file of a language as Babel reads it."""
    with files("words").joinpath(f"{language}.po").open("rb") as source:
        return read_po(source, locale=language, domain="tierstream")


def _first(text: str | list[str] | tuple[str, ...] | None) -> str:
    """The text, or its first form: Chinese has one form for any number."""
    return text if isinstance(text, str) else (text or ("",))[0]
