from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from recsys.errors import InvalidRequest, PaperNotFound, RecordError
from recsys.records import Author, Paper
from recsys.store.database import Database
from recsys.store.papers import Counts, PaperStore, ScanRow, UpsertCounts
from recsys.store.rows import person_key
from recsys.store.schema import author_slots, papers
from recsys.store.tombstones import Tombstones

ADA = Author("Ada Lovelace", id="ada-lovelace", affiliation="London", orcid="0000-0002-1825-0097")
GRACE = Author("Grace Hopper")
ENGINE = Paper(
    id="1843.notes-1.7",
    title="Notes on the Analytical Engine",
    source="jsonl",
    abstract="How an engine may compute $B_7$.",
    year=1843,
    date="1843-09",
    venue="Memoirs",
    doi="10.1/notes",
    arxiv_id="cs/0301032",
    url="https://example.org/notes",
    keywords=("engines", "Bernoulli numbers"),
    authors=(ADA, GRACE, ADA),
    original_title="Notes on the {A}nalytical {E}ngine",
    original_abstract="How an engine may compute <i>B</i>.",
)
COMPILER = Paper(id="1952.acm-1.2", title="The Education of a Computer", source="jsonl", authors=(GRACE,))


@pytest.fixture
def store(database: Database) -> PaperStore:
    return PaperStore(database)


def numbered(count: int) -> list[Paper]:
    """Papers p000, p001, … of the years 2000 to 2009, venues V0 to V2 in turn."""
    return [
        Paper(id=f"p{i:03}", title=f"Paper {i}", source="jsonl", year=2000 + i % 10, venue=f"V{i % 3}")
        for i in range(count)
    ]


def times(database: Database) -> dict[str, tuple[datetime, datetime]]:
    with database.read() as connection:
        rows = connection.execute(select(papers.c.id, papers.c.created_at, papers.c.updated_at))
        return {row.id: (row.created_at, row.updated_at) for row in rows}


def test_a_paper_comes_back_as_it_was(store: PaperStore) -> None:
    assert store.upsert([ENGINE, COMPILER]) == UpsertCounts(added=2)
    assert store.get(ENGINE.id) == ENGINE
    assert store.get(COMPILER.id) == COMPILER


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
maybe = st.none() | text
author_records = st.builds(Author, name=text, id=maybe, affiliation=maybe, orcid=maybe)
paper_records = st.builds(
    Paper,
    id=text,
    title=text,
    source=text,
    abstract=maybe,
    year=st.none() | st.integers(-9999, 9999),
    date=maybe,
    venue=maybe,
    doi=maybe,
    arxiv_id=maybe,
    url=maybe,
    keywords=st.lists(text, max_size=3).map(tuple),
    authors=st.lists(author_records, max_size=4).map(tuple),
    original_title=maybe,
    original_abstract=maybe,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(paper_records, max_size=4))
def test_any_paper_comes_back_as_it_was(store: PaperStore, batch: list[Paper]) -> None:
    last = {paper.id: paper for paper in batch}
    counts = store.upsert(batch)
    assert counts.added + counts.updated + counts.unchanged == len(last)
    assert store.get_many([paper.id for paper in batch]) == last
    assert store.upsert(batch) == UpsertCounts(unchanged=len(last))


def test_the_same_record_again_changes_nothing(store: PaperStore, database: Database) -> None:
    store.upsert([ENGINE, COMPILER])
    before = times(database)
    assert store.upsert([COMPILER, ENGINE]) == UpsertCounts(unchanged=2)
    assert times(database) == before


def test_a_changed_record_updates_the_paper_and_its_slots(store: PaperStore, database: Database) -> None:
    store.upsert([ENGINE, COMPILER])
    before = times(database)
    changed = replace(ENGINE, title="Notes", keywords=(), abstract=None, authors=(GRACE,))
    assert store.upsert([changed, COMPILER]) == UpsertCounts(updated=1, unchanged=1)
    assert store.get(ENGINE.id) == changed
    with database.read() as connection:
        slots = connection.execute(
            select(author_slots.c.paper_id, author_slots.c.position, author_slots.c.person_key)
        )
        assert sorted(map(tuple, slots)) == [
            (ENGINE.id, 0, "grace-hopper"),
            (COMPILER.id, 0, "grace-hopper"),
        ]
    after = times(database)
    assert after[COMPILER.id] == before[COMPILER.id]
    assert after[ENGINE.id][0] == before[ENGINE.id][0]
    assert after[ENGINE.id][1] > before[ENGINE.id][1]


def test_an_author_list_may_grow(store: PaperStore) -> None:
    store.upsert([COMPILER])
    grown = replace(COMPILER, authors=(ADA, *COMPILER.authors, ADA))
    store.upsert([grown])
    assert store.get(COMPILER.id).authors == (ADA, GRACE, ADA)


def test_of_an_id_that_comes_twice_the_last_record_stands(store: PaperStore) -> None:
    changed = replace(COMPILER, title="Second")
    assert store.upsert([COMPILER, ENGINE, changed]) == UpsertCounts(added=2)
    assert store.get(COMPILER.id).title == "Second"


def test_an_empty_batch_is_nothing(store: PaperStore) -> None:
    assert store.upsert([]) == UpsertCounts()
    assert store.get_many([]) == {}


def test_counts_add_up() -> None:
    assert UpsertCounts(1, 2, 3) + UpsertCounts(10, 20, 30) == UpsertCounts(11, 22, 33)


def test_several_batches_in_one_transaction_are_all_or_nothing(store: PaperStore, database: Database) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            assert store.upsert([ENGINE], connection) == UpsertCounts(added=1)
            assert store.upsert([COMPILER], connection) == UpsertCounts(added=1)
            raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        fail()
    assert store.get_many([ENGINE.id, COMPILER.id]) == {}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (replace(COMPILER, id="bad", title="a\0b"), "Paper 'bad' has a NUL character."),
        (replace(COMPILER, id="bad", keywords=("\0",)), "Paper 'bad' has a NUL character."),
        (replace(COMPILER, id="bad", authors=(Author("A", orcid="\0"),)), "Paper 'bad' has a NUL character."),
        (replace(COMPILER, id="bad", abstract="\ud800"), "Paper 'bad' cannot be stored"),
    ],
)
def test_text_that_no_database_holds_is_refused(store: PaperStore, bad: Paper, message: str) -> None:
    with pytest.raises(RecordError) as refused:
        store.upsert([ENGINE, bad])
    assert refused.value.message.startswith(message)
    assert store.get_many([ENGINE.id]) == {}


def test_a_backslash_u_in_the_text_is_no_nul(store: PaperStore) -> None:
    paper = replace(COMPILER, title=r"The escape \u0000 in JSON")
    store.upsert([paper])
    assert store.get(paper.id) == paper


def test_get_many_keeps_the_order_asked_for_and_leaves_the_unknown_out(store: PaperStore) -> None:
    store.upsert([ENGINE, COMPILER])
    asked = [COMPILER.id, "unknown", "\0", "\ud800", ENGINE.id, COMPILER.id]
    assert list(store.get_many(asked).items()) == [(COMPILER.id, COMPILER), (ENGINE.id, ENGINE)]


def test_get_many_takes_more_ids_than_a_statement_has_parameters(store: PaperStore) -> None:
    store.upsert([ENGINE])
    asked = [f"unknown-{i}" for i in range(70_000)] + [ENGINE.id]
    assert store.get_many(asked) == {ENGINE.id: ENGINE}


@pytest.mark.parametrize("count", [1, 100])
def test_get_many_asks_as_often_for_one_paper_as_for_many(
    store: PaperStore, database: Database, count: int
) -> None:
    batch = [replace(paper, authors=(ADA, GRACE)) for paper in numbered(count)]
    store.upsert(batch)
    statements: list[str] = []
    with database.read() as connection:
        engine = connection.engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    assert list(store.get_many([paper.id for paper in batch]).values()) == batch
    selects = [statement for statement in statements if statement.lstrip().startswith("SELECT papers.id")]
    slots = [statement for statement in statements if "FROM author_slots" in statement]
    assert (len(selects), len(slots)) == (1, 1)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        # only its case differs from the one, and it is the beginning of the other
        ("P19-1001", "Similar ids: p19-1001."),
        ("p19-1001 ", "Similar ids: p19-1001."),
        ("P19-1001X", "Similar ids: P19-1001x."),
        ("P19-1", "Similar ids: P19-1001x."),
        ("P19-1009", "Similar ids: P19-1001x."),
        ("zzz", "Search for its title to find its id."),
        ("", "Search for its title to find its id."),
        ("\0", "Search for its title to find its id."),
        ("z" * 5000, "Search for its title to find its id."),
    ],
)
def test_an_unknown_id_gets_similar_ones_as_a_hint(store: PaperStore, asked: str, hint: str) -> None:
    store.upsert([replace(COMPILER, id=paper_id) for paper_id in ("p19-1001", "P19-1001x", "Q00-1")])
    with pytest.raises(PaperNotFound) as refused:
        store.get(asked)
    assert refused.value.message == f"There is no paper {asked!r}."
    assert refused.value.hint == hint


def test_a_hidden_paper_is_in_no_answer(store: PaperStore, database: Database) -> None:
    twin = replace(ENGINE, id="twin", doi=None)
    store.upsert([ENGINE, twin, COMPILER])
    Tombstones(database).add([ENGINE.id], kind="opted_out")
    with pytest.raises(PaperNotFound) as hidden:
        store.get(ENGINE.id)
    with pytest.raises(PaperNotFound) as absent:
        store.get("no such id")
    assert hidden.value.message == absent.value.message.replace("no such id", ENGINE.id)
    assert ENGINE.id not in hidden.value.hint
    assert store.get_many([ENGINE.id, twin.id]) == {twin.id: twin}
    assert store.versions(twin.id) == []
    assert store.versions(ENGINE.id) == []
    assert [paper.id for paper in store.page()] == [COMPILER.id, "twin"]
    assert [row.id for batch in store.scan() for row in batch] == [COMPILER.id, "twin"]
    assert store.counts() == Counts(papers=2, abstracts=1, people=2, withdrawn=1)
    assert store.venues() == [("Memoirs", 1)]
    with pytest.raises(PaperNotFound) as misspelt:
        store.get(ENGINE.id + "x")
    assert ENGINE.id not in misspelt.value.hint


def test_versions_are_the_other_ids_of_one_work(store: PaperStore) -> None:
    accented = replace(ENGINE, id="b", title="NOTES on the analytical éngine!", authors=(GRACE, ADA, ADA))
    store.upsert([ENGINE, replace(ENGINE, id="a", year=2000), accented, COMPILER])
    assert store.versions(ENGINE.id) == ["a", "b"]
    assert store.versions("b") == [ENGINE.id, "a"]
    assert store.versions(COMPILER.id) == []
    assert store.versions("unknown") == []
    assert store.versions("\0") == []


def test_papers_without_authors_are_versions_of_nothing(store: PaperStore) -> None:
    store.upsert([replace(COMPILER, id="a", authors=()), replace(COMPILER, id="b", authors=())])
    assert store.versions("a") == []


def all_pages(store: PaperStore, limit: int, **filters: object) -> list[str]:
    found: list[str] = []
    while page := store.page(after=found[-1] if found else None, limit=limit, **filters):  # type: ignore[arg-type]
        assert len(page) <= limit
        found += [paper.id for paper in page]
    return found


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_pages_hold_every_paper_once_in_order(store: PaperStore, limit: int) -> None:
    batch = numbered(30)
    store.upsert(batch[::-1])
    assert all_pages(store, limit) == [paper.id for paper in batch]


def test_a_page_holds_whole_papers(store: PaperStore) -> None:
    store.upsert([COMPILER, ENGINE])
    assert store.page() == [ENGINE, COMPILER]
    assert store.page(after=ENGINE.id[:-1], limit=1) == [ENGINE]


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({"year_from": 2008}, {8, 9}),
        ({"year_to": 2001}, {0, 1}),
        ({"year_from": 2003, "year_to": 2003}, {3}),
        ({"year_from": 2005, "year_to": 2004}, set()),
    ],
)
def test_pages_by_year(store: PaperStore, filters: dict[str, int], kept: set[int]) -> None:
    batch = numbered(30)
    store.upsert([*batch, replace(COMPILER, year=None)])
    assert all_pages(store, 4, **filters) == [paper.id for i, paper in enumerate(batch) if i % 10 in kept]


def test_pages_by_venue(store: PaperStore) -> None:
    store.upsert(numbered(10))
    assert all_pages(store, 2, venues=["V1"]) == ["p001", "p004", "p007"]
    assert all_pages(store, 2, venues=["v1"]) == []
    assert all_pages(store, 3, venues=["V1", "V2"], year_to=2002) == ["p001", "p002"]
    assert all_pages(store, 2, venues=[]) == []
    assert all_pages(store, 2, venues=["V1"], year_from=2004) == ["p004", "p007"]


def test_pages_stay_stable_while_papers_come_and_go(store: PaperStore, database: Database) -> None:
    batch = numbered(6)
    store.upsert(batch)
    first = store.page(limit=3)
    store.upsert([replace(COMPILER, id="a-new-first-one")])
    Tombstones(database).add(["p002", "p004"], kind="withdrawn")
    second = store.page(limit=3, after=first[-1].id)
    assert [paper.id for paper in first + second] == ["p000", "p001", "p002", "p003", "p005"]


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": -1}, {"after": "\0"}, {"venues": ["\ud800"]}])
def test_pages_that_cannot_be_asked_for(store: PaperStore, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        store.page(**wrong)  # type: ignore[arg-type]


ODD_IDS = ["a", "B", "b", "A-1", "A1", "a b", "ä", "z", "Ω", "ﬀ", "😀", "~U", "_", "10", "9", "\n"]


def test_ids_are_ordered_as_python_orders_them(store: PaperStore) -> None:
    store.upsert([replace(COMPILER, id=paper_id, abstract=None) for paper_id in ODD_IDS])
    assert all_pages(store, 3) == sorted(ODD_IDS)
    assert [row.id for batch in store.scan(3) for row in batch] == sorted(ODD_IDS)
    assert store.versions("a") == sorted(set(ODD_IDS) - {"a"})


def test_a_scan_gives_batches_of_what_the_index_needs(store: PaperStore) -> None:
    store.upsert([ENGINE, COMPILER, *numbered(3)])
    batches = list(store.scan(batch_size=2))
    assert [[row.id for row in batch] for batch in batches] == [
        [ENGINE.id, COMPILER.id],
        ["p000", "p001"],
        ["p002"],
    ]
    row = batches[0][0]
    assert row == ScanRow(
        id=ENGINE.id,
        title=ENGINE.title,
        abstract=ENGINE.abstract,
        keywords=ENGINE.keywords,
        year=1843,
        venue="Memoirs",
        work_key=row.work_key,
    )
    assert row.work_key is not None
    assert batches[1][0].work_key is None


def test_a_scan_is_one_state_whatever_is_written_meanwhile(store: PaperStore) -> None:
    store.upsert(numbered(10))
    scan = store.scan(batch_size=4)
    seen = [row.id for row in next(scan)]
    store.upsert([replace(COMPILER, id="p0055")])
    seen += [row.id for batch in scan for row in batch]
    assert seen == [paper.id for paper in numbered(10)]


def test_counts_and_venues(store: PaperStore) -> None:
    assert store.counts() == Counts(papers=0, abstracts=0, people=0, withdrawn=0)
    assert store.venues() == []
    store.upsert([ENGINE, COMPILER, *numbered(7)])
    assert store.counts() == Counts(papers=9, abstracts=1, people=2, withdrawn=0)
    assert store.venues() == [("V0", 3), ("V1", 2), ("V2", 2), ("Memoirs", 1)]


@pytest.mark.parametrize(
    ("author", "key"),
    [
        (Author("Ada Lovelace", id="ada-1"), "ada-1"),
        (Author("Ada Lovelace"), "ada-lovelace"),
        (Author("Łukasz Kaiser"), "lukasz-kaiser"),
        (Author("  José  Núñez "), "jose-nunez"),
        (Author("李明"), "li-ming"),
        (Author("☃"), "☃"),
    ],
)
def test_person_keys(author: Author, key: str) -> None:
    assert person_key(author) == key


def test_large_batches_are_written_whole(store: PaperStore) -> None:
    batch: Sequence[Paper] = [replace(paper, authors=(ADA, GRACE)) for paper in numbered(2500)]
    assert store.upsert(batch) == UpsertCounts(added=2500)
    assert store.upsert([replace(paper, year=1999) for paper in batch]) == UpsertCounts(updated=2500)
    assert store.counts() == Counts(papers=2500, abstracts=0, people=2, withdrawn=0)
    assert len(all_pages(store, 1000, year_to=1999)) == 2500


def test_a_paper_is_found_by_each_of_its_identifiers(store):
    known = Paper("k1", "Known", "test", doi="10.1/abc", arxiv_id="2101.00001", url="https://x.org/k1")
    twin = Paper("k0", "Twin", "test", doi="10.1/abc")
    store.upsert([known, twin])
    assert store.identified("k1", None, None) == "k1"
    assert store.identified("k1", "10.1/abc", None) == "k1"  # an id goes before a DOI
    assert store.identified("?", "10.1/abc", None) == "k0"  # of several the first by id
    assert store.identified("?", None, "2101.00001") == "k1"
    assert store.identified("?", None, None, ("http://x.org/k1", "https://x.org/k1")) == "k1"
    assert store.identified("?", "10.1/none", "9999.00001", ("https://x.org/none",)) is None
    assert store.identified("nul\0", "10.1/\ud800", None, ("\0",)) is None


def test_authors_are_scanned_in_printed_order_with_one_key_a_person(store):
    slots = (Author("A. Lovelace", id="ada-lovelace"), Author("Bob"), ADA)
    store.upsert(
        [Paper("a2", "Two", "test", authors=slots), Paper("a1", "One", "test", authors=(Author("Bob"),))]
    )
    store.upsert([Paper("a3", "None", "test")])
    found = dict(store.scan_authors())
    assert list(found) == ["a1", "a2"]
    assert [name for name, _ in found["a2"]] == ["A. Lovelace", "Bob", ADA.name]
    keys = [key for _, key in found["a2"]]
    assert keys[0] == keys[2] != keys[1]
    assert found["a1"][0][1] == keys[1]
