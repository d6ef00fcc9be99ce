"""For programs that act on Tierstream's outputs: each alert once, in order, even after a crash.

It needs nothing else of Tierstream: copy this package, or install Tierstream and import it.
"""

from __future__ import annotations

from tierstream_client.alert import Alert, UnreadableAlert, read_alert
from tierstream_client.consumer import AlertConsumer, PositionGone, TopicMissing
from tierstream_client.dead_letter_file import DeadLetterFile, DeadLettersFull
from tierstream_client.memory import MemoryFile, MemoryUnusable
from tierstream_client.signature import SignatureWrong, sign, verify
from tierstream_client.webhook import EndpointDown, Patience, Webhook

__all__ = [
    "Alert",
    "AlertConsumer",
    "DeadLetterFile",
    "DeadLettersFull",
    "EndpointDown",
    "MemoryFile",
    "MemoryUnusable",
    "Patience",
    "PositionGone",
    "SignatureWrong",
    "TopicMissing",
    "UnreadableAlert",
    "Webhook",
    "read_alert",
    "sign",
    "verify",
]
