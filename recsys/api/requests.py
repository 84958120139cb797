"""Bodies of requests, as OpenAPI describes them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from recsys.api import examples, topic_examples
from recsys.api.answers import FIELDS, result_fields
from recsys.api.schemas import Diversity, K, Recency, Year
from recsys.service import Filters, Options

SEEDS = 100  # papers that one question may start from, and as many that it may turn away from

PaperIds = Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=SEEDS)]


def _known_fields(schema: dict[str, Any]) -> None:
    """Name the fields in OpenAPI; the check itself is one for bodies, URLs and the command line."""
    schema["anyOf"][0]["items"] = {"type": "string", "enum": list(FIELDS)}


class Wanted(BaseModel):
    """What every question for ranked papers may say."""

    model_config = ConfigDict(extra="forbid")

    k: K = 10
    year_from: Year | None = Field(None, description="First year, inclusive.")
    year_to: Year | None = Field(None, description="Last year, inclusive.")
    venue: str | None = Field(
        None, max_length=200, description="A venue's name, in any case.", examples=["ACL"]
    )
    topic: str | None = Field(
        None,
        max_length=40,
        description="A topic's id: papers that belong to it, be it less than to another.",
        examples=[examples.TOPIC_ID],
    )
    recency: Recency = 0.0
    diversity: Diversity = 0.0
    fields: list[str] | None = Field(
        None,
        max_length=100,
        description="Members of a result to return; `id` is always there. Default: all.",
        examples=[["title", "score"]],
        json_schema_extra=_known_fields,
    )

    @property
    def filters(self) -> Filters:
        """As the service takes them."""
        return Filters(self.year_from, self.year_to, self.venue, self.topic)

    @property
    def options(self) -> Options:
        """As the service takes them."""
        return Options(self.recency, self.diversity)

    @property
    def members(self) -> frozenset[str] | None:
        """The members of a result to give, None for all.

        Raises:
            InvalidRequest: a result has no such member.
        """
        return None if self.fields is None else result_fields(self.fields)


class SearchIn(Wanted):
    """A search by text. The text is used for the answer and then forgotten: it is never logged."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SEARCH]})

    text: str = Field(
        description="An abstract, a title, a few words, an author's name, or a paper's id, DOI, arXiv id or address; up "
        "to 20,000 characters by default."
    )


class RelatedIn(Wanted):
    """A search by several papers."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RELATED]})

    positive: PaperIds = Field(min_length=1, description="Ids of papers that the answer should be like.")
    negative: PaperIds = Field(
        default_factory=list, description="Ids of papers that the answer should not be like."
    )


class AssignIn(BaseModel):
    """A text whose topics are asked for. It is used for the answer and then forgotten: it is never logged."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [topic_examples.ASSIGN]})

    text: str = Field(
        description="An abstract, an introduction, a title; up to 20,000 characters by default."
    )
