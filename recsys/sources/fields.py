"""Identifiers, years and dates in one form each. Pure functions; None where a value is malformed."""

from __future__ import annotations

import datetime
import re
from urllib.parse import unquote, urlsplit

__all__ = [
    "FIRST_YEAR",
    "arxiv_id",
    "arxiv_id_of_doi",
    "doi",
    "iso_date",
    "last_year",
    "month_number",
    "orcid",
    "web_address",
]

#: No printed paper is older; a smaller year is a slip.
FIRST_YEAR = 1500

_DOI = re.compile(r"10\.[0-9]{4,9}(?:\.[0-9]+)*/\S+")
_DOI_PREFIX = re.compile(r"^(?:https?://)?(?:dx\.|www\.)?doi\.org/|^doi\s*:\s*", re.IGNORECASE)
_ARXIV_DOI = "10.48550/arxiv."
_ARXIV_PREFIX = re.compile(
    r"^(?:https?://)?(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/|^arxiv\s*:\s*", re.IGNORECASE
)
_ARXIV_NEW = re.compile(r"([0-9]{4}\.[0-9]{4,5})(?:v[0-9]+)?(?:\.pdf)?")
_ARXIV_OLD = re.compile(r"([a-z-]+)(?:\.[A-Za-z]{2})?(/[0-9]{7})(?:v[0-9]+)?(?:\.pdf)?")
_ORCID = re.compile(r"([0-9]{4})-?([0-9]{4})-?([0-9]{4})-?([0-9]{3}[0-9Xx])")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:[T ].*)?)?)?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})", re.IGNORECASE)


def last_year() -> int:
    """The latest year a paper may carry: proceedings are dated ahead, but not by more than two years."""
    return datetime.datetime.now(tz=datetime.UTC).year + 2


def doi(value: str) -> str | None:
    """``https://doi.org/10.18653/V1/P19-1001`` → ``10.18653/v1/p19-1001``."""
    bare = _DOI_PREFIX.sub("", value.strip())
    if bare != value.strip():
        bare = unquote(bare)
    bare = bare.strip().lower()
    return bare if _DOI.fullmatch(bare) else None


def arxiv_id(value: str) -> str | None:
    """``https://arxiv.org/abs/1910.07931v2`` → ``1910.07931``; ``math.GT/0309136`` → ``math/0309136``."""
    bare = _ARXIV_PREFIX.sub("", value.strip())
    if bare.lower().startswith(_ARXIV_DOI):
        bare = bare[len(_ARXIV_DOI) :]
    if new := _ARXIV_NEW.fullmatch(bare):
        return new[1]
    if old := _ARXIV_OLD.fullmatch(bare):
        return old[1] + old[2]
    return None


def arxiv_id_of_doi(value: str | None) -> str | None:
    """The arXiv id in a DOI that arXiv itself registered, or None."""
    return arxiv_id(value) if value is not None and value.startswith(_ARXIV_DOI) else None


def orcid(value: str) -> str | None:
    """``https://orcid.org/0000-0002-1825-0097`` → ``0000-0002-1825-0097``; None if the check digit is wrong.

    The check digit is ISO 7064 MOD 11-2:
    https://support.orcid.org/hc/en-us/articles/360006897674-Structure-of-the-ORCID-Identifier
    """
    match = _ORCID.fullmatch(value.strip().rstrip("/").rsplit("/", 1)[-1])
    if match is None:
        return None
    digits = "".join(match.groups()).upper()
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return "-".join(match.groups()).upper() if digits[-1] == ("X" if check == 10 else str(check)) else None


def iso_date(value: str) -> str | None:
    """``2020``, ``2020-07`` or ``2020-07-05`` (a time of day is cut off); None if there is no such day."""
    match = _DATE.fullmatch(value.strip())
    if match is None:
        return None
    year, month, day = match.groups()
    try:
        datetime.date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return "-".join(part for part in (year, month, day) if part)


def month_number(value: str) -> int | None:
    """1 to 12 of ``July``, ``jul``, ``7`` or ``July 5-10``; of a range the first; None if there is none."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return int(text) if 1 <= int(text) <= 12 else None
    match = _MONTH.search(text)
    return _MONTHS.index(match[1].lower()) + 1 if match else None


def web_address(value: str) -> str | None:
    """The address if it is http or https and names a host; None for any other scheme (``javascript:`` …)."""
    address = value.strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    usable = parts.scheme in ("http", "https") and parts.netloc and not re.search(r"\s", address)
    return address if usable else None
