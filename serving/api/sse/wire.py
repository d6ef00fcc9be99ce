"""Server-sent events as bytes."""

from __future__ import annotations

import orjson

RETRY_MS = 3_000


def event(name: str, data: bytes, position: str) -> bytes:
    """An event; a client that got it whole goes on behind it."""
    lines = b"".join(b"data: %b\n" % line for line in data.splitlines())
    return b"id: %b\nevent: %b\n%b\n" % (position.encode(), name.encode(), lines)


def opening(position: str) -> bytes:
    """What a stream begins with: a client that gets nothing else goes on from there."""
    return b"retry: %d\nid: %b\n\n" % (RETRY_MS, position.encode())


def heartbeat(position: str) -> bytes:
    """A sign of life with the place reached, which no event follows from."""
    return b": alive\nid: %b\n\n" % position.encode()


def gap(topic: str, partition: int, asked: int, resumed: int, reason: str, position: str) -> bytes:
    """Changes that the client will never get, or gets again: the topic has them no longer."""
    data = {
        "topic": topic,
        "partition": partition,
        "asked_offset": asked,
        "resumed_offset": resumed,
        "reason": reason,
    }
    return event("tierstream.gap", orjson.dumps(data), position)
