"""Every paper's related papers, as stored: three arrays read through a memory map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.errors import DamagedSnapshot

KEPT = 50  # neighbours kept of every paper
NONE = -1
_FILES = ("positions", "scores", "pairs")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Related papers of n papers; arrays aligned with the corpus by position.

    Attributes:
        positions: (n, KEPT) int32, best first, :data:`NONE` where there are fewer.
        scores: (n, KEPT) float32.
        pairs: (n, KEPT, 2) uint8, the best matching sentences: of the paper itself, of the neighbour.
    """

    positions: NDArray[np.int32]
    scores: NDArray[np.float32]
    pairs: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.positions)

    def save(self, folder: Path) -> None:
        """Write into a folder that does not exist yet."""
        folder.mkdir()
        for name in _FILES:
            np.save(folder / f"{name}.npy", getattr(self, name))


def no_neighbours(count: int) -> Neighbours:
    """Rows for ``count`` papers, with nobody in them."""
    return Neighbours(
        np.full((count, KEPT), NONE, np.int32),
        np.zeros((count, KEPT), np.float32),
        np.zeros((count, KEPT, 2), np.uint8),
    )


def load_neighbours(folder: Path) -> Neighbours:
    """Open; rows stay on the disk until they are asked for.

    Raises:
        DamagedSnapshot: the files do not belong together.
    """
    arrays = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in _FILES]
    shapes = {array.shape[:2] for array in arrays}
    if len(shapes) != 1:
        raise DamagedSnapshot(
            f"The arrays in {folder} have the shapes {sorted(shapes)}.",
            hint="Run `recsys snapshots rollback`, then `recsys build`.",
        )
    return Neighbours(*arrays)
