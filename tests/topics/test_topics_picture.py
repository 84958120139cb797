"""The map drawn: each kind of file is what it says, holds the names, and shows stored text as text."""

from __future__ import annotations

import builtins
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from recsys.errors import InvalidRequest, RecsysError
from recsys.topics.picture import MapPicture, draw

NASTY = '<script>alert(1)</script></script> & <b>bold</b> "quoted" $x^2$'


@pytest.fixture(scope="module")
def picture() -> MapPicture:
    random = np.random.default_rng(0)
    coarse = np.repeat([0, 1, 2], [60, 40, 20]).astype(np.int32)
    fine = np.repeat([0, 1, 2, 3, 4], [30, 30, 20, 20, 20]).astype(np.int32)
    centres = np.array([[-0.6, 0.1], [-0.4, 0.3], [0.5, 0.2], [0.6, -0.1], [0.0, -0.7]])
    return MapPicture(
        coordinates=(centres[fine] + random.normal(scale=0.05, size=(120, 2))).astype(np.float32),
        levels=[coarse, fine],
        names=[["Parsing", "Dialogue", NASTY], ["Trees", "Graphs", "Chatbots", "Tasks", NASTY]],
        titles=[NASTY, "言語", *(f"Paper {i}" for i in range(118))],
        years=[2001, None, *([1999] * 118)],
        title=NASTY,
        subtitle="120 papers",
    )


def test_png_is_1600_by_1000_with_few_colours_and_repeatable(tmp_path: Path, picture):
    from PIL import Image

    draw(tmp_path / "map.png", picture)
    with Image.open(tmp_path / "map.png") as image:
        assert (image.size, image.mode) == ((1600, 1000), "P")
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    assert tuple(pixels[-1]) == (252, 252, 250)
    # dots of the largest topic's colour
    assert (np.abs(pixels.astype(int) - [0x42, 0x69, 0xD0]).sum(axis=1) < 120).sum() > 100
    draw(tmp_path / "again.PNG", picture)
    assert (tmp_path / "again.PNG").read_bytes() == (tmp_path / "map.png").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.PNG", "map.png"]


def test_svg_holds_the_papers_as_one_image_and_is_repeatable(tmp_path: Path, picture):
    draw(tmp_path / "map.svg", picture)
    text = (tmp_path / "map.svg").read_text()
    assert text.count("<image ") == 1
    assert text.count("<path ") < 200
    assert re.findall(r'href="(?!#|data:)([^"]*)"', text) == []
    assert "<dc:description>Parsing, Dialogue, &lt;script&gt;alert(1)" in text
    assert "<script" not in text
    draw(tmp_path / "again.svg", picture)
    assert (tmp_path / "again.svg").read_text() == text


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.title, self._in_title = "", False

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in_title = tag == "title"

    def handle_data(self, data):
        if self._in_title:
            self.title += data
            self._in_title = False


@pytest.fixture(scope="module")
def page(tmp_path_factory, picture) -> str:
    path = tmp_path_factory.mktemp("page") / "map.html"
    draw(path, picture)
    return path.read_text()


def test_the_page_loads_nothing_and_stored_titles_are_no_markup(page):
    read = Page()
    read.feed(page)
    assert read.title == NASTY
    assert [tag for tag, _ in read.tags if tag in ("link", "img", "iframe", "b")] == []
    assert all("src" not in attributes for _, attributes in read.tags)
    policies = [a["content"] for tag, a in read.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert [policy.split(";")[0] for policy in policies] == ["default-src 'none'"]
    assert "alert(1)</script>" not in page
    assert "<script>alert" not in page


def plotted(page: str) -> tuple[list[dict], dict]:
    """The traces and the layout that the page gives to Plotly."""
    call = page[page.rindex("Plotly.newPlot(") :]
    decoder = json.JSONDecoder()
    data, end = decoder.raw_decode(call, call.index("["))
    return data, decoder.raw_decode(call, call.index("{", end))[0]


def test_the_page_has_a_trace_for_each_topic_and_a_button_for_each_level_of_names(page):
    data, shown = plotted(page)
    escaped = (
        '&lt;script&gt;alert(1)&lt;/script&gt;&lt;/script&gt; &amp; &lt;b&gt;bold&lt;/b&gt; "quoted" $x^2$'
    )
    assert [t["name"] for t in data] == ["Parsing", "Dialogue", escaped]
    assert [len(t["text"]) for t in data] == [60, 40, 20]
    assert data[0]["text"][0].replace("<br>", " ") == f"{escaped} Trees · 2001"
    assert data[0]["text"][1:3] == ["言語<br>Trees", "Paper 0<br>Trees · 1999"]
    written = [note["text"].replace("<br>", " ") for note in shown["annotations"]]
    assert written == ["Parsing", "Dialogue", escaped]
    buttons = shown["updatemenus"][0]["buttons"]
    assert [b["label"] for b in buttons] == ["Level 1", "Level 2", "No names"]
    assert [len(b["args"][0]["annotations"]) for b in buttons] == [3, 5, 0]


def test_one_paper_without_title_or_names_can_be_drawn(tmp_path: Path):
    one = MapPicture(np.zeros((1, 2), np.float32), [np.zeros(1, np.int32)], [[""]])
    for suffix in ("png", "svg", "html"):
        draw(tmp_path / f"map.{suffix}", one)
        assert (tmp_path / f"map.{suffix}").stat().st_size > 1000


def test_names_in_letters_the_font_lacks_and_papers_in_no_topic_are_drawn(tmp_path: Path):
    level = np.array([0, 0, -1])
    spots = np.array([[0, 0], [0.1, 0], [0.5, 0.5]], np.float32)
    odd = MapPicture(spots, [level], [["自然言語処理"]], titles=["a", "b", "c"])
    draw(tmp_path / "map.png", odd)
    draw(tmp_path / "map.html", odd)
    data, _ = plotted((tmp_path / "map.html").read_text())
    assert [(t["name"], t["text"]) for t in data] == [
        ("自然言語処理", ["a<br>自然言語処理", "b<br>自然言語処理"]),
        ("(no name)", ["c"]),
    ]


@pytest.mark.parametrize("name", ["map.jpg", "map", "map.html.gz"])
def test_another_suffix_is_refused_naming_the_three(tmp_path: Path, picture, name):
    with pytest.raises(InvalidRequest) as caught:
        draw(tmp_path / name, picture)
    assert caught.value.hint == "Name a file that ends in .png, .svg or .html."
    assert list(tmp_path.iterdir()) == []


def test_a_map_of_nothing_is_refused():
    with pytest.raises(InvalidRequest, match="A map of 0 papers with 0 levels"):
        MapPicture(np.zeros((0, 2), np.float32), [], [])


@pytest.mark.parametrize(
    ("package", "suffix"), [("matplotlib", "png"), ("matplotlib", "svg"), ("plotly", "html")]
)
def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, picture, monkeypatch, package, suffix):
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(RecsysError) as caught:
        draw(tmp_path / f"map.{suffix}", picture)
    assert caught.value.hint == "Run: pip install 'recsys[pictures]'"
    assert package in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, picture, monkeypatch):
    path = tmp_path / "map.svg"
    path.write_text("old")

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        draw(path, picture)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_importing_and_drawing_leave_a_host_programs_matplotlib_alone(tmp_path: Path):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from recsys.topics import layout, outlines, picture\n"
        "heavy = {'matplotlib', 'plotly', 'umap', 'numba', 'sklearn', 'scipy', 'contourpy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "import matplotlib as mpl\n"
        "mpl.rcParams['svg.fonttype'] = 'none'\n"
        "before = dict(mpl.rcParams)\n"
        "m = picture.MapPicture(np.zeros((1, 2), np.float32), [np.zeros(1, np.int32)], [['One']])\n"
        "picture.draw(Path(sys.argv[1]), m)\n"
        "import matplotlib.pyplot as plt\n"
        "print(dict(mpl.rcParams) == before, plt.get_fignums())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "map.svg")], capture_output=True, text=True, check=True
    )
    assert run.stdout == "[]\nTrue []\n"
