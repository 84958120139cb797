"""The ACL Anthology in its official layout (``data/xml``, ``data/yaml`` or ``data/json``).

Files are read with the ``acl-anthology`` library, paper by paper, so that memory stays flat and one bad
paper costs only itself. Of each volume and paper only what becomes a :class:`~recsys.records.Paper` is
handed to the library: its checks are made for the Anthology's maintainers and follow the newest schema, and
an award without a name or a link element of an older schema is no reason to lose a paper here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any
from xml.sax.saxutils import unescape

from recsys.errors import RecordError, SourceError
from recsys.records import Paper
from recsys.sources.acl_names import Directory
from recsys.sources.base import Progress, Record, Rejected, existing, make_paper
from recsys.sources.fields import month_number

__all__ = ["REPOSITORY", "AclAnthology", "fetch_repository", "parse_paper", "parse_volume"]

#: Where :func:`fetch_repository` clones from.
REPOSITORY = "https://github.com/acl-org/acl-anthology.git"

# What the library raises on values that it does not accept (its own errors are ValueErrors).
_REFUSALS = (ValueError, TypeError, AttributeError, KeyError)
_OTHER_TAG = re.compile(r"<(?!/?fixed-case\b)")
_VOLUME_PARTS = frozenset({"month", "year", "venue"})
_PAPER_PARTS = frozenset({"title", "author", "abstract", "doi", "month"})


class AclAnthology:
    """A directory in the official layout: ``data`` itself, or the directory that holds it."""

    name = "acl-anthology"

    def read(self, location: Path, *, progress: Progress | None = None) -> Iterator[Record]:
        """See :meth:`recsys.sources.base.Source.read`; progress counts XML files.

        Front matter, back matter and entries without any author (indexes, advertisements, newsletters) are no
        papers and passed over. A bad paper is rejected by its id; a file that breaks off is rejected by its
        name, after the papers before the break.
        """
        data = existing(location, directory=True)
        data = data / "data" if (data / "data" / "xml").is_dir() else data
        files = sorted(data.glob("xml/*.xml"))
        if not files:
            raise SourceError(
                f"{location} does not hold the ACL Anthology's files: there is no data/xml/*.xml in it.",
                hint="Name a checkout of the acl-anthology repository, or its data directory.",
            )
        return _read_files(files, _library(data), Directory.load(data), progress)


def fetch_repository(path: Path, *, url: str = REPOSITORY, clone: Callable[..., Any] | None = None) -> Path:
    """Clone the Anthology's repository to `path` (or bring the clone there up to date) by its own library.

    Args:
        path: the directory of the clone.
        url: the repository.
        clone: called like ``acl_anthology.Anthology.from_repo``, which is the default.

    Returns:
        The data directory, for :meth:`AclAnthology.read`.

    Raises:
        SourceError: the repository could not be fetched.
    """
    from git.exc import GitError

    if clone is None:
        from acl_anthology import Anthology

        clone = Anthology.from_repo
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about schema versions: no concern of a reader
            return Path(clone(url, path=path, suppress_warnings=None, verbose=False).datadir)
    except (GitError, OSError) as error:
        raise SourceError(
            f"{url} could not be cloned to {path}: {_first_line(error)}.",
            hint="Check the network, or download the repository yourself and name its directory.",
        ) from error


def parse_volume(collection: Any, meta: Any) -> Any:
    """The library's ``Volume`` of one ``<meta>`` element (lxml) within its ``<volume>``.

    Raises:
        RecordError: the library refuses it.
    """
    from acl_anthology.collections import Volume
    from lxml import etree

    # A title is required but not used; of a journal the library wants to know more than is used here.
    volume = etree.Element("volume", {"id": meta.getparent().get("id") or "", "type": "proceedings"})
    slim = _slim(meta, {}, _VOLUME_PARTS)
    etree.SubElement(slim, "booktitle").text = "-"
    volume.append(slim)
    try:
        return Volume.from_xml(collection, slim)
    except _REFUSALS as error:
        raise RecordError(f"volume refused by the acl-anthology library: {_first_line(error)}") from error


def parse_paper(volume: Any, element: Any, directory: Directory) -> Paper:
    """The paper of one ``<paper>`` element (lxml) in `volume`, a result of :func:`parse_volume`.

    Raises:
        RecordError: the library refuses it, or it lacks what a paper must have.
    """
    from acl_anthology.collections import Paper as LibraryPaper
    from lxml import etree

    slim = _slim(element, {"id": element.get("id") or ""}, _PAPER_PARTS)
    etree.SubElement(slim, "bibkey").text = "not-used"
    # Ids and ORCIDs are taken as they stand: the library refuses an older spelling (yang-liu-Helsinki).
    stated = [
        (author.attrib.pop("id", None), author.attrib.pop("orcid", None))
        for author in slim.iterfind("author")
    ]
    try:
        paper = LibraryPaper.from_xml(volume, slim)
    except _REFUSALS as error:
        raise RecordError(f"refused by the acl-anthology library: {_first_line(error)}") from error
    authors = [
        {
            "name": f"{slot.first or ''} {slot.last or ''}",
            "id": explicit or directory.people.resolve(slot.first, slot.last or ""),
            "affiliation": slot.affiliation,
            "orcid": orcid,
        }
        for slot, (explicit, orcid) in zip(paper.authors, stated, strict=True)
    ]
    title, original_title = _texts(paper.title)
    abstract, original_abstract = _texts(paper.abstract)
    month = month_number(paper.month or "")
    return make_paper(
        source=AclAnthology.name,
        id=paper.full_id,
        title=title,
        abstract=abstract,
        year=volume.year,
        date=f"{volume.year}-{month:02}" if month else None,
        venue=directory.venue(volume.parent.id, volume.venue_ids),
        doi=paper.doi,
        url=f"https://aclanthology.org/{paper.full_id}/",
        authors=authors,
        withdrawn=any(element.find(tag) is not None for tag in ("removed", "retracted")),
        original_title=original_title,
        original_abstract=original_abstract,
    )


def _library(data: Path) -> Any:
    from acl_anthology import Anthology

    class Reader(Anthology):  # type: ignore[misc]
        """The library without its check of schema.rnc: older data is welcome, the file may be missing."""

        def _check_schema_compatibility(self) -> None:
            return

    return Reader(data, verbose=False)


def _read_files(
    files: list[Path], library: Any, directory: Directory, progress: Progress | None
) -> Iterator[Record]:
    for done, path in enumerate(files, start=1):
        yield from _read_file(path, library, directory)
        if progress is not None:
            progress(done, len(files))


def _read_file(path: Path, library: Any, directory: Directory) -> Iterator[Record]:
    from acl_anthology.collections import Collection
    from lxml import etree

    volume = None
    try:
        collection = Collection(path.stem, library.collections, path)
        for _, element in etree.iterparse(
            str(path), tag=("meta", "paper", "frontmatter"), resolve_entities=False, no_network=True
        ):
            parent = element.getparent()
            if parent is None or parent.tag != "volume":
                continue
            try:
                if element.tag == "meta":
                    volume = None
                    volume = parse_volume(collection, element)
                elif element.tag == "paper" and volume is not None and _is_paper(element):
                    yield parse_paper(volume, element, directory)
            except RecordError as error:
                place = f"{path.stem} volume {parent.get('id')} paper {element.get('id')}"
                what = "; its papers were passed over" if element.tag == "meta" else ""
                raw = etree.tostring(element, encoding="utf-8", with_tail=False)
                yield Rejected(str(path), place, error.message + what, raw)
            element.clear()
    except (etree.XMLSyntaxError, OSError, ValueError) as error:
        yield Rejected(str(path), path.name, f"file cannot be read on: {_first_line(error)}", bytes(path))


def _is_paper(element: Any) -> bool:
    return element.get("type") not in ("frontmatter", "backmatter") and element.find("author") is not None


def _slim(element: Any, attributes: dict[str, str], parts: frozenset[str]) -> Any:
    from lxml import etree

    slim = etree.Element(element.tag, attributes)
    slim.extend(copy(child) for child in element if child.tag in parts)
    return slim


def _texts(markup: Any) -> tuple[str | None, str | None]:
    """(text with maths as TeX between dollars, the XML it came from or None where that says no more)."""
    if markup is None:
        return None, None
    # Not the library's as_text(): it joins the words at a line break and turns TeX into other
    # characters.
    xml = markup.as_xml()
    if not markup.contains_markup:
        return unescape(xml), None
    from lxml import etree

    # Marks of capitals to keep are in half of all titles and are nothing to show.
    only_case = not _OTHER_TAG.search(xml)
    return _flat(etree.fromstring(f"<text>{xml}</text>")), None if only_case else xml


def _flat(element: Any) -> str:
    pieces = [element.text or ""]
    for child in element:
        if child.tag == "tex-math":
            pieces.append(f"${''.join(child.itertext()).strip()}$")
        elif child.tag in ("par", "br"):
            pieces.append(" ")
        elif isinstance(child.tag, str):  # neither comment nor processing instruction
            pieces.append(_flat(child))
        pieces.append(child.tail or "")
    return "".join(pieces)


def _first_line(error: Exception) -> str:
    text = str(error.args[0] if error.args else error).strip().splitlines() or [type(error).__name__]
    return text[0][:200]
