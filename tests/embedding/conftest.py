"""A tiny model made on the spot, in the layout of sentence-transformers, and its compiled forms."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest

from recsys.embedding.loading import load_embedder
from recsys.embedding.models import Embedder, ModelSpec, parse_spec

WORDS = [
    "graph",
    "parsing",
    "model",
    "topic",
    "speech",
    "translation",
    "dialogue",
    "neural",
    "the",
    "of",
    "for",
]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of 2 layers, 32 numbers wide, pooled by the mean, for 64 tokens at most."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("tiny") / "tiny"
    letters = string.ascii_lowercase + string.digits + ".,:;?!"
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *WORDS,
        *letters,
        *(f"##{c}" for c in letters),
    ]
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}
    files = {
        "tokenizer_config.json": tokenizer,
        "sentence_bert_config.json": {"max_seq_length": 64, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": "topic: ", "document": ""}},
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True},
    }
    (folder / "1_Pooling").mkdir()
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny_spec(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    file = tmp_path_factory.mktemp("specs") / "tiny" / "model.json"
    file.parent.mkdir()
    spec = {
        "id": "tiny",
        "name": str(tiny_folder),
        "dimension": 32,
        "max_tokens": 64,
        "pooling": "mean",
        "prompts": {"document": "", "query": "topic: "},
    }
    file.write_text(json.dumps(spec), encoding="utf-8")
    return parse_spec(file)


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tiny model's compiled forms are kept for the session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def compiled(tiny_spec: ModelSpec, tiny_cache: Path) -> Embedder:
    """The tiny model on OpenVINO in float32."""
    return load_embedder(tiny_spec, cache=tiny_cache, backend="openvino", precision="f32", threads=2)


@pytest.fixture(scope="session")
def original(tiny_spec: ModelSpec, tiny_cache: Path) -> Embedder:
    """The tiny model on PyTorch in float32."""
    return load_embedder(tiny_spec, cache=tiny_cache, backend="torch", precision="f32")
