"""What a server process runs: the application over the deployment that the environment names."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from recsys.api.app import create_app
from recsys.deployment import Deployment
from recsys.errors import RecsysError
from recsys.settings import Settings
from recsys.store.database import Database

logger = logging.getLogger(__name__)


def app() -> FastAPI:
    """Make the application. Without a usable snapshot it starts all the same and says so at /readyz."""
    settings = Settings.load()
    database = Database.open(settings.store_url)
    deployment = Deployment(settings, database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            logger.info("Answering from snapshot %s.", deployment.service.check())
        except RecsysError as error:
            logger.warning("Not ready: %s", error)
        yield
        database.close()

    application = create_app(deployment.service, settings)
    application.router.lifespan_context = lifespan
    return application
