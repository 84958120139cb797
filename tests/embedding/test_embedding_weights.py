from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from recsys.embedding.loading import load_embedder
from recsys.embedding.models import ModelSpec
from recsys.embedding.weights import locate, verified_digest
from recsys.errors import DimensionMismatch, MissingWeights, ModelError, WeightsMismatch

SPEC = ModelSpec(id="m", name="owner/m", dimension=8, max_tokens=16, pooling="cls")


def test_a_package_that_is_not_installed(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, package="no_such_package_here")
    with pytest.raises(MissingWeights, match="no_such_package_here") as caught:
        load_embedder(spec, cache=tmp_path)
    assert caught.value.hint == "Run: pip install no-such-package-here"


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, name=str(tmp_path / "gone"))
    with pytest.raises(MissingWeights, match="gone"):
        load_embedder(spec, cache=tmp_path)


def test_a_folder_without_weights(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match=r"pytorch_model\.bin"):
        verified_digest(dataclasses.replace(SPEC, name=str(tmp_path)), tmp_path, tmp_path / "cache")


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def refuse(name: str, **options: Any) -> str:
        asked.append(bool(options.get("local_files_only")))
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(MissingWeights, match="owner/m") as caught:
        load_embedder(SPEC, cache=tmp_path)
    assert asked == [True, False]
    assert "hf download owner/m" in caught.value.hint
    assert "models/m/model.json" in caught.value.hint


def test_a_model_in_the_hub_cache_is_not_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def cached(name: str, *, revision: str | None, local_files_only: bool) -> str:
        assert (name, revision, local_files_only) == ("owner/m", "v1", True)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", cached)
    assert locate(dataclasses.replace(SPEC, revision="v1")) == tmp_path


def test_other_bytes_name_both_digests(tiny_spec: ModelSpec, tiny_folder: Path, tmp_path: Path) -> None:
    actual = hashlib.sha256((tiny_folder / "model.safetensors").read_bytes()).hexdigest()
    assert (
        verified_digest(dataclasses.replace(tiny_spec, weights_sha256=actual), tiny_folder, tmp_path)
        == actual
    )
    with pytest.raises(WeightsMismatch) as caught:
        load_embedder(dataclasses.replace(tiny_spec, weights_sha256="0" * 64), cache=tmp_path)
    assert actual in caught.value.message
    assert "0" * 64 in caught.value.message


def test_weights_are_hashed_again_only_when_they_change(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    file = folder / "model.safetensors"
    file.write_bytes(b"one")
    first = verified_digest(SPEC, folder, tmp_path)
    assert first == hashlib.sha256(b"one").hexdigest()
    stamp = file.stat().st_mtime_ns
    file.write_bytes(b"two")
    os.utime(file, ns=(stamp, stamp))
    assert verified_digest(SPEC, folder, tmp_path) == first  # same size and time: taken from the record
    os.utime(file, ns=(stamp, stamp + 1))
    assert verified_digest(SPEC, folder, tmp_path) == hashlib.sha256(b"two").hexdigest()
    (tmp_path / "m" / "weights.json").write_text("{", encoding="utf-8")
    assert verified_digest(SPEC, folder, tmp_path) == hashlib.sha256(b"two").hexdigest()


def test_several_weight_files_have_one_digest(tmp_path: Path) -> None:
    for name in ("model-1.safetensors", "2_Dense/model.safetensors", "onnx/model.safetensors"):
        (tmp_path / "w" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "w" / name).write_bytes(name.encode())
    one = hashlib.sha256(b"2_Dense/model.safetensors").hexdigest()
    two = hashlib.sha256(b"model-1.safetensors").hexdigest()
    listing = f"{one} 2_Dense/model.safetensors\n{two} model-1.safetensors\n"
    digest = verified_digest(SPEC, tmp_path / "w", tmp_path)
    assert digest == hashlib.sha256(listing.encode()).hexdigest()


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_a_changed_dimension_names_both_numbers(tiny_spec: ModelSpec, tmp_path: Path, backend: Any) -> None:
    spec = dataclasses.replace(tiny_spec, dimension=384)
    with pytest.raises(DimensionMismatch, match=r"32 numbers.* 384") as caught:
        load_embedder(spec, cache=tmp_path, backend=backend)
    assert "model.json" in caught.value.hint
    assert not list(tmp_path.glob("*/openvino-*"))


def test_an_adapter_needs_its_package(tiny_spec: ModelSpec, tmp_path: Path) -> None:
    spec = dataclasses.replace(tiny_spec, adapter="allenai/specter2")
    with pytest.raises(MissingWeights, match="'adapters' is not installed") as caught:
        load_embedder(spec, cache=tmp_path)
    assert "pip install adapters" in caught.value.hint


def test_int8_says_what_it_lacks(
    tiny_spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="not made yet") as caught:
        load_embedder(tiny_spec, cache=tmp_path, precision="int8")
    assert "recsys build" in caught.value.hint
    with pytest.raises(ModelError, match="3 were given"):
        load_embedder(tiny_spec, cache=tmp_path, precision="int8", calibration=lambda: ["a", "b", "c"])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="nncf") as caught:
        load_embedder(tiny_spec, cache=tmp_path, precision="int8", calibration=lambda: ["a"])
    assert "pip install 'recsys[int8]'" in caught.value.hint


def test_torch_has_no_int8(tiny_spec: ModelSpec, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="int8"):
        load_embedder(tiny_spec, cache=tmp_path, backend="torch", precision="int8")


def test_a_damaged_model_folder(tiny_spec: ModelSpec, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    spec = dataclasses.replace(tiny_spec, name=str(tmp_path))
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_embedder(spec, cache=tmp_path / "cache", backend="torch")
