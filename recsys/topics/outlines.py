"""Outlines: where on the map a topic lies, as polygons that can be drawn, the spot for its name, and a colour.

A topic's papers are counted on a grid, the counts are smoothed, and the outline is the contour of that density that
holds the wanted share of the papers: a highest-density region (Hyndman 1996, doi:10.1080/00031305.1996.10474359).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from recsys.records import Outline

__all__ = ["Box", "Outline", "Point", "Ring", "colours", "free_shift", "outlines"]

Point: TypeAlias = tuple[float, float]
Ring: TypeAlias = tuple[Point, ...]
Box: TypeAlias = tuple[float, float, float, float]
_Array: TypeAlias = npt.NDArray[np.float64]

#: Cells along each side of a topic's grid, margins included; odd, so that one has its middle in the middle.
_SIDE = 73
#: Smoothing is never narrower than this on the map, so that a single paper has a ring one can see.
_NARROWEST = 0.008
#: Margin around the papers, in standard deviations of the smoothing: beyond it the density is nothing.
_MARGIN = 4.0
#: Share of papers left out at each end of each axis before the grid is laid: far outliers make it coarse.
_OUTLYING = 0.02
#: Smoothing against Scott's rule, which is meant for one hump and blurs a topic that has several.
_SHARPER = 0.6
#: The contour is not drawn higher than this part of the peak: few or equal papers would have a ring of no size.
_HIGHEST = 0.6
#: A part of a topic with a smaller share of its papers has no ring of its own.
_PART = 0.1
#: Coordinates are given to this many digits: a tenth of a pixel on a wide screen.
_DIGITS = 4
#: Colours that differ from each other on a light ground.
_PALETTE = (
    "#4269d0", "#ef8e1b", "#3ca951", "#e4572e", "#8b5cd6", "#17a2a2", "#d9468f", "#9c6b4e",
    "#5aa9e6", "#c9a20c", "#7a9a01", "#b03a5b", "#2f6f5e", "#c77dd1",
)  # fmt: skip
#: Distance on the map over which equal colours disturb, and distance between colours, in RGB, over which they look alike.
_BESIDE, _ALIKE = 0.3, 0.3


def outlines(
    coordinates: npt.NDArray[np.floating[Any]],
    labels: npt.NDArray[np.integer[Any]],
    *,
    share: float = 0.88,
    vertices: int = 40,
) -> list[Outline]:
    """The outline of every topic of one level.

    Args:
        coordinates: (n, 2) finite, of all papers on the map.
        labels: (n,) topic number of each paper, 0 to m - 1, all used; papers with a negative one are in no topic.
        share: part of a topic's papers that its contour is to hold, in (0, 1). Parts of the topic that are dropped as
            too small, and the smoothing of rings, cost some of it.
        vertices: of each ring, at most.

    Returns:
        m outlines; the place in the list is the topic number. A topic of one paper, or with all of them on one spot, has
        a small round ring.
    """
    placed = np.asarray(coordinates, np.float64)
    order = np.argsort(labels, kind="stable")
    count = int(labels.max(initial=-1)) + 1
    bounds = np.searchsorted(labels[order], np.arange(count + 1))
    return [_outline(placed[order[begin:end]], share, vertices) for begin, end in itertools.pairwise(bounds)]


def colours(shapes: Sequence[Outline], labels: npt.NDArray[np.integer[Any]]) -> list[str]:
    """A colour for each topic of one level, such that topics beside each other differ.

    Args:
        shapes: outlines of the topics, by number.
        labels: (n,) topic number of each paper. The largest topic has the first choice.

    Returns:
        ``#rrggbb`` for each topic; of few colours, so that topics far from each other may share one.
    """
    parts = np.array([[int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)] for code in _PALETTE])
    alike = np.exp(-((parts[:, None] - parts[None]) ** 2).sum(axis=-1) / _ALIKE**2)
    spots = np.array([shape.label for shape in shapes]).reshape(-1, 2)
    # a little for the distant ones too, so that all colours are used before one is used again
    near = np.exp(-((spots[:, None] - spots[None]) ** 2).sum(axis=-1) / (2 * _BESIDE**2)) + 1e-3
    chosen = np.full(len(shapes), -1)
    sizes = np.bincount(labels[labels >= 0], minlength=len(shapes))
    for topic in np.argsort(-sizes, kind="stable"):
        before = np.flatnonzero(chosen >= 0)
        cost = (near[topic, before, None] * alike[chosen[before]]).sum(axis=0)
        chosen[topic] = int(np.argmin(cost.round(12)))
    return [_PALETTE[i] for i in chosen]


def free_shift(box: Box, taken: Sequence[Box], page: Box, *, height: float, furthest: float) -> Point | None:
    """How far a name has to be moved so that it lies on the page and on no other name.

    Args:
        box: the name's, centred at its topic's label point, as (left, bottom, right, top) in any unit.
        taken: boxes of what is written already.
        page: where names may lie.
        height: of the topic's ring. A name that is higher is written below or above it, not over its few papers.
        furthest: greatest shift otherwise tried.

    Returns:
        (aside, up) of the nearest free place of those tried, or None.
    """
    left, bottom, right, top = box
    clear = (height + top - bottom) / 2 + 1
    beside = [(0.0, -clear), (0.0, clear)] if height < top - bottom else []
    for aside, up in (*beside, *_spiral(furthest)):
        x0, y0, x1, y1 = left + aside, bottom + up, right + aside, top + up
        if x0 < page[0] or y0 < page[1] or x1 > page[2] or y1 > page[3]:
            continue
        if not any(x0 < other[2] and other[0] < x1 and y0 < other[3] and other[1] < y1 for other in taken):
            return aside, up
    return None


def _spiral(furthest: float) -> Iterator[Point]:
    """Shifts, the nearest first, above and below before beside."""
    yield 0.0, 0.0
    for distance in np.arange(1, 13) * (furthest / 12):
        for angle in np.deg2rad([90, 270, 45, 135, 225, 315, 0, 180]):
            yield float(distance * np.cos(angle)), float(distance * np.sin(angle))


def _outline(spots: _Array, share: float, vertices: int) -> Outline:
    from contourpy import FillType, contour_generator

    low, high = np.quantile(spots, [_OUTLYING, 1 - _OUTLYING], axis=0)
    width = _smoothing(spots, low, high)
    low, high = low - _MARGIN * width, high + _MARGIN * width
    x, y, density, at_papers = _density(spots, low, high, width)
    # the rim of the grid is lowered so that every contour closes
    density[[0, -1], :] = density[:, [0, -1]] = 0.0
    level = min(float(np.quantile(at_papers, 1 - share)), _HIGHEST * float(density.max()))
    level = max(level, 1e-3 * float(density.max()))
    filled = contour_generator(x, y, density, fill_type=FillType.OuterOffset).filled(level, np.inf)
    found, offsets = cast("tuple[list[_Array], list[npt.NDArray[np.uint32]]]", filled)
    # the first ring of each polygon is its outside; holes are not drawn
    outsides = [polygon[: offset[1] - 1] for polygon, offset in zip(found, offsets, strict=True)]
    held = [int(_inside(spots, ring).sum()) for ring in outsides]
    ranked = sorted(range(len(outsides)), key=lambda i: (-held[i], i))
    kept = [outsides[i] for i in ranked if held[i] >= _PART * len(spots)] or [outsides[ranked[0]]]
    rings = tuple(_ring(outside, vertices) for outside in kept)
    return Outline(label=_label(rings[0], x, y, density), rings=rings)


def _smoothing(spots: _Array, low: _Array, high: _Array) -> float:
    """Standard deviation of the smoothing: Scott's rule, sharpened, on the narrower of two robust spreads.

    Never less than a cell of the grid, which could not show it. Scott 1992, doi:10.1002/9780470316849.
    """
    quarter, three_quarters = np.quantile(spots, [0.25, 0.75], axis=0)
    spread = float(((three_quarters - quarter) / 1.349).min())
    scott = _SHARPER * spread * len(spots) ** (-1 / 6)
    cell = float((high - low).max()) / (_SIDE - 2 * _MARGIN)
    return float(max(scott, cell, _NARROWEST))


def _density(spots: _Array, low: _Array, high: _Array, width: float) -> tuple[_Array, _Array, _Array, _Array]:
    """Centres of the grid's columns and rows, the smoothed counts (rows by columns), and those at each paper."""
    from scipy.ndimage import gaussian_filter

    cell = (high - low) / _SIDE
    numbers = np.floor((spots - low) / cell).astype(np.intp)
    within = ((numbers >= 0) & (numbers < _SIDE)).all(axis=1)
    columns, rows = numbers[within].T
    counts = np.zeros((_SIDE, _SIDE))
    np.add.at(counts, (rows, columns), 1.0)
    density: _Array = gaussian_filter(counts, sigma=tuple(width / cell[::-1]), mode="constant")
    at_papers = np.zeros(len(spots))
    at_papers[within] = density[rows, columns]
    x, y = low[:, None] + (np.arange(_SIDE) + 0.5) * cell[:, None]
    return x, y, density, at_papers


def _ring(outside: _Array, vertices: int) -> Ring:
    """The polygon with its vertices at equal steps along it: fewer, and smoother than the grid's own."""
    closed = np.vstack([outside, outside[:1]])
    along = np.concatenate([[0.0], np.hypot(*np.diff(closed, axis=0).T).cumsum()])
    steps = np.linspace(0, along[-1], max(min(vertices, len(outside)), 3), endpoint=False)
    points = np.stack([np.interp(steps, along, closed[:, axis]) for axis in (0, 1)], axis=1).round(_DIGITS)
    return tuple((float(x), float(y)) for x, y in points)


def _label(ring: Ring, x: _Array, y: _Array, density: _Array) -> Point:
    """The cell within the ring that has most papers around it, seen more broadly than the ring is drawn.

    The peak of the density itself may be a small crowd in a far corner.
    """
    from scipy.ndimage import gaussian_filter

    broad: _Array = gaussian_filter(density, _SIDE / 10, mode="constant")
    cells = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).round(_DIGITS)
    within = _inside(cells, np.asarray(ring))
    best = cells[np.argmax(np.where(within, broad.ravel(), -1.0))]
    return float(best[0]), float(best[1])


def _inside(points: _Array, ring: _Array) -> npt.NDArray[np.bool_]:
    """Which points lie within a polygon: a ray from them crosses it an odd number of times."""
    inside = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crossed = (points[:, 1] < y0) != (points[:, 1] < y1)
        inside ^= crossed & (points[:, 0] < x0 + (points[:, 1] - y0) * (x1 - x0) / (y1 - y0))
    return inside
