"""What a user reads, in English and Chinese: texts, numbers, money, times, labels, sentences."""

from words.language import LANGUAGES, Language, UnknownLanguage, language_of
from words.terms import TERMS
from words.translator import Words, words_in

__all__ = [
    "LANGUAGES",
    "TERMS",
    "Language",
    "UnknownLanguage",
    "Words",
    "language_of",
    "words_in",
]
