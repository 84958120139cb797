"""``recsys topics`` on topics made by hand: what is printed, what is written, and what an editor may do."""

import csv
import getpass
import io
import json
import os
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from typer.testing import CliRunner

from recsys.build.lock import writing
from recsys.cli.main import app
from recsys.cli.topic_lines import year_rows
from recsys.cli.topic_words import (
    chain,
    change_in_words,
    terms_within,
    topic_named,
    tree_lines,
    trend_in_full,
    trend_in_words,
)
from recsys.deployment import Deployment
from recsys.errors import InvalidRequest, LockHeld, NotFound, RecsysError, TopicNotFound
from recsys.index.topics import no_topics
from recsys.records import Topic, TopicChange, Trend
from recsys.service import TopicPlace
from recsys.settings import Settings
from tests import toy_topics
from tests.fakes import WordEmbedder

ABSTRACT = "We train a chatbot for open-domain conversation that keeps a consistent persona in a dialogue."
TOPICS = toy_topics.index().all


@pytest.fixture(autouse=True)
def _words(monkeypatch):
    monkeypatch.setattr(Deployment, "embedder_for", lambda self, model: WordEmbedder())


@pytest.fixture(scope="module")
def published(make_toy, tmp_path_factory):
    """A deployment that tests only read."""
    toy = make_toy(tmp_path_factory.mktemp("topics"))
    toy.build()
    toy_topics.publish(toy)
    return toy.folder


@pytest.fixture
def own(toy):
    """A deployment that the test may change."""
    toy_topics.publish(toy)
    return toy.folder


def run(data, *arguments, stdin=None):
    return CliRunner().invoke(app, ["--data", str(data), *arguments], input=stdin)


def done(data, *arguments, **options):
    result = run(data, *arguments, **options)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def answer(data, *arguments, **options):
    return json.loads(done(data, *arguments, "--json", **options).stdout)


def refused(data, *arguments):
    result = run(data, *arguments)
    assert isinstance(result.exception, RecsysError), result.output
    assert result.stdout == ""
    return result.exception


# -- reading -----------------------------------------------------------------------------------------------------------


def test_the_tree_is_indented_the_largest_first(published):
    shown = done(published, "topics")
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["topic", "id", "papers", "trend", "terms"]
    assert [re.search(r"t[bdf]\d{7}", line)[0] for line in lines[1:]] == [
        "tf0000001",
        "tf0000011",
        "tf0000012",
        "td0000001",
        "td0000012",
        "td0000011",
        "tb0000001",
        "tb0000011",
    ]
    dialogue, tasks = lines[4:6]
    assert dialogue.split("  ")[0] == "Dialogue systems"
    assert dialogue.endswith("6  rising 12 %/year  dialogue system, conversation, persona")
    assert tasks.startswith("  Task-oriented dialogue  ")
    assert "steady" in lines[7]
    assert shown.stderr == "3 / 5 topics at 2 levels.\n"


def test_the_tree_down_to_a_level(published):
    shown = done(published, "topics", "--level", "1")
    assert [line.split("  ")[0] for line in shown.stdout.splitlines()[1:]] == [
        "Language structure",
        "Dialogue systems",
        "Policy learning",
    ]
    assert "`recsys topics --level 2` shows more." in shown.stderr
    assert [topic["id"] for topic in answer(published, "topics", "--level", "1")["topics"]] == [
        "tf0000001",
        "td0000001",
        "tb0000001",
    ]
    assert len(answer(published, "topics")["topics"]) == 8
    assert refused(published, "topics", "--level", "3").hint == "Ask for 1 to 2."


def test_of_a_large_tree_the_coarsest_levels_are_shown(published, monkeypatch):
    monkeypatch.setattr("recsys.cli.topics.LINES", 7)
    monkeypatch.setattr("recsys.cli.topics.COARSEST", 1)
    shown = done(published, "topics")
    assert len(shown.stdout.splitlines()) == 1 + 3
    assert "3 / 5 topics at 2 levels. `recsys topics --level 2` shows more." in shown.stderr
    assert len(done(published, "topics", "--level", "2").stdout.splitlines()) == 1 + 8


names = st.text(st.characters(codec="utf-8", categories=["L", "N", "Zs"]), min_size=1, max_size=70).map(
    lambda name: " ".join(name.split()) or "x"
)


@given(st.lists(st.tuples(names, st.lists(names, max_size=10)), min_size=1, max_size=6), st.integers(60, 250))
@example([("0" * 18 + "々" * 3, [])], 60)
def test_the_tree_fits_the_terminal(described, width):
    topics, parent = [], None
    for level, (name, terms) in enumerate(described[:3], 1):
        topic = Topic(f"t{level:08x}", level, parent, name, 10**level, tuple(terms), trend=toy_topics.RISING)
        topics.append(topic)
        parent = topic.id
    lines = list(tree_lines(topics, width))
    assert len(lines) == len(topics) + 1
    for topic, line in zip(topics, lines[1:], strict=True):
        assert cell_len(line.plain) <= width
        assert topic.id in line.plain
        assert line.plain.startswith("  " * (topic.level - 1))


def test_one_topic(published):
    shown = done(published, "topics", "show", "td0000001").stdout
    assert shown.splitlines()[:4] == ["Dialogue systems", "id        td0000001", "level     1", "papers    6"]
    assert "terms     dialogue system, conversation, persona" in shown
    assert (
        "trend     rising: its share of all papers changed by +12.1% a year from 2015 to 2024 "
        "(95 % interval +5.1% to +19.5%, p = 0.003)"
    ) in shown
    assert "formerly  tc0000001" in shown
    assert "SIGDIAL 1" in shown
    assert "A Persona-Grounded Chatbot for Open-Domain Conversation" in shown
    years = shown[shown.index("Papers a year") :].splitlines()[1:5]
    assert [line.split()[:2] for line in years] == [
        ["2018", "1"],
        ["2019", "2"],
        ["2020", "0"],
        ["2021", "3"],
    ]
    assert [line.count("█") for line in years] == [13, 26, 0, 40]
    children = shown[shown.index("Sub-topics") :].splitlines()[1:3]
    assert [line.split()[-2] for line in children] == ["td0000012", "td0000011"]
    within = done(published, "topics", "show", "parsing").stdout
    assert "within    Language structure (tf0000001)" in within
    merged = done(published, "topics", "show", "tc0000001").stdout
    assert merged.splitlines()[:2] == ["tc0000001 has become part of td0000001.", "Dialogue systems"]
    assert answer(published, "topics", "show", "td0000001")["years"][0] == {"year": 2018, "papers": 1}


@pytest.mark.parametrize(
    ("named", "topic"),
    [
        ("td0000012", "td0000012"),
        ("td000001", None),
        ("tf", None),
        ("PARSING", "tf0000012"),
        (" machine   translation ", "tf0000011"),
        ("policy learning", "tb0000001"),  # and not the one whose name begins so
        ("te1234567", "te1234567"),  # the service says that there is none
        ("tb0000011", "tb0000011"),
    ],
)
def test_a_topic_is_named_by_its_id_its_beginning_or_its_name(named, topic):
    if topic is None:
        with pytest.raises(InvalidRequest, match=r"may be t\w+ \("):
            topic_named(TOPICS, named)
    else:
        assert topic_named(TOPICS, named) == topic


def test_the_beginning_of_an_id_is_enough_where_it_is_one_topics():
    assert topic_named(TOPICS[:3], "tf") == "tf0000001"
    with pytest.raises(InvalidRequest) as caught:
        topic_named(TOPICS, "tf")
    assert "tf0000001 (Language structure), tf0000011 (Machine translation)" in caught.value.message
    with pytest.raises(TopicNotFound, match="No topic is called 'parsin'"):
        topic_named(TOPICS, "parsin")


def test_papers_of_a_topic(published):
    shown = done(published, "topics", "papers", "Dialogue systems", "--limit", "6", "--after", "d1")
    heads = shown.stdout.splitlines()[::2]
    assert [head[:12] for head in heads] == [
        "      74 %  ",
        "      73 %  ",
        "      72 %  ",
        "      71 %  ",
        "      70 %  ",
        " #2   25 %  ",
    ]
    assert shown.stdout.splitlines()[1].endswith("· d2")
    assert shown.stderr == "7 papers belong to Dialogue systems (td0000001).\n"
    first = done(published, "topics", "papers", "td0000001", "--limit", "1")
    assert "More: recsys topics papers td0000001 --after d1" in first.stderr
    found = answer(published, "topics", "papers", "td0000001", "--limit", "2")
    assert [(paper["id"], paper["rank"]) for paper in found["papers"]] == [("d1", 1), ("d2", 1)]
    assert found["next"] == "d2"
    assert "limit is 0" in refused(published, "topics", "papers", "td0000001", "--limit", "0").message


def test_assign(published):
    shown = done(published, "topics", "assign", ABSTRACT).stdout.splitlines()
    assert re.fullmatch(r"level 1 +\d+ %  Dialogue systems  td0000001", shown[0])
    assert any(re.fullmatch(r"level 2 +(\d+ %  |none: ).*", line) for line in shown)
    assert re.fullmatch(r"on map +\d+\.\d{4}, -\d+\.\d{4}", shown[-1])
    found = answer(published, "topics", "assign", "-", stdin=ABSTRACT)
    assert found["topics"][0]["id"] == "td0000001"
    assert found["close"] is True
    nothing = done(published, "topics", "assign", "zebra soup recipe").stdout
    assert nothing == "Close to no topic: nothing in the corpus is close to this.\n"
    assert answer(published, "topics", "assign", "zebra soup recipe")["topics"] == []
    assert "the limit is 20000" in refused(published, "topics", "assign", "a" * 20_001).message


def test_changes(published):
    lines = done(published, "topics", "changes").stdout.splitlines()
    assert lines == [
        "2026-11-01T08:00:00Z: 1 gone, 1 grown, 1 kept, 1 merged, 1 split",
        "  grown    level 1  td0000001 (Dialogue systems)  4 → 6",
        "  merged   level 1  tb0000001 (Policy learning)  2 → 5  from: te0000001 (Rewards)",
        "  gone     level 1  te0000001 (Rewards)  3  most papers went to: tb0000001 (Policy learning), "
        "tf0000001 (Language structure)",
        "  split    level 2  td0000012 (Task-oriented dialogue)  6 → 4  into: td0000011 (Open-domain chatbots)",
    ]
    every = done(published, "topics", "changes", "--all").stdout.splitlines()
    assert every[:5] == lines
    assert every[5:] == ["2026-10-01T08:00:00Z: 1 new", "  new      level 1  td0000001 (Dialogue systems)  4"]
    assert len(answer(published, "topics", "changes")["changes"]) == 5
    assert len(answer(published, "topics", "changes", "--all")["changes"]) == 6
    change = TopicChange("", "shrunk", 1, "t1", "A", 1200, 900, ("t2",))
    assert change_in_words(change, {}) == "t1 (A)  1,200 → 900  with: t2"


def test_search_related_and_show_know_topics(published):
    assert done(published, "search", ABSTRACT).stdout.startswith("Topics: Dialogue systems ")
    found = answer(published, "search", "parser", "--topic", "parsing", "-k", "9", "--fields", "topics")
    assert {result["id"] for result in found["results"]} == {"p1", "p2", "p3", "p4"}
    assert found["results"][0]["topics"][1]["id"] == "tf0000012"
    related = answer(published, "related", "m1", "--topic", "tb0000001", "-k", "9")
    assert {result["id"] for result in related["results"]} == {"r1", "r2", "r3", "r4", "r5"}
    assert "No topic is called 'cooking'" in refused(published, "search", "a", "--topic", "cooking").message
    assert "no topic 't12345678'" in refused(published, "related", "m1", "--topic", "t12345678").message
    shown = done(published, "show", "r1").stdout
    assert (
        "topics    Policy learning 60 % › Policy learning from rewards 60 % · also Dialogue systems 25 %"
        in shown
    )
    assert answer(published, "show", "r1")["point"] == [15.0, -1.875]


def test_words_for_trends():
    assert trend_in_words(toy_topics.RISING) == "rising 12 %/year"
    assert (
        trend_in_words(replace(toy_topics.RISING, direction="falling", change=-0.0849)) == "falling 8 %/year"
    )
    assert (trend_in_words(toy_topics.STEADY), trend_in_words(Trend())) == ("steady", "")
    assert trend_in_full(Trend()) == "unknown: too few papers or years to test"
    assert "p < 0.001" in trend_in_full(replace(toy_topics.RISING, p=0.00001))


def test_further_topics_are_told_where_there_is_room():
    first, second, third = (
        TopicPlace(topic, rank, strength)
        for topic, rank, strength in zip(TOPICS[:3], (1, 2, 3), (0.5, 0.3, 0.2), strict=True)
    )
    below = TopicPlace(TOPICS[3], 1, 0.4)
    main = "Dialogue systems 50 % › Open-domain chatbots 40 %"
    places = [first, second, third, below]
    whole = f"{main} · also Language structure 30 %, Policy learning 20 %"
    assert chain(places, len(whole)) == whole
    assert chain(places, len(whole) - 1) == f"{main} · also Language structure 30 %"
    assert chain(places, 10) == main
    assert chain([second], 50) == "Language structure 30 %"
    assert chain([], 50) == ""
    assert terms_within(("ab", "cd", "e"), 6) == "ab, cd"


def test_early_years_are_one_row():
    years = [(1990, 2), (1995, 1), *((year, year - 2000) for year in range(2004, 2026))]
    rows = year_rows(years)
    assert rows[:2] == [("–2005", 2 + 1 + 4 + 5), ("2006", 6)]
    assert rows[-1] == ("2025", 25)
    assert len(rows) == 21
    assert year_rows([(2020, 3)]) == [("2020", 3)]


# -- files -------------------------------------------------------------------------------------------------------------


def test_every_paper_has_a_row_at_every_level(own, tmp_path):
    done(own, "topics", "rename", "Parsing", 'Trees, "charts"')
    path = tmp_path / "topics.csv"
    told = done(own, "topics", "export", str(path))
    assert (told.stdout, told.stderr) == ("", "41 rows: 20 papers, 2 levels.\n")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    assert list(rows[0]) == ["paper_id", "level", "topic_id", "topic_name", "strength", "rank"]
    main = {(row["paper_id"], row["level"]): row for row in rows if row["rank"] == "1"}
    assert len(main) == 40
    assert main["p1", "2"] == {
        "paper_id": "p1",
        "level": "2",
        "topic_id": "tf0000012",
        "topic_name": 'Trees, "charts"',
        "strength": "0.64",
        "rank": "1",
    }
    assert [row for row in rows if row["rank"] != "1"] == [
        {
            "paper_id": "r1",
            "level": "1",
            "topic_id": "td0000001",
            "topic_name": "Dialogue systems",
            "strength": "0.25",
            "rank": "2",
        }
    ]
    assert done(own, "topics", "export", "-").stdout == path.read_text(encoding="utf-8")
    assert "directory" in refused(own, "topics", "export", str(tmp_path)).message


def test_the_map_as_a_picture_and_as_a_page(own, tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    done(own, "topics", "hide", "Policy learning")
    svg = tmp_path / "map.svg"
    told = done(own, "topics", "map", "--out", str(svg), "--title", "Toy")
    assert told.stderr == f"{svg}: 20 papers.\n"
    assert "<dc:description>Dialogue systems, Language structure</dc:description>" in svg.read_text()
    page = tmp_path / "map.html"
    done(own, "topics", "map", "--out", str(page), "--level", "1")
    text = page.read_text(encoding="utf-8")
    assert "Constituency Parsing with Span" in text
    assert "20 papers, 2 topics" in text
    assert "Policy learning" not in text
    assert "Open-domain chatbots" not in text
    assert ".png, .svg or .html" in refused(own, "topics", "map", "--out", "map.pdf").hint
    missing = tmp_path / "missing" / "map.svg"
    assert "cannot be written" in refused(own, "topics", "map", "--out", str(missing)).message
    assert "is a directory" in refused(own, "topics", "map", "--out", str(tmp_path)).message
    assert sorted(os.listdir(tmp_path)).count("map.svg") == 1


def test_without_topics_the_next_step_is_named(toy, tmp_path):
    toy_topics.publish(toy, no_topics(20))
    shown = done(toy.folder, "topics")
    assert shown.stdout == "There are no topics.\n"
    assert "recsys build" in shown.stderr
    assert done(toy.folder, "topics", "assign", ABSTRACT).stdout == "There are no topics.\n"
    assert done(toy.folder, "topics", "changes").stdout == "No build has changed any topic yet.\n"
    assert answer(toy.folder, "topics")["levels"] == 0
    for arguments in (("export", str(tmp_path / "x.csv")), ("map", "--out", str(tmp_path / "x.svg"))):
        assert "recsys build" in refused(toy.folder, "topics", *arguments).hint
    assert not (tmp_path / "x.csv").exists()


def test_options_before_a_command_are_refused(published):
    for arguments in (("--level", "1", "show", "tf0000001"), ("--json", "changes")):
        result = run(published, "topics", *arguments)
        assert result.exit_code == 2
        assert "alone" in result.stderr


# -- editors -----------------------------------------------------------------------------------------------------------


def test_decisions_are_checked_kept_shown_and_undone(own):
    told = done(
        own, "topics", "rename", "dialogue systems", "Conversation", "--by", "Ada", "--note", "shorter"
    )
    assert "Edit 1: rename td0000001 (Dialogue systems) to 'Conversation'. It acts at once." in told.stderr
    assert "`recsys topics undo 1` takes it back." in told.stderr
    shown = done(own, "topics", "show", "Conversation").stdout
    assert "rename td0000001 to 'Conversation', by Ada: shorter" in shown
    for arguments in (
        ("merge", "parsing", "--into", "machine translation"),
        ("split", "td0000012", "--parts", "2"),
        ("pin", "tb0000001"),
    ):
        assert "It acts with the next `recsys build`." in done(own, "topics", *arguments).stderr
    assert "at once" in done(own, "topics", "hide", "tb0000011").stderr
    assert "tb0000011" not in done(own, "topics").stdout
    listed = answer(own, "topics", "edits")["edits"]
    assert [(edit["number"], edit["kind"], edit["topic"]) for edit in listed] == [
        (1, "rename", "td0000001"),
        (2, "merge", "tf0000012"),
        (3, "split", "td0000012"),
        (4, "pin", "tb0000001"),
        (5, "hide", "tb0000011"),
    ]
    assert (listed[1]["into"], listed[2]["parts"], listed[0]["note"]) == ("tf0000011", 2, "shorter")
    assert [edit["by"] for edit in listed] == ["Ada", *[getpass.getuser()] * 4]

    undone = done(own, "topics", "undo", "1", "--by", "Bob").stderr
    assert undone == "Undone: edit 1, rename td0000001 to 'Conversation'. It acts at once.\n"
    assert done(own, "topics", "show", "td0000001").stdout.startswith("Dialogue systems\n")
    lines = done(own, "topics", "edits").stdout.splitlines()
    assert "  Ada  rename td0000001 to 'Conversation'  shorter  undone by Bob at " in lines[0]
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rename", "td0000001", "parsing"), "tf0000012 is called 'Parsing' already"),
        (("rename", "td0000001", "=SUM(A1)"), "cannot begin with '='"),
        (("rename", "td0000001", "  "), "The name is empty"),
        (("rename", "cooking", "Food"), "No topic is called 'cooking'"),
        (("merge", "td0000001", "--into", "td0000011"), "lies within"),
        (("merge", "td0000001", "--into", "tb0000011"), "of level 1"),
        (("merge", "td0000001", "--into", "td0000001"), "cannot become part of itself"),
        (("split", "td0000011", "--parts", "2"), "too few for 2 parts"),
        (("split", "tf0000001", "--parts", "1"), "cannot be split into 1"),
        (("hide", "tc0000001"), "has become part of td0000001"),
        (("pin", "t12345678"), "There is no topic 't12345678'"),
        (("undo", "7"), "There is no edit 7"),
    ],
)
def test_what_makes_no_sense_is_refused(published, arguments, said):
    assert said in refused(published, "topics", *arguments).message
    assert done(published, "topics", "edits").stdout == "Nothing was decided yet.\n"


def test_undoing_a_name_that_is_taken_by_now_is_refused(own):
    done(own, "topics", "rename", "Parsing", "Syntax")
    done(own, "topics", "rename", "Policy learning", "Parsing")
    assert "is called 'Parsing' already" in refused(own, "topics", "undo", "1").message


def test_an_editor_waits_for_a_build(own):
    with writing(Settings.load(own).lock, "recsys build"):
        error = refused(own, "topics", "hide", "Parsing")
    assert isinstance(error, LockHeld)
    assert "`recsys build`" in error.message


def test_an_editor_without_a_name_is_asked_for_one(own, monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert refused(own, "topics", "hide", "Parsing").hint == "Say it with --by NAME."
    assert done(own, "topics", "hide", "Parsing", "--by", "Ada").exit_code == 0
    assert isinstance(refused(own, "topics", "show", "Parsing"), NotFound)
