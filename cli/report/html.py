"""Writes a report as one page of HTML that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from html import escape
from typing import BinaryIO

from cli.report.document import Column, Document, Form, Row, Sheet, Value
from words import Words

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
section { overflow-x: auto; }
table { border-collapse: collapse; min-width: 30rem; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .8rem; text-align: left; }
th, td { white-space: nowrap; }
th { border-bottom-width: 2px; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.total td { font-weight: 600; }
.note { opacity: .75; font-size: .9em; margin: .3rem 0; }
"""


def write_html(document: Document, words: Words, target: BinaryIO) -> None:
    """Write a report; every text is escaped."""
    target.write("\n".join(_page(document, words)).encode())


def _page(document: Document, words: Words) -> Iterator[str]:
    title = escape(document.title)
    yield f'<!doctype html>\n<html lang="{escape(words.locale.replace("_", "-"))}">'
    yield f'<head><meta charset="utf-8"><title>{title}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{_STYLE}</style></head>\n<body><main>\n<h1>{title}</h1>"
    yield from (f"<div>{escape(line)}</div>" for line in document.lines)
    for sheet in document.sheets:
        yield from _section(sheet, document.decimals, words)
    yield "</main></body></html>\n"


def _section(sheet: Sheet, decimals: int, words: Words) -> Iterator[str]:
    yield f"<section><h2>{escape(sheet.title)}</h2>\n<table><thead><tr>"
    yield from (
        f'<th scope="col"{_class(column.form)}>{escape(column.title)}</th>'
        for column in sheet.columns
    )
    yield "</tr></thead><tbody>"
    yield from (_row(row, sheet.columns, decimals, words) for row in sheet.rows)
    yield "</tbody></table>"
    yield from (f'<p class="note">{escape(note)}</p>' for note in sheet.notes)
    yield "</section>"


def _row(row: Row, columns: Sequence[Column], decimals: int, words: Words) -> str:
    cells = (
        _cell(value, column, row.form or column.form, decimals, words)
        for column, value in zip(columns, row.values, strict=True)
    )
    kind = ' class="total"' if row.is_total else ""
    return f"<tr{kind}>{''.join(cells)}</tr>"


def _cell(value: Value, column: Column, form: Form, decimals: int, words: Words) -> str:
    return f"<td{_class(column.form)}>{escape(_shown(value, form, decimals, words))}</td>"


def _class(form: Form) -> str:
    return "" if form in (Form.TEXT, Form.DATE) else ' class="number"'


def _shown(value: Value, form: Form, decimals: int, words: Words) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return words.date(value)
    if form is Form.SHARE:
        return words.percent(value, 1)
    places = {Form.AMOUNT: decimals, Form.NUMBER: 2}.get(form, 0)
    return words.number(value if isinstance(value, Decimal) else Decimal(str(value)), places)
