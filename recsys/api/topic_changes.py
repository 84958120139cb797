"""What became of topics, as the API and ``--json`` give it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from recsys.api import examples, topic_examples
from recsys.records import ChangeKind, TopicChange


class TopicChangeOut(BaseModel):
    """What became of a topic from one build to the next."""

    at: str = Field(description="When the later build was made, in UTC.", examples=["2026-11-22T18:01:02Z"])
    kind: ChangeKind = Field(
        description="`kept`, `grown`, `shrunk`: the same topic; `split`, `merged`: `others` are what it was split into or "
        "merged from; `gone`: `others` are where most of its papers went.",
        examples=["grown"],
    )
    level: int = Field(examples=[1])
    topic: str = Field(description="Its id.", examples=[examples.TOPIC_ID])
    name: str = Field(examples=["Dialogue systems"])
    before: int = Field(description="Papers it had; 0 for a new one.", examples=[412])
    after: int = Field(description="Papers it has; 0 for one that is gone.", examples=[460])
    others: list[str] = Field(description="Ids of the other topics concerned.")

    @classmethod
    def of(cls, change: TopicChange) -> TopicChangeOut:
        """From the record."""
        return cls(
            at=change.at,
            kind=change.kind,
            level=change.level,
            topic=change.topic,
            name=change.name,
            before=change.before,
            after=change.after,
            others=list(change.others),
        )


class TopicChangesOut(BaseModel):
    """The latest build first. Of earlier builds, what was merely kept is not on record."""

    model_config = ConfigDict(json_schema_extra={"examples": [topic_examples.CHANGES]})

    changes: list[TopicChangeOut]

    @classmethod
    def of(cls, changes: Sequence[TopicChange]) -> TopicChangesOut:
        """From the records."""
        return cls(changes=[TopicChangeOut.of(change) for change in changes])
