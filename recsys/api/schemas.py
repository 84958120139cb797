"""What the API gives of papers, of the deployment and of errors, as OpenAPI describes it.

Ranked answers are in :mod:`recsys.api.answers`, bodies of requests in :mod:`recsys.api.requests`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from recsys.api import examples
from recsys.records import Author, Paper
from recsys.service import K_LIMIT, Page, PaperDetail, Status, TopicPlace

K = Annotated[int, Field(ge=1, le=K_LIMIT, description="How many papers to return.", examples=[10])]
Year = Annotated[int, Field(ge=0, le=9999, examples=[2019])]
Recency = Annotated[
    float,
    Field(ge=0, le=1, description="How much newer papers are preferred; 0: not at all.", examples=[0.3]),
]
Diversity = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        description="How much papers that are like a better one stand back; 0: not at all.",
        examples=[0.3],
    ),
]
Point = Annotated[list[float], Field(min_length=2, max_length=2, examples=[[0.4127, -0.0933]])]

ON_MAP = "`[x, y]` on the map of `/v1/topics/map`, or null where nothing is close."
MAP_DIGITS = 4  # of a coordinate, after the point


class ErrorDetail(BaseModel):
    """One field of a request that does not validate."""

    field: str = Field(examples=["query.k"])
    message: str = Field(examples=["Input should be less than or equal to 500"])


class ErrorBody(BaseModel):
    """What went wrong."""

    code: str = Field(description="Stable name of the kind of error.", examples=["paper_not_found"])
    message: str = Field(examples=["There is no paper '2020.acl-main.999'."])
    hint: str = Field(description="What to do next; may be empty.", examples=["Check the id."])
    details: list[ErrorDetail] = Field(default_factory=list)


class ErrorResponse(BaseModel):
    """The shape of every error."""

    error: ErrorBody


class AuthorOut(BaseModel):
    """One author slot, as printed."""

    name: str = Field(examples=["Siqi Bao"])
    id: str | None = Field(examples=["siqi-bao"])
    affiliation: str | None = Field(examples=["Baidu"])
    orcid: str | None = Field(examples=["0000-0002-1825-0097"])

    @classmethod
    def of(cls, author: Author) -> AuthorOut:
        """From the record."""
        return cls(name=author.name, id=author.id, affiliation=author.affiliation, orcid=author.orcid)


class PaperOut(BaseModel):
    """One paper."""

    id: str = Field(examples=["2020.acl-main.9"])
    title: str = Field(
        examples=["PLATO: Pre-trained Dialogue Generation Model with Discrete Latent Variable"]
    )
    abstract: str | None
    year: int | None = Field(examples=[2020])
    date: str | None = Field(examples=["2020-07"])
    venue: str | None = Field(examples=["ACL"])
    doi: str | None = Field(examples=["10.18653/v1/2020.acl-main.9"])
    arxiv_id: str | None = Field(examples=["1910.07931"])
    url: str | None = Field(examples=["https://aclanthology.org/2020.acl-main.9"])
    keywords: list[str] = Field(examples=[["dialogue generation", "discrete latent variable"]])
    source: str = Field(examples=["acl-anthology"])
    authors: list[AuthorOut]

    @classmethod
    def of(cls, paper: Paper) -> PaperOut:
        """From the record."""
        return cls.model_validate(paper_fields(paper))


class TopicPlaceOut(BaseModel):
    """One topic that a paper or a text belongs to."""

    id: str = Field(description="The topic's id.", examples=[examples.TOPIC_ID])
    level: int = Field(description="1 for the coarsest.", examples=[1])
    name: str = Field(examples=["Dialogue systems"])
    strength: float = Field(
        description="How far it belongs there, 0 to 1: the share of its neighbourhood that the topic holds.",
        examples=[0.62],
    )
    rank: int = Field(description="1 for the main topic of the level, up to 3.", examples=[1])

    @classmethod
    def of(cls, place: TopicPlace) -> TopicPlaceOut:
        """From the service's answer."""
        topic = place.topic
        return cls(id=topic.id, level=topic.level, name=topic.name, strength=place.strength, rank=place.rank)


class PaperDetailOut(PaperOut):
    """One paper in full."""

    topics: list[TopicPlaceOut] = Field(
        description="By level and rank; none while the paper is newer than the published snapshot."
    )
    point: Point | None = Field(description=ON_MAP)
    versions: list[str] = Field(description="Ids of the other versions of the same work.")
    original_title: str | None = Field(description="The title as the source had it, where it was cleaned.")
    original_abstract: str | None = Field(
        description="The abstract as the source had it, where it was cleaned."
    )

    @classmethod
    def of_detail(cls, detail: PaperDetail) -> PaperDetailOut:
        """From the service's answer."""
        paper = detail.paper
        return cls(
            **paper_fields(paper),
            topics=[TopicPlaceOut.of(place) for place in detail.topics],
            point=on_map(detail.point),
            versions=list(detail.versions),
            original_title=paper.original_title,
            original_abstract=paper.original_abstract,
        )


class PageOut(BaseModel):
    """Papers by ascending id."""

    papers: list[PaperOut]
    next: str | None = Field(description="Pass as `after` for the next page; null on the last.")

    @classmethod
    def of(cls, page: Page) -> PageOut:
        """From the service's answer."""
        return cls(papers=[PaperOut.of(paper) for paper in page.papers], next=page.next)


class SnapshotOut(BaseModel):
    """The published snapshot."""

    name: str = Field(examples=["20261122T180102345Z-3f9a1c20"])
    created: str = Field(examples=["2026-11-22T18:01:02Z"])
    papers: int
    model: str = Field(examples=["all-MiniLM-L6-v2"])
    index: str = Field(description="flat: exact; hnsw: approximate.", examples=["flat"])
    recall: float = Field(
        description="Share of the exact ten nearest that the index returns.", examples=[1.0]
    )


class StatusOut(BaseModel):
    """The deployment at a glance."""

    version: str
    papers: int = Field(description="Papers in the store, withdrawn ones not counted.")
    abstracts: int
    people: int = Field(description="Distinct authors: by explicit id, else by name.")
    withdrawn: int
    snapshot: SnapshotOut | None
    problem: str | None = Field(description="Why nothing can be answered at present, or null.")

    @classmethod
    def of(cls, status: Status) -> StatusOut:
        """From the service's answer."""
        manifest = status.snapshot
        snapshot = (
            None
            if manifest is None
            else SnapshotOut(
                name=manifest.name,
                created=manifest.created,
                papers=manifest.papers,
                model=manifest.model.id,
                index=manifest.dense.kind,
                recall=manifest.dense.recall,
            )
        )
        return cls(
            version=status.version,
            papers=status.papers,
            abstracts=status.abstracts,
            people=status.people,
            withdrawn=status.withdrawn,
            snapshot=snapshot,
            problem=status.problem,
        )


class HealthOut(BaseModel):
    """The process is up."""

    status: str = Field(examples=["ok"])


class ReadyOut(BaseModel):
    """Questions can be answered."""

    status: str = Field(examples=["ready"])
    snapshot: str = Field(examples=["20261122T180102345Z-3f9a1c20"])


def on_map(point: tuple[float, float] | None) -> list[float] | None:
    """A point of the map as the API gives it."""
    return None if point is None else [round(value, MAP_DIGITS) for value in point]


def paper_fields(paper: Paper) -> dict[str, Any]:
    """The fields of :class:`PaperOut`, also what ``--json`` prints of a paper."""
    return {
        "id": paper.id,
        "title": paper.title,
        "abstract": paper.abstract,
        "year": paper.year,
        "date": paper.date,
        "venue": paper.venue,
        "doi": paper.doi,
        "arxiv_id": paper.arxiv_id,
        "url": paper.url,
        "keywords": list(paper.keywords),
        "source": paper.source,
        "authors": [AuthorOut.of(author) for author in paper.authors],
    }
