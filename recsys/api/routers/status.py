"""How the deployment is doing, for people and for whatever watches over the process."""

from __future__ import annotations

from fastapi import APIRouter

from recsys.api.dependencies import NOT_READY, ServiceDependency
from recsys.api.schemas import HealthOut, ReadyOut, StatusOut

router = APIRouter(tags=["status"])


@router.get("/v1/status", responses={**NOT_READY}, summary="Counts and the published snapshot")
def status(service: ServiceDependency) -> StatusOut:
    """What the deployment holds."""
    return StatusOut.of(service.status())


@router.get("/healthz", summary="Is the process up?")
async def healthz() -> HealthOut:
    """Answers as long as the process lives. Touches neither store nor index."""
    return HealthOut(status="ok")


@router.get("/readyz", responses={**NOT_READY}, summary="Can it answer questions?")
def readyz(service: ServiceDependency) -> ReadyOut:
    """Answers once the database and a snapshot are usable."""
    return ReadyOut(status="ready", snapshot=service.check())
