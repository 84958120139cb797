"""Topics: the tree, one topic, its papers, the map, what changed, and where a text belongs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from recsys.api import examples
from recsys.api.dependencies import (
    INVALID,
    NOT_READY,
    Responses,
    ServiceDependency,
    check_length,
)
from recsys.api.requests import AssignIn
from recsys.api.schemas import ErrorResponse
from recsys.api.topic_changes import TopicChangesOut
from recsys.api.topic_map import TopicMapOut, map_response
from recsys.api.topic_papers import AssignmentOut, TopicPapersOut
from recsys.api.topics import TopicDetailOut, TopicPageOut

router = APIRouter(prefix="/v1/topics", tags=["topics"])

NO_TOPIC: Responses = {
    404: {"model": ErrorResponse, "description": "No such topic, or an editor has hidden it."}
}
UNCHANGED: Responses = {304: {"description": "It is as the `If-None-Match` of the request says."}}

TopicId = Annotated[str, Path(max_length=40, description="The topic's id.", examples=[examples.TOPIC_ID])]


@router.get("", responses={**INVALID, **NO_TOPIC, **NOT_READY}, summary="The tree, a page at a time")
def topics(
    service: ServiceDependency,
    level: Annotated[
        int | None, Query(ge=1, description="Of this level only; 1 for the coarsest.", examples=[1])
    ] = None,
    parent: Annotated[
        str | None,
        Query(max_length=40, description="Sub-topics of this topic only.", examples=[examples.TOPIC_ID]),
    ] = None,
    after: Annotated[str | None, Query(max_length=40, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Topics a page.")] = 100,
) -> TopicPageOut:
    """Topics by level, within a level the largest first; `parent` makes a tree of the list."""
    return TopicPageOut.of(service.topics.page(level=level, parent=parent, after=after, limit=limit))


# what has a name of its own before the topics, which have ids
@router.get(
    "/map",
    response_model=TopicMapOut,
    responses={**UNCHANGED, **NOT_READY},
    summary="Where all papers lie, with the topics' outlines",
)
def topic_map(request: Request, service: ServiceDependency) -> Response:
    """All papers and topics at once, as columns; compressed if the client takes gzip, with an `ETag`."""
    return map_response(request, service.topics.map())


@router.get(
    "/changes",
    responses={**INVALID, **NOT_READY},
    summary="What became of topics in the latest build",
)
def changes(
    service: ServiceDependency,
    every: Annotated[
        bool, Query(alias="all", description="Of all builds on record, the latest first.")
    ] = False,
) -> TopicChangesOut:
    """Topics that were kept, grown, shrunk, split, merged, new and gone; ids stay while a topic is the same."""
    return TopicChangesOut.of(service.topics.changes(every=every))


@router.post("/assign", responses={**INVALID, **NOT_READY}, summary="Where a text belongs")
def assign(request: Request, service: ServiceDependency, body: AssignIn) -> AssignmentOut:
    """The topics of a pasted text, such as the abstract of a draft, or none. It is not logged and not kept."""
    check_length(request, body.text)
    return AssignmentOut.of(service.assign(body.text))


@router.get("/{topic_id}", responses={**INVALID, **NO_TOPIC, **NOT_READY}, summary="One topic")
def topic(service: ServiceDependency, topic_id: TopicId) -> TopicDetailOut:
    """One topic in full. One that has become part of another is answered with that one, and `asked` says so."""
    return TopicDetailOut.of_detail(service.topics.get(topic_id))


@router.get(
    "/{topic_id}/papers", responses={**INVALID, **NO_TOPIC, **NOT_READY}, summary="The papers of a topic"
)
def papers(
    service: ServiceDependency,
    topic_id: TopicId,
    after: Annotated[str | None, Query(max_length=1000, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Papers a page.")] = 50,
) -> TopicPapersOut:
    """A page of the topic's papers: those whose main topic it is, then others that belong to it too."""
    return TopicPapersOut.of(service.topics.papers(topic_id, after=after, limit=limit))
