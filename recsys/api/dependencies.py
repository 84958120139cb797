"""What routes ask for."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Query, Request

from recsys.api.schemas import ErrorResponse, Year
from recsys.service import Filters, Service


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _filters(
    year_from: Annotated[Year | None, Query(description="First year, inclusive.")] = None,
    year_to: Annotated[Year | None, Query(description="Last year, inclusive.")] = None,
    venue: Annotated[str | None, Query(max_length=200, description="A venue's name, in any case.")] = None,
) -> Filters:
    return Filters(year_from, year_to, venue)


ServiceDependency = Annotated[Service, Depends(_service)]
FiltersDependency = Annotated[Filters, Depends(_filters)]

Responses: TypeAlias = dict[int | str, dict[str, Any]]

INVALID: Responses = {422: {"model": ErrorResponse, "description": "The request does not validate."}}
NOT_FOUND: Responses = {404: {"model": ErrorResponse, "description": "No such paper, or it was withdrawn."}}
NOT_READY: Responses = {
    503: {"model": ErrorResponse, "description": "Nothing usable is published, or the store is away."}
}
