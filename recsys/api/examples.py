"""Examples that OpenAPI shows: of the bundled sample, so that they can be tried after `scripts/demo`."""

from __future__ import annotations

from typing import Any

#: "Dialogue systems"
TOPIC_ID = "td021fff0"

SEARCH: dict[str, Any] = {
    "text": "We propose a dialogue generation pre-training framework with discrete latent variables.",
    "k": 5,
    "year_from": 2019,
    "diversity": 0.2,
    "fields": ["title", "year", "strength", "reason"],
}

RELATED: dict[str, Any] = {
    "positive": ["2020.acl-main.9", "2022.findings-acl.308"],
    "negative": ["2020.acl-demos.30"],
    "k": 5,
    "recency": 0.3,
}

#: GET /v1/papers/2020.acl-main.9/related?k=1&venue=NLP4ConvAI
ANSWER: dict[str, Any] = {
    "results": [
        {
            "id": "2021.nlp4convai-1.14",
            "title": "PLATO-KAG: Unsupervised Knowledge-Grounded Conversation via Joint Modeling",
            "abstract": None,
            "year": 2021,
            "date": None,
            "venue": "NLP4ConvAI",
            "doi": "10.18653/v1/2021.nlp4convai-1.14",
            "arxiv_id": None,
            "url": "https://aclanthology.org/2021.nlp4convai-1.14/",
            "keywords": [
                "knowledge-grounded conversation",
                "PLATO-KAG",
                "knowledge-grounded response generation",
                "joint modeling",
                "knowledge selection",
                "conversation modeling",
                "external knowledge",
                "unsupervised learning",
            ],
            "source": "acl-anthology",
            "authors": [
                {"name": "Xinxian Huang", "id": "xinxian-huang", "affiliation": None, "orcid": None},
                {"name": "Huang He", "id": "huang-he", "affiliation": None, "orcid": None},
                {"name": "Siqi Bao", "id": "siqi-bao", "affiliation": None, "orcid": None},
                {"name": "Fan Wang", "id": "fan-wang", "affiliation": None, "orcid": None},
                {"name": "Hua Wu", "id": "hua-wu", "affiliation": None, "orcid": None},
                {"name": "Haifeng Wang", "id": "haifeng-wang", "affiliation": None, "orcid": None},
            ],
            "score": 0.805571,
            "strength": 0.8026,
            "reason": {
                "match": None,
                "sentences": {
                    "query": {
                        "text": "discrete latent variables, one-to-many "
                        "mapping, dialogue generation model, "
                        "conversational question answering, "
                        "PLATO, act recognition, generation "
                        "pre-training, response generation, "
                        "grounded dialogue, bi-directional "
                        "context",
                        "field": "keywords",
                        "start": 0,
                        "end": 221,
                    },
                    "paper": {
                        "text": "knowledge-grounded conversation, "
                        "PLATO-KAG, knowledge-grounded response "
                        "generation, joint modeling, knowledge "
                        "selection, conversation modeling, "
                        "external knowledge, unsupervised "
                        "learning",
                        "field": "keywords",
                        "start": 0,
                        "end": 185,
                    },
                    "similarity": 0.5422,
                    "query_id": "2020.acl-main.9",
                },
                "terms": ["PLATO"],
                "authors": ["Huang He", "Siqi Bao", "Fan Wang", "Hua Wu", "Haifeng Wang"],
            },
            "topics": [
                {"id": "td021fff0", "level": 1, "name": "Dialogue systems", "strength": 0.9878, "rank": 1},
                {
                    "id": "t3fbf9836",
                    "level": 2,
                    "name": "Response and dialogue generation",
                    "strength": 0.7377,
                    "rank": 1,
                },
            ],
        }
    ],
    "snapshot": "20261123T010142699Z-6b802f67",
    "close": True,
    "resolved": None,
    "topics": [
        {"id": "td021fff0", "level": 1, "name": "Dialogue systems", "strength": 0.94, "rank": 1},
        {
            "id": "t3fbf9836",
            "level": 2,
            "name": "Response and dialogue generation",
            "strength": 0.8417,
            "rank": 1,
        },
    ],
    "point": [-0.4787, 0.6468],
}
