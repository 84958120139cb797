"""``recsys serve``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from recsys.settings import Settings

# given to uvicorn rather than set here, because every worker is a process of its own
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(message)s", "datefmt": "%Y-%m-%d %H:%M:%S"}
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"recsys": {"level": "INFO"}, "uvicorn": {"level": "INFO"}},
}


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Server processes.")] = None,
) -> None:
    """Serve the API until interrupted."""
    import uvicorn

    settings: Settings = context.obj
    # workers are processes of their own: the environment is what reaches them
    os.environ["RECSYS_DATA"] = str(settings.data.absolute())
    uvicorn.run(
        "recsys.api.server:app",
        factory=True,
        host=host or settings.host,
        port=settings.port if port is None else port,
        workers=workers or settings.workers,
        access_log=False,  # ours leaves out query strings, which hold what was asked
        log_config=LOGGING,
    )
