"""Texts of mixed length cut to what a model takes: windows of its length, in batches of few shapes.

OpenVINO prepares and keeps kernels for each shape of input that it meets, so shapes are rationed: widths go
up in steps, and a batch holds a power of two of texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Batch",
    "Window",
    "bucket_width",
    "clean",
    "cut_windows",
    "padded",
    "plan_batches",
    "unit_rows",
]

#: (up to this many tokens, step of widths): small steps where most abstracts are, to waste little on padding.
_STEPS: Final = ((512, 16), (1024, 64), (4096, 256))
_LAST_STEP: Final = 1024
_LEAST_FILLED: Final = 0.6  # of a batch's width: a text fills at least so much of it
#: Tokens that a window repeats from the one before, as context: about one sentence.
_OVERLAP: Final = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that run together.

    Attributes:
        positions: which texts, by their position in the input.
        width: tokens per row, padding included; no text of the batch is longer.
    """

    positions: tuple[int, ...]
    width: int


@dataclass(frozen=True, slots=True)
class Window:
    """A run of one text's tokens that the model reads at once, prompt and special tokens included.

    Attributes:
        text: which text, by its position in the input.
        ids: its tokens, as many as the model takes or fewer.
        counted: whether the vector of this window is a part of the text's.
        spans: (sentence, first token, one past its last token) of each sentence that is pooled here; tokens
            by their position in ``ids``.
    """

    text: int
    ids: Sequence[int]
    counted: bool
    spans: tuple[tuple[int, int, int], ...]


def cut_windows(
    encoding: Any,
    sentences: Sequence[tuple[int, int]],
    *,
    text: int,
    first: int,
    prompt: int,
    longest: int,
    every: bool,
) -> list[Window]:
    """The windows of one text, in order. The first is the text as an engine that cuts it would read it.

    Each holds the prompt and the special tokens, and repeats the last 32 tokens of the one before. A sentence
    is pooled from the window that holds most of its tokens, the earliest of several.

    Args:
        encoding: the whole text, as ``tokenizers.Tokenizer.encode`` gives it: prompt first, not truncated.
        sentences: (start, end) of each in characters of what was encoded; none of it in the prompt.
        text: position of the text in the input.
        first: number of its first sentence.
        prompt: characters of the prompt.
        longest: the model's limit of tokens.
        every: whether all windows are needed and counted, not just the first and those of sentences.
    """
    ids: list[int] = encoding.ids
    mask: list[int] = encoding.special_tokens_mask
    lead = mask.index(0) if 0 in mask else len(mask)
    trail = mask[::-1].index(0) if 0 in mask else 0
    offsets = np.array(encoding.offsets[lead : len(ids) - trail], dtype=np.int64).reshape(-1, 2)
    starts, ends = np.array(sentences, dtype=np.int64).reshape(-1, 2).T
    # tokens of a sentence are all that touch it: one that holds the space before it too, say
    begin = lead + np.searchsorted(offsets[:, 1], starts, side="right")
    stop = lead + np.searchsorted(offsets[:, 0], ends, side="left")
    if len(ids) <= longest:
        return [Window(text, ids, True, _spans(begin, stop, range(len(begin)), first))]
    head = lead + int(np.searchsorted(offsets[:, 1], prompt, side="right"))
    if head + trail >= longest:
        head = lead  # a prompt that leaves no room is part of the text
    room = longest - head - trail
    step = room - min(_OVERLAP, room // 2)
    tail = ids[len(ids) - trail :]
    edges = np.arange(head, len(ids) - trail - room + step, step)
    held = np.minimum(stop[:, None], edges + room) - np.maximum(begin[:, None], edges)
    home = np.argmax(held, axis=1)
    found = []
    for number, edge in enumerate(edges.tolist()):
        mine = np.flatnonzero(home == number)
        if number == 0 or every or len(mine):
            spans = _spans(
                np.maximum(begin, edge) - edge + head,
                np.minimum(stop, edge + room) - edge + head,
                mine,
                first,
            )
            window = [*ids[:head], *ids[edge : min(edge + room, len(ids) - trail)], *tail]
            found.append(Window(text, window, number == 0 or every, spans))
    return found


def _spans(
    begin: NDArray[np.int64], stop: NDArray[np.int64], which: Iterable[int], first: int
) -> tuple[tuple[int, int, int], ...]:
    """(number, begin, stop) of those sentences that have a token."""
    return tuple((first + int(i), int(begin[i]), int(stop[i])) for i in which if begin[i] < stop[i])


def bucket_width(length: int, longest: int) -> int:
    """The width that a text of ``length`` tokens is padded to, at most ``longest``."""
    step = next((step for limit, step in _STEPS if length <= limit), _LAST_STEP)
    return min(max(step, -(-length // step) * step), max(longest, length))


def plan_batches(lengths: Sequence[int], *, longest: int, tokens: int) -> list[Batch]:
    """Batches that hold every text once, longest texts first.

    Args:
        lengths: tokens of each text.
        longest: the model's limit of tokens.
        tokens: width times texts of a batch stays at or under this, save for a single longer text.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches = []
    start = 0
    while start < len(order):
        width = bucket_width(lengths[order[start]], longest)
        room = min(max(1, tokens // width), len(order) - start)
        # among few texts the next one may be far shorter: padding it would cost more than a batch of its own
        least = _LEAST_FILLED * width
        alike = next((i for i in range(1, room) if lengths[order[start + i]] < least), room)
        size = 1 << (alike.bit_length() - 1)
        batches.append(Batch(tuple(order[start : start + size]), width))
        start += size
    return batches


def padded(rows: Sequence[Sequence[int]], width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and attention mask, both of shape (len(rows), width); padding is 0 and masked."""
    ids = np.zeros((len(rows), width), dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled in place to length 1; half precision leaves them a thousandth off."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    np.divide(rows, np.maximum(norms, np.finfo(np.float32).tiny), out=rows)
    return rows


def clean(text: str) -> str:
    """The text without lone surrogates, which no tokenizer takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
