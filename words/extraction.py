"""Finds the messages in the sources, and brings a language's file in step with them."""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from words.catalogue import read_catalogue
from words.language import Language

PACKAGES = ("words", "serving", "devtools", "cli")
"""The packages whose sources have messages."""
_KEYWORDS = {
    "say": None,
    "named": ((1, "c"), 2),
    "plural": (1, 2),
    "mark": None,
    "mark_in": ((1, "c"), 2),
}

_HEAD = """\
# Texts of Tierstream. `make words` brings the messages in step with the sources.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
"""Without dates: the file changes only where a message does."""


def messages_in(root: Path) -> Catalog:
    """Every message of the sources below a checkout, without texts."""
    found = Catalog(domain="tierstream", charset="utf-8")
    for package in PACKAGES:
        for name, _, message, _, context in extract_from_dir(
            root / package, [("**.py", "python")], keywords=_KEYWORDS, comment_tags=()
        ):
            found.add(message, None, [(f"{package}/{name}", 0)], context=context)
    return found


def refresh(root: Path, language: Language) -> int:
    """Write the language's file anew: new messages without a text, those not used any more gone.

    Returns how many messages have no text yet.
    """
    catalogue = read_catalogue(language)
    catalogue.update(messages_in(root), no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    with (root / "words" / f"{language}.po").open("wb") as target:
        target.write(_HEAD.format(language=language).encode())
        write_po(
            target,
            catalogue,
            width=100,
            omit_header=True,
            include_lineno=False,
            sort_by_file=True,
        )
    return sum(not message.string or not any(message.string) for message in catalogue if message.id)
