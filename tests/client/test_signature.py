from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from tests.client.builders import SECRET
from tierstream_client import SignatureWrong, sign, verify

BODY = b'{"id":"1"}'


def test_the_signature_is_that_of_the_published_form() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, b"msg_1.1700000000." + BODY, hashlib.sha256).digest())
    assert sign(SECRET, "msg_1", 1_700_000_000, BODY) == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": f"v1,{expected.decode()}",
    }


def test_a_receiver_takes_what_was_signed_with_its_secret() -> None:
    headers = sign(SECRET, "msg_1", 1_000, BODY)
    verify(SECRET, headers, BODY, now_s=1_300)
    also_old_key = headers | {"webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}
    verify(SECRET, also_old_key, BODY, now_s=1_000)


@pytest.mark.parametrize(
    ("changed", "body", "now_s", "sentence"),
    [
        ({}, BODY + b" ", 1_000, "no signature fits"),
        ({"webhook-id": "msg_2"}, BODY, 1_000, "no signature fits"),
        ({"webhook-timestamp": "1001"}, BODY, 1_000, "no signature fits"),
        ({"webhook-signature": "v1,"}, BODY, 1_000, "no signature fits"),
        ({"webhook-signature": ""}, BODY, 1_000, "no signature fits"),
        ({"webhook-timestamp": "soon"}, BODY, 1_000, "no number of seconds"),
        ({"webhook-timestamp": "١٢"}, BODY, 1_000, "no number of seconds"),
        ({}, BODY, 1_301, "more than 300 s"),
        ({}, BODY, 699, "more than 300 s"),
    ],
)
def test_a_receiver_refuses_what_was_changed_or_is_old(
    changed: dict[str, str], body: bytes, now_s: int, sentence: str
) -> None:
    headers = sign(SECRET, "msg_1", 1_000, BODY) | changed
    with pytest.raises(SignatureWrong, match=sentence):
        verify(SECRET, headers, body, now_s)


def test_a_missing_header_is_named() -> None:
    headers = sign(SECRET, "msg_1", 1_000, BODY)
    del headers["webhook-timestamp"]
    with pytest.raises(SignatureWrong, match="webhook-timestamp"):
        verify(SECRET, headers, BODY, 1_000)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", SECRET[6:]])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="at least 24 bytes"):
        sign(secret, "msg_1", 1_000, BODY)
