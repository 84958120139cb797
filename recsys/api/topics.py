"""Topics as the API and ``--json`` give them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from recsys.api import examples, topic_examples
from recsys.api.schemas import PaperOut
from recsys.records import Direction, EditKind, Topic, TopicEdit, Trend
from recsys.service import (
    TopicAuthor,
    TopicDetail,
    TopicPage,
)

NEXT = "Pass as `after` for the next page; null on the last."
SNAPSHOT = Field(description="The index that answered.", examples=["20261122T180102345Z-3f9a1c20"])


class TrendOut(BaseModel):
    """How a topic's share of the corpus's papers has moved over the last ten years that there are."""

    direction: Direction = Field(
        description="`steady`: the test finds no change; `unknown`: too few papers or years to test.",
        examples=["rising"],
    )
    change: float | None = Field(
        description="Yearly change of the share; 0.12: 12 % more every year.", examples=[0.12]
    )
    low: float | None = Field(description="Lower end of the change's 95 % interval.", examples=[0.05])
    high: float | None = Field(description="Its upper end.", examples=[0.19])
    p: float | None = Field(description='Two-sided p-value of "no change".', examples=[0.003])
    first: int | None = Field(description="First year looked at.", examples=[2015])
    last: int | None = Field(description="Last year looked at.", examples=[2024])

    @classmethod
    def of(cls, trend: Trend) -> TrendOut:
        """From the record."""
        return cls(
            direction=trend.direction,
            change=_rounded(trend.change),
            low=_rounded(trend.low),
            high=_rounded(trend.high),
            p=None if trend.p is None else float(f"{trend.p:.3g}"),
            first=trend.first,
            last=trend.last,
        )


class TopicOut(BaseModel):
    """One topic of the tree."""

    id: str = Field(
        description="Kept while the topic stays the same, never used for another.",
        examples=[examples.TOPIC_ID],
    )
    level: int = Field(description="1 for the coarsest.", examples=[1])
    parent: str | None = Field(description="The topic one level up that holds it; null at level 1.")
    name: str = Field(examples=["Dialogue systems"])
    size: int = Field(description="Papers whose main topic at this level it is.", examples=[412])
    terms: list[str] = Field(
        description="What its papers speak of more than others do, the most telling first.",
        examples=[["dialogue system", "response generation", "conversation"]],
    )
    trend: TrendOut

    @classmethod
    def of(cls, topic: Topic) -> TopicOut:
        """From the record."""
        return cls.model_validate(_topic_fields(topic))


class TopicPageOut(BaseModel):
    """Topics by level, within a level the largest first."""

    topics: list[TopicOut]
    next: str | None = Field(description=NEXT)
    levels: int = Field(
        description="How many levels the tree has; 0 where there are no topics.", examples=[2]
    )
    agreement: float = Field(
        description="How well the coarsest level agrees with what other random seeds find (adjusted mutual information).",
        examples=[0.86],
    )
    snapshot: str = SNAPSHOT

    @classmethod
    def of(cls, page: TopicPage) -> TopicPageOut:
        """From the service's answer."""
        return cls(
            topics=[TopicOut.of(topic) for topic in page.topics],
            next=page.next,
            levels=page.levels,
            agreement=page.agreement,
            snapshot=page.snapshot,
        )


class TopicAuthorOut(BaseModel):
    """Somebody who writes on the topic."""

    name: str = Field(description="As printed on the latest of the papers.", examples=["Siqi Bao"])
    id: str | None = Field(examples=["siqi-bao"])
    papers: int = Field(examples=[9])

    @classmethod
    def of(cls, author: TopicAuthor) -> TopicAuthorOut:
        """From the service's answer."""
        return cls(name=author.name, id=author.id, papers=author.papers)


class VenueCountOut(BaseModel):
    """A venue and how many papers of the topic appeared there."""

    name: str = Field(examples=["SIGDIAL"])
    papers: int = Field(examples=[57])


class YearCountOut(BaseModel):
    """A year and how many papers of the topic are of it."""

    year: int = Field(examples=[2021])
    papers: int = Field(examples=[48])


class TopicEditOut(BaseModel):
    """What an editor decided about a topic. Who and why is not told here: `recsys topics edits` does."""

    kind: EditKind = Field(
        description="`merge`, `split` and `pin` act from the next build on.", examples=["rename"]
    )
    topic: str = Field(description="The topic it is about.", examples=[examples.TOPIC_ID])
    at: str = Field(description="When, in UTC.", examples=["2026-11-22T18:01:02+00:00"])
    name: str | None = Field(description="The new name, of a `rename`.")
    into: str | None = Field(description="The topic it is made part of, of a `merge`.")
    parts: int | None = Field(description="How many it is cut into, of a `split`.")

    @classmethod
    def of(cls, edit: TopicEdit) -> TopicEditOut:
        """From the record."""
        return cls(
            kind=edit.kind,
            topic=edit.topic,
            at=edit.at,
            name=edit.name,
            into=edit.into,
            parts=edit.parts,
        )


class TopicDetailOut(TopicOut):
    """One topic in full."""

    model_config = ConfigDict(json_schema_extra={"examples": [topic_examples.TOPIC]})

    asked: str | None = Field(
        description="The id that was asked with, where that topic has become part of this one; else null."
    )
    aliases: list[str] = Field(description="Ids of topics that have become part of this one.")
    cohesion: float = Field(description="Mean strength of its papers' place in it, 0 to 1.", examples=[0.71])
    parents: list[TopicOut] = Field(description="The topics that hold it, the coarsest first.")
    children: list[TopicOut] = Field(description="Its sub-topics, the largest first.")
    exemplars: list[PaperOut] = Field(description="Papers at its centre, the most central first.")
    authors: list[TopicAuthorOut] = Field(description="Those with most papers in it.")
    venues: list[VenueCountOut] = Field(description="Those with most papers of it.")
    years: list[YearCountOut] = Field(description="Ascending; papers of unknown year are left out.")
    edits: list[TopicEditOut] = Field(description="What editors decided about it, in order.")
    snapshot: str = SNAPSHOT

    @classmethod
    def of_detail(cls, detail: TopicDetail) -> TopicDetailOut:
        """From the service's answer."""
        topic = detail.topic
        return cls(
            **_topic_fields(topic),
            asked=detail.asked,
            aliases=list(topic.aliases),
            cohesion=topic.cohesion,
            parents=[TopicOut.of(parent) for parent in detail.parents],
            children=[TopicOut.of(child) for child in detail.children],
            exemplars=[PaperOut.of(paper) for paper in detail.exemplars],
            authors=[TopicAuthorOut.of(author) for author in detail.authors],
            venues=[VenueCountOut(name=name, papers=papers) for name, papers in detail.venues],
            years=[YearCountOut(year=year, papers=papers) for year, papers in topic.years],
            edits=[TopicEditOut.of(edit) for edit in detail.edits],
            snapshot=detail.snapshot,
        )


def _rounded(change: float | None) -> float | None:
    return None if change is None else round(change, 4)


def _topic_fields(topic: Topic) -> dict[str, Any]:
    return {
        "id": topic.id,
        "level": topic.level,
        "parent": topic.parent,
        "name": topic.name,
        "size": topic.size,
        "terms": list(topic.terms),
        "trend": TrendOut.of(topic.trend),
    }
