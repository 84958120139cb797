"""Who and where of the ACL Anthology: its lists of people and of venues, in every layout they have had.

========================  ==================================================
``json/people.json``      people (2026), keyed by id
``yaml/people.yaml``      the same in YAML (2025)
``yaml/name_variants.yaml``  people with their name variants (until 2025)
``json/venues.json``      venues (2026), keyed by id
``yaml/venues.yaml``, ``yaml/venues/*.yaml``  venues before
========================  ==================================================
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import orjson
from slugify import slugify

from recsys.errors import SourceError

_Key = TypeVar("_Key")

__all__ = ["Directory", "People", "name_slug"]


def name_slug(first: str | None, last: str, *, hyphens: bool = True) -> str:
    """The Anthology's slug of a printed name: ``("Jörg", "O’Neil")`` → ``jorg-o-neil``.

    Until it listed people by id, an apostrophe was nothing and no hyphen (`hyphens` false): ``jorg-oneil``.
    """
    replacements = [("ʼ", "-"), ("’", "-")] if hyphens else ()
    return slugify(f"{first or ''} {last}", replacements=replacements)


@dataclass(frozen=True)
class People:
    """The people whom the Anthology knows by more than their name.

    Attributes:
        by_name: (first name or empty, last name) → ids of the people listed under exactly that name.
        by_slug: slug of a listed name → ids of those people; only in layouts that match by slug.
        unmatched: ids that only an explicit id may claim, never a name.
        ids: every listed id.
        hyphens: how slugs treat an apostrophe, see :func:`name_slug`.
    """

    by_name: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    by_slug: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unmatched: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    hyphens: bool = True

    def resolve(self, first: str | None, last: str) -> str:
        """The id of whoever is printed under this name without an explicit id.

        The one person listed under that name; else the name's slug. Where the Anthology lists people by id
        (``people.*``), a slug that is a listed person's id but may not be matched to them gets
        ``/unverified`` behind it, as in the Anthology.
        """
        slug = name_slug(first, last, hyphens=self.hyphens)
        listed = self.by_name.get((first or "", last)) or self.by_slug.get(slug) or frozenset()
        if len(listed) == 1 and not listed & self.unmatched:
            return next(iter(listed))
        return f"{slug}/unverified" if self.by_slug and slug in self.ids else slug


@dataclass(frozen=True)
class Directory:
    """Who and where: the Anthology's lists of people and of venues.

    Attributes:
        people: resolves names.
        acronyms: venue id → acronym; a venue id that is not listed stands for itself.
        letters: first letter of an old collection id → venue id: ``P`` (as in ``P06``) is ``acl``.
    """

    people: People = field(default_factory=People)
    acronyms: Mapping[str, str] = field(default_factory=dict)
    letters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, data: Path) -> Directory:
        """The lists under the data directory; a list that is not there is empty.

        Raises:
            SourceError: a list is there and cannot be understood.
        """
        venues = _load_venues(data)
        letters = {
            str(about["oldstyle_letter"]): venue
            for venue, about in venues.items()
            if "oldstyle_letter" in about
        }
        acronyms = {venue: str(about["acronym"]) for venue, about in venues.items() if about.get("acronym")}
        return cls(_load_people(data), acronyms, letters)

    def venue(self, collection: str, venue_ids: Sequence[str]) -> str | None:
        """The acronym of a volume's venue; of a joint one the host's: ``acl`` in ``2020.acl`` and ``P06``."""
        if not venue_ids:
            return None
        host = collection.partition(".")[2] or self.letters.get(collection[:1], "")
        chosen = host if host in venue_ids else venue_ids[0]
        return self.acronyms.get(chosen, chosen)


def _load_people(data: Path) -> People:
    for name in ("json/people.json", "yaml/people.yaml"):
        if (data / name).is_file():
            return _people_by_id(data / name)
    variants = data / "yaml" / "name_variants.yaml"
    return _people_by_variants(variants) if variants.is_file() else People()


def _load_venues(data: Path) -> dict[str, dict[str, object]]:
    listed: dict[str, dict[str, object]] = {}
    for path in _venue_files(data):
        loaded = _load(path)
        venues = {path.stem: loaded} if path.parent.name == "venues" else loaded
        if not isinstance(venues, dict) or not all(isinstance(about, dict) for about in venues.values()):
            raise _misunderstood(path, "it holds no mapping of venues")
        listed.update(venues)
    return listed


def _venue_files(data: Path) -> Iterator[Path]:
    for name in ("json/venues.json", "yaml/venues.yaml"):
        if (data / name).is_file():
            yield data / name
            return
    yield from sorted(data.glob("yaml/venues/*.yaml"))


def _people_by_id(path: Path) -> People:
    loaded = _load(path)
    if not isinstance(loaded, dict):
        raise _misunderstood(path, "it holds no mapping of people")
    by_slug: dict[str, set[str]] = defaultdict(set)
    unmatched = set()
    for person, described in loaded.items():
        if not isinstance(described, dict):
            raise _misunderstood(path, f"the entry of {person!r} is no mapping")
        for first, last in _names(described.get("names")):
            by_slug[name_slug(first, last)].add(person)
        if described.get("disable_name_matching"):
            unmatched.add(person)
    return People({}, _frozen(by_slug), frozenset(unmatched), frozenset(loaded))


def _people_by_variants(path: Path) -> People:
    loaded = _load(path)
    if not isinstance(loaded, list):
        raise _misunderstood(path, "it holds no list of people")
    by_name: dict[tuple[str, str], set[str]] = defaultdict(set)
    for described in loaded:
        canonical = list(_names([described.get("canonical")])) if isinstance(described, dict) else []
        if not canonical:
            raise _misunderstood(path, "an entry has no canonical name")
        person = str(described.get("id") or name_slug(*canonical[0], hyphens=False))
        for name in [*canonical, *_names(described.get("variants"))]:
            by_name[name].add(person)
    return People(by_name=_frozen(by_name), ids=frozenset().union(*by_name.values()), hyphens=False)


def _names(listed: object) -> Iterator[tuple[str, str]]:
    for name in listed if isinstance(listed, list) else []:
        if isinstance(name, dict) and name.get("last"):
            yield str(name.get("first") or ""), str(name["last"])


def _frozen(sets: Mapping[_Key, Iterable[str]]) -> dict[_Key, frozenset[str]]:
    return {key: frozenset(values) for key, values in sets.items()}


def _load(path: Path) -> object:
    import yaml  # type: ignore[import-untyped]

    # The C loader reads the list of people in half a second, the Python one in ten.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if path.suffix == ".json":
            return orjson.loads(path.read_bytes())
        return yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - a safe loader either way
    except (orjson.JSONDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise _misunderstood(path, str(error).splitlines()[0]) from error


def _misunderstood(path: Path, why: str) -> SourceError:
    return SourceError(
        f"{path} cannot be understood: {why}.", hint="Take the file as the ACL Anthology publishes it."
    )
