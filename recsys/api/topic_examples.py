"""Examples of topics that OpenAPI shows: of the bundled sample, lists shortened."""

from __future__ import annotations

from typing import Any

from recsys.api.examples import SEARCH

#: POST /v1/topics/assign
ASSIGN: dict[str, Any] = {"text": SEARCH["text"]}

ASSIGNMENT: dict[str, Any] = {
    "topics": [
        {"id": "td021fff0", "level": 1, "name": "Dialogue systems", "strength": 1.0, "rank": 1},
        {
            "id": "t3fbf9836",
            "level": 2,
            "name": "Response and dialogue generation",
            "strength": 0.6818,
            "rank": 1,
        },
        {"id": "t3a199475", "level": 2, "name": "Task-oriented dialogue", "strength": 0.2801, "rank": 2},
    ],
    "point": [-0.4725, 0.629],
    "close": True,
    "snapshot": "20261123T010142699Z-6b802f67",
}

#: GET /v1/topics/t452a3ec5
TOPIC: dict[str, Any] = {
    "id": "t452a3ec5",
    "level": 2,
    "parent": "td021fff0",
    "name": "Emotion recognition",
    "size": 52,
    "terms": [
        "emotion recognition",
        "emotional support",
        "emotion labels",
        "conversations",
        "ERC",
        "empathetic response generation",
        "user emotion",
        "emotion detection",
        "human communication",
        "chit-chat dialogue",
    ],
    "trend": {
        "direction": "steady",
        "change": 0.1538,
        "low": -0.0465,
        "high": 0.396,
        "p": 0.122,
        "first": 2016,
        "last": 2025,
    },
    "asked": None,
    "aliases": [],
    "cohesion": 0.7208,
    "parents": [
        {
            "id": "td021fff0",
            "level": 1,
            "parent": None,
            "name": "Dialogue systems",
            "size": 560,
            "terms": ["task-oriented dialogue", "dialogue systems", "dialogue policy"],
            "trend": {
                "direction": "falling",
                "change": -0.102,
                "low": -0.1628,
                "high": -0.0368,
                "p": 0.0076,
                "first": 2016,
                "last": 2025,
            },
        }
    ],
    "children": [],
    "exemplars": [
        {
            "id": "2024.lrec-main.507",
            "title": "Emotion Recognition in Conversation via Dynamic Personality",
            "abstract": None,
            "year": 2024,
            "date": None,
            "venue": "LREC",
            "doi": None,
            "arxiv_id": None,
            "url": "https://aclanthology.org/2024.lrec-main.507/",
            "keywords": [
                "dynamic personality",
                "emotion recognition",
                "ERC-DP",
                "personality psychology",
                "speaker attribute",
                "fine-grained classification",
                "conversational context",
                "prompt design",
            ],
            "source": "acl-anthology",
            "authors": [
                {"name": "Yan Wang", "id": "yan-wang", "affiliation": None, "orcid": None},
                {"name": "Bo Wang", "id": "bo-wang", "affiliation": None, "orcid": None},
            ],
        }
    ],
    "authors": [
        {"name": "Asif Ekbal", "id": "asif-ekbal", "papers": 7},
        {"name": "Minlie Huang", "id": "minlie-huang", "papers": 6},
        {"name": "Nurul Lubis", "id": "nurul-lubis", "papers": 6},
    ],
    "venues": [
        {"name": "ACL", "papers": 10},
        {"name": "Findings", "papers": 9},
        {"name": "EMNLP", "papers": 7},
    ],
    "years": [
        {"year": 2016, "papers": 2},
        {"year": 2018, "papers": 2},
        {"year": 2019, "papers": 2},
        {"year": 2020, "papers": 4},
        {"year": 2021, "papers": 3},
        {"year": 2022, "papers": 8},
        {"year": 2023, "papers": 14},
        {"year": 2024, "papers": 14},
        {"year": 2025, "papers": 3},
    ],
    "edits": [],
    "snapshot": "20261123T010142699Z-6b802f67",
}

#: GET /v1/topics/changes, as a second build may answer
CHANGES: dict[str, Any] = {
    "changes": [
        {
            "at": "2026-11-23T01:00:57Z",
            "kind": "grown",
            "level": 1,
            "topic": "td021fff0",
            "name": "Dialogue systems",
            "before": 560,
            "after": 617,
            "others": [],
        },
        {
            "at": "2026-11-23T01:00:57Z",
            "kind": "new",
            "level": 2,
            "topic": "t452a3ec5",
            "name": "Emotion recognition",
            "before": 0,
            "after": 52,
            "others": [],
        },
    ]
}
