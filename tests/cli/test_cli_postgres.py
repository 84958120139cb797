"""The main job with the store on a real PostgreSQL server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import toy_corpus
from tests.postgres_server import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]
pytestmark = pytest.mark.postgres


def test_ingest_build_search_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    def answer(*arguments: str) -> dict:
        done = subprocess.run(
            [sys.executable, "-m", "recsys.cli", "--data", str(tmp_path), *arguments, "--json"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "RECSYS_DATABASE_URL": postgres_url},
        )
        return json.loads(done.stdout)

    assert answer("ingest", "jsonl", str(toy_corpus.PATH))["added"] == 20
    assert answer("ingest", "jsonl", str(toy_corpus.PATH))["unchanged"] == 20
    assert answer("build")["embedded"] == 19
    assert answer("build")["published"] is False
    assert answer("search", "dependency parser", "-k", "1")["results"][0]["id"] == "p1"
    found = [result["id"] for result in answer("related", "d5", "-k", "500")["results"]]
    assert len(found) == 18
    assert not (tmp_path / "recsys.db").exists()
