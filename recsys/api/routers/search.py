"""Search by text."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from recsys.api.dependencies import INVALID, NOT_READY, FiltersDependency, ServiceDependency
from recsys.api.schemas import AnswerOut, K, SearchIn
from recsys.errors import InvalidRequest

router = APIRouter(prefix="/v1/search", tags=["search"])


@router.get("", responses={**INVALID, **NOT_READY}, summary="Search by a short query")
def search(
    request: Request,
    service: ServiceDependency,
    filters: FiltersDependency,
    q: Annotated[
        str, Query(description="A title or a few words.", examples=["emotional support conversation"])
    ],
    k: K = 10,
) -> AnswerOut:
    """Papers near a short query. Whole abstracts go into the body of a POST."""
    limit: int = request.app.state.settings.query_limit
    if len(q) > limit:
        raise InvalidRequest(
            f"The query has {len(q)} characters; a URL takes up to {limit}.",
            hint="POST the text to /v1/search.",
        )
    return AnswerOut.of(service.search(q, k=k, filters=filters))


@router.post("", responses={**INVALID, **NOT_READY}, summary="Search by a text")
def search_text(request: Request, service: ServiceDependency, body: SearchIn) -> AnswerOut:
    """Papers near a pasted text, such as the abstract of a draft. The text is not logged and not kept."""
    limit: int = request.app.state.settings.text_limit
    if len(body.text) > limit:
        raise InvalidRequest(
            f"The text has {len(body.text)} characters; the limit is {limit}.",
            hint="Send the abstract or a part of the text.",
        )
    return AnswerOut.of(service.search(body.text, k=body.k, filters=body.filters))
