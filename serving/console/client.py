"""The API as the console reads it: in this process, with the visitor's own token and address.

So scopes, limits and masking are those of the API, and figures are equal by construction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx
from starlette.types import ASGIApp

_TIMEOUT_S = 30.0
_OWN_HOST = "http://127.0.0.1"

Parameter = str | int | float | bool | Sequence[str] | None


class ApiProblem(Exception):
    """The API answered with a problem.

    Attributes:
        status: of HTTP.
        kind: the last part of the problem's type, such as ``no-view``.
        detail: one sentence.
    """

    def __init__(self, status: int, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail


class ApiClient:
    """Requests of one visitor.

    Args:
        api: the application of the API.
        token: the visitor's; None where the API is open.
        address: where the visitor's requests come from, for the limits of the API.
    """

    def __init__(self, api: ASGIApp, token: str | None, address: tuple[str, int]) -> None:
        transport = httpx.ASGITransport(api, raise_app_exceptions=False, client=address)
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._transport = transport

    async def get(self, path: str, **parameters: Parameter) -> Any:
        """The JSON document at a path.

        Raises:
            ApiProblem: the API has another answer.
        """
        return (await self._answer(path, parameters)).json()

    async def text(self, path: str, **parameters: Parameter) -> str:
        """The file at a path.

        Raises:
            ApiProblem: the API has another answer.
        """
        return (await self._answer(path, parameters)).text

    async def _answer(self, path: str, parameters: Mapping[str, Parameter]) -> httpx.Response:
        given = {name: value for name, value in parameters.items() if value not in (None, "", [])}
        async with httpx.AsyncClient(
            transport=self._transport,
            base_url=_OWN_HOST,
            headers=self._headers,
            timeout=_TIMEOUT_S,
        ) as client:
            answer = await client.get(path, params=_plain(given))
        if answer.is_success:
            return answer
        raise _problem(answer)


def customer_path(customer_id: str) -> str:
    """The path of a customer."""
    return f"/v1/customers/{quote(customer_id, safe='')}"


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in parameters.items()
    }


def _problem(answer: httpx.Response) -> ApiProblem:
    try:
        found = answer.json()
        kind = str(found["type"]).rpartition(":")[2]
        return ApiProblem(answer.status_code, kind, str(found["detail"]))
    except (ValueError, KeyError, TypeError):
        return ApiProblem(answer.status_code, "internal-error", "the answer is no document")
