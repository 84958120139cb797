"""A spec derived from a folder in the layout of sentence-transformers, for models that nobody described."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast, get_args

from recsys.embedding.models import ModelSpec, Pooling
from recsys.errors import ModelError

__all__ = ["spec_of_folder"]

_DEFAULT_LENGTH = 512


def spec_of_folder(folder: Path) -> ModelSpec:
    """Spec of the model in ``folder``: length, pooling, width and prompts as its own files say.

    Raises:
        ModelError: a configuration file is damaged, or says nothing of the vectors' width.
    """
    modules = _modules(folder)
    pooling = next((_read(folder / path / "config.json") for kind, path in modules if kind == "Pooling"), {})
    prompts = _read(folder / "config_sentence_transformers.json").get("prompts") or {}
    return ModelSpec(
        id=re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).lstrip("._-") or "model",
        name=str(folder),
        dimension=_dimension(folder, modules, pooling),
        max_tokens=_length(folder),
        pooling=_pooling(folder, pooling),
        prompts={"document": prompts.get("document") or "", "query": prompts.get("query") or ""},
    )


def _read(file: Path) -> dict[str, Any]:
    """The JSON object in a file; empty when there is no such file."""
    if not file.is_file():
        return {}
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{file} is not JSON: {error}.", hint="Copy the model's folder again.") from error
    if not isinstance(value, dict):
        raise ModelError(f"{file} is not a JSON object.", hint="Copy the model's folder again.")
    return value


def _modules(folder: Path) -> list[tuple[str, str]]:
    """(class name, subfolder) of each module, in order."""
    file = folder / "modules.json"
    if not file.is_file():
        return []
    try:
        return [
            (str(m["type"]).rsplit(".", 1)[-1], str(m["path"])) for m in json.loads(file.read_text("utf-8"))
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file} is damaged: {error!r}.", hint="Copy the model's folder again.") from error


def _dimension(folder: Path, modules: list[tuple[str, str]], pooling: dict[str, Any]) -> int:
    """Width of the last module that changes it."""
    config = _read(folder / "config.json")
    width = pooling.get("embedding_dimension") or pooling.get("word_embedding_dimension")
    width = width or config.get("hidden_size")
    for kind, path in modules:
        if kind == "Dense":
            width = _read(folder / path / "config.json").get("out_features") or width
    if not isinstance(width, int):
        raise ModelError(
            f"The files in {folder} do not say how wide the model's vectors are.",
            hint="Describe the model in models/<id>/model.json, with 'dimension'.",
        )
    return width


def _length(folder: Path) -> int:
    length = _read(folder / "sentence_bert_config.json").get("max_seq_length")
    length = length or _read(folder / "config.json").get("max_position_embeddings")
    return length if isinstance(length, int) else _DEFAULT_LENGTH


def _pooling(folder: Path, config: dict[str, Any]) -> Pooling:
    """The pooling mode, in either of the two ways that sentence-transformers has written it."""
    chosen = []
    for key, value in config.items():
        if key.startswith("pooling_mode_") and value is True:
            mode = key.removeprefix("pooling_mode_")
            # "mean_tokens" is the mode "mean", but "mean_sqrt_len_tokens" is called that
            chosen.append(
                mode if mode in get_args(Pooling) else mode.removesuffix("_tokens").removesuffix("_token")
            )
    pooled = config.get("pooling_mode") or (chosen[0] if len(chosen) == 1 else chosen or "mean")
    if pooled not in get_args(Pooling):
        raise ModelError(
            f"The model in {folder} pools by {pooled!r}, which is not known here.",
            hint=f"Use a model that pools by one of {', '.join(get_args(Pooling))}.",
        )
    return cast(Pooling, pooled)
