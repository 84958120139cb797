"""OpenReview's dataset directory: archives by person, submissions in three forms."""

from pathlib import Path

import orjson
import pytest

from recsys.errors import RecordError, SourceError
from recsys.records import Author, Paper
from recsys.sources import Rejected, source
from recsys.sources.openreview import parse_note, profile_name

JULY = 1_593_950_400_000  # 2020-07-05T12:00:00Z


def note(id: str, title: str, **more: object) -> dict[str, object]:
    return {"id": id, "content": {"title": title}, **more}


def write(path: Path, *notes: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(n if isinstance(n, bytes) else orjson.dumps(n) for n in notes))


def test_a_publication_of_two_people_is_one_paper(tmp_path: Path) -> None:
    write(
        tmp_path / "archives" / "~Ann_Lee1.jsonl",
        note("p1", "Shared", cdate=JULY),
        note("p2", "Ann's"),
        b"{oops",
    )
    write(tmp_path / "archives" / "~Bob_van_Dam2.jsonl", note("p1", "Shared", cdate=JULY))
    seen: list[tuple[int, int]] = []
    shared, anns, rejected = source("openreview").read(tmp_path, progress=lambda *now: seen.append(now))
    assert shared == Paper(
        id="p1",
        title="Shared",
        source="openreview",
        year=2020,
        date="2020-07-05",
        authors=(Author("Ann Lee", "~Ann_Lee1"), Author("Bob van Dam", "~Bob_van_Dam2")),
    )
    assert isinstance(anns, Paper)
    assert anns.authors == (Author("Ann Lee", "~Ann_Lee1"),)
    assert isinstance(rejected, Rejected)
    assert (rejected.location, rejected.position, rejected.raw) == (
        str(tmp_path / "archives" / "~Ann_Lee1.jsonl"), 3, b"{oops",
    )  # fmt: skip
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize("form", ["submissions.json", "submissions.jsonl", "submissions/s1.jsonl"])
def test_submissions_in_each_form(tmp_path: Path, form: str) -> None:
    submission = {"id": "s1", "content": {"title": {"value": "New"}, "abstract": {"value": "Text"}}}
    path = tmp_path / form
    write(path, {"s1": submission, "s2": 5} if form.endswith(".json") else submission)
    first, *rest = source("openreview").read(tmp_path)
    assert first == Paper(id="s1", title="New", source="openreview", abstract="Text")
    assert rest == (
        [Rejected(str(path), "s2", "note is not an object", b"5")] if form.endswith(".json") else []
    )


def test_printed_authors_keep_their_order_and_gain_the_owners() -> None:
    content = {
        "title": "T",
        "authors": {"value": ["Zoe Z.", "Ann Lee", "Max M."]},
        "authorids": {"value": ["~Zoe_Z1", "ann@example.org", "max@example.org"]},
        "venue": {"value": "ICLR 2024"},
        "venueid": {"value": "ICLR.cc/2024/Conference/Withdrawn_Submission"},
        "keywords": "one, two",
    }
    paper = parse_note(
        {"id": "n", "forum": "f1", "pdate": JULY, "content": content}, ("~Zoe_Z1", "~Ann_Lee1", "~X_Y1")
    )
    assert paper == Paper(
        id="n",
        title="T",
        source="openreview",
        year=2020,
        date="2020-07-05",
        venue="ICLR 2024",
        url="https://openreview.net/forum?id=f1",
        keywords=("one", "two"),
        authors=(
            Author("Zoe Z.", "~Zoe_Z1"),
            Author("Ann Lee", "~Ann_Lee1"),
            Author("Max M."),
            Author("X Y", "~X_Y1"),
        ),
        withdrawn=True,
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"id": "n"}, "content is missing"),
        ({"id": "n", "content": "x"}, "content is 'x', not an object"),
        ({"id": "n", "content": {}}, "title is missing"),
        ({"content": {"title": "T"}}, "id is missing"),
        (note("n", "T", cdate="soon"), "cdate is 'soon', not milliseconds since 1970"),
        (note("n", "T", mdate=10**30), f"mdate {10**30} is out of range"),
    ],
)
def test_bad_notes_are_refused(bad: dict[str, object], reason: str) -> None:
    with pytest.raises(RecordError) as refused:
        parse_note(bad)
    assert refused.value.message == reason


def test_a_directory_without_the_layout(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds neither"):
        source("openreview").read(tmp_path)
    write(tmp_path / "submissions.json", b"[1]")
    with pytest.raises(SourceError, match="holds a JSON list, not an object"):
        list(source("openreview").read(tmp_path))


@pytest.mark.parametrize(
    ("profile", "name"), [("~Jane_van_Doe12", "Jane van Doe"), ("jane@x.org", "jane@x.org")]
)
def test_profile_names(profile: str, name: str) -> None:
    assert profile_name(profile) == name
