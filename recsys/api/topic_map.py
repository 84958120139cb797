"""The map as the API gives it: columns, so that a hundred thousand papers take a moment and a few megabytes."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np
import orjson
from fastapi import Request, Response
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from recsys.api import examples
from recsys.api.schemas import MAP_DIGITS, Point
from recsys.records import Topic
from recsys.service import TopicMap

COMPRESSION = 5  # of gzip: beyond, time doubles for a twentieth of the size


class MapTopicOut(BaseModel):
    """One topic, as the map needs it."""

    id: str = Field(examples=[examples.TOPIC_ID])
    name: str = Field(examples=["Dialogue systems"])
    parent: str | None = Field(description="The topic one level up that holds it; null at level 1.")
    size: int = Field(description="Papers whose main topic at this level it is.", examples=[412])


class MapLevelOut(BaseModel):
    """One level of the tree."""

    level: int = Field(description="1 for the coarsest.", examples=[1])
    topics: list[MapTopicOut]
    main: list[int] = Field(
        description="For each paper the place of its main topic in `topics`, from 0; -1: it has none that is shown."
    )


class OutlineOut(BaseModel):
    """Where a topic lies."""

    label: Point = Field(description="`[x, y]` where its name goes.")
    rings: list[list[Point]] = Field(
        description="Polygons, the one with most papers first; the first point is not repeated at the end."
    )


class TopicMapOut(BaseModel):
    """Where all papers lie. `ids`, `x`, `y`, `years` and each `main` are columns, aligned by paper."""

    snapshot: str = Field(description="The index that answered.", examples=["20261122T180102345Z-3f9a1c20"])
    count: int = Field(description="Papers on the map.", examples=[2500])
    ids: list[str] = Field(examples=[["2020.acl-main.9"]])
    x: list[float] = Field(examples=[[0.4127]])
    y: list[float] = Field(examples=[[-0.0933]])
    years: list[int] = Field(description="0 where unknown.", examples=[[2020]])
    levels: list[MapLevelOut] = Field(description="The coarsest first.")
    outlines: dict[str, OutlineOut] = Field(description="Of the topics of all levels, by id.")


def shown_levels(found: TopicMap) -> list[tuple[list[Topic], NDArray[np.int32]]]:
    """For each level the topics that are shown and have papers, and (m,) their places in that list, -1 for none."""
    levels = []
    for topics, main in found.levels:
        used = np.unique(main[main >= 0])
        places = np.full(len(topics) + 1, -1, np.int32)  # the last one for number -1
        places[used] = np.arange(len(used), dtype=np.int32)
        levels.append(([topics[number] for number in used.tolist()], places[main]))
    return levels


def map_body(found: TopicMap) -> bytes:
    """The map as JSON, in the shape of :class:`TopicMapOut`."""
    coordinates = np.round(found.coordinates, MAP_DIGITS)
    levels = shown_levels(found)
    shown = {topic.id for topics, _ in levels for topic in topics}
    return orjson.dumps(
        {
            "snapshot": found.snapshot,
            "count": len(found.ids),
            "ids": found.ids,
            "x": np.ascontiguousarray(coordinates[:, 0]),
            "y": np.ascontiguousarray(coordinates[:, 1]),
            "years": found.years,
            "levels": [
                {
                    "level": at,
                    "topics": [
                        {"id": topic.id, "name": topic.name, "parent": topic.parent, "size": topic.size}
                        for topic in topics
                    ],
                    "main": main,
                }
                for at, (topics, main) in enumerate(levels, 1)
            ],
            "outlines": {topic: outline for topic, outline in found.outlines.items() if topic in shown},
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def map_response(request: Request, found: TopicMap) -> Response:
    """The map, compressed if the client takes that; 304 if it has it already."""
    body = map_body(found)
    # over what is told: names change and papers are withdrawn between builds; weak, for it is one compressed or not
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        body = gzip.compress(body, COMPRESSION, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)


def _has(if_none_match: str, tag: str) -> bool:
    """Whether a client's tags hold this one, compared weakly (RFC 9110, section 13.1.2)."""
    known = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return "*" in known or tag.removeprefix("W/") in known


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is among what a client accepts, and not with a weight of 0 (RFC 9110, section 12.5.3)."""
    for part in accept_encoding.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return weight.strip() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
