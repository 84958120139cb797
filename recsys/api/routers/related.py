"""Papers related to several."""

from __future__ import annotations

from fastapi import APIRouter, Response

from recsys.api.answers import AnswerOut, answer_response
from recsys.api.dependencies import INVALID, NOT_FOUND, NOT_READY, ServiceDependency
from recsys.api.requests import RelatedIn

router = APIRouter(prefix="/v1/related", tags=["papers"])


@router.post(
    "",
    response_model=AnswerOut,
    responses={**INVALID, **NOT_FOUND, **NOT_READY},
    summary="Papers related to several",
)
def related_to(service: ServiceDependency, body: RelatedIn) -> Response:
    """The papers near some papers and away from others, best first: none of them, nor another version of one."""
    fields = body.members
    answer = service.related_to(
        body.positive, body.negative, k=body.k, filters=body.filters, options=body.options
    )
    return answer_response(answer, fields)
