"""What is asked of the service, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from recsys.errors import InvalidRequest
from recsys.index.snapshot import Manifest
from recsys.records import Paper, Scored
from recsys.service.topic_answers import TopicPlace

K_LIMIT = 500
DEFAULT_K = 10


@dataclass(frozen=True, slots=True)
class Filters:
    """What an answer is limited to.

    Attributes:
        year_from: first year, inclusive; papers without a year never pass a year filter.
        year_to: last year, inclusive.
        venue: the venue's name, in any case.
        topic: a topic's id; papers pass that belong to it, be it less than to another.
    """

    year_from: int | None = None
    year_to: int | None = None
    venue: str | None = None
    topic: str | None = None

    def admit(self, paper: Paper) -> bool:
        """Whether a paper's year and venue pass."""
        low, high = self.year_from, self.year_to
        if (low is not None or high is not None) and paper.year is None:
            return False
        year = paper.year or 0
        in_years = (low is None or year >= low) and (high is None or year <= high)
        venue = self.venue
        return in_years and (venue is None or (paper.venue or "").casefold() == venue.strip().casefold())


@dataclass(frozen=True, slots=True)
class Options:
    """How an answer is ordered.

    Attributes:
        recency: in [0, 1], how much newer papers are preferred; see :func:`recsys.recommend.ranking.recent`.
        diversity: in [0, 1], how much papers that are like a better one stand back; see
            :func:`recsys.recommend.ranking.diversified`.
    """

    recency: float = 0.0
    diversity: float = 0.0

    def __post_init__(self) -> None:
        for name in ("recency", "diversity"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InvalidRequest(f"{name} is {value}.", hint="Give a number from 0 to 1.")


NO_FILTERS, NO_OPTIONS = Filters(), Options()


@dataclass(frozen=True, slots=True)
class Answer:
    """Ranked papers.

    Attributes:
        results: best first.
        snapshot: name of the snapshot that answered.
        close: whether anything in the corpus is close to what was asked with; if not, the results are merely the
            least distant ones.
        resolved: id of the paper that a typed id, DOI, arXiv id or address stands for, or None.
        topics: where the text that was asked with, or the single paper, belongs; empty where nothing says.
        point: its (x, y) on the map, or None.
        topics_of: the topics of the results, by paper id.
    """

    results: tuple[Scored, ...]
    snapshot: str
    close: bool = True
    resolved: str | None = None
    topics: tuple[TopicPlace, ...] = ()
    point: tuple[float, float] | None = None
    topics_of: Mapping[str, tuple[TopicPlace, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One question of a batch: papers near a paper or near a text.

    Attributes:
        id: a paper's id; with a text it is only handed back (and that paper, if there is one, is not in the answer).
        text: a text, or None to ask with the paper.
        negative: papers that the answer should not be like.
        candidates: rank exactly these papers; None ranks the whole corpus.
        k: how many papers; None is 10, or all candidates.
    """

    id: str | None = None
    text: str | None = None
    negative: Sequence[str] = ()
    candidates: Sequence[str] | None = None
    k: int | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """An answer of a batch.

    Attributes:
        results: ids with their scores, best first.
        unknown: how many of the candidates are not in the corpus.
    """

    results: tuple[tuple[str, float], ...]
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class PaperDetail:
    """One paper.

    Attributes:
        paper: itself.
        versions: ids of the other versions of the same work.
        topics: by level and rank; none while it is newer than the snapshot.
        point: (x, y) on the map, or None.
    """

    paper: Paper
    versions: tuple[str, ...]
    topics: tuple[TopicPlace, ...] = ()
    point: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Papers by ascending id.

    Attributes:
        papers: this page.
        next: pass it as ``after`` for the next page; None on the last.
    """

    papers: tuple[Paper, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """A deployment at a glance.

    Attributes:
        version: of this software.
        papers: in the store, withdrawn ones not counted.
        abstracts: how many of them have one.
        people: distinct authors, by explicit id, else by name.
        withdrawn: papers hidden from every answer.
        snapshot: the published one, or None.
        problem: why there is no usable snapshot, or None.
        store: the store's URL without its password.
    """

    version: str
    papers: int
    abstracts: int
    people: int
    withdrawn: int
    snapshot: Manifest | None
    problem: str | None
    store: str


def check_k(k: int) -> None:
    """Raise InvalidRequest unless so many papers may be asked for."""
    if not 1 <= k <= K_LIMIT:
        raise InvalidRequest(f"k is {k}.", hint=f"Ask for 1 to {K_LIMIT} papers.")
