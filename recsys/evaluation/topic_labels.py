"""Labels of papers, as topics are judged by. Pure parsing: no file is opened.

CSV of two columns with a header: the first is ``paper_id`` or ``id``, the second has any name, such as ``label`` or
``track``. A paper has one label. One that the file gives several different ones is not judged, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recsys.errors import SourceError
from recsys.evaluation.datasets import csv_fields, decoded, shown_value

__all__ = ["PaperLabels", "parse_labels"]

_IDS = ("paper_id", "id")


@dataclass(frozen=True)
class PaperLabels:
    """The labels of one file.

    Attributes:
        name: of the file, for messages.
        column: what the labels are called there.
        labels: paper id → label, of papers with one label, in the file's order.
        several: ids of the papers with several labels.
    """

    name: str
    column: str
    labels: Mapping[str, str]
    several: frozenset[str]

    @property
    def papers(self) -> frozenset[str]:
        """Every id that occurs in the file."""
        return self.several.union(self.labels)


def parse_labels(lines: Iterable[tuple[int, bytes]], name: str) -> PaperLabels:
    """Read labels.

    Args:
        lines: (line number, line without its end) pairs without blank lines, as
            :func:`recsys.sources.lines.read_lines` gives them.
        name: of the file, for messages.

    Raises:
        SourceError: a line is not what it should be; names file, line and value.
    """
    numbered = iter(lines)
    first = next(numbered, None)
    if first is None:
        raise SourceError(f"{name} is empty.", hint="It should hold CSV lines: paper_id,label.")
    column = _header(name, *first)
    labels: dict[str, str] = {}
    several: set[str] = set()
    for number, line in numbered:
        fields = [field.strip() for field in csv_fields(name, number, decoded(name, number, line))]
        if len(fields) != 2 or not all(fields):
            raise SourceError(
                f"{name}, line {number} should have 2 values, none of them empty: {shown_value(line.decode())}.",
                hint="Mend the line or take it out; a value with a comma in it stands in double quotes.",
            )
        paper, label = fields
        if labels.setdefault(paper, label) != label:
            several.add(paper)
    if not labels:
        raise SourceError(
            f"{name} has a header and no labels.", hint="Each further line should be one paper."
        )
    for paper in several:
        del labels[paper]
    return PaperLabels(name, column, labels, frozenset(several))


def _header(name: str, number: int, line: bytes) -> str:
    """What the second column is called."""
    text = decoded(name, number, line)
    fields = [field.strip() for field in csv_fields(name, number, text)]
    if len(fields) != 2 or fields[0].casefold() not in _IDS or not fields[1]:
        raise SourceError(
            f"{name}, line {number} is no header of labels: {shown_value(text)}.",
            hint="Begin with paper_id,label; the second column may have another name.",
        )
    return fields[1]
