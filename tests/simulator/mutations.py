"""Safeguards of the product that can be turned off, one by one, by editing its code in memory.

Each is a place in a function and what stands there instead. A place that is not found exactly once
fails, so a mutation cannot silently cease to be one.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock


@dataclass(frozen=True)
class Edit:
    """A change of one function or method.

    Attributes:
        owner: its class or module.
        name: its name there.
        old: what stands in it, exactly once.
        new: what stands there instead.
    """

    owner: Any
    name: str
    old: str
    new: str

    def made(self) -> Callable[..., Any]:
        """The function as edited."""
        original = inspect.getattr_static(self.owner, self.name)
        source = textwrap.dedent(inspect.getsource(original))
        count = source.count(self.old)
        if count != 1:
            raise ValueError(f"{self.name} has {self.old!r} {count} times")
        module = inspect.getmodule(original)
        assert module is not None
        # Postponed annotations, as in the module it comes from.
        code = compile(
            "from __future__ import annotations\n" + source.replace(self.old, self.new),
            f"<{self.name} without a safeguard>",
            "exec",
        )
        scope = dict(vars(module))
        exec(code, scope)  # noqa: S102
        made: Callable[..., Any] = scope[self.name]
        return made


@dataclass(frozen=True)
class Mutation:
    """A safeguard, and the edits that turn it off."""

    safeguard: str
    edits: tuple[Edit, ...]

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Run without the safeguard."""
        with ExitStack() as stack:
            for edit in self.edits:
                made = edit.made()
                stack.enter_context(mock.patch.object(edit.owner, edit.name, made))
            yield


MUTATIONS: dict[str, Mutation] = {}
