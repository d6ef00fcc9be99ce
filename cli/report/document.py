"""A report before it is written: sheets of typed cells, whatever the form of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

Value = str | int | float | Decimal | date | None
"""A cell; None where there is nothing, or nothing is known."""


class Form(StrEnum):
    """How the values of a column are shown."""

    TEXT = "text"
    COUNT = "count"
    AMOUNT = "amount"
    NUMBER = "number"
    SHARE = "share"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sheet.

    Attributes:
        title: above it.
        form: of its values, but for those of a row that names its own.
    """

    title: str
    form: Form = Form.TEXT


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a sheet.

    Attributes:
        values: one for each column.
        form: of all its values but texts; None for those of the columns.
        is_total: whether it stands out.
    """

    values: Sequence[Value]
    form: Form | None = None
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its title, and what must be known to read it.

    Attributes:
        title: at most 31 characters, for a spreadsheet takes no more.
        columns: from left to right.
        rows: from top to bottom.
        notes: sentences below it.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class Document:
    """A report.

    Attributes:
        title: of the whole.
        lines: what it is about, below the title.
        sheets: in their order.
        decimals: of an amount of the currency.
    """

    title: str
    lines: Sequence[str]
    sheets: Sequence[Sheet]
    decimals: int
