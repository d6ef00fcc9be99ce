"""What becomes of a fault in a handler: one dead letter, and the rest of the log goes on.

A fault is a bug of ours, or a machine's; never the fault of the record. Of a record that raises
nothing stays, but its dead letter (`handlers.undo`). The letter names the error and the function,
not the error's text, which may hold a customer's data and may differ between two machines.
"""

from __future__ import annotations

import builtins
from types import TracebackType
from typing import NamedTuple

import msgspec

from handlers.reasons import PROCESSING_FAILED, Rejection
from handlers.state.format_fields import FormatTooOld
from handlers.state.formats import NewerFormat

KINDS = ("record", "merge", "due", "policy", "profile")
"""What a fault may concern."""

_MUST_STOP = (MemoryError, msgspec.MsgspecError, NewerFormat, FormatTooOld)
_OUR_PACKAGES = ("handlers", "scoring")


class Failure(NamedTuple):
    """A fault, for the log and the metrics of whoever runs the rules.

    Attributes:
        kind: one of `KINDS`: what could not be done.
        customer_id: of whom; empty for a policy as a whole.
        rejection: what its dead letter says.
        error: what was raised.
        has_letter: whether a dead letter of its own is to be written. That of a record is what
            applying it returned; a profile has none, as it is made at no defined point of the log.
    """

    kind: str
    customer_id: str
    rejection: Rejection
    error: builtins.Exception  # mypyc looks for the type in the module
    has_letter: bool = False


def must_stop(error: Exception) -> bool:
    """Whether an error is no fault of a handler: no memory is left, or an unknown format."""
    return isinstance(error, _MUST_STOP)


def failed(what: str, error: Exception, event_id: str | None = None) -> Rejection:
    """The reason of the dead letter for what could not be done."""
    name = type(error).__name__
    detail = f"{what} raised {name} in {_where(error.__traceback__)}"
    return Rejection(PROCESSING_FAILED, detail, event_id)


def _where(trace: TracebackType | None) -> str:
    """The innermost function of ours with a name that an error came through.

    Compiled code has no frames of comprehensions, so those of plain code are left out.
    """
    found = "handlers"
    while trace is not None:
        frame = trace.tb_frame
        module, name = str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
        if module.partition(".")[0] in _OUR_PACKAGES and not name.startswith("<"):
            found = f"{module}.{name}"
        trace = trace.tb_next
    return found
