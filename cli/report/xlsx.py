"""Writes a report as a spreadsheet."""

from __future__ import annotations

from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from cli.report.document import Column, Document, Form, Row, Sheet, Value

_BOLD = Font(bold=True)
_TITLE = Font(bold=True, size=14)
_NOTE = Font(italic=True, color="666666")
_HEAD_FILL = PatternFill("solid", fgColor="DDE5F0")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TEXT_MAX = 32_000
"""A cell takes 32,767 characters."""
_WIDTH_MIN, _WIDTH_MAX = 10, 48


def write_xlsx(document: Document, target: BinaryIO) -> None:
    """Write a report; a text never becomes a formula."""
    book = Workbook()
    book.remove(book["Sheet"])
    book.properties.title = document.title
    for number, sheet in enumerate(document.sheets):
        page = book.create_sheet(sheet.title)
        lines = [document.title, *document.lines] if number == 0 else [sheet.title]
        _write(page, lines, sheet, document.decimals)
    book.save(target)


def _write(page: Any, lines: list[str], sheet: Sheet, decimals: int) -> None:
    for number, line in enumerate(lines, 1):
        _text(page.cell(number, 1), line).font = _TITLE if number == 1 else Font()
    head = len(lines) + 2
    for place, column in enumerate(sheet.columns, 1):
        cell = _text(page.cell(head, place), column.title)
        cell.font, cell.fill = _BOLD, _HEAD_FILL
    page.freeze_panes = page.cell(head + 1, 1)
    for number, row in enumerate(sheet.rows, head + 1):
        _write_row(page, number, sheet.columns, row, decimals)
    for number, note in enumerate(sheet.notes, head + len(sheet.rows) + 2):
        _text(page.cell(number, 1), note).font = _NOTE
    _set_widths(page, sheet)


def _write_row(page: Any, number: int, columns: Any, row: Row, decimals: int) -> None:
    for place, (column, value) in enumerate(zip(columns, row.values, strict=True), 1):
        cell = page.cell(number, place)
        if isinstance(value, str):
            _text(cell, value)
        else:
            cell.value = value
            cell.number_format = _number_format(row.form or column.form, decimals)
        if row.is_total:
            cell.font = _BOLD


def _text(cell: Any, text: str) -> Any:
    """Store a text as such: whatever it begins with, no program takes it for a formula."""
    cell.value = ILLEGAL_CHARACTERS_RE.sub("�", text)[:_TEXT_MAX]
    cell.data_type = "s"
    if text.startswith(_STARTS_A_FORMULA):
        cell.quotePrefix = True
    return cell


def _number_format(form: Form, decimals: int) -> str:
    return {
        Form.COUNT: "#,##0",
        Form.AMOUNT: "#,##0" + ("." + "0" * decimals if decimals else ""),
        Form.NUMBER: "0.00",
        Form.SHARE: "0.0%",
        Form.DATE: "yyyy-mm-dd",
    }.get(form, "General")


def _set_widths(page: Any, sheet: Sheet) -> None:
    for place, column in enumerate(sheet.columns, 1):
        texts = [column.title, *(_shown(row.values[place - 1], column) for row in sheet.rows)]
        width = max(map(_width, texts)) + 2
        letter = get_column_letter(place)
        page.column_dimensions[letter].width = min(max(width, _WIDTH_MIN), _WIDTH_MAX)


def _shown(value: Value, column: Column) -> str:
    return "0000-00-00" if column.form is Form.DATE else "" if value is None else f"{value}"


def _width(text: str) -> int:
    """Columns of a terminal, about: a Chinese character takes two."""
    return sum(2 if ord(character) >= 0x2E80 else 1 for character in text)
