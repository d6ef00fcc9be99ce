"""Signatures of webhooks, in the form of the Standard Webhooks specification.

Source: https://github.com/standard-webhooks/standard-webhooks, "Symmetric" signatures: HMAC-SHA256
over `<id>.<timestamp>.<body>`, base64, prefixed with the version `v1`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with
TOLERANCE_S = 300
_MIN_KEY_BYTES = 24


class SignatureWrong(ValueError):
    """The signature does not match, or is too old; the message is one sentence."""


def sign(secret: str, message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """The three headers of a signed webhook.

    Args:
        secret: `whsec_` and at least 24 random bytes in base64.
        message_id: the same for each attempt to send the same message.
        at_s: time of this attempt, in seconds since 1970.
        body: the bytes that are sent.

    Raises:
        ValueError: the secret has another form.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{_digest(secret, message_id, str(at_s), body)}",
    }


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    now_s: int,
    tolerance_s: int = TOLERANCE_S,
) -> None:
    """Check a webhook as its receiver; `headers` has lower-case names, or ignores case.

    Raises:
        SignatureWrong: the sender lacks the secret, the message was changed, or is too old or new.
    """
    try:
        message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        given = headers["webhook-signature"].split()
    except KeyError as missing:
        raise SignatureWrong(f"the header {missing} is missing") from missing
    if not timestamp.isascii() or not timestamp.isdigit():
        raise SignatureWrong("the timestamp is no number of seconds")
    if abs(now_s - int(timestamp)) > tolerance_s:
        raise SignatureWrong(f"it was signed more than {tolerance_s} s from now")
    expected = f"v1,{_digest(secret, message_id, timestamp, body)}".encode()
    if not any(hmac.compare_digest(expected, one.encode()) for one in given):
        raise SignatureWrong("no signature fits")


def _digest(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.digest(_key(secret), content, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) < _MIN_KEY_BYTES:
        raise ValueError(
            f"a webhook secret is {SECRET_PREFIX} and at least {_MIN_KEY_BYTES} bytes in base64"
        )
    return key
