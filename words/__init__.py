"""What a user reads, in English and Chinese: texts, numbers, money, times, labels, sentences."""

from words.language import LANGUAGES, Language, UnknownLanguage, language_of
from words.naming import Naming
from words.sentences import do_not_contact, sentence
from words.terms import TERMS
from words.translator import Words, words_in

__all__ = [
    "LANGUAGES",
    "TERMS",
    "Language",
    "Naming",
    "UnknownLanguage",
    "Words",
    "do_not_contact",
    "language_of",
    "sentence",
    "words_in",
]
