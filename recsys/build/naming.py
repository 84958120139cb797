"""Names for topics: those they had, else from their papers' phrases, else better ones from a namer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.namers.base import Namer, Naming, Outcome, signature
from recsys.records import Topic, TopicEdit, title_key
from recsys.topics.describe import Description, Document, describe
from recsys.topics.edits import renames
from recsys.topics.membership import Memberships
from recsys.topics.tree import parents

TITLES = 10  # of a topic that a namer is told

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Named:
    """What a topic is called, what its papers speak of, and the signature of the namer that named it, if one did."""

    name: str
    terms: tuple[str, ...]
    by: str = ""


@dataclass(frozen=True, slots=True)
class NamingJob:
    """A tree to be named.

    Attributes:
        levels: (n,) topic numbers of each level, coarsest first.
        places: of the papers in them.
        ids: of the topics, by level and number.
        known: topics of the snapshot before, by id.
        by: which namer named those, by id.
    """

    levels: Sequence[NDArray[np.int32]]
    places: Sequence[Memberships]
    ids: Sequence[Sequence[str]]
    known: Mapping[str, Topic]
    by: Mapping[str, str]


def name_topics(
    job: NamingJob,
    documents: Callable[[], Sequence[Document]] | None,
    namer: Namer | None,
    edits: Sequence[TopicEdit],
    progress: Callable[[int, int], None],
) -> dict[str, Named]:
    """Name every topic. One that was there keeps its name; a new one gets a name that no other has.

    Args:
        job: what to name.
        documents: gives the papers' texts by position; None where all topics were there and nothing changed in them.
        namer: asked for the topics that none like it has named yet; None asks nobody.
        edits: editors' decisions: their names are not given twice.
        progress: called with papers read and papers to read.

    Returns:
        by topic id.
    """
    given = renames(edits)
    named = {
        topic: Named(job.known[topic].name, job.known[topic].terms, job.by.get(topic, ""))
        for level in job.ids
        for topic in level
        if topic in job.known
    }
    new = [topic for level in job.ids for topic in level if topic not in named]
    texts: Sequence[Document] = ()
    if documents is not None or new:
        if documents is None:
            raise AssertionError("new topics, and no texts to name them by")
        texts = documents()
        weights = [there.strengths[:, 0] for there in job.places]
        found = describe(texts, job.levels, weights, progress=progress)
        described = {
            topic: one
            for level, some in zip(job.ids, found, strict=True)
            for topic, one in zip(level, some, strict=True)
        }
        named = _merged(named, described, given)
    if namer is not None:
        _ask(namer, job, named, given, texts)
    return named


def _merged(
    named: Mapping[str, Named], described: Mapping[str, Description], given: Mapping[str, str]
) -> dict[str, Named]:
    """Names of before with the terms of today; new topics with the best of their names that is free."""
    taken = {title_key(one.name) for one in named.values()} | {title_key(name) for name in given.values()}
    merged = {}
    for topic, one in described.items():
        if topic in named:
            merged[topic] = Named(named[topic].name, one.terms, named[topic].by)
            continue
        name = _free(one, taken)
        taken.add(title_key(name))
        merged[topic] = Named(name, one.terms)
    return merged


def _free(one: Description, taken: set[int]) -> str:
    """The first of a topic's names that no other topic has."""
    joined = [f"{one.name} ({term})" for term in one.terms if title_key(term) != title_key(one.name)]
    for name in (one.name, *one.candidates, *joined):
        if title_key(name) not in taken:
            return name
    number = 2
    while title_key(f"{one.name} {number}") in taken:
        number += 1
    return f"{one.name} {number}"


def _ask(
    namer: Namer,
    job: NamingJob,
    named: dict[str, Named],
    given: Mapping[str, str],
    texts: Sequence[Document],
) -> None:
    """Replace names by a namer's, of topics that none like it has named and no editor either."""
    sign = signature(namer)
    requests = requests_for(job, named, given, texts, lambda topic: named[topic].by != sign)
    if not requests:
        return
    expected = namer.estimate(requests)
    logger.info(
        "Asking %s for %d names, about %d tokens%s.",
        namer.model,
        len(requests),
        expected.prompt_tokens + expected.completion_tokens,
        "" if expected.cost is None else f", {expected.cost:.4f} in the currency of the prices",
    )
    outcome = namer.name(requests)
    for topic, name in outcome.names.items():
        named[topic] = Named(name, named[topic].terms, sign)
    _tell(outcome, namer.model)


def requests_for(
    job: NamingJob,
    named: Mapping[str, Named],
    given: Mapping[str, str],
    texts: Sequence[Document],
    wanted: Callable[[str], bool],
) -> list[Naming]:
    """What a namer is asked, coarsest level first."""
    shown = {topic: given.get(topic, one.name) for topic, one in named.items()}
    everything = frozenset(shown.values())
    requests = []
    for at, (labels, there, ids) in enumerate(zip(job.levels, job.places, job.ids, strict=True)):
        above = parents(job.levels[at - 1], labels) if at else np.zeros(len(ids), np.int32)
        for number, topic in enumerate(ids):
            if topic in given or not wanted(topic):
                continue
            siblings = [
                ids[other] for other in np.flatnonzero(above == above[number]).tolist() if other != number
            ]
            requests.append(
                Naming(
                    topic,
                    at + 1,
                    named[topic].name,
                    named[topic].terms,
                    _titles(labels, there, number, texts),
                    shown[job.ids[at - 1][above[number]]] if at else None,
                    tuple(shown[other] for other in siblings),
                    everything,
                )
            )
    return requests


def _titles(
    labels: NDArray[np.int32], there: Memberships, number: int, texts: Sequence[Document]
) -> tuple[str, ...]:
    """Titles of the papers that belong to a topic most."""
    if not texts:
        return ()
    members = np.flatnonzero(labels == number)
    best = members[np.lexsort((members, -there.strengths[members, 0]))][:TITLES]
    return tuple(texts[position].title for position in best.tolist())


def _tell(outcome: Outcome, model: str) -> None:
    """Say what it cost, and what was not to be had."""
    usage = outcome.usage
    logger.info(
        "%s gave %d names: %d requests, %d + %d tokens, cost %s.",
        model,
        len(outcome.names),
        usage.requests,
        usage.prompt_tokens,
        usage.completion_tokens,
        "unknown (no prices are set)" if usage.cost is None else f"{usage.cost:.4f}",
    )
    if outcome.failures:
        reason = next(iter(outcome.failures.values()))
        logger.warning("%d topics keep their offline names; the first: %s", len(outcome.failures), reason)
