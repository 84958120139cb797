from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from recsys.embedding.models import (
    ModelSpec,
    embedding_text,
    list_specs,
    load_spec,
    packaged_models,
    parse_spec,
    space_key,
    text_hash,
)
from recsys.errors import ModelError, UnknownModel

GOOD: dict[str, Any] = {"id": "m", "name": "owner/m", "dimension": 8, "max_tokens": 16, "pooling": "cls"}


def write(folder: Path, **changes: Any) -> Path:
    """A spec file with changes; a change to ``...`` leaves the key out."""
    content = {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}
    file = folder / "m" / "model.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_the_committed_specs() -> None:
    specs = {spec.id: spec for spec in list_specs([packaged_models()])}
    shape = {s.id: (s.dimension, s.max_tokens, s.pooling, s.separator, s.licence) for s in specs.values()}
    assert shape == {
        "all-MiniLM-L6-v2": (384, 256, "mean", ". ", "Apache-2.0"),
        "qwen3-embedding-0.6b": (1024, 8192, "lasttoken", ". ", "Apache-2.0"),
        "scincl": (768, 512, "cls", "[SEP]", "MIT"),
        "snowflake-arctic-embed-l-v2.0": (1024, 8192, "cls", ". ", "Apache-2.0"),
        "specter2": (768, 512, "cls", "[SEP]", "Apache-2.0"),
    }
    assert specs["snowflake-arctic-embed-l-v2.0"].prompts == {"document": "", "query": "query: "}
    assert specs["specter2"].adapter == "allenai/specter2"
    assert not any(spec.trust_remote_code for spec in specs.values())


def test_defaults_of_a_short_spec(tmp_path: Path) -> None:
    spec = parse_spec(write(tmp_path))
    assert spec == ModelSpec(id="m", name="owner/m", dimension=8, max_tokens=16, pooling="cls")
    assert (spec.separator, spec.prompts["query"], spec.package) == (". ", "", None)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"dimensions": 8}, "dimensions"),
        ({"dimension": ...}, "dimension"),
        ({"dimension": "8"}, "dimension"),
        ({"dimension": True}, "dimension"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"pooling": "median"}, "pooling"),
        ({"pooling": ["mean"]}, "pooling"),
        ({"prompts": {"query": "q: "}}, "prompts"),
        ({"prompts": {"query": "q: ", "document": None}}, "prompts"),
        ({"package": 3}, "package"),
        ({"name": ""}, "name"),
        ({"id": "other"}, "id"),
        ({"id": "../m"}, "id"),
        ({"weights_sha256": "ABC"}, "weights_sha256"),
        ({"trust_remote_code": 1}, "trust_remote_code"),
        ({"separator": None}, "separator"),
    ],
)
def test_a_bad_spec_names_file_and_key(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    file = write(tmp_path, **changes)
    with pytest.raises(ModelError) as caught:
        parse_spec(file)
    assert str(file) in caught.value.message
    assert repr(key) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
def test_a_spec_that_is_no_json_object(tmp_path: Path, content: str) -> None:
    file = write(tmp_path)
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelError, match=r"model\.json"):
        parse_spec(file)


def test_the_first_folder_wins(tmp_path: Path) -> None:
    write(tmp_path / "own", dimension=4)
    write(tmp_path / "packaged", dimension=9)
    folders = [tmp_path / "own", tmp_path / "packaged"]
    assert load_spec("m", folders).dimension == 4
    assert [spec.dimension for spec in list_specs(folders)] == [4]
    assert load_spec("m", folders[::-1]).dimension == 9


@pytest.mark.parametrize("model", ["nomodel", "owner/model", "../m", "/nowhere/at/all"])
def test_an_unknown_model_names_the_known_ones(tmp_path: Path, model: str) -> None:
    write(tmp_path)
    with pytest.raises(UnknownModel, match="known are m") as caught:
        load_spec(model, [tmp_path])
    assert repr(model) in caught.value.message
    assert "model.json" in caught.value.hint


def test_a_spec_from_a_folder(tiny_folder: Path) -> None:
    assert load_spec(str(tiny_folder), []) == ModelSpec(
        id="tiny",
        name=str(tiny_folder),
        dimension=32,
        max_tokens=64,
        pooling="mean",
        prompts={"document": "", "query": "topic: "},
    )


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"embedding_dimension": 8, "pooling_mode": "lasttoken"}, "lasttoken"),
        ({"word_embedding_dimension": 8, "pooling_mode_cls_token": True}, "cls"),
        ({"word_embedding_dimension": 8, "pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt_len_tokens"),
    ],
)
def test_both_ways_of_writing_the_pooling(tmp_path: Path, pooling: dict[str, Any], expected: str) -> None:
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    ]
    for name, content in {
        "modules.json": modules,
        "config.json": {"max_position_embeddings": 128},
        "1_Pooling/config.json": pooling,
        "2_Dense/config.json": {"out_features": 3},
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    spec = load_spec(str(tmp_path), [])
    assert (spec.pooling, spec.dimension, spec.max_tokens) == (expected, 3, 128)


def test_a_folder_that_says_too_little(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="how wide"):
        load_spec(str(tmp_path), [])
    (tmp_path / "modules.json").write_text('[{"path": ""}]', encoding="utf-8")
    with pytest.raises(ModelError, match=r"modules\.json"):
        load_spec(str(tmp_path), [])


@pytest.mark.parametrize(
    ("separator", "title", "abstract", "keywords", "expected"),
    [
        (". ", "On Parsing", " We parse. ", ("k",), "On Parsing. We parse."),
        (". ", "Why parse?", "Because.", (), "Why parse? Because."),
        (". ", "On Parsing", None, ("trees", " ", "charts"), "On Parsing. trees, charts"),
        (". ", "On Parsing", "  ", (), "On Parsing"),
        (". ", " ", "We parse.", (), "We parse."),
        ("[SEP]", "Why parse?", "Because.", (), "Why parse?[SEP]Because."),
    ],
)
def test_the_text_of_a_paper(
    separator: str, title: str, abstract: str | None, keywords: tuple[str, ...], expected: str
) -> None:
    spec = ModelSpec(id="m", name="m", dimension=1, max_tokens=1, pooling="cls", separator=separator)
    assert embedding_text(spec, title, abstract, keywords) == expected


def test_text_hash_is_sha256() -> None:
    assert text_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert text_hash("\ud800") != text_hash("?")


@pytest.mark.parametrize(
    "change",
    [
        {"prompts": {"document": "", "query": "q"}},
        {"separator": "[SEP]"},
        {"pooling": "mean"},
        {"max_tokens": 17},
        {"adapter": "a"},
        {"dimension": 9},
    ],
)
def test_the_key_changes_with_the_recipe(change: dict[str, Any]) -> None:
    spec = ModelSpec(id="m", name="m", dimension=8, max_tokens=16, pooling="cls")
    key = space_key(spec, "a" * 64)
    assert key.startswith("m-aaaaaaaaaaaa-")
    assert space_key(dataclasses.replace(spec, **change), "a" * 64) != key
    assert space_key(spec, "b" * 64) != key
    assert space_key(dataclasses.replace(spec, homepage="elsewhere"), "a" * 64) == key
