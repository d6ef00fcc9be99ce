"""What tells that two customers are likely the same person: phone, e-mail address, union id.

Each is normalised, so that one number written in two ways is found, and stored as a digest: the
index of the view holds no number and no address.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

KINDS = {"phone": "p", "email": "e", "union_id": "u"}
"""Kinds of contacts, and the letter with which one begins."""

UNION_ID_NAMES = ("union_id", "unionid", "wechat_unionid")
"""Attributes that may hold the id under which a platform knows a person in all its shops."""

_DIGEST_BYTES = 9
_PHONE_DIGITS = (7, 15)
_CHINESE_MOBILE = re.compile(r"86(1[0-9]{10})", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def phone_of(text: str) -> str | None:
    """The digits of a phone number; of a Chinese mobile number without the country code.

    A number of another country is the same with ``+`` and ``00`` only: which country a number
    without a code is of, nobody says.
    """
    digits = "".join(re.findall(r"[0-9]", unicodedata.normalize("NFKC", text)))
    digits = digits.removeprefix("00")
    if found := _CHINESE_MOBILE.fullmatch(digits):
        return found[1]
    shortest, longest = _PHONE_DIGITS
    return digits if shortest <= len(digits) <= longest else None


def email_of(text: str) -> str | None:
    """An e-mail address in lower case."""
    found = unicodedata.normalize("NFKC", text).strip().casefold()
    return found if _EMAIL.fullmatch(found) else None


def union_id_of(text: str) -> str | None:
    """A union id as it is, without spaces around it."""
    return text.strip() or None


def values_of(attributes: object) -> Iterator[tuple[str, str]]:
    """Kind and normalised value of each contact in the attributes of a profile."""
    if not isinstance(attributes, dict):
        return
    union_id = next((attributes[name] for name in UNION_ID_NAMES if attributes.get(name)), None)
    found = {
        "phone": (phone_of, attributes.get("phone")),
        "email": (email_of, attributes.get("email")),
        "union_id": (union_id_of, union_id),
    }
    for kind, (normalised, text) in found.items():
        if isinstance(text, str) and (value := normalised(text)) is not None:
            yield kind, value


def contact(kind: str, value: str) -> str:
    """The letter of the kind and a digest: 72 bits, so no two values collide."""
    return KINDS[kind] + blake2b(value.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def contacts_text(data: dict[str, Any]) -> str:
    """The contacts of a profile as the script reads them, with spaces between them."""
    return " ".join(contact(kind, value) for kind, value in values_of(data.get("attributes")))
