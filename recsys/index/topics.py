"""Topics as a snapshot holds them: the tree, every paper's place in it and on the map, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from recsys.records import Outline, Topic, TopicChange, Trend

TREE, PLACES = "tree.json", "places.npz"
NO_TOPIC = -1


@dataclass(frozen=True, slots=True)
class TopicLevel:
    """One level of the tree.

    Attributes:
        topics: by number.
        outlines: on the map, by number.
        members: (n, 3) int32 numbers of the topics of every paper, the main one first, -1 where there are fewer.
        strengths: (n, 3) float32 in [0, 1], descending; 0 where there is no topic.
    """

    topics: tuple[Topic, ...]
    outlines: tuple[Outline, ...]
    members: NDArray[np.int32]
    strengths: NDArray[np.float32]

    @property
    def main(self) -> NDArray[np.int32]:
        """(n,) number of every paper's main topic."""
        main: NDArray[np.int32] = self.members[:, 0]
        return main

    def holding(self, number: int) -> NDArray[np.float32]:
        """(n,) how far every paper belongs to a topic, 0 for those that do not."""
        strengths: NDArray[np.float32] = np.where(self.members == number, self.strengths, 0).max(axis=1)
        # the place of a paper whose neighbours are all elsewhere is weak, but it is there
        strengths[self.main == number] = np.maximum(strengths[self.main == number], np.float32(1e-6))
        return strengths


@dataclass(frozen=True, slots=True)
class TopicParameters:
    """How the tree came about.

    Attributes:
        seed: of the clustering.
        counts: topics a level that were asked for, coarsest first.
        resolutions: of each level, 0 where a count was asked for.
        agreement: of the coarsest level with what other seeds find, as adjusted mutual information.
        edits: numbers of the editors' structural decisions that it obeys, ascending.
        named_by: id of a topic → signature of the namer that named it, where that was not c-TF-IDF.
    """

    seed: int = 0
    counts: tuple[int, ...] = ()
    resolutions: tuple[float, ...] = ()
    agreement: float = 1.0
    edits: tuple[int, ...] = ()
    named_by: dict[str, str] | None = None


class TopicIndex:
    """The topics of n papers. Immutable; safe to share between threads.

    Args:
        levels: coarsest first.
        coordinates: (n, 2) float32, every paper's place on the map.
        parameters: how the tree came about.
        changes: what became of topics, build by build, the latest first.
    """

    def __init__(
        self,
        levels: Sequence[TopicLevel],
        coordinates: NDArray[np.float32],
        parameters: TopicParameters,
        changes: Sequence[TopicChange] = (),
    ) -> None:
        self.levels = tuple(levels)
        self.coordinates = coordinates
        self.parameters = parameters
        self.changes = tuple(changes)

    def __len__(self) -> int:
        return len(self.coordinates)

    @cached_property
    def by_id(self) -> dict[str, tuple[int, int]]:
        """Index of the level, and number, of every topic."""
        return {
            topic.id: (at, number)
            for at, level in enumerate(self.levels)
            for number, topic in enumerate(level.topics)
        }

    @cached_property
    def successors(self) -> dict[str, str]:
        """The topic that a topic which is no more has become part of."""
        return {alias: topic.id for level in self.levels for topic in level.topics for alias in topic.aliases}

    @cached_property
    def all(self) -> tuple[Topic, ...]:
        """Every topic, coarsest level first."""
        return tuple(topic for level in self.levels for topic in level.topics)

    def save(self, folder: Path) -> None:
        """Write the topics into ``folder``, which must not exist yet."""
        folder.mkdir()
        tree = {
            "parameters": asdict(self.parameters),
            "levels": [
                {
                    "topics": [asdict(topic) for topic in level.topics],
                    "outlines": [asdict(outline) for outline in level.outlines],
                }
                for level in self.levels
            ],
            "changes": [asdict(change) for change in self.changes],
        }
        (folder / TREE).write_bytes(orjson.dumps(tree))
        arrays: dict[str, NDArray[Any]] = {
            f"members{at}": level.members for at, level in enumerate(self.levels)
        }
        arrays |= {f"strengths{at}": level.strengths for at, level in enumerate(self.levels)}
        np.savez(folder / PLACES, coordinates=self.coordinates, **arrays)  # type: ignore[arg-type]


def no_topics(papers: int) -> TopicIndex:
    """What a snapshot of a corpus that was not clustered holds."""
    return TopicIndex((), np.zeros((papers, 2), np.float32), TopicParameters())


def load_topics(folder: Path) -> TopicIndex:
    """Open topics written by :meth:`TopicIndex.save`.

    Raises:
        OSError, ValueError, KeyError, TypeError: a file is missing or cannot be understood.
    """
    tree = orjson.loads((folder / TREE).read_bytes())
    with np.load(folder / PLACES) as arrays:
        levels = [
            TopicLevel(
                tuple(_topic(fields) for fields in level["topics"]),
                tuple(_outline(fields) for fields in level["outlines"]),
                arrays[f"members{at}"],
                arrays[f"strengths{at}"],
            )
            for at, level in enumerate(tree["levels"])
        ]
        coordinates = arrays["coordinates"]
    fields = tree["parameters"]
    lists = {name: tuple(fields[name]) for name in ("counts", "resolutions", "edits")}
    parameters = TopicParameters(**{**fields, **lists})
    changes = [TopicChange(**{**change, "others": tuple(change["others"])}) for change in tree["changes"]]
    return TopicIndex(levels, coordinates, parameters, changes)


def _topic(fields: dict[str, Any]) -> Topic:
    lists = {name: tuple(fields[name]) for name in ("terms", "exemplars", "aliases")}
    years = tuple((int(year), int(papers)) for year, papers in fields["years"])
    return Topic(**{**fields, **lists, "years": years, "trend": Trend(**fields["trend"])})


def _outline(fields: dict[str, Any]) -> Outline:
    x, y = fields["label"]
    return Outline((x, y), tuple(tuple((a, b) for a, b in ring) for ring in fields["rings"]))
