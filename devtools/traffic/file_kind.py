"""What a file looks like in which no line is an event, and what to do with it."""

from __future__ import annotations

import json
import shlex
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE

HEAD_BYTES = 4_096
"""Bytes from the beginning of a file that tell what it is."""
MARK = BOM_UTF8
"""The byte order mark that some programs write at the head of UTF-8."""

_WANTED = "one JSON object a line, in UTF-8"
_MAGIC = (
    (b"\x1f\x8b", "gzip", "gunzip -c {}"),
    (b"BZh", "bzip2", "bunzip2 -c {}"),
    (b"\xfd7zXZ\x00", "xz", "xz -dc {}"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "zstd -dc {}"),
)
_OTHER_MAGIC = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook: unpack it, or export it"),
    (b"PAR1", "a Parquet file: export it"),
    (b"Obj\x01", "an Avro file: export it"),
    (b"SQLite format 3\x00", "an SQLite database: export it"),
)
_UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)
_UTF32 = (BOM_UTF32_LE, BOM_UTF32_BE)
_SEPARATORS = (",", ";", "\t", "|")


def unreadable(name: str, head: bytes) -> str | None:
    """Why no line of a file can be read, and what to do; None if they may be.

    Args:
        name: of the file; `-` for the standard input.
        head: the first `HEAD_BYTES` of it.
    """
    file = "FILE" if name == "-" else shlex.quote(name)
    for magic, kind, command in _MAGIC:
        if head.startswith(magic):
            return f"it is compressed with {kind}; unpack it first: {command.format(file)}"
    for magic, sentence in _OTHER_MAGIC:
        if head.startswith(magic):
            return f"it looks like {sentence} as {_WANTED}"
    encoding = _wide_encoding(head)
    if encoding is not None:
        return f"it is {encoding}; write it as UTF-8 first: iconv -f {encoding} -t UTF-8 {file}"
    return None


def _wide_encoding(head: bytes) -> str | None:
    """UTF-32 or UTF-16, by its mark, or by the zeros beside the first characters."""
    if head.startswith(_UTF32):
        return "UTF-32"
    if head.startswith(_UTF16):
        return "UTF-16"
    if len(head) >= 4 and head[:1] in b"{[" and head[1] == 0 and head[3] == 0:
        return "UTF-16LE"
    if len(head) >= 4 and head[0] == 0 and head[1:2] in (b"{", b"[") and head[2] == 0:
        return "UTF-16BE"
    return None


def no_events(name: str, head: bytes) -> str:
    """What a file looks like in which no line is an event, and what to do, in one sentence."""
    found = unreadable(name, head)
    if found is not None:
        return found
    file = "FILE" if name == "-" else shlex.quote(name)
    text = head.removeprefix(MARK).decode("utf-8", "replace").lstrip()
    first, _, _ = text.partition("\n")
    if text.startswith("["):
        return f"it looks like one JSON array, not {_WANTED}; make it so: jq -c '.[]' {file}"
    if text.startswith("{"):
        return _of_objects(first, file)
    if text.startswith("<"):
        return f"it looks like XML or HTML; export the events as {_WANTED}"
    if "\ufffd" in first or "\0" in first:
        return f"it is no text in UTF-8; write it as {_WANTED}"
    separator = max(_SEPARATORS, key=first.count)
    if separator in first:
        names = [name.strip().strip('"') for name in first.split(separator)]
        return (
            f"it looks like CSV with the columns {_some(names)}; make each row a JSON object "
            "with event_id, type, customer_id, occurred_at and the fields of its type"
        )
    return f"it is not {_WANTED}"


def _of_objects(first: str, file: str) -> str:
    """The sentence about a file that begins with a JSON object."""
    try:
        document = json.loads(first)
    except (ValueError, RecursionError):
        return (
            f"it looks like JSON objects over several lines, not {_WANTED}; make it so: "
            f"jq -c . {file}"
        )
    lists = [name for name, value in document.items() if type(value) is list and name != "type"]
    if "type" not in document and len(lists) == 1:
        path = json.dumps(lists[0], ensure_ascii=False)
        return (
            f"it looks like one JSON object with the list {lists[0][:40]!r}, not {_WANTED}; make "
            f"it so: jq -c '.[{path}][]' {file}"
        )
    if "type" in document:
        return (
            f"the first line has the type {str(document['type'])[:40]!r}, which is none of "
            "docs/guide.md, Events in"
        )
    return (
        f"its objects have no type; the first has the fields {_some(list(document))}, and an event "
        "has event_id, type, customer_id, occurred_at and the fields of its type"
    )


def _some(names: list[str]) -> str:
    """The first of some names, shortened."""
    shown = ", ".join(name[:40] for name in names[:6]) or "none"
    return f"{shown}, …" if len(names) > 6 else shown
