"""One error shape for every route, whoever raised the error:

    {"error": {"code": "paper_not_found", "message": "…", "hint": "…", "details": []}}

``code`` is stable and meant for programs, ``message`` and ``hint`` for people. ``details`` lists, for a request that
does not validate, each field with what is wrong. What a client sent is never repeated: it may be a draft.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from recsys.api.schemas import ErrorBody, ErrorDetail, ErrorResponse
from recsys.errors import InvalidRequest, ModelError, NotFound, RecsysError, SnapshotError, StoreError

STATUS: tuple[tuple[type[RecsysError], int], ...] = (
    (InvalidRequest, 422),
    (NotFound, 404),
    (SnapshotError, 503),
    (StoreError, 503),
    (ModelError, 503),
    (RecsysError, 500),
)

logger = logging.getLogger(__name__)


def error_response(
    status: int, code: str, message: str, hint: str = "", details: list[ErrorDetail] | None = None
) -> JSONResponse:
    """An error in the one shape."""
    body = ErrorResponse(error=ErrorBody(code=code, message=message, hint=hint, details=details or []))
    headers = {"Retry-After": "5"} if status == 503 else None
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error in the one shape."""

    @app.exception_handler(RecsysError)
    def deliberate(_: Request, error: RecsysError) -> JSONResponse:
        status = next(status for kind, status in STATUS if isinstance(error, kind))
        if status >= 500:
            logger.error("%s: %s", error.code, error)
        return error_response(status, error.code, error.message, error.hint)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        details = [
            ErrorDetail(field=".".join(str(part) for part in problem["loc"]), message=problem["msg"])
            for problem in error.errors()
        ]
        named = ", ".join(dict.fromkeys(detail.field for detail in details))
        return error_response(
            422,
            "invalid_request",
            f"The request does not validate: {named}.",
            "See `details`, and the route's description at /docs.",
            details,
        )

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        response = error_response(
            status, status.name.lower(), f"{status.phrase}.", "The routes are listed at /docs."
        )
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    def unforeseen(_: Request, error: Exception) -> JSONResponse:
        # the server logs the traceback; the client learns nothing of the inside
        return error_response(
            500, "internal_error", "Something went wrong on the server.", "The log says what."
        )
