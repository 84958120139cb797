"""What editors decided about topics: what may be decided, and what acts when questions are answered.

Renaming and hiding act at once, on the published topics. Merging, splitting and pinning change which paper is where: they
act from the next build on, see :mod:`recsys.topics.hold`. Every function here takes the edits that stand, without those
that were undone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from recsys.errors import InvalidRequest, NotFound
from recsys.records import Topic, TopicEdit

__all__ = [
    "STRUCTURAL",
    "check",
    "check_undo",
    "digest",
    "hidden",
    "named",
    "part_ids",
    "pinned",
    "renames",
    "structural",
]

#: Kinds of edits that a build must carry out.
STRUCTURAL: Final = ("merge", "split", "pin")
#: Least papers a topic must have for each part that it is split into.
PAPERS_PER_PART: Final = 2

_LIST_THEM: Final = "Run `recsys topics` to see which topics there are."


def structural(edits: Iterable[TopicEdit]) -> list[TopicEdit]:
    """The edits that a build must carry out, in the order in which they were made."""
    return sorted((edit for edit in edits if edit.kind in STRUCTURAL), key=lambda edit: edit.number)


def digest(edits: Iterable[TopicEdit]) -> str:
    """16 hexadecimal digits that change exactly when :func:`structural` edits do; who, when and why do not count."""
    lines = [f"{e.number}\t{e.kind}\t{e.topic}\t{e.into}\t{e.parts}" for e in structural(edits)]
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def renames(edits: Iterable[TopicEdit]) -> dict[str, str]:
    """Topic id → the name last given to it. A build should keep these names from its other topics."""
    ordered = sorted((edit for edit in edits if edit.kind == "rename"), key=lambda edit: edit.number)
    return {edit.topic: edit.name for edit in ordered if edit.name is not None}


def named(topics: Sequence[Topic], edits: Iterable[TopicEdit]) -> list[Topic]:
    """The topics under the names that editors gave them, the last one counting.

    A name stays with the id that it was given to: it does not pass on to a topic which that one became part of.
    """
    given = renames(edits)
    return [replace(topic, name=given[topic.id]) if topic.id in given else topic for topic in topics]


def hidden(edits: Iterable[TopicEdit]) -> set[str]:
    """Ids of topics that are not to be shown. A topic that a hidden one became part of is shown."""
    return {edit.topic for edit in edits if edit.kind == "hide"}


def pinned(edits: Iterable[TopicEdit]) -> set[str]:
    """Ids of topics that builds keep together."""
    return {edit.topic for edit in edits if edit.kind == "pin"}


def part_ids(edit: TopicEdit) -> list[str]:
    """The ids of the topics that a split makes: the same at every build, so that their papers are known again."""
    return [
        "t" + hashlib.blake2b(f"split {edit.number} {edit.topic} {part}".encode(), digest_size=4).hexdigest()
        for part in range(edit.parts or 0)
    ]


def check(
    kind: str,
    topic: str,
    topics: Sequence[Topic],
    *,
    name: str | None = None,
    into: str | None = None,
    parts: int | None = None,
) -> None:
    """Make sure that an edit makes sense for the topics that there are; its form is checked by the store.

    Args:
        kind: as of :class:`~recsys.records.TopicEdit`, like ``topic``, ``name``, ``into`` and ``parts``.
        topics: all levels, as they are shown (see :func:`named`), hidden ones among them.

    Raises:
        NotFound: there is no such topic.
        InvalidRequest: the name is another topic's; the two to merge are on different levels, or the same; the topic has
            fewer than :data:`PAPERS_PER_PART` papers for each part.
    """
    by_id = {known.id: known for known in topics}
    this = _known(by_id, topic)
    if kind == "rename" and name is not None:
        _check_name(this, name, topics)
    elif kind == "merge" and into is not None:
        _check_merge(this, _known(by_id, into), by_id)
    elif kind == "split" and parts is not None and this.size < parts * PAPERS_PER_PART:
        raise InvalidRequest(
            f"Topic {this.id} ({this.name}) has {this.size} papers, too few for {parts} parts.",
            hint=f"Split it into at most {this.size // PAPERS_PER_PART}."
            if this.size >= 2 * PAPERS_PER_PART
            else "Leave it whole.",
        )


def check_undo(number: int, topics: Sequence[Topic], edits: Iterable[TopicEdit]) -> None:
    """Make sure that no two topics have the same name once an edit is undone.

    Args:
        number: of the edit.
        topics: as the build named them.
        edits: that stand, this one among them.

    Raises:
        InvalidRequest: the topic would get back a name that another one has by now.
    """
    kept = list(edits)
    undone = next((edit for edit in kept if edit.number == number and edit.kind == "rename"), None)
    shown = named(topics, (edit for edit in kept if edit.number != number))
    this = next((topic for topic in shown if undone is not None and topic.id == undone.topic), None)
    if this is not None:
        _check_name(this, this.name, shown)


def _known(topics: dict[str, Topic], topic: str) -> Topic:
    if topic in topics:
        return topics[topic]
    heir = next((known for known in topics.values() if topic in known.aliases), None)
    if heir is not None:
        raise NotFound(
            f"Topic {topic} has become part of {heir.id} ({heir.name}).", hint=f"Name {heir.id} instead."
        )
    raise NotFound(f"There is no topic {topic!r}.", hint=_LIST_THEM)


def _check_name(this: Topic, name: str, topics: Sequence[Topic]) -> None:
    wanted = _folded(name)
    other = next((known for known in topics if known.id != this.id and _folded(known.name) == wanted), None)
    if other is not None:
        raise InvalidRequest(
            f"Topic {other.id} is called {other.name!r} already.",
            hint=f"Give {this.id} another name, or rename {other.id} first.",
        )


def _check_merge(this: Topic, into: Topic, topics: dict[str, Topic]) -> None:
    if this.id == into.id:
        raise InvalidRequest(f"Topic {this.id} cannot become part of itself.", hint=_LIST_THEM)
    for inner, outer in ((into, this), (this, into)):
        if outer.id in _ancestors(inner, topics):
            raise InvalidRequest(
                f"Topic {inner.id} ({inner.name}) lies within {outer.id} ({outer.name}): the two cannot be merged.",
                hint=f"Merge topics of the same level. {_LIST_THEM}",
            )
    if this.level != into.level:
        raise InvalidRequest(
            f"Topic {this.id} ({this.name}) is of level {this.level}, {into.id} ({into.name}) of level {into.level}.",
            hint=f"Merge topics of the same level. {_LIST_THEM}",
        )


def _ancestors(topic: Topic, topics: dict[str, Topic]) -> set[str]:
    found: set[str] = set()
    parent = topic.parent
    while parent is not None and parent not in found:
        found.add(parent)
        parent = topics[parent].parent if parent in topics else None
    return found


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
