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
from recsys.service.topic_answers import (
    Assignment,
    ExportRow,
    TopicAuthor,
    TopicDetail,
    TopicMap,
    TopicPage,
    TopicPaper,
    TopicPapers,
    TopicPlace,
)
from recsys.service.topics import TopicReader

__all__ = [
    "K_LIMIT",
    "METHODS",
    "Answer",
    "Assignment",
    "ExportRow",
    "Filters",
    "Method",
    "Options",
    "Page",
    "PaperDetail",
    "Ranking",
    "Request",
    "Service",
    "Status",
    "TopicAuthor",
    "TopicDetail",
    "TopicMap",
    "TopicPage",
    "TopicPaper",
    "TopicPapers",
    "TopicPlace",
    "TopicReader",
]
