"""The deployment that an evaluation takes place in: the one there is, or one made for it of the papers in a file."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recsys.build import stages
from recsys.build.ingest import ingest
from recsys.build.lock import writing
from recsys.cli.console import Progress, Stages, err
from recsys.deployment import Deployment, opened
from recsys.errors import InvalidRequest
from recsys.records import Paper
from recsys.settings import Settings
from recsys.sources.base import Record, existing, source

__all__ = ["evaluated_deployment"]

MARKER = "evaluation.json"


@contextmanager
def evaluated_deployment(
    settings: Settings, corpus: Path | None, work: Path | None, named: frozenset[str] | None
) -> Iterator[Deployment]:
    """The deployment to evaluate in: that of the settings, or one made of the papers in a file.

    Args:
        settings: of the deployment that --data names; model and arithmetic are taken from it.
        corpus: JSON lines, or None.
        work: where to keep the deployment made of them, or None to delete it afterwards.
        named: ids of the papers to take from the file, or None for all.
    """
    if corpus is None:
        with opened(settings) as deployment:
            yield deployment
        return
    existing(corpus, directory=False)
    with tempfile.TemporaryDirectory(prefix="recsys-evaluate-") as temporary:
        folder = Path(temporary) if work is None else work
        _claim(folder, corpus, named)
        _share_models(settings, folder)
        with opened(settings.model_copy(update={"data": folder, "database_url": None})) as deployment:
            _fill(deployment, corpus, named)
            yield deployment


def _claim(folder: Path, corpus: Path, named: frozenset[str] | None) -> None:
    """Mark a folder as made from this file and these ids; refuse one that holds anything else.

    Raises:
        InvalidRequest: the folder holds other papers, which would be ranked too, or another deployment.
    """
    marker = folder / MARKER
    with corpus.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    chosen = "all" if named is None else hashlib.sha256("\0".join(sorted(named)).encode()).hexdigest()
    made_of = f'{{"corpus": "{content}", "papers": "{chosen}"}}\n'
    if marker.exists() and marker.read_text(encoding="utf-8") == made_of:
        return
    if folder.exists() and any(folder.iterdir()):
        raise InvalidRequest(
            f"{folder} was not made from {corpus} and these labels.",
            hint="Name an empty or new folder with --work.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text(made_of, encoding="utf-8")


def _share_models(settings: Settings, folder: Path) -> None:
    """Let the deployment in ``folder`` use the model specs and compiled models that are there already."""
    link = folder / "models"
    if not link.exists():
        settings.models.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)  # it leads to a deployment that is gone
        link.symlink_to(settings.models.absolute(), target_is_directory=True)


def _fill(deployment: Deployment, corpus: Path, named: frozenset[str] | None) -> None:
    """Ingest and build; what is there already is not done again."""
    settings = deployment.settings
    with writing(settings.lock, "recsys evaluate"):
        with Progress(f"Reading {corpus.name}", "records") as shown:
            records = source("jsonl").read(corpus, progress=shown.update)
            report = ingest(
                deployment.database,
                _chosen(records, named),
                label="evaluate",
                rejects=settings.rejects,
                on_records=lambda read, _: shown.count(read),
            )
        if report.rejected:
            first = report.first_rejects[0]
            err.print(
                f"{report.rejected:,} records of {corpus} are no papers, the first at {first.position}: {first.reason}",
                markup=False,
            )
        with Stages("texts") as shown:
            stages.build(
                deployment.papers,
                deployment.vectors,
                deployment.snapshots,
                deployment.embedder(),
                exact_limit=settings.exact_limit,
                keep_snapshots=settings.keep_snapshots,
                threads=settings.threads,
                on_progress=shown.update,
            )


def _chosen(records: Iterator[Record], named: frozenset[str] | None) -> Iterator[Record]:
    return (r for r in records if named is None or not isinstance(r, Paper) or r.id in named)
