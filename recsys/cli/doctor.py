"""``recsys doctor``: is everything here that answering needs, and if not, what to do."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
import typer
from rich.text import Text

from recsys.cli.console import out, print_json
from recsys.deployment import Deployment, opened
from recsys.errors import NoSnapshot, RecsysError
from recsys.index.dense import build_dense
from recsys.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: what was looked at, whether it is well, what was seen, what to do if not."""

    check: str
    ok: bool
    seen: str
    mend: str = ""


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
) -> None:
    """Check the installation and the deployment, and say how to mend what is wrong."""
    findings = list(_findings(context.obj))
    if as_json:
        print_json({"ok": all(f.ok for f in findings), "findings": [asdict(f) for f in findings]})
    else:
        for finding in findings:
            mark = ("ok  ", "green") if finding.ok else ("FAIL", "bold red")
            out.print(Text.assemble(mark, f"  {finding.check}: {finding.seen}"))
            if finding.mend:
                out.print(Text(f"      → {finding.mend}"))
    if not all(f.ok for f in findings):
        raise typer.Exit(1)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding("python", True, f"{platform.python_version()} on {platform.machine()}")
    yield _finding("FAISS", _faiss)
    try:
        with opened(settings) as deployment:
            yield _finding("database", lambda: _database(deployment))
            yield _finding("model", lambda: _model(deployment))
            yield _finding("snapshot", lambda: _snapshot(deployment))
    except RecsysError as error:
        yield Finding("database", False, error.message, error.hint)


def _finding(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, True, look())
    except RecsysError as error:
        return Finding(check, False, error.message, error.hint)


def _faiss() -> str:
    import faiss

    rows = np.eye(8, dtype=np.float32)
    positions, _ = build_dense(rows, exact_limit=0).search(rows, 1)
    if positions[:, 0].tolist() != list(range(8)):
        raise RecsysError(
            f"FAISS {faiss.__version__} finds {positions[:, 0].tolist()} where 0 to 7 are right.",
            hint="Install the pinned version again: pip install --force-reinstall -c constraints.txt faiss-cpu.",
        )
    return f"{faiss.__version__}, {faiss.get_compile_options().strip()}"


def _database(deployment: Deployment) -> str:
    deployment.database.check()
    counts = deployment.papers.counts()
    return f"{deployment.database.url_for_display}, {counts.papers:,} papers, {counts.abstracts:,} abstracts"


def _model(deployment: Deployment) -> str:
    embedder = deployment.embedder()
    vector = embedder.encode(["A check that the model gives a vector."])[0]
    norm = float(np.linalg.norm(vector))
    if abs(norm - 1) > 1e-3:
        raise RecsysError(
            f"{embedder.spec.id} gives a vector of length {norm:.3f} where 1 is right.",
            hint=f"Delete the compiled model in {deployment.settings.models / embedder.spec.id} and run this again.",
        )
    return f"{embedder.spec.id}, {embedder.description}, {embedder.dimension} numbers, licence {embedder.spec.licence}"


def _snapshot(deployment: Deployment) -> str:
    snapshot = deployment.snapshots.open()
    dense = snapshot.manifest.dense
    deployment.embedder_for(snapshot.manifest.model)
    indexed, stored = snapshot.manifest.papers, deployment.papers.counts().papers
    if not indexed:
        raise NoSnapshot("The snapshot is empty.", hint="Run `recsys ingest …`, then `recsys build`.")
    note = "" if indexed == stored else f"; the store has {stored:,}: run `recsys build`"
    return f"{snapshot.name}, whole, {indexed:,} papers, {dense.kind}, recall {dense.recall:.3f}{note}"
