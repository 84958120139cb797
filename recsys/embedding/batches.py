"""Texts of mixed length cut into batches of few shapes.

OpenVINO prepares and keeps kernels for each shape of input that it meets, so shapes are rationed: widths go
up in steps, and a batch holds a power of two of texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Batch", "bucket_width", "clean", "padded", "plan_batches", "unit_rows"]

#: (up to this many tokens, step of widths): small steps where most abstracts are, to waste little on padding.
_STEPS: Final = ((512, 16), (1024, 64), (4096, 256))
_LAST_STEP: Final = 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that run together.

    Attributes:
        positions: which texts, by their position in the input.
        width: tokens per row, padding included; no text of the batch is longer.
    """

    positions: tuple[int, ...]
    width: int


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
        size = 1 << (room.bit_length() - 1)
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
