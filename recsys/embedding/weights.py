"""Where a model's weights are, and whether they are the bytes that its spec names."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from pathlib import Path

from recsys.embedding.models import ModelSpec
from recsys.errors import MissingWeights, ModelError, WeightsMismatch

__all__ = ["locate", "verified_digest", "weight_files"]

#: Other renderings of the same weights in hub repositories: never needed here.
_UNUSED = ["*.onnx", "*.h5", "*.msgpack", "*.ot", "*.gguf", "onnx/*", "openvino/*", "imgs/*"]


def locate(spec: ModelSpec) -> Path:
    """Folder of the model's files. The hub is asked only for a model that is neither packaged nor a folder.

    Raises:
        MissingWeights: they are not here; the hint says how to get them.
    """
    if spec.package:
        return _in_package(spec, spec.package)
    folder = Path(spec.name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if folder.is_absolute() or spec.name.startswith((".", "~")):
        raise MissingWeights(
            f"Model {spec.id!r} should be in the folder {folder}, which does not exist.",
            hint="Put the model's files there, or correct 'name' in its model.json.",
        )
    return _from_hub(spec)


def _in_package(spec: ModelSpec, package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise MissingWeights(
            f"The weights of model {spec.id!r} come with the package {package!r}, which is not installed.",
            hint=f"Run: pip install {package.replace('_', '-')}",
        )
    return Path(found.submodule_search_locations[0]) / spec.package_folder


def _from_hub(spec: ModelSpec) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(spec.name, revision=spec.revision, local_files_only=True))
    except (OSError, ValueError):
        # not in the hub's cache on this machine (both kinds of error occur): ask the hub itself
        pass
    try:
        return Path(snapshot_download(spec.name, revision=spec.revision, ignore_patterns=_UNUSED))
    except Exception as error:
        raise MissingWeights(
            f"The weights of model {spec.id!r} ({spec.name}) are not on this machine and could not be "
            f"fetched: {type(error).__name__}.",
            hint=f"Where the hub can be reached run: hf download {spec.name} --local-dir FOLDER, "
            f'carry FOLDER here and set "name" in models/{spec.id}/model.json to its path; '
            "or choose the model all-MiniLM-L6-v2, which is installed with this package.",
        ) from error


def weight_files(folder: Path) -> list[Path]:
    """The files of weights in a model's folder, sorted: safetensors if there are any, else PyTorch's."""
    unused = {"onnx", "openvino"}
    for pattern in ("*.safetensors", "pytorch_model*.bin"):
        files = sorted(f for f in folder.rglob(pattern) if not unused & set(f.relative_to(folder).parts))
        if files:
            return files
    return []


def verified_digest(spec: ModelSpec, folder: Path, cache: Path) -> str:
    """SHA-256 of the weights: of the file, or of the list of digests when there are several files.

    Hashing is done once for each state of the files (path, size, time of change) and remembered in ``cache``.

    Raises:
        MissingWeights: the folder holds no weights.
        WeightsMismatch: they are not the bytes that the spec names.
    """
    files = weight_files(folder)
    if not files:
        raise MissingWeights(
            f"The folder {folder} of model {spec.id!r} holds no weights: no *.safetensors, no "
            "pytorch_model.bin.",
            hint=f"Reinstall the package: pip install --force-reinstall {spec.package.replace('_', '-')}"
            if spec.package
            else "Copy the whole model into the folder.",
        )
    digest = _remembered_digest(folder, files, cache / spec.id / "weights.json")
    if spec.weights_sha256 and digest != spec.weights_sha256:
        raise WeightsMismatch(
            f"The weights of model {spec.id!r} in {folder} have SHA-256 {digest}, but its spec says "
            f"{spec.weights_sha256}.",
            hint="Reinstall the model; if these weights are meant, correct weights_sha256 in its model.json.",
        )
    return digest


def _remembered_digest(folder: Path, files: list[Path], record: Path) -> str:
    """The digest from ``record`` when the files are as they were then, else computed and recorded."""
    state = [[str(f), f.stat().st_size, f.stat().st_mtime_ns] for f in files]
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        if known["files"] == state:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        # no record, or one that cannot be read: it is only a memo, so the bytes are hashed again
        pass
    digests = [_sha256(file) for file in files]
    digest = digests[0]
    if len(files) > 1:
        listing = "".join(
            f"{d} {f.relative_to(folder).as_posix()}\n" for d, f in zip(digests, files, strict=True)
        )
        digest = hashlib.sha256(listing.encode()).hexdigest()
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        draft = record.with_name(f".{record.name}.{os.getpid()}")
        draft.write_text(json.dumps({"files": state, "sha256": digest}), encoding="utf-8")
        draft.replace(record)
    except OSError as error:
        raise ModelError(
            f"The model cache {record.parent} cannot be written: {error.strerror}.",
            hint="Give this user write access to it, or choose another data folder.",
        ) from error
    return digest


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
