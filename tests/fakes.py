"""Stand-ins whose answers can be worked out by hand."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import numpy as np

from recsys.embedding.models import ModelSpec, load_spec, packaged_models
from recsys.embedding.passages import Encoded, Passage, finished, sentence_offsets


class WordEmbedder:
    """Bag of words: each word is one of 256 directions, so texts that share words are near each other."""

    dimension = 256
    description = "bag of words, for tests"

    def __init__(self, key: str = "words-1") -> None:
        self.key = key
        self.spec: ModelSpec = load_spec("all-MiniLM-L6-v2", [packaged_models()])
        self.encoded: list[str] = []

    def encode(
        self,
        texts: Sequence[str],
        *,
        role: str = "document",
        progress: Callable[[int, int], None] | None = None,
    ) -> np.ndarray:
        self.encoded.extend(texts)
        rows = self._rows(texts)
        if progress:
            progress(len(texts), len(texts))
        return rows

    def encode_passages(
        self,
        passages: Sequence[Passage],
        *,
        role: str = "document",
        progress: Callable[[int, int], None] | None = None,
    ) -> Encoded:
        """Each sentence as if it stood alone: a bag of words has no context."""
        rows = self.encode([passage.text for passage in passages], role=role, progress=progress)
        sentences = [p.text[s.at : s.at + s.end - s.start] for p in passages for s in p.sentences]
        return finished(rows, self._rows(sentences), sentence_offsets(passages))

    def _rows(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.casefold()):
                row[hashlib.sha256(word.encode()).digest()[0]] += 1
            row /= max(np.linalg.norm(row), 1e-9)
        return rows
