"""The languages that there are, and how somebody names one."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """A language of the catalogue; the message ids are the English texts."""

    EN = "en"
    ZH = "zh"


LANGUAGES = tuple(Language)
LOCALES = {Language.EN: "en", Language.ZH: "zh_CN"}
"""The locale whose forms of numbers, money and dates a language has."""


class UnknownLanguage(ValueError):
    """There is no such language; the message is one sentence."""


def language_of(name: str) -> Language:
    """The language of a name as programs write it: `zh`, `zh-CN`, `zh_CN.UTF-8`, `en-GB`.

    Raises:
        UnknownLanguage: the catalogue has none of this name.
    """
    wanted = name.strip().replace("_", "-").partition("-")[0].lower()
    try:
        return Language(wanted)
    except ValueError as error:
        raise UnknownLanguage(f"there is no language {name!r}, only {', '.join(LANGUAGES)}") from (
            error
        )
