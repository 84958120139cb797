"""The web application: routes over one service."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from recsys import __version__
from recsys.api import errors
from recsys.api.middleware import AccessLog, BodyLimit
from recsys.api.routers import papers, related, search, status, topics
from recsys.service import Service
from recsys.settings import Settings

# JSON may spell a character as two six-byte escapes; half as much again for the other fields
BYTES_A_CHARACTER = 12
BODY_OVERHEAD = 16_384


def create_app(service: Service, settings: Settings) -> FastAPI:
    """The application over ``service``. Tests call this with a service of their own."""
    app = FastAPIOffline(
        docs_url="/docs",
        redoc_url=None,
        title="recsys",
        version=__version__,
        summary="Topics and related papers from scholarly abstracts.",
        description='Every error has one shape: `{"error": {"code", "message", "hint", "details"}}`.',
    )
    app.state.service = service
    app.state.settings = settings
    errors.install(app)
    for router in (search.router, related.router, papers.router, topics.router, status.router):
        app.include_router(router)
    app.add_middleware(BodyLimit, limit=settings.text_limit * BYTES_A_CHARACTER + BODY_OVERHEAD)
    app.add_middleware(AccessLog)
    return app
