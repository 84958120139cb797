"""From what was asked to positions and scores within the open snapshot. Functions without state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from recsys.embedding.models import Role
from recsys.embedding.passages import Passage, text_passage
from recsys.errors import InvalidRequest
from recsys.index.sentences import unit
from recsys.recommend.neighbours import look_up
from recsys.recommend.ranking import Mask, Positions, diversified, filter_mask, recent
from recsys.recommend.related import Indexes, Query, Ranked, paper_query, rank
from recsys.recommend.strength import CLOSE, SHORT, strength
from recsys.records import Paper, title_key
from recsys.service import explain
from recsys.service.answers import NO_OPTIONS, Filters, Options
from recsys.service.current import Opened
from recsys.service.topic_answers import Assignment
from recsys.service.topic_view import TopicView
from recsys.text import clean_text
from recsys.topics.membership import VOTERS

LOOKED_AT = 20  # best papers, for one that has all words of a short query
POOL_TO_ORDER = 4  # times k candidates are looked at when recency or diversity decides too


def ask_text(opened: Opened, text: str) -> tuple[explain.Asked, Query]:
    """A pasted text as a question, and as what reasons quote."""
    passage = text_passage(text)
    query = embedded(opened, passage, "query")
    return explain.Asked(text, explain.quotes(passage), query.sentences), query


def ask_paper(opened: Opened, paper: Paper) -> tuple[explain.Asked, Query]:
    """A paper as a question: as the snapshot has it, or embedded here if it is new or has changed."""
    passage = explain.passage_of(paper, opened.embedder.spec)
    position = opened.snapshot.positions.get(paper.id)
    if position is not None and explain.is_as_built(opened, position, passage):
        query = paper_query(opened.indexes, position)
    else:
        position, query = None, embedded(opened, passage, "document")
    quotes = explain.quotes(passage)
    return explain.Asked(passage.text, quotes, query.sentences, paper, position), query


def embedded(opened: Opened, passage: Passage, role: Role) -> Query:
    """A text that the snapshot does not hold, measured from the corpus's centre."""
    found = opened.embedder.encode_passages([passage], role=role)
    centre = opened.snapshot.contents.centre
    return Query(
        unit(found.vectors[0] - centre.papers),
        unit(found.sentences - centre.sentences),
        opened.indexes.lexical.query(passage.text),
        np.empty(0, np.int32),
    )


def looked_up(opened: Opened, position: int, k: int, barred: Sequence[int]) -> Ranked | None:
    """A paper's stored neighbours, if they are enough."""
    table = opened.snapshot.contents.neighbours
    stored = look_up(table, position)
    left = stored[np.flatnonzero(~np.isin(stored.positions, barred))]
    return left if len(left) >= k or len(stored) < table.positions.shape[1] else None


def barred(opened: Opened, hidden: Collection[str], ids: Iterable[str]) -> list[int]:
    """Positions never to be answered with: hidden papers, and some papers with the other versions of their work."""
    at, works = opened.snapshot.positions, opened.snapshot.facets.works
    barred = {at[paper_id] for paper_id in (*hidden, *ids) if paper_id in at}
    for paper_id in ids:
        if paper_id in at and works[at[paper_id]] >= 0:
            barred.update(np.flatnonzero(works == works[at[paper_id]]).tolist())
    return sorted(barred)


def named(opened: Opened, text: str) -> list[int]:
    """Papers by an author whose name the text is, or holds."""
    return [int(position) for position in opened.indexes.lexical.name_matches(text)]


def titled(opened: Opened, text: str) -> list[int]:
    """Papers whose title the text is, or begins with as a line of its own."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    keys = [title_key(clean_text(one)) for one in (text, first)]
    return sorted({position for key in keys if key for position in opened.snapshot.titled(key)})


def with_exact(
    indexes: Indexes,
    question: Query,
    ranked: Ranked,
    exact: Sequence[int],
    mask: Mask | None,
    barred: Sequence[int],
) -> Ranked:
    """The candidates, and those that match exactly if they are not among them yet."""
    wanted = np.setdiff1d(np.array(exact, np.int64), ranked.positions)
    if not len(wanted):
        return ranked
    among: Positions = np.concatenate([ranked.positions, wanted])
    return rank(indexes, [question], k=len(among), among=among, allowed=mask, excluded=barred)


def strengths(opened: Opened, asked: explain.Asked, question: Query, ranked: Ranked) -> np.ndarray:
    """(m,) strengths of ranked papers."""
    terms = opened.indexes.lexical.terms(question.lexical)
    literal = False
    if terms <= SHORT:
        best = ranked.positions[:LOOKED_AT]
        literal = bool(opened.indexes.lexical.holding_all(asked.text, best).any())
    return strength(ranked.scores, terms=terms, sentences=len(question.sentences), literal=literal)


def chosen(opened: Opened, ranked: Ranked, strengths: np.ndarray, k: int, options: Options) -> Positions:
    """Numbers of the k candidates to answer with, in order."""
    if options == NO_OPTIONS:
        return np.arange(min(k, len(ranked)))
    facets = opened.snapshot.facets
    newest = int(facets.years.max(initial=0))
    relevance = strengths * recent(facets.years[ranked.positions], newest, options.recency)
    order = np.lexsort((ranked.positions, -relevance))
    rows = opened.indexes.dense.rows(ranked.positions[order])
    return order[diversified(relevance[order], rows, k, options.diversity)]


def pool(k: int, options: Options) -> int:
    """How many candidates are needed to answer with k papers."""
    return k if options == NO_OPTIONS else k * POOL_TO_ORDER


def mask(opened: Opened, view: TopicView, filters: Filters) -> Mask | None:
    """(n,) which papers pass the filters; None when all do.

    Raises:
        TopicNotFound: a filter names a topic that there is not.
    """
    facets = opened.snapshot.facets
    venues = None
    if filters.venue is not None:
        wanted = set(spellings(filters.venue, facets.venue_names))
        venues = [code for code, name in enumerate(facets.venue_names) if name in wanted]
    passed = filter_mask(
        facets.years,
        facets.venues,
        year_from=filters.year_from,
        year_to=filters.year_to,
        venue_codes=venues,
    )
    if filters.topic is None:
        return passed
    of_topic = view.mask(filters.topic)
    return of_topic if passed is None else passed & of_topic


def pairs(opened: Opened, ranked: Ranked) -> tuple[tuple[str, float], ...]:
    """Ids with scores."""
    ids = opened.snapshot.facets.ids
    return tuple((ids[p], float(s)) for p, s in zip(ranked.positions, ranked.scores, strict=True))


def spellings(venue: str, names: Sequence[str]) -> list[str]:
    """The names that are ``venue`` but for upper and lower case."""
    folded = venue.strip().casefold()
    return [name for name in names if name.casefold() == folded]


def assignment(
    opened: Opened, view: TopicView, asked: explain.Asked, question: Query, ranked: Ranked
) -> Assignment:
    """Where a text belongs, by the papers that it is most related to."""
    nearest = ranked[:VOTERS]
    found = strengths(opened, asked, question, nearest)
    close = bool(len(nearest)) and float(found.max()) >= CLOSE
    return view.place(nearest.positions, found, close=close)


def place_of(
    opened: Opened, view: TopicView, asked: explain.Asked, question: Query, barred: Sequence[int]
) -> Assignment:
    """Where a paper belongs: as built, or as a text if it is newer than the snapshot or has changed."""
    if asked.position is not None:
        return view.place_of(asked.position)
    ranked = rank(opened.indexes, [question], k=VOTERS, excluded=barred)
    return assignment(opened, view, asked, question, ranked)


def check_seeds(positive: Sequence[str], negative: Sequence[str]) -> None:
    """Raise InvalidRequest unless these papers can be asked with."""
    if not positive:
        raise InvalidRequest("There is no paper to start from.", hint="Name at least one positive paper.")
    both = [paper_id for paper_id in positive if paper_id in set(negative)]
    if both:
        raise InvalidRequest(
            f"{both[0]!r} is positive and negative.", hint="Take it out of one of the lists."
        )


def query_text(text: str) -> str:
    """A pasted text as papers' texts are: TeX and markup read, surrogates joined or replaced.

    Raises:
        InvalidRequest: there is no letter or digit in it.
    """
    query = clean_text(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    if not any(character.isalnum() for character in query):
        raise InvalidRequest(
            "The text to search for has no letters.", hint="Paste an abstract, a title or a few words."
        )
    return query
