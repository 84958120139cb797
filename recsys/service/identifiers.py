"""Identifiers that people type or paste where a text is expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_DOI = re.compile(r"(?:^|doi\.org/|doi:\s*)(10\.\d{4,9}/\S+)$", re.IGNORECASE)
_ARXIV = re.compile(
    r"(?:^|arxiv:\s*|arxiv\.org/(?:abs|pdf|html)/)"
    r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?/?$",
    re.IGNORECASE,
)
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Identifier:
    """What a text may stand for; each is None where it does not fit.

    Attributes:
        id: a paper's id in this deployment.
        doi: bare and lower case.
        arxiv_id: without version.
        urls: addresses as a record may have them.
    """

    id: str
    doi: str | None = None
    arxiv_id: str | None = None
    urls: tuple[str, ...] = ()


def identifier(text: str) -> Identifier | None:
    """The identifier that a text is, or None when it is words."""
    bare = text.strip().strip("<>")
    if not bare or len(bare) > _LONGEST or len(bare.split()) > 2:
        return None
    doi = _DOI.search(bare)
    arxiv = _ARXIV.search(bare)
    bare = "".join(bare.split())
    urls: tuple[str, ...] = ()
    if bare.lower().startswith(("http://", "https://")):
        rest = bare.split("://", 1)[1].split("#")[0].rstrip("/").removesuffix(".pdf")
        urls = tuple(f"{scheme}://{rest}{end}" for scheme in ("https", "http") for end in ("", "/", ".pdf"))
    return Identifier(
        bare,
        unquote(doi[1]).rstrip(".,;)").lower() if doi else None,
        arxiv[1].lower() if arxiv else None,
        urls,
    )
