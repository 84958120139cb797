"""The bundled sample corpus: facts about 2,500 papers of the ACL Anthology, from 2016 on.

Titles, author slots, years, venues, addresses and DOIs are the Anthology's (https://aclanthology.org; its
materials from 2016 on are CC BY 4.0); the key phrases were derived by ``scripts/make_sample.py``. There is no abstract.
``CREDITS.md`` beside the file says what was taken, when, and how to make it again.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["sample_path"]


def sample_path() -> Path:
    """The sample as gzip-compressed JSON lines, in the schema that ``recsys ingest jsonl`` reads."""
    return Path(str(files(__name__) / "acl-sample.jsonl.gz"))
