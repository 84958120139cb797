"""A text with its sentences, and what an engine makes of the two: one vector of the text, one of each sentence.

A sentence's vector is the mean of its tokens' embeddings, taken after the model has read the sentence in its
context ("late chunking", https://arxiv.org/abs/2409.04701; for papers Aspire, https://arxiv.org/abs/2111.08366).
It comes out of the same forward pass as the text's own vector.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from recsys.embedding.batches import Window, clean, cut_windows, unit_rows
from recsys.embedding.models import ModelSpec, Role, embedding_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "MAX_SENTENCES",
    "Encoded",
    "Field",
    "Passage",
    "Sentence",
    "finished",
    "pack",
    "paper_passage",
    "passage_windows",
    "sentence_offsets",
    "text_passage",
    "unpack",
]

Field = Literal["title", "abstract", "keywords", "text"]

#: Sentences of one passage at most; those that follow get no vector. A long introduction has about a hundred.
MAX_SENTENCES: Final = 256
#: Characters of a sentence at most; a longer one is most often a table or a list, and is cut at a space.
_LONGEST: Final = 1000
#: A sentence with fewer letters and digits ("1.", "(a)") says nothing, and gets no vector.
_LEAST_LETTERS: Final = 3
_MARKER: Final = re.compile(r"\s*(?:\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[).]\s*)+")
_STEPS: Final = 127  # of the magnitudes in int8, which are symmetric here: -127 to 127


@dataclass(frozen=True, slots=True)
class Sentence:
    """Where one sentence stands.

    Attributes:
        field: the paper's field that it is in, or ``text`` for a text that is no paper's. Keywords are one
            sentence, joined by ``", "``, blank ones left out.
        start: its first character, counted in that field exactly as stored.
        end: one past its last character, counted likewise.
        at: its first character, counted in the text of the passage.
    """

    field: Field
    start: int
    end: int
    at: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A text to embed, without space around it, and its sentences in order; they do not overlap."""

    text: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True)
class Encoded:
    """Vectors of n passages with u sentences in all.

    Attributes:
        vectors: shape (n, d), float32, rows of length 1: one for each passage.
        sentences: shape (u, d), float32, rows of length 1, in the order of passages and sentences.
        offsets: shape (n + 1,), int64: the sentences of passage i are rows ``offsets[i]`` to
            ``offsets[i + 1]``.
    """

    vectors: NDArray[np.float32]
    sentences: NDArray[np.float32]
    offsets: NDArray[np.int64]


def paper_passage(spec: ModelSpec, title: str, abstract: str | None, keywords: Sequence[str]) -> Passage:
    """A paper's text, as :func:`~recsys.embedding.models.embedding_text` makes it, and its sentences.

    The title is one sentence, and the first, if it has a letter or digit. At most :data:`MAX_SENTENCES`
    sentences are told apart.
    """
    text = embedding_text(spec, title, abstract, keywords)
    head = title.strip()
    found: list[Sentence] = []
    if any(map(str.isalnum, head)):
        start = title.index(head)
        found.append(Sentence("title", start, start + len(head), 0))
    if body := (abstract or "").strip():
        found += _sentences("abstract", body, len(abstract or "") - len((abstract or "").lstrip()), text)
    elif text != head:
        words = ", ".join(word.strip() for word in keywords if word.strip())  # as embedding_text joins them
        found.append(Sentence("keywords", 0, len(words), len(text) - len(words)))
    return Passage(text, tuple(found[:MAX_SENTENCES]))


def text_passage(text: str) -> Passage:
    """Any text, stripped of the space around it, and its first :data:`MAX_SENTENCES` sentences.

    A text without a letter or digit has no sentence; one with few of them is one sentence.
    """
    body = text.strip()
    lead = len(text) - len(text.lstrip())
    found = _sentences("text", body, lead, body)
    if not found and any(map(str.isalnum, body)):
        found = [Sentence("text", lead, lead + len(body), 0)]
    return Passage(body, tuple(found))


def _sentences(field: Field, body: str, lead: int, text: str) -> list[Sentence]:
    """The sentences of ``body``, which starts at ``lead`` in its field and ends where ``text`` ends."""
    at = len(text) - len(body)
    spans = islice(_split(body), MAX_SENTENCES)
    return [Sentence(field, lead + start, lead + end, at + start) for start, end in spans]


def _split(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) in characters of each sentence that says something, without space at its ends."""
    for start, end in _runs(clean(text)):
        for first, last in _shortened(text, start, end):
            if sum(map(str.isalnum, text[first:last])) >= _LEAST_LETTERS:
                yield first, last


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """The text cut into sentences, each with the space that follows it."""
    from sentencex import get_sentence_boundaries

    for boundary in get_sentence_boundaries("en", text):
        start, end = boundary["start_index"], boundary["end_index"]
        marker = _MARKER.match(text, start, end)
        if marker is None:
            yield start, end
            continue
        # sentencex takes "(1)" and all the sentences that follow for one, so it sees them without
        for inner in get_sentence_boundaries("en", text[marker.end() : end]):
            stop = marker.end() + inner["end_index"]
            yield start, stop
            start = stop


def _shortened(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The run from ``start`` to ``end`` without space around it, in parts that are not too long."""
    end = start + len(text[start:end].rstrip())
    while end - start > _LONGEST:
        space = text.rfind(" ", start, start + _LONGEST + 1)
        cut = space if space > start else start + _LONGEST
        yield _stripped(text, start, cut)
        start = cut
    yield _stripped(text, start, end)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    return start, start + len(part.strip())


def sentence_offsets(passages: Sequence[Passage]) -> NDArray[np.int64]:
    """:attr:`Encoded.offsets` of these passages."""
    offsets = np.zeros(len(passages) + 1, dtype=np.int64)
    np.cumsum([len(passage.sentences) for passage in passages], out=offsets[1:])
    return offsets


def passage_windows(
    spec: ModelSpec,
    passages: Sequence[Passage],
    role: Role,
    encode_batch: Callable[[list[str]], Sequence[Any]],
    *,
    start: int,
    offsets: NDArray[np.int64],
    lowercase: bool = False,
) -> list[Window]:
    """What an engine has to read: the windows of all passages, in order.

    Args:
        spec: the model.
        passages: those that stand from ``start`` on in the input.
        role: decides the prompt and which windows are needed.
        encode_batch: of a ``tokenizers.Tokenizer`` that neither truncates nor pads.
        start: see ``passages``.
        offsets: of the sentences of the whole input.
        lowercase: whether the text goes to the tokenizer in lower case.
    """
    prompt = spec.prompts[role]
    texts: list[str] = []
    marks: list[list[tuple[int, int]]] = []  # of the prompt, then of each sentence
    for passage in passages:
        places = [(sentence.at, sentence.end - sentence.start) for sentence in passage.sentences]
        spans = [(0, len(prompt)), *((len(prompt) + at, len(prompt) + at + size) for at, size in places)]
        text = prompt + clean(passage.text)
        if lowercase:
            text, spans = _lowered(text, spans)
        texts.append(text)
        marks.append(spans)
    found: list[Window] = []
    for position, encoding in enumerate(encode_batch(texts), start):
        (_, head), *sentences = marks[position - start]
        found += cut_windows(
            encoding,
            sentences,
            text=position,
            first=int(offsets[position]),
            prompt=head,
            longest=spec.max_tokens,
            every=role == "query",
        )
    return found


def _lowered(text: str, spans: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """The text in lower case, and where its spans are then: "İ" becomes two characters."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower, spans
    moved = [0, *accumulate(len(character.lower()) for character in text)]
    return lower, [(moved[start], moved[end]) for start, end in spans]


def finished(
    vectors: NDArray[np.float32], sentences: NDArray[np.float32], offsets: NDArray[np.int64]
) -> Encoded:
    """Sums of vectors, brought to length 1 in place; a sentence that is all zero gets its passage's vector.

    A sentence is zero when the tokenizer knows none of its characters.
    """
    unit_rows(vectors)
    blank = np.flatnonzero(~sentences.any(axis=1))
    sentences[blank] = vectors[np.searchsorted(offsets, blank, side="right") - 1]
    return Encoded(vectors, unit_rows(sentences), offsets)


def pack(rows: NDArray[np.float32]) -> NDArray[np.int8]:
    """Rows in int8, each scaled so that its largest magnitude is 127: only the direction is kept.

    Args:
        rows: shape (u, d), finite. A row of zeros stays one.
    """
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=np.finfo(np.float32).tiny)
    packed: NDArray[np.int8] = np.rint(rows / largest * _STEPS).astype(np.int8)
    return packed


def unpack(rows: NDArray[np.int8]) -> NDArray[np.float32]:
    """Rows of length 1, shape (u, d), from what :func:`pack` made; a row of zeros stays one."""
    return unit_rows(rows.astype(np.float32))
