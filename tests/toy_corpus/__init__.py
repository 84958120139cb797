"""Twenty papers with answers known by hand. All titles, abstracts and people are made up.

Four groups of texts, named by the first letter of the id: ``d`` dialogue systems, ``r`` reinforcement learning for
language models, ``m`` machine translation, ``p`` parsing. Within a group texts are near each other, between groups
they are not. Besides:

* ``d5`` and ``d6`` are two versions of one work (same title and authors);
* ``p4`` has no abstract, ``m5`` no year and no venue;
* ``r4`` and ``r5`` have the same text, word for word, but are by other authors: two works, one vector;
* ``d1`` lists one author id twice.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from recsys.records import Author, Paper

PATH = Path(__file__).parent / "papers.jsonl"


def papers() -> list[Paper]:
    """The corpus, in the file's order, read without the code under test."""
    return [_paper(orjson.loads(line)) for line in PATH.read_bytes().splitlines()]


def _paper(fields: dict) -> Paper:
    authors = tuple(Author(**author) for author in fields.pop("authors"))
    keywords = tuple(fields.pop("keywords", ()))
    return Paper(**{"source": "toy", **fields}, authors=authors, keywords=keywords)
