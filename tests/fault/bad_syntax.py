"""Records whose bytes are no JSON object as SPEC §3 wants it, or too many."""

from __future__ import annotations

from tests.fault.record_maker import RecordMaker, json_bytes

MOST_BYTES = 256 * 1024
DEEPEST = 32


def add_unreadable(make: RecordMaker) -> None:
    """`too_large` and `not_json`, and what is just on the right side of both."""
    _add_large(make)
    _add_not_text(make)
    _add_no_object(make)
    _add_no_number(make)
    _add_nested(make)
    _add_odd_texts(make)


def _right(make: RecordMaker, name: str) -> bytes:
    return json_bytes(make.event(name))


def _padded(make: RecordMaker, name: str, size: int) -> bytes:
    """An event of exactly so many bytes."""
    bare = json_bytes(make.event(name, comment=""))
    return json_bytes(make.event(name, comment="x" * (size - len(bare))))


def _add_large(make: RecordMaker) -> None:
    for name, size in (("one byte too many", MOST_BYTES + 1), ("300 KB", 300_000)):
        make.refuse("too_large", name, _padded(make, name, size))
    make.refuse("too_large", "300 KB of nothing", b"\x00" * 300_000)
    make.refuse("too_large", "300 KB of brackets", b"[" * 300_000)
    name = "as large as may be"
    make.accept(name, _padded(make, name, MOST_BYTES))
    make.accept_event("repeats itself", comment="ab" * 100_000)


def _add_not_text(make: RecordMaker) -> None:
    right = _right(make, "no text")
    for name, value in (
        ("bad UTF-8 in an id", right.replace(b"no-text", b"\xff\xfe")),
        ("bad UTF-8 in a field's name", right[:-1] + b',"\xc3\x28":1}'),
        ("bad UTF-8 in an unknown field", right[:-1] + b',"note":"\xe2\x82"}'),
        ("overlong UTF-8", right[:-1] + b',"note":"\xc0\xaf"}'),
        ("a surrogate in UTF-8", right[:-1] + b',"note":"\xed\xa0\x80"}'),
        ("UTF-8 beyond Unicode", right[:-1] + b',"note":"\xf4\x90\x80\x80"}'),
        ("Latin-1", right[:-1] + b',"note":"caf\xe9"}'),
        ("UTF-16", right.decode().encode("utf-16")),
        ("gzip", b"\x1f\x8b\x08\x00" + right),
        ("a byte order mark", b"\xef\xbb\xbf" + right),
        ("half a surrogate pair", right[:-1] + b',"note":"\\ud83d"}'),
        ("the other half of a pair", right.replace(b'"USD"', b'"\\ude00"')),
        ("half a pair in a name", right[:-1] + b',"\\ud800":1}'),
    ):
        make.refuse("not_json", name, value)


def _add_no_object(make: RecordMaker) -> None:
    right = _right(make, "no object")
    make.refuse("not_json", "a tombstone", None)
    make.refuse("not_json", "a tombstone for a customer", None, key=b"bad-0-customer")
    for name, value in (
        ("no bytes", b""),
        ("blanks only", b" \r\n\t"),
        ("a NUL byte", b"\x00"),
        ("prose", b"order 17 was placed"),
        ("a list", b"[" + right + b"]"),
        ("a text", json_bytes(right.decode())),
        ("a number", b"12.50"),
        ("true", b"true"),
        ("null", b"null"),
        ("cut off in the middle", right[: len(right) // 2]),
        ("cut off by one byte", right[:-1]),
        ("a bracket too many", right + b"}"),
        ("a NUL behind it", right + b"\x00"),
        ("two objects", right + right),
        ("two lines", right + b"\n" + right),
        ("a comment", right[:-1] + b"/* paid */}"),
        ("a comma too many", right[:-1] + b",}"),
        ("single quotes", right.replace(b'"', b"'")),
        ("a name without quotes", right.replace(b'"amount"', b"amount")),
        ("a raw line feed in a text", right.replace(b"USD", b"US\nD")),
        ("a raw NUL in a text", right.replace(b"USD", b"US\x00D")),
        ("an unknown escape", right.replace(b"USD", b"US\\x44")),
        ("HTML of a proxy", b"<html><body>502 Bad Gateway</body></html>"),
        ("XML", b'<?xml version="1.0"?><order/>'),
        ("Avro with a schema id", b"\x00\x00\x00\x00\x07" + right),
    ):
        make.refuse("not_json", name, value)


def _add_no_number(make: RecordMaker) -> None:
    right = _right(make, "no number")
    for name, written in (
        ("NaN", b"NaN"),
        ("Infinity", b"Infinity"),
        ("minus infinity", b"-Infinity"),
        ("a plus sign on a number", b"+5"),
        ("a leading zero", b"012.50"),
        ("no digit before the point", b".5"),
        ("no digit behind the point", b"5."),
        ("a hexadecimal number", b"0x10"),
        ("an exponent without digits", b"1e"),
        ("an exponent of 19 digits", b"1e1000000000000000000"),
        ("True of Python", b"True"),
        ("None of Python", b"None"),
        ("undefined", b"undefined"),
    ):
        make.refuse("not_json", name, right.replace(b'"12.50"', written))
    make.refuse("not_json", "NaN in an unknown field", right[:-1] + b',"note":NaN}')


def _add_nested(make: RecordMaker) -> None:
    def nested(name: str, opening: str, closing: str, depth: int) -> bytes:
        deep = f',"deep":{opening * depth}{closing * depth}}}'
        return _right(make, name)[:-1] + deep.encode()

    name = "lists nested 33 deep"
    make.refuse("not_json", name, nested(name, "[", "]", DEEPEST))
    name = "objects nested 33 deep"
    inner = b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST
    make.refuse("not_json", name, _right(make, name)[:-1] + b',"deep":' + inner + b"}")
    name = "50,000 lists in each other"
    make.refuse("not_json", name, nested(name, "[", "]", 50_000))
    make.refuse("not_json", "100,000 brackets", b"[" * 100_000)
    make.refuse("not_json", "10,000 objects begun", b'{"a":' * 10_000)
    name = "nested 32 deep"
    make.accept(name, nested(name, "[", "]", DEEPEST - 1))
    name = "a thousand lists side by side"
    make.accept(name, _right(make, name)[:-1] + b',"wide":[' + b"[]," * 999 + b"[]]}")


def _add_odd_texts(make: RecordMaker) -> None:
    name = "a surrogate pair"
    make.accept(name, _right(make, name)[:-1] + b',"note":"\\ud83d\\ude00"}')
    name = "every character escaped"
    escaped = "".join(f"\\u{ord(each):04x}" for each in "order.placed")
    make.accept(name, _right(make, name).replace(b"order.placed", escaped.encode()))
    name = "blanks around it"
    make.accept(name, b"\r\n\t " + _right(make, name) + b"\n")
    name = "an escaped name"
    make.accept(name, _right(make, name).replace(b'"amount"', b'"\\u0061mount"'))
    name = "a field told twice"
    make.accept(name, b'{"amount":true,' + _right(make, name)[1:])
    name = "a type told twice"
    make.accept(name, b'{"type":"page.viewed",' + _right(make, name)[1:])
    name = "a customer told twice"
    make.accept(name, b'{"customer_id":"somebody else",' + _right(make, name)[1:])
    for name, number in (
        ("a number of 400 digits", b"1" + b"0" * 400),
        ("a number beyond floats", b"1e400"),
        ("a number below floats", b"-1e-400"),
    ):
        make.accept(name, _right(make, name)[:-1] + b',"note":' + number + b"}")
