"""A reason in words, for a line on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from recsys.records import Reason, SentenceMatch

MATCHES = {"id": "is what was asked for", "title": "has this title", "author": "by an author of this name"}
NAMES_SHOWN = 3
LEAST = 24  # columns that a quoted sentence gets, however narrow the terminal is
JOINT = " · "


def in_words(reason: Reason, width: int, *, name_query: bool = False) -> str:
    """Why a paper is in an answer, as a line that fits ``width`` columns where the sentences can be shortened to it.

    Args:
        reason: see :class:`~recsys.records.Reason`.
        width: columns of the line.
        name_query: say which paper the sentence on the other side is from.

    Returns:
        the line, empty if there is nothing to say.
    """
    line = ""
    for shown in (NAMES_SHOWN, 1):  # of authors; fewer where the line is too long otherwise
        rest = JOINT.join(filter(None, (_match(reason), _terms(reason), _authors(reason, shown))))
        left = width - (cell_len(JOINT + rest) if rest else 0)
        quoted = "" if reason.sentences is None else _sentences(reason.sentences, left, name_query)
        line = JOINT.join(filter(None, (quoted, rest)))
        if cell_len(line) <= width:
            break
    return line


def listed(names: Sequence[str], shown: int) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")


def shortened(text: str, width: int) -> str:
    """The text, cut to so many columns: at a space if there is one in the second half."""
    text = " ".join(text.split())
    if cell_len(text) <= width:
        return text
    kept = set_cell_size(text, width - 1).rstrip()
    space = kept.rfind(" ") if not text[len(kept)].isspace() else len(kept)
    return (kept[:space] if space > len(kept) // 2 else kept).rstrip(" ,;:") + "…"


def _match(reason: Reason) -> str:
    return MATCHES[reason.match] if reason.match else ""


def _terms(reason: Reason) -> str:
    return f"shares {', '.join(reason.terms)}" if reason.terms else ""


def _authors(reason: Reason, shown: int) -> str:
    many = len(reason.authors) > 1
    return f"same author{'s' * many}: {listed(reason.authors, shown)}" if reason.authors else ""


def _sentences(match: SentenceMatch, width: int, name_query: bool) -> str:
    """Both sentences, the paper's own first; a short one leaves its columns to the other."""
    source = f" ({match.query_id})" if name_query and match.query_id else ""
    mine, theirs = match.paper.text, match.query.text
    left = max(width - cell_len(f"“” ~ “”{source}"), 2 * LEAST)
    half = left // 2
    room = max(half, left - cell_len(theirs))
    mine = shortened(mine, room)
    theirs = shortened(theirs, left - cell_len(mine))
    return f"“{mine}” ~ “{theirs}”{source}"
