"""Questions about topics: the tree, one topic, its papers, the map, where a text belongs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.errors import InvalidRequest
from recsys.index.snapshot import Snapshot
from recsys.records import Topic, TopicChange
from recsys.service.topic_answers import (
    ExportRow,
    TopicAuthor,
    TopicDetail,
    TopicMap,
    TopicPage,
    TopicPaper,
    TopicPapers,
    TopicPlace,
)
from recsys.service.topic_view import TopicView
from recsys.store.papers import PaperStore
from recsys.store.rows import person_key
from recsys.store.tombstones import Tombstones
from recsys.store.topic_edits import TopicEdits

PEOPLE = 10  # central authors of a topic
VENUES = 10
PAGE_LIMIT = 500


class TopicReader:
    """Answers questions about the topics of the published snapshot.

    Args:
        current: gives the published snapshot.
        papers: the store's papers.
        tombstones: what is hidden.
        decisions: what editors decided.
    """

    def __init__(
        self,
        current: Callable[[], Snapshot],
        papers: PaperStore,
        tombstones: Tombstones,
        decisions: TopicEdits,
    ) -> None:
        self._current = current
        self._papers = papers
        self._tombstones = tombstones
        self._decisions = decisions

    def tree(self) -> TopicPage:
        """All topics at once, hidden ones left out."""
        return self._page(None, None, None, None)

    def page(
        self,
        *,
        level: int | None = None,
        parent: str | None = None,
        after: str | None = None,
        limit: int = PAGE_LIMIT,
    ) -> TopicPage:
        """Topics, hidden ones left out.

        Args:
            level: of this level only, 1 for the coarsest.
            parent: sub-topics of this topic only.
            after: the id of the last topic of the page before.
            limit: topics on a page.

        Raises:
            InvalidRequest: there is no such level, or the limit is out of range.
            TopicNotFound: there is no topic ``parent`` or ``after``.
        """
        _check_limit(limit)
        return self._page(level, parent, after, limit)

    def _page(self, level: int | None, parent: str | None, after: str | None, limit: int | None) -> TopicPage:
        view = self._view()
        levels = len(view.index.levels)
        if level is not None and not 1 <= level <= levels:
            raise InvalidRequest(
                f"There is no level {level} of topics.",
                hint=f"Ask for 1 to {levels}." if levels else "Run `recsys build` first.",
            )
        above = None if parent is None else view.find(parent).id
        shown = [
            topic
            for topic in view.shown()
            if (level is None or topic.level == level) and (above is None or topic.parent == above)
        ]
        shown.sort(key=_by_size)
        start = 0
        if after is not None:
            start = 1 + next((i for i, topic in enumerate(shown) if topic.id == view.find(after).id), -1)
        page = shown[start:] if limit is None else shown[start : start + limit]
        more = start + len(page) < len(shown)
        return TopicPage(
            tuple(page),
            page[-1].id if more else None,
            levels,
            view.snapshot,
            view.index.parameters.agreement,
        )

    def get(self, topic_id: str) -> TopicDetail:
        """One topic; a topic that has become part of another is answered with that one.

        Raises:
            TopicNotFound: there is no such topic, or it is hidden.
        """
        view = self._view()
        topic = view.find(topic_id)
        at, number = view.index.by_id[topic.id]
        members = np.flatnonzero(view.index.levels[at].main == number)
        members = members[~np.isin(members, view.barred)]
        papers = self._papers.get_many(topic.exemplars)
        children = sorted((one for one in view.shown() if one.parent == topic.id), key=_by_size)
        return TopicDetail(
            topic,
            tuple(view.parents(topic)),
            tuple(children),
            tuple(papers[paper_id] for paper_id in topic.exemplars if paper_id in papers),
            tuple(self._authors(view.opened, members)),
            tuple(_venues(view.opened, members)),
            tuple(edit for edit in view.decisions if topic.id in (edit.topic, edit.into)),
            view.snapshot,
            None if topic.id == topic_id else topic_id,
        )

    def papers(self, topic_id: str, *, after: str | None = None, limit: int = 50) -> TopicPapers:
        """Papers of a topic, those that belong there most first.

        Args:
            topic_id: the topic.
            after: the id of the last paper of the page before.
            limit: papers on a page.

        Raises:
            TopicNotFound: there is no such topic, or it is hidden.
            InvalidRequest: ``after`` is no paper of the topic, or the limit is out of range.
        """
        _check_limit(limit)
        view = self._view()
        topic = view.find(topic_id)
        at, number = view.index.by_id[topic.id]
        level, ids = view.index.levels[at], view.opened.facets.ids
        strengths = level.holding(number)
        order = np.lexsort((np.arange(len(strengths)), -strengths, level.main != number))
        order = order[strengths[order] > 0]
        start = 0
        if after is not None:
            position = view.opened.positions.get(after, -1)
            found = np.flatnonzero(order == position)
            if not len(found):
                raise InvalidRequest(
                    f"{after!r} is no paper of topic {topic.id}.", hint="Ask without `after`."
                )
            start = int(found[0]) + 1
        visible = ~np.isin(order, view.barred)
        rest = order[start:][visible[start:]]
        papers = self._papers.get_many([ids[position] for position in rest[:limit]])
        entries = []
        for position in rest[:limit].tolist():
            if ids[position] in papers:
                rank = int(np.flatnonzero(level.members[position] == number)[0]) + 1
                strength = round(float(level.strengths[position, rank - 1]), 4)
                entries.append(TopicPaper(papers[ids[position]], TopicPlace(topic, rank, strength)))
        last = ids[rest[limit - 1]] if len(rest) > limit else None
        return TopicPapers(topic, tuple(entries), int(visible.sum()), last, view.snapshot)

    def map(self) -> TopicMap:
        """Where all visible papers lie, and the topics' outlines."""
        view = self._view()
        facets = view.opened.facets
        kept = np.ones(len(facets.ids), np.bool_)
        kept[view.barred] = False
        levels = []
        for at, level in enumerate(view.index.levels):
            shown = np.array([view.is_shown(at, number) for number in range(len(level.topics))], np.bool_)
            main = level.main[kept]
            levels.append(
                (
                    tuple(view.topic(at, number) for number in range(len(level.topics))),
                    np.where(shown[main], main, np.int32(-1)).astype(np.int32),
                )
            )
        outlines = {
            topic.id: outline
            for at, level in enumerate(view.index.levels)
            for number, (topic, outline) in enumerate(zip(level.topics, level.outlines, strict=True))
            if view.is_shown(at, number)
        }
        positions = np.flatnonzero(kept).tolist()
        return TopicMap(
            [facets.ids[position] for position in positions],
            view.index.coordinates[kept],
            facets.years[kept],
            tuple(levels),
            outlines,
            view.snapshot,
        )

    def changes(self, *, every: bool = True) -> tuple[TopicChange, ...]:
        """What became of topics, the latest build first: under the names they have now, and nothing of hidden ones.

        Args:
            every: of all builds on record, else of the latest one.
        """
        view = self._view()
        found = view.index.changes
        if not every:
            found = tuple(change for change in found if change.at == found[0].at)
        names = {topic.id: topic.name for topic in view.shown()}
        hidden = {topic.id for topic in view.named} - set(names)
        return tuple(
            replace(
                change,
                name=names.get(change.topic, change.name),
                others=tuple(other for other in change.others if other not in hidden),
            )
            for change in found
            if change.topic not in hidden
        )

    def rows(self) -> Sequence[ExportRow]:
        """A row for every topic of every visible paper, by paper, level and rank.

        Hidden topics are in it: every paper has a row at every level.
        """
        view = self._view()
        ids, barred = view.opened.facets.ids, set(view.barred.tolist())
        found = []
        for position, paper_id in enumerate(ids):
            if position in barred:
                continue
            for at, level in enumerate(view.index.levels):
                members, strengths = level.members[position].tolist(), level.strengths[position].tolist()
                for rank, (number, strength) in enumerate(zip(members, strengths, strict=True), 1):
                    if number >= 0:
                        topic = view.topic(at, number)
                        found.append(
                            ExportRow(paper_id, topic.level, topic.id, topic.name, round(strength, 4), rank)
                        )
        return found

    def all(self) -> tuple[Topic, ...]:
        """Every topic, hidden ones too, with the names that editors gave; for editors."""
        return self._view().named

    # -- inside ------------------------------------------------------------------------------------------------------

    def view(self, snapshot: Snapshot, hidden: Collection[str]) -> TopicView:
        """The topics of a snapshot as they are shown now.

        Args:
            snapshot: which.
            hidden: ids of the papers that are not to be shown.
        """
        return TopicView(snapshot, hidden, self._decisions.all())

    def _view(self) -> TopicView:
        return self.view(self._current(), self._tombstones.hidden())

    def _authors(self, snapshot: Snapshot, members: NDArray[np.int64]) -> list[TopicAuthor]:
        """Who has most papers among these; names come from the store, so nothing hidden is told."""
        facets = snapshot.facets
        offsets, codes = facets.author_offsets, facets.author_codes
        if not len(members):
            return []
        counts = offsets[members + 1] - offsets[members]
        owner = np.repeat(members, counts)
        starts = np.repeat(offsets[members] - (np.cumsum(counts) - counts), counts)
        theirs = codes[starts + np.arange(len(owner))]
        if not len(theirs):
            return []
        people, papers = np.unique(theirs, return_counts=True)
        best = np.lexsort((people, -papers))[:PEOPLE]
        found = []
        # the latest paper of each tells how the name is printed today
        for code, count in zip(people[best].tolist(), papers[best].tolist(), strict=True):
            mine = owner[theirs == code]
            latest = int(mine[np.lexsort((mine, facets.years[mine]))[-1]])
            found.append((code, latest, count))
        texts = self._papers.get_many([facets.ids[latest] for _, latest, _ in found])
        authors = []
        for code, latest, count in found:
            paper = texts.get(facets.ids[latest])
            if paper is None:
                continue
            # codes stand in the order of the distinct people of a paper's slots
            keys = list(dict.fromkeys(person_key(author) for author in paper.authors))
            at = int(np.flatnonzero(codes[offsets[latest] : offsets[latest + 1]] == code)[0])
            if at < len(keys):
                slot = next(author for author in paper.authors if person_key(author) == keys[at])
                authors.append(TopicAuthor(slot.name, slot.id, count))
        return authors


def _by_size(topic: Topic) -> tuple[int, int, str]:
    return topic.level, -topic.size, topic.id


def _venues(snapshot: Snapshot, members: NDArray[np.int64]) -> list[tuple[str, int]]:
    facets = snapshot.facets
    venues = facets.venues[members]
    codes, counts = np.unique(venues[venues >= 0], return_counts=True)
    best = np.lexsort((codes, -counts))[:VENUES]
    return [(facets.venue_names[codes[i]], int(counts[i])) for i in best]


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= PAGE_LIMIT:
        raise InvalidRequest(f"limit is {limit}.", hint=f"Ask for 1 to {PAGE_LIMIT} on a page.")
