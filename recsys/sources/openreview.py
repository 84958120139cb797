"""OpenReview: the dataset directory of its expertise system (people's publications and submissions)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from recsys.errors import RecordError, SourceError
from recsys.records import Paper
from recsys.sources.base import Progress, Record, Rejected, existing, expect, make_paper
from recsys.sources.lines import parse_json_object, read_json_records, read_lines

__all__ = ["OpenReview", "parse_note", "profile_name"]

_PROFILE = re.compile(r"~(.+?)[0-9]*")
_WITHDRAWN = re.compile(r"/(?:Withdrawn|Desk_Rejected)[A-Za-z_]*$")


class OpenReview:
    """``archives/*.jsonl``, a person's publications each, and ``submissions`` in any of their three forms."""

    name = "openreview"

    def read(self, location: Path, *, progress: Progress | None = None) -> Iterator[Record]:
        """See :meth:`recsys.sources.base.Source.read`; progress counts files.

        A publication that stands in several archives is one paper, at its first place, with all their owners.
        Of a submission that is also a publication the publication counts.
        """
        root = existing(location, directory=True)
        archives = sorted(root.glob("archives/*.jsonl"))
        submissions = [
            path for name in ("submissions.jsonl", "submissions.json") if (path := root / name).is_file()
        ]
        submissions += sorted(root.glob("submissions/*.jsonl"))
        if not archives and not submissions:
            raise SourceError(
                f"{location} holds neither archives/*.jsonl nor submissions.",
                hint="Name the dataset directory that holds them.",
            )
        return _read(archives, submissions, progress)


def profile_name(profile: str) -> str:
    """``~Jane_van_Doe1`` → ``Jane van Doe``."""
    match = _PROFILE.fullmatch(profile)
    return (match[1] if match else profile).replace("_", " ").strip() or profile


def parse_note(note: Mapping[str, object], owners: tuple[str, ...] = ()) -> Paper:
    """The paper of one note, of either version of OpenReview's API.

    Args:
        note: ``{"id", "content": {"title", "abstract", …}, "mdate"?, …}``; values within ``content`` may be
            wrapped as ``{"value": …}``.
        owners: profile ids of the people in whose archives it stands.

    Raises:
        RecordError: a value is missing, of the wrong type or out of range.
    """
    wrapped = expect(note, "content", dict)
    if wrapped is None:
        raise RecordError("content is missing")
    content = {key: _unwrapped(value) for key, value in wrapped.items()}
    venue_id = content.get("venueid")
    forum = expect(note, "forum", str)
    return make_paper(
        source=OpenReview.name,
        id=note.get("id"),
        title=content.get("title"),
        abstract=content.get("abstract"),
        date=_date(note),
        venue=content.get("venue"),
        url=f"https://openreview.net/forum?id={forum}" if forum else None,
        keywords=_list(content.get("keywords")),
        authors=_authors(content, owners),
        withdrawn=isinstance(venue_id, str) and _WITHDRAWN.search(venue_id) is not None,
    )


def _read(archives: list[Path], submissions: list[Path], progress: Progress | None) -> Iterator[Record]:
    owners = _owners(archives)
    seen: set[str] = set()
    files = [*archives, *submissions]
    for done, path in enumerate(files, start=1):
        for record in _read_file(path, owners):
            if isinstance(record, Rejected):
                yield record
            elif record.id not in seen:
                seen.add(record.id)
                yield record
        if progress is not None:
            progress(done, len(files))


def _read_file(path: Path, owners: Mapping[str, list[str]]) -> Iterator[Record]:
    def parse(note: dict[str, object]) -> Paper:
        return parse_note(note, tuple(owners.get(str(note.get("id")), ())))

    if path.suffix == ".jsonl":
        yield from read_json_records(path, parse)
        return
    try:
        notes = parse_json_object(path.read_bytes())
    except (RecordError, OSError) as error:
        reason = error.message if isinstance(error, RecordError) else str(error)
        raise SourceError(
            f"{path} cannot be read: {reason}.", hint="It must be one object of notes by id."
        ) from error
    for position, note in notes.items():
        try:
            if not isinstance(note, dict):
                raise RecordError("note is not an object")
            yield parse({"id": position, **note})
        except RecordError as error:
            yield Rejected(str(path), position, error.message, orjson.dumps(note))


def _owners(archives: list[Path]) -> dict[str, list[str]]:
    """Publication id → profile ids of the archives it stands in; only the ids are held in memory."""
    owners: dict[str, list[str]] = {}
    for path in archives:
        for _, line in read_lines(path):
            try:
                publication = parse_json_object(line).get("id")
            except RecordError:
                continue  # reported when the file is read for its papers
            if isinstance(publication, str) and path.stem not in owners.setdefault(publication, []):
                owners[publication].append(path.stem)
    return owners


def _unwrapped(value: object) -> object:
    return value.get("value") if isinstance(value, dict) and "value" in value else value


def _list(value: object) -> object:
    """Keywords in the older form of one text are separated by commas."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _authors(content: Mapping[str, object], owners: tuple[str, ...]) -> list[dict[str, object]]:
    """Printed authors with their profiles, owners among them by id or name; other owners follow."""
    names, ids = expect(content, "authors", list) or [], expect(content, "authorids", list) or []
    slots: list[dict[str, object]] = []
    for i, name in enumerate(names):
        stated = ids[i] if len(ids) == len(names) else None
        slots.append(
            {"name": name, "id": stated if isinstance(stated, str) and stated.startswith("~") else None}
        )
    for owner in owners:
        if any(slot["id"] == owner for slot in slots):
            continue
        name = profile_name(owner)
        unclaimed = (slot for slot in slots if slot["id"] is None and _same_name(slot["name"], name))
        slot = next(unclaimed, None)
        if slot is None:
            slots.append({"name": name, "id": owner})
        else:
            slot["id"] = owner
    return slots


def _same_name(printed: object, name: str) -> bool:
    return (
        isinstance(printed, str) and printed.replace(".", "").casefold() == name.replace(".", "").casefold()
    )


def _date(note: Mapping[str, object]) -> str | None:
    """The day of publication, else of creation, else of the last change: milliseconds since 1970."""
    for key in ("pdate", "cdate", "mdate"):
        stamp = note.get(key)
        if stamp is None:
            continue
        if not isinstance(stamp, (int, float)) or isinstance(stamp, bool):
            raise RecordError(f"{key} is {str(stamp)[:40]!a}, not milliseconds since 1970")
        try:
            return f"{datetime.datetime.fromtimestamp(stamp / 1000, tz=datetime.UTC):%Y-%m-%d}"
        except (ValueError, OverflowError, OSError):
            raise RecordError(f"{key} {stamp} is out of range") from None
    return None
