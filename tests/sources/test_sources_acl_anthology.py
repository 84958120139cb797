"""The ACL Anthology's layout, old and new, on a small anthology written here."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from recsys.errors import SourceError
from recsys.records import Author, Paper
from recsys.sources import Rejected, source
from recsys.sources.acl_anthology import fetch_repository

XML = """<?xml version='1.0' encoding='UTF-8'?>
<collection id="2020.toy">
  <volume id="main" ingest-date="2020-06-21" type="proceedings">
    <meta>
      <booktitle>Toy</booktitle>
      <editor><first>Ed</first><last>Itor</last></editor>
      <month>July 5-10</month><year>2020</year>
      <url hash="bdf5095c">2020.toy-main</url>
      <venue>other</venue><venue>toy</venue>
    </meta>
    <frontmatter><url>2020.toy-main.0</url><bibkey>toy-2020</bibkey></frontmatter>
    <paper id="1">
      <title><fixed-case>BERT</fixed-case> &amp; <i>words</i>
of <tex-math>\\alpha^2</tex-math></title>
      <author><first>Jörg</first><last>O’Neil</last><affiliation>Toy University</affiliation></author>
      <author id="yang-liu-Helsinki" orcid="0000-0002-1825-0097"><first>Yang</first><last>Liu</last></author>
      <author><first/><last>Mononym</last></author>
      <abstract>Plain text
over two lines, R&amp;D.</abstract>
      <url hash="ff986e52">2020.toy-main.1</url>
      <doi>10.18653/v1/2020.TOY-main.1</doi>
      <award/>
      <bibkey>x</bibkey>
    </paper>
    <paper id="2"><title>Gone</title><author><first>A</first><last>B</last></author>
      <retracted date="2022-05-06">plagiarism</retracted></paper>
    <paper id="3" type="backmatter"><title>Index</title><author><first>A</first><last>B</last></author></paper>
    <paper id="4"><title>Author index</title></paper>
    <paper id="UPPER"><title>Bad id</title><author><first>A</first><last>B</last></author></paper>
    <paper id="6"><title> </title><author><first>A</first><last>B</last></author></paper>
    <paper id="7"><title>Last</title><author><first>Known</first><last>Person</last></author></paper>
  </volume>
</collection>
"""
VARIANTS = """
- canonical: {first: Known, last: Person-Smith}
  variants:
  - {first: Known, last: Person}
- {canonical: {first: A, last: B}, id: a-b-one}
- {canonical: {first: A, last: B}, id: a-b-two}
"""


def anthology(root: Path, **files: str) -> Path:
    for name, text in {"xml/2020.toy.xml": XML, **files}.items():
        path = root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def read(root: Path) -> list[Paper | Rejected]:
    return list(source("acl-anthology").read(root))


OLD = {
    "yaml/name_variants.yaml": VARIANTS,
    "yaml/venues/toy.yaml": "{acronym: ToyConf, name: Toys, oldstyle_letter: T}",
}


@pytest.mark.parametrize("inside", ["", "data"])
def test_the_older_layout(tmp_path: Path, inside: str) -> None:
    first, gone, bad_id, untitled, last = read(anthology(tmp_path, **OLD) / inside)
    assert first == Paper(
        id="2020.toy-main.1",
        title="BERT & words of $\\alpha^2$",
        source="acl-anthology",
        abstract="Plain text over two lines, R&D.",
        year=2020,
        date="2020-07",
        venue="ToyConf",
        doi="10.18653/v1/2020.toy-main.1",
        url="https://aclanthology.org/2020.toy-main.1/",
        authors=(
            Author("Jörg O’Neil", "jorg-oneil", "Toy University"),
            Author("Yang Liu", "yang-liu-Helsinki", orcid="0000-0002-1825-0097"),
            Author("Mononym", "mononym"),
        ),
        original_title="<fixed-case>BERT</fixed-case> &amp; <i>words</i>\nof <tex-math>\\alpha^2</tex-math>",
        original_abstract="Plain text\nover two lines, R&D.",
    )
    assert isinstance(gone, Paper)
    assert (gone.id, gone.withdrawn, gone.authors[0].id) == ("2020.toy-main.2", True, "a-b")
    assert isinstance(bad_id, Rejected)
    assert bad_id.position == "2020.toy volume main paper UPPER"
    assert bad_id.reason.startswith("refused by the acl-anthology library: ")
    assert bad_id.raw.startswith(b'<paper id="UPPER"><title>Bad id</title>')
    assert isinstance(untitled, Rejected)
    assert untitled.reason == "title ' ' is empty"
    assert isinstance(last, Paper)
    assert last.authors == (Author("Known Person", "known-person-smith"),)


PEOPLE = """{"jorg-oneil-1": {"names": [{"first": "Jörg", "last": "O’Neil"}]},
 "a-b": {"names": [{"first": "A", "last": "B"}], "disable_name_matching": true},
 "known-1": {"names": [{"first": "Knöwn", "last": "Person"}]}}"""


@pytest.mark.parametrize("people", ["json/people.json", "yaml/people.yaml"])
def test_the_newer_layouts_match_people_by_slug(tmp_path: Path, people: str) -> None:
    root = anthology(
        tmp_path, **{people: PEOPLE, "json/venues.json": '{"toy": {"acronym": "TOY", "name": "T"}}'}
    )
    papers = [record for record in read(root) if isinstance(record, Paper)]
    ids = [[author.id for author in paper.authors] for paper in papers]
    assert ids == [["jorg-oneil-1", "yang-liu-Helsinki", "mononym"], ["a-b/unverified"], ["known-1"]]
    assert {paper.venue for paper in papers} == {"TOY"}


def test_a_broken_file_costs_only_what_comes_behind_the_break(tmp_path: Path) -> None:
    cut = XML.replace("2020.toy", "2019.cut")
    cut = cut[: cut.index('<paper id="2">')]
    root = anthology(tmp_path, **{"xml/2019.cut.xml": cut, "xml/not-an-id.xml": XML})
    records = read(root)
    kept = [record.id for record in records if isinstance(record, Paper)]
    assert kept == ["2019.cut-main.1", "2020.toy-main.1", "2020.toy-main.2", "2020.toy-main.7"]
    files = {r.position: r for r in records if isinstance(r, Rejected) and str(r.position).endswith(".xml")}
    assert list(files) == ["2019.cut.xml", "not-an-id.xml"]
    assert files["2019.cut.xml"].reason.startswith("file cannot be read on: ")
    assert files["2019.cut.xml"].raw == str(root / "data/xml/2019.cut.xml").encode()


def test_a_bad_volume_is_rejected_once_with_its_papers(tmp_path: Path) -> None:
    (record,) = read(anthology(tmp_path, **{"xml/2020.toy.xml": XML.replace('id="main"', 'id="MAIN"')}))
    assert isinstance(record, Rejected)
    assert record.position == "2020.toy volume MAIN paper None"
    assert record.reason.endswith("; its papers were passed over")


def test_a_directory_without_the_layout_and_a_damaged_list(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"there is no data/xml/\*\.xml in it"):
        read(tmp_path)
    with pytest.raises(SourceError, match=r"name_variants\.yaml cannot be understood"):
        read(anthology(tmp_path, **{"yaml/name_variants.yaml": "[{"}))


def test_progress_counts_files(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    root = anthology(tmp_path, **{"xml/2021.toy.xml": XML.replace("2020.toy", "2021.toy")})
    list(source("acl-anthology").read(root, progress=lambda done, total: seen.append((done, total))))
    assert seen == [(1, 2), (2, 2)]


def test_the_librarys_own_clone(tmp_path: Path) -> None:
    asked = {}

    def clone(url: str, **options: object) -> SimpleNamespace:
        asked.update(options, url=url)
        return SimpleNamespace(datadir=tmp_path / "clone" / "data")

    def offline(url: str, **options: object) -> SimpleNamespace:
        raise OSError("no route to host")

    assert fetch_repository(tmp_path / "clone", clone=clone) == tmp_path / "clone" / "data"
    assert asked["url"] == "https://github.com/acl-org/acl-anthology.git"
    assert asked["path"] == tmp_path / "clone"
    with pytest.raises(SourceError, match=r"could not be cloned to .*no route to host"):
        fetch_repository(tmp_path, clone=offline)
