"""BibTeX as reference managers export it, quirks and faults included."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import SourceError
from recsys.records import Author, Paper
from recsys.sources import Rejected, source
from recsys.sources.bibtex import parse_text

FILE = r"""% a comment line
@string{acl = "Annual Meeting of the {ACL}"}
@preamble{"\newcommand{\x}{y}"}
@Comment{jabref-meta: databaseType:bibtex;}

@inproceedings{devlin,
  title = {{BERT}: Pre-training of {D}eep},
  author = {Devlin, Jacob and Ming{-}Wei Chang and {World Health Organization} and
            van der Berg, Jr., Jan and M{\"u}ller, J{\"o}rg and others},
  booktitle = acl # " 2019",
  month = jun, year = 2019,
  doi = {https://doi.org/10.18653/V1/N19-1423},
  url = {https://a.b/x\_y https://second.example},
  keywords = {dialogue; {R}\&{D}},
  abstract = {We show 50\% of {\em it}: $\{a\}$.},
}
@article{broken,
  title = {An unclosed {brace,
  year = 2010

@article{vaswani, title="Attention", journal={CoRR}, volume={abs/1706.03762}, year={2017}, year={2018}, month={#jun#}}
@article{devlin, title="Second"}
@article{noequals, title}
@misc{zotero, title = {A {"}quoted{"} thing}, date = {2020-07-05/2020-07-06}, keywords = {one, two},
  eprint = {1910.07931v2}, archiveprefix = {arXiv}, howpublished = {\url{https://c.d}}}
@article{,
  title = {No key}}
@book{pressed, title = {B}, year = {in press}, month = {July}}
@book{far, title = {B}, year = {20222}}
"""


def test_a_file_with_everything(tmp_path: Path) -> None:
    path = tmp_path / "a.bib"
    path.write_text(FILE, encoding="utf-8")
    devlin, broken, vaswani, second, no_equals, zotero, no_key, pressed, far = source("bibtex").read(path)
    assert devlin == Paper(
        id="devlin",
        title="BERT: Pre-training of Deep",
        source="bibtex",
        abstract="We show 50% of it: $\\{a\\}$.",
        year=2019,
        date="2019-06",
        venue="Annual Meeting of the ACL 2019",
        doi="10.18653/v1/n19-1423",
        url="https://a.b/x_y",
        keywords=("dialogue", "R&D"),
        authors=(
            Author("Jacob Devlin"),
            Author("Ming-Wei Chang"),
            Author("World Health Organization"),
            Author("Jan van der Berg Jr."),
            Author("Jörg Müller"),
        ),
        original_title="{BERT}: Pre-training of {D}eep",
        original_abstract="We show 50\\% of {\\em it}: $\\{a\\}$.",
    )
    assert vaswani == Paper(
        id="vaswani",
        title="Attention",
        source="bibtex",
        year=2017,
        date="2017-06",
        venue="CoRR",
        arxiv_id="1706.03762",
    )
    assert zotero == Paper(
        id="zotero",
        title='A "quoted" thing',
        source="bibtex",
        year=2020,
        date="2020-07-05",
        arxiv_id="1910.07931",
        url="https://c.d",
        keywords=("one", "two"),
        original_title='A {"}quoted{"} thing',
    )
    assert pressed == Paper(id="pressed", title="B", source="bibtex")
    rejected = [record for record in (broken, second, no_equals, no_key, far) if isinstance(record, Rejected)]
    assert [(record.position, record.reason.split(".")[0]) for record in rejected] == [
        (17, "broken entry: Unexpected block start: `@article`"),
        (22, "key 'devlin' was used before, on line 6"),
        (23, "broken entry: Expected a `=` after entry key `title`, but found the end of the entry (`}`)"),
        (26, "id '' is empty"),
        (29, rejected[4].reason),
    ]
    assert rejected[4].reason.startswith("year 20222 is not between 1500 and ")
    assert rejected[1].raw == b'@article{devlin, title="Second"}'


def test_encodings(tmp_path: Path) -> None:
    path = tmp_path / "latin.bib"
    entry = "@article{a, title = {Étude}}\n"
    path.write_bytes(b"% Encoding: ISO8859_1\n" + entry.encode("latin-1"))
    assert [paper.title for paper in source("bibtex").read(path)] == ["Étude"]  # type: ignore[union-attr]
    path.write_bytes(b"@article{b, title = {good}}\r\n" + entry.encode("latin-1"))
    good, bad = source("bibtex").read(path)
    assert isinstance(good, Paper)
    assert bad == Rejected(
        str(path),
        2,
        "title is not in the file's encoding (UTF-8 if it names none)",
        entry.strip().encode("latin-1"),
    )
    path.write_bytes(b"% Encoding: martian\n")
    with pytest.raises(SourceError, match="names an encoding it is not in"):
        list(source("bibtex").read(path))


SCRAPS = [
    "@article{k, ",
    "@string{s = ",
    "@comment{",
    "title",
    "=",
    "{",
    "}",
    '"',
    "#",
    ",",
    "\n",
    "s",
    "\\",
    "@",
    "(",
    ")",
]


@given(
    st.lists(
        st.one_of(
            st.sampled_from([*SCRAPS, "author = {A and B, C, D, E and}", "year=2020,"]), st.text(max_size=5)
        )
    )
)
def test_no_text_whatever_stops_a_reading(scraps: list[str]) -> None:
    assert all(isinstance(record, (Paper, Rejected)) for record in parse_text("".join(scraps), "x.bib"))
