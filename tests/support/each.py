"""One test of many like things, such as the lines of a file, which tells every failure."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any


def for_each(
    name: str, values: Iterable[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Call a test with one value after another, and fail with all that failed.

    Args:
        name: of the argument; several, with commas, for values that are tuples.
        values: what the test is tried with; at least one.
    """
    names, tried = [part.strip() for part in name.split(",")], list(values)
    assert tried, f"there is no {name} to try"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def tries_all(**fixtures: Any) -> None:
            failures: list[Exception] = []
            for value in tried:
                parts = (value,) if len(names) == 1 else value
                given = dict(zip(names, parts, strict=True))
                try:
                    test(**given, **fixtures)
                except Exception as failure:
                    failure.add_note(", ".join(f"{key}: {said}" for key, said in given.items()))
                    failures.append(failure)
            if failures:
                raise ExceptionGroup(f"{len(failures)} of {len(tried)} are wrong", failures)

        signature = inspect.signature(test)
        fixtures = [each for key, each in signature.parameters.items() if key not in names]
        tries_all.__signature__ = signature.replace(parameters=fixtures)  # type: ignore[attr-defined]
        del tries_all.__wrapped__  # else pytest would ask it for its arguments
        return tries_all

    return decorate
