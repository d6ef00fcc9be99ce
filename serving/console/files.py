"""Lists as files: CSV as the API writes it, and the same rows for Excel."""

from __future__ import annotations

import csv
import io

from nicegui import app, run
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.console.client import ApiProblem
from serving.console.panel import reason_of
from serving.console.site import Site
from serving.console.visitor import BASE, visitor_of

LISTS = (
    "about-to-fall",
    "near-next-tier",
    "newly-dormant",
    "complaints",
    "without-owner",
    "handover",
)
"""The work lists of the API."""

_PATHS = {"customers": "/v1/customers", **{name: f"/v1/work-lists/{name}" for name in LISTS}}
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def add(site: Site) -> None:
    """Register the files; their parameters are those of the API."""

    @app.get("/files/{name}.{kind}")
    async def file(request: Request, name: str, kind: str) -> Response:
        visitor = visitor_of(site, request)
        if not visitor.is_known:
            return RedirectResponse(f"{BASE}/login", 303)
        if name not in _PATHS or kind not in ("csv", "xlsx"):
            return Response("there is no such file\n", 404)
        asked = {key: request.query_params.getlist(key) for key in request.query_params}
        try:
            text = await visitor.api.text(_PATHS[name], **asked | {"format": ["csv"]})
        except ApiProblem as problem:
            return Response(reason_of(problem, visitor.words), problem.status)
        disposition = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
        if kind == "csv":
            return Response(text, media_type="text/csv; charset=utf-8", headers=disposition)
        book = await run.io_bound(workbook, text)
        return Response(book, media_type=_EXCEL, headers=disposition)


def workbook(text: str) -> bytes:
    """A CSV file of the API as a workbook; every cell is text or a number, none a formula."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Tierstream")
    for row in csv.reader(io.StringIO(text.removeprefix("\N{BYTE ORDER MARK}"))):
        cells = [WriteOnlyCell(sheet, value.removeprefix("'")) for value in row]
        for cell in cells:
            cell.data_type = "s"
        sheet.append(cells)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()
