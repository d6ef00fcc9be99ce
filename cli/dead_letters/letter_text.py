"""A dead letter as one line, for people or as JSON, without characters that control a terminal."""

from __future__ import annotations

import base64
import json

from cli.explain.words import plain
from scoring.timestamps import rfc3339
from streams.dead_letters import Letter


def text_line(letter: Letter, *, with_payload: bool) -> str:
    """Time, reason, topic and offset of the record, event id, detail; the payload on request."""
    parts = [
        rfc3339(letter.refused_ms),
        letter.reason or "-",
        "-" if letter.source is None else "{}/{}/{}".format(*letter.source),
        "-" if letter.event_id is None else letter.event_id,
        letter.detail or "-",
    ]
    original, attributes = letter.left_out
    if original is not None:
        parts.append(f"(the first bytes of {original.size:,})")
    if attributes:
        parts.append(f"({attributes:,} attributes left out)")
    if letter.replayed_from is not None:
        parts.append(f"(replay of {letter.replayed_from})")
    if with_payload:
        parts += [f"{name}={_text(data)}" for name, data in _payload(letter)]
    return "  ".join(map(plain, parts))


def json_line(letter: Letter, *, with_payload: bool) -> str:
    """The same as a JSON object; bytes that are no UTF-8 are base64, under another name."""
    source, (original, attributes) = letter.source, letter.left_out
    fields: dict[str, object] = {
        "reason": letter.reason,
        "source_topic": None if source is None else source.topic,
        "source_partition": None if source is None else source.partition,
        "source_offset": None if source is None else source.offset,
        "source_time": None if letter.source_ms is None else rfc3339(letter.source_ms),
        "time": rfc3339(letter.refused_ms),
        "event_id": letter.event_id,
        "detail": letter.detail,
        "replayed_from": letter.replayed_from,
        "original_size": None if original is None else original.size,
        "original_sha256": None if original is None else original.sha256,
        "attributes_left_out": attributes,
        "partition": letter.partition,
        "offset": letter.offset,
    }
    if with_payload:
        for name, data in _payload(letter):
            fields |= _as_json(name, data)
    return json.dumps(fields)


def _payload(letter: Letter) -> list[tuple[str, bytes | None]]:
    """Key, value and the attributes of a CloudEvent in binary mode."""
    attributes = [(name, data) for name, data in letter.headers if name.startswith("ce_")]
    return [("key", letter.key), ("value", letter.value), *attributes]


def _text(data: bytes | None) -> str:
    return "-" if data is None else data.decode("utf-8", "backslashreplace")


def _as_json(name: str, data: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if data is None else data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data or b"").decode()}
