"""What routes ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Query, Request

from recsys.api import examples
from recsys.api.answers import result_fields
from recsys.api.schemas import Diversity, ErrorResponse, Recency, Year
from recsys.errors import InvalidRequest
from recsys.service import Filters, Options, Service


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _filters(
    year_from: Annotated[Year | None, Query(description="First year, inclusive.", examples=[2019])] = None,
    year_to: Annotated[Year | None, Query(description="Last year, inclusive.", examples=[2024])] = None,
    venue: Annotated[
        str | None, Query(max_length=200, description="A venue's name, in any case.", examples=["ACL"])
    ] = None,
) -> Filters:
    return Filters(year_from, year_to, venue)


def _topic_filters(
    filters: Annotated[Filters, Depends(_filters)],
    topic: Annotated[
        str | None,
        Query(
            max_length=40,
            description="A topic's id: papers that belong to it, be it less than to another.",
            examples=[examples.TOPIC_ID],
        ),
    ] = None,
) -> Filters:
    return replace(filters, topic=topic)


def _options(recency: Recency = 0.0, diversity: Diversity = 0.0) -> Options:
    return Options(recency, diversity)


def _fields(
    fields: Annotated[
        str | None,
        Query(
            max_length=1000,
            description="Members of a result to return, separated by commas; `id` is always there. Default: all.",
            examples=["id,title,score"],
        ),
    ] = None,
) -> frozenset[str] | None:
    return None if fields is None else result_fields(fields.split(","))


def check_length(request: Request, text: str) -> None:
    """Raise InvalidRequest for a text in a body that is over the deployment's limit."""
    limit: int = request.app.state.settings.text_limit
    if len(text) > limit:
        raise InvalidRequest(
            f"The text has {len(text)} characters; the limit is {limit}.",
            hint="Send the abstract or a part of the text.",
        )


ServiceDependency = Annotated[Service, Depends(_service)]
FiltersDependency = Annotated[Filters, Depends(_filters)]
TopicFiltersDependency = Annotated[Filters, Depends(_topic_filters)]
OptionsDependency = Annotated[Options, Depends(_options)]
FieldsDependency = Annotated[frozenset[str] | None, Depends(_fields)]

Responses: TypeAlias = dict[int | str, dict[str, Any]]

INVALID: Responses = {422: {"model": ErrorResponse, "description": "The request does not validate."}}
NOT_FOUND: Responses = {
    404: {"model": ErrorResponse, "description": "No such paper or topic, or it was withdrawn or hidden."}
}
NOT_READY: Responses = {
    503: {"model": ErrorResponse, "description": "Nothing usable is published, or the store is away."}
}
