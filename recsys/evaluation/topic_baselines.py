"""What topics are compared with: k-means and BERTopic, on the same vectors.

A method gives every paper a topic or none, and, where it has them, the terms of its topics (:class:`Found`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.errors import InvalidRequest

__all__ = [
    "LEAST_FOR_BERTOPIC",
    "Baseline",
    "Found",
    "bertopic",
    "bertopic_found",
    "kmeans",
    "require_bertopic",
]

Labels = NDArray[np.int32]
Floats = NDArray[np.float32]

#: Starts of k-means, of which the best counts; one above so many papers, where each takes minutes.
STARTS, MANY_PAPERS = 10, 20_000
#: BERTopic's first step looks at 15 neighbours of each paper, and fails on corpora much smaller.
LEAST_FOR_BERTOPIC = 15


@dataclass(frozen=True, slots=True)
class Found:
    """The topics of one method.

    Attributes:
        topics: (n,) number of every paper's topic, -1 for none.
        terms: for each topic its terms, the most telling first; None of a method that has none.
    """

    topics: Labels
    terms: tuple[tuple[str, ...], ...] | None = None

    @property
    def count(self) -> int:
        """How many topics there are that have papers."""
        return len(np.unique(self.topics[self.topics >= 0]))


@dataclass(frozen=True, slots=True)
class Baseline:
    """A method to compare with.

    Attributes:
        name: for people.
        runs: how often to run it; more than once where it is not deterministic.
        find: gives its topics for a seed.
        levels: of the topics that it is to be compared with; empty for all.
    """

    name: str
    runs: int
    find: Callable[[int], Found]
    levels: frozenset[int] = frozenset()


def kmeans(vectors: Floats, k: int, seed: int) -> Found:
    """k-means (Lloyd 1982, https://doi.org/10.1109/TIT.1982.1056489) with scikit-learn's k-means++ starts.

    Args:
        vectors: (n, d) unit rows.
        k: topics, at most n.
        seed: of the starts.
    """
    from sklearn.cluster import KMeans

    starts = STARTS if len(vectors) <= MANY_PAPERS else 1
    return Found(KMeans(k, n_init=starts, random_state=seed).fit_predict(vectors).astype(np.int32))


def bertopic(vectors: Floats, texts: Sequence[str]) -> Found:
    """BERTopic (Grootendorst 2022, https://arxiv.org/abs/2203.05794) with all its defaults.

    Its UMAP has no seed by default and runs on all cores, so every run is another one.

    Args:
        vectors: (n, d) rows that stand for the texts, at least :data:`LEAST_FOR_BERTOPIC`.
        texts: (n,) what its terms are taken from.

    Raises:
        InvalidRequest: it is not installed, or there are too few papers.
    """
    require_bertopic()
    if len(texts) < LEAST_FOR_BERTOPIC:
        raise InvalidRequest(
            f"BERTopic cannot cluster {len(texts)} papers.", hint="Leave it out with --no-bertopic."
        )
    from bertopic import BERTopic

    model = BERTopic()
    topics, _ = model.fit_transform(list(texts), vectors)
    return bertopic_found(topics, lambda topic: model.get_topic(topic) or [])


def bertopic_found(topics: Sequence[int], terms_of: Callable[[int], Sequence[tuple[str, float]]]) -> Found:
    """What BERTopic answered with; it fills short lists of terms up with empty ones."""
    labels = np.asarray(topics, np.int32)
    count = int(labels.max(initial=-1)) + 1
    return Found(labels, tuple(tuple(term for term, _ in terms_of(topic) if term) for topic in range(count)))


def require_bertopic() -> None:
    """Raise InvalidRequest unless BERTopic is installed."""
    try:
        import bertopic as _installed  # noqa: F401
    except ImportError as error:
        raise InvalidRequest(
            f"BERTopic cannot be imported: {error}.",
            hint="Install it with pip install 'recsys[evaluation]', or leave it out with --no-bertopic.",
        ) from error
