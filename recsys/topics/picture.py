"""The map as a picture: PNG or SVG by Matplotlib, or one HTML file by Plotly that loads nothing from elsewhere.

Both packages come with the extra ``pictures``. Matplotlib is used without pyplot, so that a program this runs in
keeps its backend, its figures and its settings.

datamapplot, made for such pictures, is not used: it puts all names in a ring around the map with a line to each, which
leaves little room for the map, took 38 s for 100,000 papers, and writes a settings file to the home directory.
"""

from __future__ import annotations

import html
import os
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys.errors import InvalidRequest, RecsysError
from recsys.topics.outlines import Box, Outline, colours, free_shift, outlines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

__all__ = ["MapPicture", "draw"]

_WIDE, _HIGH, _DPI = 16.0, 10.0, 100
_FONT = (
    "DejaVu Sans"  # travels with Matplotlib: a picture is the same on every machine, and no font is fetched
)
_PAPER, _INK, _GREY = "#fcfcfa", "#22252b", "#6b7078"
#: Distances on the map have no unit, so it may be stretched to fill the picture, by this much at most.
_STRETCH = 1.35
_HEADER: dict[str, Any] = {"family": _FONT, "va": "top", "parse_math": False}
_NOWHERE = "#999999"  # papers in no topic
_TITLE: dict[str, Any] = {**_HEADER, "size": 19, "weight": "bold", "color": _INK}
_SUBTITLE: dict[str, Any] = {**_HEADER, "size": 11, "color": _GREY}
#: Names tried at the second level, the largest topics first; those without room are left out.
_SECOND = 90
#: Characters in a line of a name, of a hover text.
_NAME_WIDTH, _HOVER_WIDTH = 18, 70
#: Nothing in the page may load anything; Plotly needs inline scripts, and compiles its WebGL code.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; worker-src blob:"
)


@dataclass(frozen=True)
class MapPicture:
    """What is drawn; arrays and lists over papers are aligned, as are those over the topics of a level.

    Attributes:
        coordinates: (n, 2) as :func:`recsys.topics.layout.layout` gives them.
        levels: (n,) topic numbers of all papers for each level, the coarsest first; a negative one is no topic.
        names: of the topics of each level, by number; a topic with an empty one is not named on the map.
        outlines: of the topics of each level, by number; computed where there are none.
        titles: of the papers, to show in the HTML page; stored text, shown as it is and never as markup.
        years: of the papers, or None where unknown.
        title: of the picture, or empty.
        subtitle: below it, or empty.
    """

    coordinates: npt.NDArray[np.floating[Any]]
    levels: Sequence[npt.NDArray[np.integer[Any]]]
    names: Sequence[Sequence[str]]
    outlines: Sequence[Sequence[Outline]] = ()
    titles: Sequence[str] = ()
    years: Sequence[int | None] = ()
    title: str = ""
    subtitle: str = ""
    shapes: Sequence[Sequence[Outline]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = len(self.coordinates)
        if not n or not self.levels or len(self.names) != len(self.levels):
            raise InvalidRequest(
                f"A map of {n} papers with {len(self.levels)} levels of topics and {len(self.names)} of names cannot be drawn.",
                hint="Give at least one paper and one level, and names for each level.",
            )
        shapes = self.outlines or [outlines(self.coordinates, level) for level in self.levels]
        object.__setattr__(self, "shapes", shapes)


def draw(path: Path, map: MapPicture) -> None:
    """Write the map to a file, whole or not at all.

    Args:
        path: its suffix says what is drawn: ``.png`` (1600 by 1000), ``.svg`` (papers as one image, the rest as paths)
            or ``.html`` (one page to move about in, with the titles).
        map: what to draw.

    Raises:
        InvalidRequest: another suffix.
        RecsysError: the package that draws is not installed.
        OSError: the file cannot be written.
    """
    ways: dict[str, Callable[[MapPicture], bytes]] = {".png": _png, ".svg": _svg, ".html": _page}
    way = ways.get(path.suffix.lower())
    if way is None:
        raise InvalidRequest(
            f"A map cannot be drawn as {path.suffix or 'a file without suffix'!r}: {path.name}.",
            hint="Name a file that ends in .png, .svg or .html.",
        )
    try:
        with warnings.catch_warnings():
            # a name in letters that the font lacks is drawn with boxes: no reason to fail
            warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from font", category=UserWarning)
            content = way(map)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("matplotlib", "PIL", "plotly"):
            raise
        raise RecsysError(
            f"Drawing a map needs the package {error.name!r}, which is not installed.",
            hint="Run: pip install 'recsys[pictures]'",
        ) from error
    _write(path, content)


def _write(path: Path, content: bytes) -> None:
    """Write beside and rename, so that nobody sees half a picture."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


# The static picture


def _png(map: MapPicture) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(_figure(map))
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # 256 colours of its own: a third of the size, and no difference to see
    small = drawn.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    buffer = BytesIO()
    small.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _svg(map: MapPicture) -> bytes:
    import matplotlib as mpl

    buffer = BytesIO()
    figure = _figure(map)
    # the only two settings that cannot be given as arguments: ids that are the same each time, letters as shapes
    with mpl.rc_context({"svg.hashsalt": "recsys", "svg.fonttype": "path"}):
        named = ", ".join(name for name in map.names[0] if name)  # the letters are shapes: this can be read
        metadata = {"Date": None, "Title": map.title or "Map of topics", "Description": named}
        figure.savefig(buffer, format="svg", dpi=_DPI, metadata=metadata, facecolor=_PAPER)
    return buffer.getvalue()


def _figure(map: MapPicture) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDE, _HIGH), dpi=_DPI, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    _frame(axes, map)
    palette = colours(map.shapes[0], np.asarray(map.levels[0]))
    for shape, colour in zip(map.shapes[0], palette, strict=True):
        rings = [np.asarray(ring) for ring in shape.rings]
        axes.add_collection(PolyCollection(rings, facecolors=colour, alpha=0.08, linewidths=0))
    _papers(axes, map, palette)
    header = [
        axes.text(0.018, top, text, **look, transform=axes.transAxes)
        for top, text, look in ((0.975, map.title, _TITLE), (0.937, map.subtitle, _SUBTITLE))
        if text
    ]
    _name_topics(axes, map, palette, [_box(text.get_window_extent().padded(6)) for text in header])
    return figure


def _frame(axes: Axes, map: MapPicture) -> None:
    """Set what part of the plane is seen: all of the map, centred, below the header."""
    low, high = map.coordinates.min(axis=0).astype(float), map.coordinates.max(axis=0).astype(float)
    size = np.maximum(high - low, 0.2) * 1.06
    wide, tall = float(size[0]), float(size[1])
    goal = _WIDE / _HIGH
    stretch = min(max(goal * tall / wide, 1.0), _STRETCH)  # of x against y
    seen_tall = max(tall, wide * stretch / goal)
    seen_wide = seen_tall * goal / stretch
    x, y = (float(value) for value in (low + high) / 2)
    header = 0.07 if map.title or map.subtitle else 0.0
    axes.set_xlim(x - seen_wide / 2, x + seen_wide / 2)
    axes.set_ylim(y - seen_tall / 2, y + seen_tall * (0.5 + header))


def _papers(axes: Axes, map: MapPicture, palette: Sequence[str]) -> None:
    """Every paper as a dot, mixed, so that no topic lies on top of all others."""
    n = len(map.coordinates)
    mixed = np.random.default_rng(0).permutation(n)
    spots, topics = map.coordinates[mixed], np.asarray(map.levels[0])[mixed]
    dyes = np.array([*palette, _NOWHERE])  # the last one for number -1
    size = float(np.clip(640 / n**0.52, 1.0, 40))
    opaque = float(np.clip(8 / n**0.25, 0.45, 0.8))
    dots = axes.scatter(
        spots[:, 0], spots[:, 1], s=size, c=dyes[np.maximum(topics, -1)], alpha=opaque, linewidths=0
    )
    dots.set_rasterized(True)


def _name_topics(axes: Axes, map: MapPicture, palette: Sequence[str], taken: list[Box]) -> None:
    """Write the names of the coarsest topics, then of the next level's where they fit; none overlaps another."""
    for level in range(min(2, len(map.levels))):
        sizes = _sizes(map, level)
        parents = _parents(map, level)
        order = np.argsort(-sizes, kind="stable")[: _SECOND if level else None]
        for topic in order:
            name = map.names[level][topic]
            if not name or (level and name == map.names[0][parents[topic]]):
                continue
            lines = textwrap.fill(name, _NAME_WIDTH, break_long_words=False)
            look = _look(palette[parents[topic]], sizes[topic] / sizes.max(), fine=level > 0)
            shape = map.shapes[level][topic]
            text = axes.text(shape.label[0], shape.label[1], lines, **look)
            if not _find_room(axes, text, shape, taken, furthest=16 if level else 70):
                text.remove()


def _look(colour: str, part: float, *, fine: bool) -> dict[str, Any]:
    """How a name is written: the coarse ones bold, and larger for larger topics; all with a light halo."""
    from matplotlib.patheffects import withStroke

    return {
        **{"ha": "center", "va": "center", "linespacing": 1.0, "family": _FONT, "parse_math": False},
        "size": 8.0 if fine else 10 + 6 * part**0.5,
        "weight": "normal" if fine else "bold",
        "color": _darker(colour, 0.62 if fine else 0.5),
        "path_effects": [withStroke(linewidth=2.5 if fine else 3.5, foreground=(1, 1, 1, 0.85))],
    }


def _find_room(axes: Axes, text: Text, shape: Outline, taken: list[Box], *, furthest: float) -> bool:
    """Move a name to a free place, at most about ``furthest`` pixels away, and add it to what is taken."""
    box, page = text.get_window_extent(), axes.get_window_extent().padded(-4)
    height = float(np.ptp(axes.transData.transform(shape.rings[0])[:, 1]))
    shift = free_shift(_box(box), taken, _box(page), height=height, furthest=furthest)
    if shift is None:
        return False
    x, y = axes.transData.inverted().transform(axes.transData.transform(text.get_position()) + shift)
    text.set_position((float(x), float(y)))
    taken.append(_box(text.get_window_extent().padded(2)))
    return True


def _box(box: Bbox) -> Box:
    return box.x0, box.y0, box.x1, box.y1


def _sizes(map: MapPicture, level: int) -> npt.NDArray[np.int64]:
    numbers = np.asarray(map.levels[level])
    sizes: npt.NDArray[np.int64] = np.bincount(numbers[numbers >= 0], minlength=len(map.names[level]))
    return sizes


def _parents(map: MapPicture, level: int) -> npt.NDArray[np.intp]:
    """The coarsest topic that each topic of a level lies in."""
    numbers = np.asarray(map.levels[level])
    parents = np.zeros(len(map.names[level]), np.intp)
    placed = numbers >= 0
    parents[numbers[placed]] = np.asarray(map.levels[0])[placed]
    return parents


def _darker(colour: str, factor: float) -> str:
    return "#" + "".join(f"{round(factor * int(colour[i : i + 2], 16)):02x}" for i in (1, 3, 5))


# The page


def _page(map: MapPicture) -> bytes:
    """One HTML document: Plotly's own script inlined, a policy that forbids to load anything."""
    from plotly.io import to_html

    body = to_html(
        {"data": _dots(map), "layout": _page_layout(map)},
        config={"displaylogo": False, "responsive": True, "scrollZoom": True},
        include_plotlyjs=True,
        include_mathjax=False,
        full_html=False,
        default_height="100%",
        validate=False,
        div_id="map",
    )
    title = html.escape(map.title or "Map of topics")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n"
        f"<style>html, body, body > div {{ height: 100%; margin: 0; background: {_PAPER}; }}</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    ).encode()


def _dots(map: MapPicture) -> list[dict[str, Any]]:
    """One trace of dots for each of the coarsest topics, the largest first."""
    numbers, finest = np.asarray(map.levels[0]), np.asarray(map.levels[-1])
    palette = colours(map.shapes[0], numbers)
    size = float(np.clip(60 / len(numbers) ** 0.3, 2.5, 9))
    traces = []
    for topic in [*np.argsort(-_sizes(map, 0), kind="stable").tolist(), -1]:
        rows = np.flatnonzero(numbers == topic).tolist()
        if not rows:
            continue
        traces.append(
            {
                "type": "scattergl",
                "mode": "markers",
                "name": _shown(map.names[0][topic] if topic >= 0 else "") or "(no name)",
                "x": map.coordinates[rows, 0].astype(np.float32),
                "y": map.coordinates[rows, 1].astype(np.float32),
                "text": [_hover(map, row, finest[row]) for row in rows],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"size": size, "opacity": 0.6, "color": palette[topic] if topic >= 0 else _NOWHERE},
            }
        )
    return traces


def _written_names(map: MapPicture, level: int) -> list[dict[str, Any]]:
    """The names of one level, as annotations: Plotly draws texts of traces below WebGL's dots."""
    palette = colours(map.shapes[0], np.asarray(map.levels[0]))
    parents = _parents(map, level)
    look = {"size": 13, "weight": 700} if level == 0 else {"size": 10, "weight": 400}
    halo = ", ".join(["0 0 3px white"] * 4)
    return [
        {
            "text": _shown(name, _NAME_WIDTH),
            "x": map.shapes[level][topic].label[0],
            "y": map.shapes[level][topic].label[1],
            "showarrow": False,
            "font": {**look, "color": _darker(palette[parents[topic]], 0.5), "shadow": halo},
        }
        for topic, name in enumerate(map.names[level])
        if name
    ]


def _page_layout(map: MapPicture) -> dict[str, Any]:
    axis = {"visible": False, "showgrid": False, "zeroline": False}
    title = f"<b>{_shown(map.title)}</b>" if map.title else ""
    names = {f"Level {level + 1}": _written_names(map, level) for level in range(len(map.levels))}
    buttons = [
        {"label": label, "method": "relayout", "args": [{"annotations": shown}]}
        for label, shown in {**names, "No names": []}.items()
    ]
    menu = {"type": "buttons", "direction": "right", "buttons": buttons, "x": 1, "y": 1, "yanchor": "bottom"}
    return {
        "annotations": names["Level 1"],
        "updatemenus": [{**menu, "xanchor": "right"}],
        "title": {"text": title, "subtitle": {"text": _shown(map.subtitle)}, "x": 0.02, "xanchor": "left"},
        "paper_bgcolor": _PAPER,
        "plot_bgcolor": _PAPER,
        "font": {"family": "system-ui, sans-serif", "color": _INK},
        "hoverlabel": {"bgcolor": "white", "align": "left"},
        "xaxis": axis,
        "yaxis": axis,
        "dragmode": "pan",
        "legend": {"itemsizing": "constant", "traceorder": "normal"},
        "margin": {"l": 10, "r": 10, "t": 80, "b": 10},
    }


def _hover(map: MapPicture, row: int, topic: int) -> str:
    year = map.years[row] if map.years else None
    about = (_shown(map.names[-1][topic]) if topic >= 0 else "", "" if year is None else str(year))
    title = _shown(map.titles[row], _HOVER_WIDTH) if map.titles else ""
    return "<br>".join(filter(None, (title, " · ".join(filter(None, about)))))


def _shown(text: str, width: int | None = None) -> str:
    """Stored text for Plotly, which reads some tags in texts: as it stands, in lines of ``width`` characters.

    Quotation marks stay, for Plotly would show their entities.
    """
    lines = textwrap.wrap(text, width, break_long_words=False) if width else [text]
    return "<br>".join(html.escape(line, quote=False) for line in lines)
