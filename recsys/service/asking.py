"""From what was asked to positions and scores within the open snapshot. Functions without state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from recsys.embedding.models import Role
from recsys.embedding.passages import Passage, text_passage
from recsys.index.sentences import unit
from recsys.recommend.neighbours import look_up
from recsys.recommend.ranking import Mask, Positions, diversified, filter_mask, recent
from recsys.recommend.related import Indexes, Query, Ranked, paper_query, rank
from recsys.recommend.strength import SHORT, strength
from recsys.records import Paper, title_key
from recsys.service import explain
from recsys.service.answers import NO_OPTIONS, Filters, Options
from recsys.service.current import Opened
from recsys.text import clean_text

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
    by_title = opened.snapshot.by_title
    keys = [title_key(clean_text(one)) for one in (text, first)]
    return sorted({position for key in keys if key for position in by_title.get(key, ())})


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


def mask(opened: Opened, filters: Filters, of_topic: Mask | None = None) -> Mask | None:
    """(n,) which papers pass the filters; None when all do.

    Args:
        opened: the snapshot.
        filters: what is asked for.
        of_topic: (n,) which papers belong to the topic that is asked for, None where none is.
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
    if of_topic is None or passed is None:
        return passed if of_topic is None else of_topic
    return passed & of_topic


def pairs(opened: Opened, ranked: Ranked) -> tuple[tuple[str, float], ...]:
    """Ids with scores."""
    ids = opened.snapshot.facets.ids
    return tuple((ids[p], float(s)) for p, s in zip(ranked.positions, ranked.scores, strict=True))


def spellings(venue: str, names: Sequence[str]) -> list[str]:
    """The names that are ``venue`` but for upper and lower case."""
    folded = venue.strip().casefold()
    return [name for name in names if name.casefold() == folded]
