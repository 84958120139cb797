"""arXiv: the snapshot's lines, and the API against a small server that answers with Atom."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import arxiv
import orjson
import pytest

from recsys.errors import RecordError, SourceError
from recsys.records import Author, Paper
from recsys.sources import Rejected, source
from recsys.sources.arxiv import fetch_query, parse_record

RECORD = {
    "id": "0704.0001",
    "title": "{BERT} for \\'Etienne's\n  $\\alpha$-parses",
    "abstract": "  We study\n{\\em parsing} at 50%.\n",
    "comments": "37 pages",
    "journal-ref": "Phys.Rev.D76",
    "doi": "10.1103/PhysRevD.76.013009",
    "categories": "cs.CL cs.AI",
    "versions": [
        {"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"},
        {"version": "v2", "created": "x"},
    ],
    "update_date": "2008-11-26",
    "authors_parsed": [["Bal\\'azs", "C.", ""], ["Smith", "Jane", "Jr"], ["Collaboration", "", ""]],
}


def test_a_line_of_the_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(orjson.dumps(RECORD) + b"\n" + orjson.dumps({**RECORD, "id": "none"}))
    paper, rejected = source("arxiv").read(path)
    assert paper == Paper(
        id="arXiv:0704.0001",
        title="BERT for Étienne's $\\alpha$-parses",
        source="arxiv",
        abstract="We study parsing at 50%.",
        year=2007,
        date="2007-04-02",
        venue="arXiv cs.CL",
        doi="10.1103/physrevd.76.013009",
        arxiv_id="0704.0001",
        url="https://arxiv.org/abs/0704.0001",
        authors=(Author("C. Balázs"), Author("Jane Smith Jr"), Author("Collaboration")),
        original_title=RECORD["title"],  # type: ignore[arg-type]
        original_abstract=RECORD["abstract"],  # type: ignore[arg-type]
    )
    assert rejected == Rejected(
        str(path), 2, "id 'none' is no arXiv identifier", orjson.dumps({**RECORD, "id": "none"})
    )


@pytest.mark.parametrize(
    ("field", "value", "withdrawn"),
    [
        ("comments", "This paper has been withdrawn by the author due to an error", True),
        ("comments", "Withdrawn: superseded by arXiv:1", True),
        ("comments", "12 pages; this paper was withdrawn", True),
        ("abstract", "This submission has been withdrawn by arXiv administrators", True),
        ("abstract", "We study articles. The paper was withdrawn in 3% of cases.", False),
        ("comments", "Dialogue on withdrawn papers, 5 pages", False),
    ],
)
def test_withdrawn_papers_say_so(field: str, value: str, withdrawn: bool) -> None:
    assert parse_record({**RECORD, field: value}).withdrawn is withdrawn


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id is missing"),
        ({"id": 704.0001}, "id is 704.0001, not text"),
        ({"title": None}, "title is missing"),
        ({"title": "a\0"}, "title holds a NUL byte at character 2"),
        ({"versions": [{"created": "yesterday"}]}, "versions[0].created 'yesterday' is not a date"),
        (
            {"authors_parsed": ["Smith"]},
            "authors_parsed[0] is not a list of last name, first name and suffix",
        ),
        ({"categories": ["cs.CL"]}, "categories is a list of 1, not text"),
    ],
)
def test_bad_records_are_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(RecordError) as refused:
        parse_record({**RECORD, **change})
    assert refused.value.message == reason


ENTRY = """<entry><id>http://arxiv.org/abs/{id}v2</id><updated>2020-02-01T00:00:00Z</updated>
<published>2019-10-17T12:00:00Z</published><title>{title}</title><summary>Of x &lt; y.</summary>
<author><name>Ada Lovelace</name><arxiv:affiliation>Home</arxiv:affiliation></author>
<arxiv:primary_category term="cs.CL"/><category term="cs.CL"/>
<link href="http://arxiv.org/abs/{id}v2" rel="alternate" type="text/html"/></entry>"""
FEED = """<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"
xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" xmlns:arxiv="http://arxiv.org/schemas/atom">
<title>q</title><id>q</id><updated>2020-02-01T00:00:00Z</updated><opensearch:totalResults>2</opensearch:totalResults>
<opensearch:startIndex>0</opensearch:startIndex><opensearch:itemsPerPage>2</opensearch:itemsPerPage>{entries}</feed>"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        entries = ENTRY.format(id="1910.07931", title="A $x$ title") + ENTRY.format(id="bad", title="T")
        self.send_response(500 if "boom" in self.path else 200)
        self.end_headers()
        self.wfile.write(FEED.format(entries=entries).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def client() -> Iterator[arxiv.Client]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    library = arxiv.Client(delay_seconds=0, num_retries=0)
    library.query_url_format = f"http://127.0.0.1:{server.server_port}/api/query?{{}}"
    yield library
    library._session.close()
    server.shutdown()
    server.server_close()


def test_the_api(client: arxiv.Client) -> None:
    paper, rejected = fetch_query(client, "cat:cs.CL", 2)
    assert paper == Paper(
        id="arXiv:1910.07931",
        title="A $x$ title",
        source="arxiv",
        abstract="Of x < y.",
        year=2019,
        date="2019-10-17",
        venue="arXiv cs.CL",
        arxiv_id="1910.07931",
        url="https://arxiv.org/abs/1910.07931",
        authors=(Author("Ada Lovelace", affiliation="Home"),),
    )
    assert isinstance(rejected, Rejected)
    assert (rejected.position, rejected.reason) == (
        "http://arxiv.org/abs/badv2",
        "id 'http://arxiv.org/abs/badv2' is no arXiv identifier",
    )


def test_an_api_that_fails_is_a_source_error(client: arxiv.Client) -> None:
    with pytest.raises(SourceError, match="arXiv's API gave no answer to 'boom'"):
        list(fetch_query(client, "boom", 2))
