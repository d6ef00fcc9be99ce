"""The policy by which customers are judged."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from serving.api import openapi
from serving.api.dependencies import CanRead, services_of
from serving.api.parameters import no_parameters
from serving.api.problems import struct_response

router = APIRouter(prefix="/v1/policy", tags=["policy"])


@router.get("", summary="The policy in force", responses=openapi.responses("Policy", 404, 503))
async def policy(request: Request, caller: CanRead) -> Response:
    """Tiers with their conditions, labels and actions, cut-offs, thresholds and everything else.

    It is read from the state in Kafka, and at most some seconds old. The keys are those of a policy
    file.
    """
    del caller
    no_parameters(request)
    return struct_response(await services_of(request).policy_job.policy())
