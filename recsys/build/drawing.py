"""The map made in a child process, on a core of its own, while topics get their names."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.errors import RecsysError
from recsys.topics.layout import layout

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]

INLINE = 299  # papers up to which starting a process costs more than it saves
INPUT, OUTPUT = "input.npz", "coordinates.npy"


class MapFailed(RecsysError):
    """The process that draws the map ended without one."""

    code = "map_failed"


def draw(
    indices: Positions, distances: Floats, features: Floats, *, seed: int, start: Floats | None
) -> Future[Floats]:
    """Begin to lay the papers out; see :func:`recsys.topics.layout.layout` for the arguments.

    Returns:
        what will give the (n, 2) coordinates, or raise MapFailed.
    """
    if len(indices) <= INLINE:
        done: Future[Floats] = Future()
        done.set_result(layout(indices, distances, features, seed=seed, start=start))
        return done
    pool = ThreadPoolExecutor(1, "map")
    future = pool.submit(_in_child, indices, distances, features, seed, start)
    pool.shutdown(wait=False)
    return future


def _in_child(
    indices: Positions, distances: Floats, features: Floats, seed: int, start: Floats | None
) -> Floats:
    with tempfile.TemporaryDirectory(prefix="recsys-map-") as folder:
        given: dict[str, NDArray[Any]] = {
            "indices": indices,
            "distances": distances,
            "features": features,
            "seed": np.array(seed),
        }
        if start is not None:
            given["start"] = start
        np.savez(Path(folder) / INPUT, **given)  # type: ignore[arg-type]
        package = str(Path(__file__).resolve().parents[2])
        search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
        # one thread: a seeded layout is made by one, and the other cores have other work
        done = subprocess.run(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-m", "recsys.build.drawing", folder],
            env={**os.environ, "PYTHONPATH": search, "NUMBA_NUM_THREADS": "1"},
            capture_output=True,
            check=False,
        )
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise MapFailed(
                f"Drawing the map ended with status {done.returncode}: {' '.join(last) or 'no message'}.",
                hint="If memory ran out, try again with more.",
            )
        coordinates: Floats = np.load(Path(folder) / OUTPUT)
        return coordinates


def main() -> int:
    """Draw the map of what lies in the folder that is named on the command line."""
    folder = Path(sys.argv[1])
    with np.load(folder / INPUT) as given:
        start = given["start"] if "start" in given.files else None
        found = layout(
            given["indices"], given["distances"], given["features"], seed=int(given["seed"]), start=start
        )
    np.save(folder / OUTPUT, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
