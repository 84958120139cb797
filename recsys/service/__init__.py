"""The read path: every question a user can ask, answered from the store and the published snapshot."""

from recsys.recommend.related import METHODS, Method
from recsys.service.answers import (
    K_LIMIT,
    Answer,
    Filters,
    Options,
    Page,
    PaperDetail,
    Ranking,
    Request,
    Status,
)
from recsys.service.service import Service

__all__ = [
    "K_LIMIT",
    "METHODS",
    "Answer",
    "Filters",
    "Method",
    "Options",
    "Page",
    "PaperDetail",
    "Ranking",
    "Request",
    "Service",
    "Status",
]
