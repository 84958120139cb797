"""The papers of a topic, and where a text belongs, as the API and ``--json`` give them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from recsys.api import topic_examples
from recsys.api.schemas import ON_MAP, PaperOut, Point, TopicPlaceOut, on_map, paper_fields
from recsys.api.topics import NEXT, SNAPSHOT, TopicOut
from recsys.service import Assignment, TopicPaper, TopicPapers


class TopicPaperOut(PaperOut):
    """One paper of a topic."""

    strength: float = Field(description="How far it belongs there, 0 to 1.", examples=[0.94])
    rank: int = Field(description="1: it is the paper's main topic of its level; else 2 or 3.", examples=[1])

    @classmethod
    def of_paper(cls, entry: TopicPaper) -> TopicPaperOut:
        """From the service's answer."""
        return cls(**paper_fields(entry.paper), strength=entry.place.strength, rank=entry.place.rank)


class TopicPapersOut(BaseModel):
    """Papers of a topic: those whose main topic it is, then the others; within each, those that belong there most first."""

    topic: TopicOut
    papers: list[TopicPaperOut]
    total: int = Field(
        description="All papers of the topic, those that belong to another one more included.", examples=[530]
    )
    next: str | None = Field(description=NEXT)
    snapshot: str = SNAPSHOT

    @classmethod
    def of(cls, found: TopicPapers) -> TopicPapersOut:
        """From the service's answer."""
        return cls(
            topic=TopicOut.of(found.topic),
            papers=[TopicPaperOut.of_paper(entry) for entry in found.papers],
            total=found.total,
            next=found.next,
            snapshot=found.snapshot,
        )


class AssignmentOut(BaseModel):
    """Where a text belongs, by the papers that it is most related to."""

    model_config = ConfigDict(json_schema_extra={"examples": [topic_examples.ASSIGNMENT]})

    topics: list[TopicPlaceOut] = Field(
        description="By level and rank, up to three a level; none at a level where the nearest papers do not agree."
    )
    point: Point | None = Field(description=ON_MAP)
    close: bool = Field(description="false: nothing in the corpus is close to the text, so it has no topic.")
    snapshot: str = SNAPSHOT

    @classmethod
    def of(cls, assignment: Assignment) -> AssignmentOut:
        """From the service's answer."""
        return cls(
            topics=[TopicPlaceOut.of(place) for place in assignment.topics],
            point=on_map(assignment.point),
            close=assignment.close,
            snapshot=assignment.snapshot,
        )
