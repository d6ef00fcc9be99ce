"""What can go wrong with the view, beyond an outage, which is waited out."""

from __future__ import annotations


class ViewError(RuntimeError):
    """The view cannot be kept; the message is one sentence for an operator."""
