"""Ranked answers: what the API and ``--json`` give of them, whole or in part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from recsys.api import examples
from recsys.api.schemas import ON_MAP, PaperOut, Point, TopicPlaceOut, on_map, paper_fields
from recsys.errors import InvalidRequest
from recsys.records import Match, Quote, Reason, Scored, SentenceMatch
from recsys.service import Answer, TopicPlace

LONGEST_NAME = 40  # of a field, as an error repeats it


class QuoteOut(BaseModel):
    """A sentence as it stands in a text."""

    text: str
    field: str = Field(
        description="Where it stands: `title`, `abstract` or `keywords` of a paper, `text` of what was sent.",
        examples=["abstract"],
    )
    start: int = Field(
        description="Its first character, counted in Unicode characters of that field; keywords are joined by a comma and "
        "a space, and a text that was sent is counted after its TeX, markup and white space are made plain."
    )
    end: int = Field(description="One past its last character.")

    @classmethod
    def of(cls, quote: Quote) -> QuoteOut:
        """From the record."""
        return cls(text=quote.text, field=quote.field, start=quote.start, end=quote.end)


class SentenceMatchOut(BaseModel):
    """The two sentences, one of each side, that say most nearly the same."""

    query: QuoteOut = Field(description="Of what was asked with.")
    paper: QuoteOut = Field(description="Of this paper.")
    similarity: float = Field(description="How near they are, -1 to 1.", examples=[0.7312])
    query_id: str | None = Field(
        description="The paper that the first one stands in; null for a text that was sent."
    )

    @classmethod
    def of(cls, match: SentenceMatch) -> SentenceMatchOut:
        """From the record."""
        return cls(
            query=QuoteOut.of(match.query),
            paper=QuoteOut.of(match.paper),
            similarity=match.similarity,
            query_id=match.query_id,
        )


class ReasonOut(BaseModel):
    """Why a paper is in the answer; what is null or empty did not contribute."""

    match: Match | None = Field(
        description="What was asked with is this paper's `id` (or DOI, arXiv id, address) or its `title`, or names an "
        "`author` of it; null: it is like it."
    )
    sentences: SentenceMatchOut | None = Field(description="The pair of sentences that match best.")
    terms: list[str] = Field(
        description="Rare terms on both sides, as this paper writes them, the rarest first.",
        examples=[["PLATO", "dialogue generation"]],
    )
    authors: list[str] = Field(
        description="Authors that both sides share, as this paper prints them.", examples=[["Siqi Bao"]]
    )

    @classmethod
    def of(cls, reason: Reason) -> ReasonOut:
        """From the record."""
        return cls(
            match=reason.match,
            sentences=None if reason.sentences is None else SentenceMatchOut.of(reason.sentences),
            terms=list(reason.terms),
            authors=list(reason.authors),
        )


class ScoredOut(PaperOut):
    """One result."""

    score: float = Field(
        description="What results are ordered by, unless recency or diversity was asked for; higher is closer.",
        examples=[0.7312],
    )
    strength: float = Field(
        description="The score on a scale that can be read and compared between questions, 0 to 1.",
        examples=[0.62],
    )
    reason: ReasonOut
    topics: list[TopicPlaceOut] = Field(description="The paper's topics, by level and rank.")

    @classmethod
    def of_scored(cls, scored: Scored, topics: Sequence[TopicPlace]) -> ScoredOut:
        """From the record and the paper's topics."""
        return cls(
            **paper_fields(scored.paper),
            score=scored.score,
            strength=scored.strength,
            reason=ReasonOut.of(scored.reason),
            topics=[TopicPlaceOut.of(place) for place in topics],
        )


FIELDS: tuple[str, ...] = tuple(ScoredOut.model_fields)


class AnswerOut(BaseModel):
    """Ranked papers, best first. With `fields`, results have only the members named and `id`."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ANSWER]})

    results: list[ScoredOut]
    snapshot: str = Field(description="The index that answered.", examples=["20261122T180102345Z-3f9a1c20"])
    close: bool = Field(
        description="false: nothing in the corpus is close to what was asked with, and the results are merely the least "
        "distant papers."
    )
    resolved: str | None = Field(
        description="The paper that a typed id, DOI, arXiv id or address stands for, or null.",
        examples=["2020.acl-main.9"],
    )
    topics: list[TopicPlaceOut] = Field(
        description="Where the text, or the one paper, that was asked with belongs, by level and rank; empty where its "
        "nearest papers are not close or do not agree, and for several papers."
    )
    point: Point | None = Field(description=ON_MAP)

    @classmethod
    def of(cls, answer: Answer) -> AnswerOut:
        """From the service's answer."""
        return cls(
            results=[
                ScoredOut.of_scored(scored, answer.topics_of.get(scored.paper.id, ()))
                for scored in answer.results
            ],
            snapshot=answer.snapshot,
            close=answer.close,
            resolved=answer.resolved,
            topics=[TopicPlaceOut.of(place) for place in answer.topics],
            point=on_map(answer.point),
        )


def result_fields(names: Iterable[str]) -> frozenset[str]:
    """The members of a result to give: those named, and ``id``.

    Raises:
        InvalidRequest: a result has no such member, or none is named.
    """
    wanted = [name.strip() for name in names]
    unknown = [name for name in wanted if name not in FIELDS]
    if unknown or not wanted:
        named = f"Results have no field {unknown[0][:LONGEST_NAME]!r}." if unknown else "No field is named."
        raise InvalidRequest(named, hint=f"The fields are {', '.join(FIELDS)}.")
    return frozenset(wanted) | {"id"}


def answer_members(fields: frozenset[str] | None) -> dict[str, Any] | None:
    """What pydantic is to include of an :class:`AnswerOut`; None for all."""
    if fields is None:
        return None
    whole: dict[str, Any] = dict.fromkeys(AnswerOut.model_fields, True)
    return {**whole, "results": {"__all__": set(fields)}}


def answer_response(answer: Answer, fields: frozenset[str] | None) -> Response:
    """An answer as JSON, without a second validation by FastAPI, which would ask for the members left out."""
    body = AnswerOut.of(answer).model_dump_json(include=answer_members(fields))
    return Response(body, media_type="application/json")
