"""Good records go into the store, bad ones into the rejects file, and a strict ingest is all or nothing."""

import csv

import pytest

from recsys.build import ingest as module
from recsys.build.ingest import ingest
from recsys.errors import RejectedRecord
from recsys.records import Paper
from recsys.sources.base import Rejected


def paper(number: int, title: str = "A title") -> Paper:
    return Paper(id=f"n{number}", title=title, source="toy")


BAD = Rejected("in.jsonl", 2, "title is missing", b'{"id":"x"}')
WORSE = Rejected("in.jsonl", 4, "not JSON", b"\xff\xfe{\nmore")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)


def test_bad_records_are_counted_shown_and_kept(toy, tmp_path):
    rejects = tmp_path / "rejects"
    progress = []
    report = ingest(
        toy.database,
        [paper(1), BAD, paper(2), WORSE, paper(1, "Another title")],
        label="jsonl",
        rejects=rejects,
        on_records=lambda *seen: progress.append(seen),
    )
    assert (report.read, report.rejected) == (5, 2)
    assert (report.counts.added, report.counts.updated, report.counts.unchanged) == (2, 1, 0)
    assert report.first_rejects == (BAD, WORSE)
    assert report.rejects_file.read_bytes() == b'{"id":"x"}\n\xff\xfe{\nmore\n'
    with report.reasons_file.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "location", "position", "reason"],
            ["1", "in.jsonl", "2", "title is missing"],
            ["2", "in.jsonl", "4", "not JSON"],
        ]
    assert sorted(rejects.iterdir()) == sorted([report.rejects_file, report.reasons_file])
    assert progress == [(2, 1), (4, 2), (5, 2)]
    assert toy.papers.get("n1").title == "Another title"


def test_the_same_again_changes_nothing_and_leaves_no_file(toy, tmp_path):
    records = [paper(1), paper(2), paper(3)]
    first = ingest(toy.database, records, label="jsonl", rejects=tmp_path / "rejects")
    again = ingest(toy.database, records, label="jsonl", rejects=tmp_path / "rejects")
    assert (first.counts.added, again.counts.added, again.counts.unchanged) == (3, 0, 3)
    assert again.rejects_file is None
    assert not (tmp_path / "rejects").exists()


def test_strict_stops_at_the_first_bad_record_and_writes_nothing(toy, tmp_path):
    before = toy.papers.counts()
    with pytest.raises(RejectedRecord, match=r"in\.jsonl, line 2: title is missing\. Nothing was written"):
        ingest(
            toy.database,
            [paper(1), paper(2), paper(3), BAD, WORSE],
            label="jsonl",
            rejects=tmp_path / "rejects",
            strict=True,
        )
    assert toy.papers.counts() == before
    assert not (tmp_path / "rejects").exists()


def test_strict_with_good_records_writes_them_all(toy, tmp_path):
    report = ingest(
        toy.database, [paper(n) for n in range(5)], label="jsonl", rejects=tmp_path / "rejects", strict=True
    )
    assert report.counts.added == 5
    assert toy.papers.get("n4").title == "A title"


def test_a_source_that_breaks_off_leaves_no_half_rejects_file(toy, tmp_path):
    def records():
        yield BAD
        yield paper(1)
        yield paper(2)
        raise OSError("the disk has gone")

    with pytest.raises(OSError, match="disk"):
        ingest(toy.database, records(), label="jsonl", rejects=tmp_path / "rejects")
    assert list((tmp_path / "rejects").iterdir()) == []
    assert toy.papers.get("n1").title == "A title"
