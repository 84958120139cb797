"""Topics in words, for lines on a terminal; and topics as people name them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

import typer
from rich.cells import cell_len
from rich.text import Text

from recsys.cli.reasons import shortened
from recsys.errors import InvalidRequest, TopicNotFound
from recsys.records import Topic, TopicChange, TopicEdit, Trend
from recsys.service import TopicPlace

DEEPER = " › "
NO_TOPICS = "There are no topics."
NO_TOPICS_HINT = (
    "The corpus that was built from is too small for any; ingest more papers and run `recsys build`."
)
INDENT = "  "
GAP = "  "
SHORTEST_NAME, SHORTEST_TERMS = 24, 16  # columns
OTHERS_SHOWN = 3

TopicName = Annotated[
    str, typer.Argument(metavar="TOPIC", help="A topic's id, the beginning of it, or its whole name.")
]

_WHOLE_ID = re.compile(r"t[0-9a-f]{8}")
_ID_START = re.compile(r"t[0-9a-f]{1,7}")


# -- which topic is meant ----------------------------------------------------------------------------------------------


def topic_named(topics: Sequence[Topic], text: str) -> str:
    """The id of the topic that somebody means.

    Args:
        topics: all there are.
        text: an id, also of a topic that has become part of another, the beginning of an id, or a name in any case.

    Raises:
        TopicNotFound: no topic has such a name, nor an id that begins so.
        InvalidRequest: several have.
    """
    wanted = text.strip()
    if _WHOLE_ID.fullmatch(wanted):
        return wanted  # the service knows whether there is or was one
    folded = _folded(wanted)
    found = [topic for topic in topics if _folded(topic.name) == folded]
    if not found and _ID_START.fullmatch(wanted):
        found = [topic for topic in topics if topic.id.startswith(wanted)]
    if not found:
        raise TopicNotFound(
            f"No topic is called {shortened(wanted, 80)!r}.",
            hint="Run `recsys topics` to see all; name one by its id, the beginning of it, or its whole name.",
        )
    if len(found) > 1:
        listed = ", ".join(f"{topic.id} ({topic.name})" for topic in found[:10])
        more = f" and {len(found) - 10} more" if len(found) > 10 else ""
        raise InvalidRequest(f"{wanted!r} may be {listed}{more}.", hint="Name one by its id.")
    return found[0].id


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


# -- a topic in a few words --------------------------------------------------------------------------------------------


def trend_in_words(trend: Trend) -> str:
    """The direction with the yearly change, empty where it is not known."""
    if trend.direction == "unknown":
        return ""
    if trend.direction == "steady" or trend.change is None:
        return trend.direction
    return f"{trend.direction} {abs(trend.change) * 100:.0f} %/year"


def trend_in_full(trend: Trend) -> str:
    """The direction with all the figures behind it."""
    if trend.direction == "unknown":
        return "unknown: too few papers or years to test"
    if trend.change is None or trend.low is None or trend.high is None or trend.p is None:
        return trend.direction
    p = "p < 0.001" if trend.p < 0.001 else f"p = {trend.p:.3f}"
    return (
        f"{trend.direction}: its share of all papers changed by {trend.change:+.1%} a year from {trend.first} to "
        f"{trend.last} (95 % interval {trend.low:+.1%} to {trend.high:+.1%}, {p})"
    )


def chain(places: Sequence[TopicPlace], width: int) -> str:
    """The main topics from the coarsest to the finest, then others of the same levels, as many as ``width`` takes."""
    line = DEEPER.join(_with_strength(place) for place in places if place.rank == 1)
    others = [_with_strength(place) for place in places if place.rank > 1]
    for count in range(min(len(others), OTHERS_SHOWN), 0, -1):
        longer = f"{line} · also {', '.join(others[:count])}" if line else ", ".join(others[:count])
        if cell_len(longer) <= width:
            return longer
    return line


def _with_strength(place: TopicPlace) -> str:
    return f"{place.topic.name} {place.strength * 100:.0f} %"


def terms_within(terms: Sequence[str], width: int) -> str:
    """As many whole terms, the first ones, as ``width`` takes."""
    line = ""
    for term in terms:
        longer = f"{line}, {term}" if line else term
        if cell_len(longer) > width:
            break
        line = longer
    return line


# -- the tree ----------------------------------------------------------------------------------------------------------


def tree_lines(topics: Sequence[Topic], width: int) -> Iterator[Text]:
    """A line a topic, sub-topics indented below it, in the order given; none is wider than ``width`` where that is 60 or more.

    Args:
        topics: by level, all of the levels above any of them included.
        width: columns of the terminal.
    """
    trends = {topic.id: trend_in_words(topic.trend) for topic in topics}
    trend_width = max([len("trend"), *map(len, trends.values())])
    size_width = max([len("papers"), *(len(f"{topic.size:,}") for topic in topics)])
    left = width - len("t00000000") - size_width - trend_width - 4 * len(GAP)
    longest = max((cell_len(_indented(topic)) for topic in topics), default=0)
    alone = min(
        SHORTEST_NAME, left + len(GAP)
    )  # where there is no room for terms, nor for the gap before them
    name_width = min(longest, max(alone, left - SHORTEST_TERMS))
    terms_width = left - name_width
    head = f"{'topic':<{name_width}}{GAP}{'id':<9}{GAP}{'papers':>{size_width}}{GAP}{'trend':<{trend_width}}"
    yield Text((f"{head}{GAP}terms" if terms_width >= SHORTEST_TERMS else head).rstrip(), style="dim")
    for topic in _depth_first(topics):
        name = _name(topic, name_width)
        line = Text(name + " " * (name_width - cell_len(name)), style="bold" if topic.level == 1 else "")
        line.append(f"{GAP}{topic.id}{GAP}", style="not bold dim")
        line.append(f"{topic.size:>{size_width},}{GAP}{trends[topic.id]:<{trend_width}}", style="not bold")
        if terms_width >= SHORTEST_TERMS:
            line.append(f"{GAP}{terms_within(topic.terms, terms_width)}", style="not bold dim")
        line.rstrip()
        yield line


def _name(topic: Topic, width: int) -> str:
    """The name, indented by its level, cut to so many columns."""
    indent = INDENT * (topic.level - 1)
    return indent + shortened(topic.name, width - len(indent))


def _indented(topic: Topic) -> str:
    return INDENT * (topic.level - 1) + topic.name


def _depth_first(topics: Sequence[Topic]) -> Iterator[Topic]:
    below: dict[str | None, list[Topic]] = {}
    for topic in topics:
        below.setdefault(topic.parent, []).append(topic)
    pending = below.get(None, [])[::-1]
    while pending:
        topic = pending.pop()
        yield topic
        pending += below.get(topic.id, [])[::-1]


# -- what became of topics ---------------------------------------------------------------------------------------------


def change_in_words(change: TopicChange, names: Mapping[str, str]) -> str:
    """What became of a topic, after the word for it.

    Args:
        change: of one topic.
        names: of topics, by id.
    """
    others = ", ".join(_known(one, names) for one in change.others)
    counts = {"new": f"{change.after:,}", "gone": f"{change.before:,}"}.get(
        change.kind, f"{change.before:,} → {change.after:,}"
    )
    said = {"split": "into", "merged": "from", "gone": "most papers went to"}.get(change.kind, "with")
    return f"{change.topic} ({change.name})  {counts}" + (f"  {said}: {others}" if others else "")


# -- what editors decided ----------------------------------------------------------------------------------------------


def edit_in_words(edit: TopicEdit, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """What an editor decided.

    Args:
        edit: one decision.
        names: of topics, by id; without them, ids alone.
    """
    topic = _known(edit.topic, names)
    if edit.kind == "rename":
        return f"rename {topic} to {edit.name!r}"
    if edit.kind == "merge":
        return f"merge {topic} into {_known(str(edit.into), names)}"
    if edit.kind == "split":
        return f"split {topic} into {edit.parts}"
    return f"{edit.kind} {topic}"


def _known(topic: str, names: Mapping[str, str]) -> str:
    return f"{topic} ({names[topic]})" if topic in names else topic
