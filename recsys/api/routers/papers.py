"""Papers, one by one and all of them, and what is related to one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from recsys.api.answers import AnswerOut, answer_response
from recsys.api.dependencies import (
    INVALID,
    NOT_FOUND,
    NOT_READY,
    FieldsDependency,
    FiltersDependency,
    OptionsDependency,
    ServiceDependency,
    TopicFiltersDependency,
)
from recsys.api.schemas import K, PageOut, PaperDetailOut

router = APIRouter(prefix="/v1/papers", tags=["papers"])

PaperId = Annotated[
    str, Path(description="The paper's id; slashes need no escaping.", examples=["2020.acl-main.9"])
]


@router.get("", responses={**INVALID, **NOT_READY}, summary="All papers, by id")
def papers(
    service: ServiceDependency,
    filters: FiltersDependency,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Papers a page.")] = 50,
) -> PageOut:
    """A page of papers by ascending id. Paging is stable: papers added or withdrawn meanwhile shift no page."""
    return PageOut.of(service.papers(after=after, limit=limit, filters=filters))


# before the paper itself, whose id may hold slashes
@router.get(
    "/{paper_id:path}/related",
    response_model=AnswerOut,
    responses={**INVALID, **NOT_FOUND, **NOT_READY},
    summary="Papers related to one",
)
def related(
    service: ServiceDependency,
    filters: TopicFiltersDependency,
    options: OptionsDependency,
    fields: FieldsDependency,
    paper_id: PaperId,
    k: K = 10,
) -> Response:
    """The papers nearest to one paper, best first: never itself, another version of it, or a withdrawn one."""
    return answer_response(service.related(paper_id, k=k, filters=filters, options=options), fields)


@router.get("/{paper_id:path}", responses={**INVALID, **NOT_FOUND, **NOT_READY}, summary="One paper")
def paper(service: ServiceDependency, paper_id: PaperId) -> PaperDetailOut:
    """One paper with its authors as printed, its topics and its other versions."""
    return PaperDetailOut.of_detail(service.paper(paper_id))
