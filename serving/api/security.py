"""What a route needs of its caller, said once for the program and for OpenAPI."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from serving.api.auth import Caller
from serving.api.dependencies import services_of
from serving.api.tokens import SCOPES


class Requires(SecurityBase):
    """Lets in who has a scope.

    Args:
        scope: of `SCOPES`.
    """

    def __init__(self, scope: str) -> None:
        scopes = "; ".join(f"`{name}`: {meaning}" for name, meaning in SCOPES.items())
        self.model = HTTPBearer(
            description=f"A token made by `tierstream api-token`. Its scopes: {scopes}."
        )
        self.scheme_name = "bearer"
        self._scope = scope

    async def __call__(self, request: Request) -> Caller:
        """The caller of a request.

        Raises:
            Problem: it may not.
        """
        access = services_of(request).access
        caller = access.admit(request.headers.get("authorization"), self._scope)
        request.state.caller = caller.name
        return caller


Reader = Annotated[Caller, Depends(Requires("read"))]
Eraser = Annotated[Caller, Depends(Requires("erase"))]
