"""Topics over the toy corpus, made by hand, so that every answer about them is known.

    td0000001  Dialogue systems        d1…d6, and r1 as its second topic
      td0000011  Open-domain chatbots    d1 d2
      td0000012  Task-oriented dialogue  d3 d4 d5 d6
    tf0000001  Language structure      m1…m5 p1…p4
      tf0000011  Machine translation     m1…m5
      tf0000012  Parsing                 p1…p4
    tb0000001  Policy learning         r1…r5
      tb0000011  Policy learning from rewards  r1…r5

``tc0000001`` has become part of Dialogue systems. On the map paper i of the sorted ids lies at (i, -i / 8).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from recsys.index.topics import TopicIndex, TopicLevel, TopicParameters
from recsys.records import Outline, Topic, TopicChange, Trend

if TYPE_CHECKING:
    from tests.conftest import Toy

RISING = Trend("rising", 0.121, 0.0512, 0.1949, 0.00321, 2015, 2024)
STEADY = Trend("steady", -0.01, -0.05, 0.03, 0.4, 2015, 2024)

DIALOGUE = Topic(
    "td0000001",
    1,
    None,
    "Dialogue systems",
    6,
    ("dialogue system", "conversation", "persona"),
    ("d1", "d3"),
    ((2018, 1), (2019, 2), (2021, 3)),
    RISING,
    0.9,
    ("tc0000001",),
)
STRUCTURE = Topic("tf0000001", 1, None, "Language structure", 9, ("translation", "parser"), ("m1", "p1"))
POLICY = Topic("tb0000001", 1, None, "Policy learning", 5, ("policy", "reward"), ("r4",), trend=STEADY)
CHATBOTS = Topic("td0000011", 2, "td0000001", "Open-domain chatbots", 2, ("chatbot",), ("d1",))
TASKS = Topic("td0000012", 2, "td0000001", "Task-oriented dialogue", 4, ("belief state",), ("d3",))
TRANSLATION = Topic("tf0000011", 2, "tf0000001", "Machine translation", 5, ("translation",), ("m1",))
PARSING = Topic("tf0000012", 2, "tf0000001", "Parsing", 4, ("parser", "treebank"), ("p1",))
REWARDS = Topic("tb0000011", 2, "tb0000001", "Policy learning from rewards", 5, ("reward",), ("r1",))

FIRST, SECOND = "2026-10-01T08:00:00Z", "2026-11-01T08:00:00Z"
CHANGES = (
    TopicChange(SECOND, "grown", 1, "td0000001", "Dialogue systems", 4, 6),
    TopicChange(SECOND, "kept", 1, "tf0000001", "Language structure", 9, 9),
    TopicChange(SECOND, "merged", 1, "tb0000001", "Policy learning", 2, 5, ("te0000001",)),
    TopicChange(SECOND, "gone", 1, "te0000001", "Rewards", 3, 0, ("tb0000001", "tf0000001")),
    TopicChange(SECOND, "split", 2, "td0000012", "Task-oriented dialogue", 6, 4, ("td0000011",)),
    TopicChange(FIRST, "new", 1, "td0000001", "Dialogue systems", 0, 4),
)


def _level(topics: list[Topic], main: str, further: dict[int, tuple[int, float]]) -> TopicLevel:
    """A level from a digit for each paper's main topic, and further topics by position."""
    count = len(main)
    members, strengths = np.full((count, 3), -1, np.int32), np.zeros((count, 3), np.float32)
    members[:, 0] = [int(digit) for digit in main]
    strengths[:, 0] = 0.75 - 0.01 * np.arange(count)
    for position, (topic, strength) in further.items():
        members[position, 1], strengths[position, 1] = topic, strength
    outlines = [
        Outline((float(number), 0.5), (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),))
        for number in range(len(topics))
    ]
    return TopicLevel(tuple(topics), tuple(outlines), members, strengths)


def index() -> TopicIndex:
    """The topics of the twenty papers, by ascending id: d1…d6 m1…m5 p1…p4 r1…r5."""
    positions = np.arange(20, dtype=np.float32)
    return TopicIndex(
        [
            _level([DIALOGUE, STRUCTURE, POLICY], "0" * 6 + "1" * 9 + "2" * 5, {15: (0, 0.25)}),
            _level(
                [CHATBOTS, TASKS, TRANSLATION, PARSING, REWARDS],
                "00" + "1" * 4 + "2" * 5 + "3" * 4 + "4" * 5,
                {},
            ),
        ],
        np.stack([positions, -positions / 8], axis=1),
        TopicParameters(agreement=0.87),
        CHANGES,
    )


def publish(toy: Toy, topics: TopicIndex | None = None) -> None:
    """Publish the toy's snapshot with these topics in place of those that the build found."""
    built = toy.snapshots.open()
    contents = replace(built.contents, topics=index() if topics is None else topics)
    manifest = toy.snapshots.write(contents, built.manifest.model, "f" * 64)
    toy.snapshots.publish(manifest.name)
