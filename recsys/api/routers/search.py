"""Search by text."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from recsys.api.answers import AnswerOut, answer_response
from recsys.api.dependencies import (
    INVALID,
    NOT_FOUND,
    NOT_READY,
    FieldsDependency,
    OptionsDependency,
    ServiceDependency,
    TopicFiltersDependency,
    check_length,
)
from recsys.api.requests import SearchIn
from recsys.api.schemas import K
from recsys.errors import InvalidRequest

router = APIRouter(prefix="/v1/search", tags=["search"])


@router.get(
    "",
    response_model=AnswerOut,
    responses={**INVALID, **NOT_FOUND, **NOT_READY},
    summary="Search by a short query",
)
def search(
    request: Request,
    service: ServiceDependency,
    filters: TopicFiltersDependency,
    options: OptionsDependency,
    fields: FieldsDependency,
    q: Annotated[
        str,
        Query(
            description="A title, a few words, an author's name, or a paper's id, DOI, arXiv id or address.",
            examples=["emotional support conversation"],
        ),
    ],
    k: K = 10,
) -> Response:
    """Papers near a short query. Whole abstracts go into the body of a POST."""
    limit: int = request.app.state.settings.query_limit
    if len(q) > limit:
        raise InvalidRequest(
            f"The query has {len(q)} characters; a URL takes up to {limit}.",
            hint="POST the text to /v1/search.",
        )
    return answer_response(service.search(q, k=k, filters=filters, options=options), fields)


@router.post(
    "", response_model=AnswerOut, responses={**INVALID, **NOT_FOUND, **NOT_READY}, summary="Search by a text"
)
def search_text(request: Request, service: ServiceDependency, body: SearchIn) -> Response:
    """Papers near a pasted text, such as the abstract of a draft. The text is not logged and not kept."""
    fields = body.members
    check_length(request, body.text)
    return answer_response(
        service.search(body.text, k=body.k, filters=body.filters, options=body.options), fields
    )
