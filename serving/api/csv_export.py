"""Lists as CSV, page by page, so that no process holds a list whole."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

from fastapi import Request
from starlette.responses import StreamingResponse

from serving.api.rows import COLUMNS, Fetch, Found, WorkRow

MEDIA_TYPE = "text/csv"
ROWS_MAX = 20_000
"""The most rows of a file; the header `X-Rows-Max` says so."""

_PAGE = 200
_BYTE_ORDER_MARK = "\ufeff"
"""Without it spreadsheets take the text for one of their own encodings."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula."""


def wants_csv(request: Request, asked: str | None) -> bool:
    """Whether the answer is to be CSV: by the parameter `format`, else by the header `Accept`."""
    if asked is not None:
        return asked == "csv"
    kinds = request.headers.get("accept", "").split(",")
    return any(kind.partition(";")[0].strip().lower() == MEDIA_TYPE for kind in kinds)


def cell(value: object) -> str:
    """A value as a cell that no spreadsheet runs; null is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value):
        return f"'{value}"
    return str(value)


def _is_number(text: str) -> bool:
    whole, _, part = text.removeprefix("-").partition(".")
    return f"{whole}{part}".isascii() and whole.isdigit() and (not part or part.isdigit())


async def csv_response(
    fetch: Fetch, rows_of: Callable[[Found], Awaitable[list[WorkRow]]], name: str
) -> StreamingResponse:
    """The rows of a list as a file; its first page is read before the response begins.

    Args:
        fetch: reads a page of the list.
        rows_of: the rows of a page.
        name: of the file, without its ending.
    """
    found = await fetch(None, _PAGE)
    rows = await rows_of(found)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.csv"',
        "X-Rows-Max": str(ROWS_MAX),
    }
    chunks = _chunks(fetch, rows_of, found, rows)
    return StreamingResponse(chunks, headers=headers, media_type=f"{MEDIA_TYPE}; charset=utf-8")


async def _chunks(
    fetch: Fetch,
    rows_of: Callable[[Found], Awaitable[list[WorkRow]]],
    found: Found,
    rows: Sequence[WorkRow],
) -> AsyncIterator[str]:
    yield _BYTE_ORDER_MARK + _lines([COLUMNS])
    left = ROWS_MAX
    while True:
        yield _lines([getattr(row, column) for column in COLUMNS] for row in rows[:left])
        left -= len(rows)
        if found.cursor is None or left <= 0:
            return
        found = await fetch(found.cursor, _PAGE)
        rows = await rows_of(found)


def _lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([[cell(value) for value in row] for row in rows])
    return text.getvalue()
