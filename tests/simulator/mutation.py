"""A safeguard of the product that can be turned off, by editing its code in memory.

It is a place in a function and what stands there instead. A place that is not found exactly once
fails, so a mutation cannot silently cease to be one.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock


@dataclass(frozen=True)
class Edit:
    """A change of one function or method.

    Attributes:
        owner: its class, or the module that looks it up.
        name: its name there.
        old: what stands in it, exactly once.
        new: what stands there instead.
    """

    owner: Any
    name: str
    old: str
    new: str

    def apply(self, source: str) -> str:
        """The function's source with the change."""
        count = source.count(self.old)
        if count != 1:
            raise ValueError(f"{self.name} has {self.old!r} {count} times")
        return source.replace(self.old, self.new)


def _compiled(owner: Any, name: str, edits: Sequence[Edit]) -> Callable[..., Any]:
    """A function of the product with some changes."""
    original = inspect.getattr_static(owner, name)
    source = textwrap.dedent(inspect.getsource(original))
    for edit in edits:
        source = edit.apply(source)
    if "super()" in source:
        raise ValueError(f"{name} calls super(), which only its own class can")
    module = inspect.getmodule(original)
    assert module is not None
    # Annotations are postponed, as in the module it comes from.
    text = f"from __future__ import annotations\n{source}"
    scope = dict(vars(module))
    exec(compile(text, f"<{name} without a safeguard>", "exec"), scope)  # noqa: S102
    made: Callable[..., Any] = scope[name]
    return made


@dataclass(frozen=True)
class Mutation:
    """A safeguard, and the edits that turn it off.

    Attributes:
        safeguard: what it is.
        killed_by: the seed of a history that breaks a promise without it.
        edits: what turns it off.
    """

    safeguard: str
    killed_by: int
    edits: tuple[Edit, ...]

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Run without the safeguard."""
        with ExitStack() as stack:
            for owner, name in dict.fromkeys((edit.owner, edit.name) for edit in self.edits):
                edits = [edit for edit in self.edits if (edit.owner, edit.name) == (owner, name)]
                made = _compiled(owner, name, edits)
                stack.enter_context(mock.patch.object(owner, name, made))
            yield
