"""A model compiled for OpenVINO, as files: a whole folder or none at all.

``<cache>/<id>/openvino-<precision>-<hash>/`` holds ``model.xml``, ``model.bin``, ``tokenizer.json`` and
``manifest.json``. The hash covers weights, recipe and format, so another model never meets an old artefact.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

__all__ = ["Artefact", "artefact_folder", "open_artefact", "write_artefact"]

Kind = Literal["float", "int8"]

#: Raised by one when the conversion makes other files of the same weights.
_FORMAT: Final = 2
_FILES: Final = ("model.xml", "model.bin", "tokenizer.json")


@dataclass(frozen=True, slots=True)
class Artefact:
    """One whole artefact.

    Attributes:
        folder: where it lies.
        digest: SHA-256 of ``model.bin``.
        lowercase: whether the model wants its text lower-cased before the tokenizer.
        cosine: mean agreement with the float32 original on the texts tried at conversion.
    """

    folder: Path
    digest: str
    lowercase: bool
    cosine: float


@dataclass(frozen=True, slots=True)
class _Manifest:
    digest: str
    lowercase: bool
    cosine: float
    sizes: dict[str, int]


def artefact_folder(cache: Path, model: str, key: str, kind: Kind) -> Path:
    """Where the artefact of a vector space lies, whether it exists or not."""
    name = hashlib.sha256(f"{_FORMAT} {key}".encode()).hexdigest()[:16]
    return cache / model / f"openvino-{kind}-{name}"


def open_artefact(folder: Path) -> Artefact | None:
    """The artefact, or None when it is missing or not whole."""
    try:
        manifest = _Manifest(**json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
        sizes = {name: (folder / name).stat().st_size for name in _FILES}
    except (OSError, ValueError, TypeError):
        return None
    if sizes != manifest.sizes:
        return None
    return Artefact(folder, manifest.digest, manifest.lowercase, manifest.cosine)


def write_artefact(folder: Path, write: Callable[[Path], tuple[bool, float]]) -> Artefact:
    """Have ``write`` fill an empty folder, then publish that folder by one rename.

    The caller holds the model's lock, so a draft that lies beside is what a killed conversion left: it is
    removed.

    Args:
        folder: where the artefact goes; a damaged one there is replaced.
        write: makes the files in the folder it is given; returns (lowercase, cosine).
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(left)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        lowercase, cosine = write(draft)
        with (draft / "model.bin").open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        sizes = {name: (draft / name).stat().st_size for name in _FILES}
        manifest = _Manifest(digest, lowercase, cosine, sizes)
        (draft / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
        draft.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Artefact(folder, digest, lowercase, cosine)
