from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.embedding.artefact import open_artefact, write_artefact
from recsys.embedding.loading import load_embedder
from recsys.embedding.models import Embedder, ModelSpec, load_spec, packaged_models
from recsys.embedding.passages import Encoded, Passage, text_passage

TEXTS = st.lists(st.text(max_size=120) | st.sampled_from(["graph parsing", "topic " * 90, ""]), max_size=12)
MIXED = [
    "neural parsing of speech",
    "",
    "dialogue",
    "the model of translation " * 20,
    "Graph? graph!",
    "\ud800x",
]


LONG = " ".join(
    f"The {a} of {b} {i} is neural. For the model, {b} parsing!"
    for i, (a, b) in enumerate([("graph", "speech")] * 40)
)
#: Of no sentence, one, a few, more than a window, and with letters that are no ASCII.
PASSAGES = [
    text_passage(text)
    for text in [*MIXED, LONG, "Éa graph ü. 中文句子。 Speech 👩‍👩‍👧 model?", "topic " * 300]
]
ENGINES = pytest.mark.parametrize("engine", ["compiled", "original"])


@pytest.fixture(scope="session")
def vectors(original: Embedder) -> np.ndarray:
    return original.encode(MIXED)


def test_openvino_agrees_with_pytorch(compiled: Embedder, original: Embedder, vectors: np.ndarray) -> None:
    found = compiled.encode(MIXED)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, vectors, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert compiled.key == original.key
    assert compiled.key.startswith("tiny-")
    assert (compiled.description, original.description) == (
        "OpenVINO f32, 2 threads",
        "PyTorch float32 on cpu",
    )


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_rows_stand_in_the_order_of_the_texts(compiled: Embedder, texts: list[str]) -> None:
    together = compiled.encode(texts)
    assert together.shape == (len(texts), 32)
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_allclose(compiled.encode([text])[0], row, atol=1e-5)


def test_bulk_and_single_agree(compiled: Embedder, original: Embedder) -> None:
    texts = [f"{'graph ' * (i % 23)}{'speech' if i % 3 else 'topic'} {i}" for i in range(150)]
    seen: list[tuple[int, int]] = []
    found = compiled.encode(texts, progress=lambda done, total: seen.append((done, total)))
    np.testing.assert_allclose(found, original.encode(texts), atol=1e-5)
    assert seen[-1] == (150, 150)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    calls: list[tuple[int, int]] = []
    original.encode(texts, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(150, 150)]


@ENGINES
def test_a_query_gets_its_prompt(engine: str, request: pytest.FixtureRequest) -> None:
    embedder: Embedder = request.getfixturevalue(engine)
    query = embedder.encode(["graph parsing"], role="query")
    np.testing.assert_allclose(query, embedder.encode(["topic: graph parsing"]), atol=1e-6)
    assert float((query @ embedder.encode(["graph parsing"]).T)[0, 0]) < 0.999


def test_long_texts_are_cut(compiled: Embedder) -> None:
    cut = compiled.encode(["graph " * 62, "graph " * 62 + "speech " * 500])
    np.testing.assert_allclose(cut[0], cut[1], atol=1e-6)
    assert float(compiled.encode(["graph " * 61 + "speech"])[0] @ cut[0]) < 0.99999


@ENGINES
def test_no_texts(engine: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(engine).encode([])
    assert (found.shape, found.dtype) == ((0, 32), np.float32)
    none = request.getfixturevalue(engine).encode_passages([])
    assert (none.vectors.shape, none.sentences.shape, none.offsets.tolist()) == ((0, 32), (0, 32), [0])


def test_many_threads_get_their_own_answers(compiled: Embedder) -> None:
    texts = [f"{'model ' * (i % 9)}graph {i}" for i in range(64)]
    expected = compiled.encode(texts)
    barrier = threading.Barrier(8)

    def work(worker: int) -> float:
        barrier.wait()
        if worker == 0:
            return float(np.abs(compiled.encode(texts) - expected).max())
        rows = np.vstack([compiled.encode([texts[i]]) for i in range(worker, 64, 8)])
        return float(np.abs(rows - expected[worker::8]).max())

    with ThreadPoolExecutor(8) as pool:
        assert max(pool.map(work, range(8))) < 1e-5


def test_the_first_inference_is_made_alone(
    tiny_spec: ModelSpec, tiny_cache: Path, compiled: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO's binding hangs when two threads make a process's first inference at the same moment."""
    from openvino import InferRequest

    made_by = []
    infer = InferRequest.infer

    def recording(*args: object, **kwargs: object) -> object:
        made_by.append(threading.current_thread())
        return infer(*args, **kwargs)

    monkeypatch.setattr(InferRequest, "infer", recording)
    embedder = load_embedder(tiny_spec, cache=tiny_cache, backend="openvino", precision="f32", threads=2)
    assert made_by == [threading.current_thread()]
    embedder.encode(MIXED * 20)
    assert {thread.name[:6] for thread in made_by[1:]} == {"embed_"}


def test_half_precision_keeps_the_key(compiled: Embedder, tiny_spec: ModelSpec, tiny_cache: Path) -> None:
    half = load_embedder(tiny_spec, cache=tiny_cache, backend="torch", precision="bf16")
    assert half.key == compiled.key
    assert half.description == "PyTorch bfloat16 on cpu"
    cosines = np.sum(half.encode(MIXED) * compiled.encode(MIXED), axis=1)
    assert cosines.min() > 0.998


def test_pooling_follows_the_spec(tiny_spec: ModelSpec, compiled: Embedder, tiny_cache: Path) -> None:
    spec = dataclasses.replace(tiny_spec, pooling="cls")
    first = load_embedder(spec, cache=tiny_cache, backend="torch", precision="f32")
    assert first.key != compiled.key
    assert float((first.encode(["graph parsing"]) @ compiled.encode(["graph parsing"]).T)[0, 0]) < 0.99


def test_int8_is_another_space(tiny_spec: ModelSpec, tiny_cache: Path, compiled: Embedder) -> None:
    words = ["graph", "parsing", "model", "topic", "speech", "translation", "dialogue"]
    texts = [" ".join(words[(i * j) % 7] for j in range(1, 4 + i % 20)) for i in range(40)]
    small = load_embedder(tiny_spec, cache=tiny_cache, precision="int8", calibration=lambda: texts, threads=2)
    assert small.key.startswith(f"{compiled.key}-int8-")
    assert small.description == "OpenVINO int8, 2 threads"
    cosines = np.sum(small.encode(texts) * compiled.encode(texts), axis=1)
    assert 0.97 < cosines.mean() < 0.9999999
    passages = [text_passage(f"{text}. {text[::-1]}") for text in texts]
    one, two = small.encode_passages(passages), compiled.encode_passages(passages)
    assert 0.95 < np.sum(one.sentences * two.sentences, axis=1).mean() < 0.9999999
    again = load_embedder(tiny_spec, cache=tiny_cache, precision="int8", threads=2)  # from the cache now
    assert again.key == small.key
    np.testing.assert_array_equal(again.encode(texts[:3]), small.encode(texts[:3]))


def test_a_damaged_artefact_is_made_again(
    tiny_spec: ModelSpec, compiled: Embedder, tiny_cache: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_cache, tmp_path, dirs_exist_ok=True)
    (folder,) = (tmp_path / "tiny").glob("openvino-float-*")
    whole = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(whole[:100])
    killed = folder.with_name(f".{folder.name}.killed")
    killed.mkdir()
    assert open_artefact(folder) is None
    mended = load_embedder(tiny_spec, cache=tmp_path, precision="f32")
    np.testing.assert_allclose(mended.encode(["graph"]), compiled.encode(["graph"]), atol=1e-5)
    assert (folder / "model.bin").stat().st_size == len(whole)
    assert not killed.exists()


def test_a_failed_conversion_leaves_nothing(tmp_path: Path) -> None:
    def fail(draft: Path) -> tuple[bool, float]:
        (draft / "model.bin").write_bytes(b"half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_artefact(tmp_path / "openvino-float-0", fail)
    assert list(tmp_path.iterdir()) == []


def test_an_artefact_is_whole_only_with_all_files(tmp_path: Path) -> None:
    def fill(draft: Path) -> tuple[bool, float]:
        for name in ("model.xml", "model.bin", "tokenizer.json"):
            (draft / name).write_text(name)
        return True, 0.5

    written = write_artefact(tmp_path / "a", fill)
    assert open_artefact(tmp_path / "a") == written
    assert (written.lowercase, written.cosine, written.digest[:6]) == (True, 0.5, written.digest[:6])
    (tmp_path / "a" / "manifest.json").write_text(json.dumps({"digest": "x"}))
    assert open_artefact(tmp_path / "a") is None


def test_the_packaged_model_serves_without_torch(tmp_path: Path) -> None:
    program = """
import json, sys
from pathlib import Path
from recsys.embedding.loading import load_embedder
from recsys.embedding.models import load_spec, packaged_models
embedder = load_embedder(load_spec("all-MiniLM-L6-v2", [packaged_models()]), cache=Path(sys.argv[1]))
rows = embedder.encode(["Parsing with graphs", "Graph-based dependency parsing", "The price of wheat"])
heavy = ["torch", "transformers", "sentence_transformers", "openvino_telemetry"]
loaded = [name for name in heavy if sys.modules.get(name)]
print(json.dumps([embedder.key, rows.shape, (rows @ rows[0]).tolist(), loaded]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=packaged_models().parent,
    )
    key, shape, similar, loaded = json.loads(done.stdout)
    assert key == "all-MiniLM-L6-v2-53aa51172d14-693464cd"
    assert shape == [3, 384]
    assert similar[0] == pytest.approx(1, abs=1e-6)
    assert similar[1] > 0.6 > 0.2 > similar[2]
    assert loaded == []
    assert load_spec("all-MiniLM-L6-v2", [packaged_models()]).dimension == 384


@pytest.fixture(scope="session", params=["document", "query"])
def encoded(request: pytest.FixtureRequest, compiled: Embedder) -> tuple[str, Encoded]:
    return request.param, compiled.encode_passages(PASSAGES, role=request.param)


def test_engines_agree_on_every_sentence(encoded: tuple[str, Encoded], original: Embedder) -> None:
    role, found = encoded
    expected = original.encode_passages(PASSAGES, role=role)  # type: ignore[arg-type]
    counts = [1, 0, 1, 1, 2, 1, 80, 3, 2]
    assert [len(passage.sentences) for passage in PASSAGES] == counts
    for one in (found, expected):
        np.testing.assert_array_equal(one.offsets, np.concatenate([[0], np.cumsum(counts)]))
        assert (one.vectors.dtype, one.sentences.dtype, one.offsets.dtype) == (
            np.float32,
            np.float32,
            np.int64,
        )
        np.testing.assert_allclose(np.linalg.norm(one.sentences, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(found.vectors, expected.vectors, atol=1e-5)
    np.testing.assert_allclose(found.sentences, expected.sentences, atol=1e-5)


@ENGINES
def test_a_documents_vector_is_that_of_its_text(engine: str, request: pytest.FixtureRequest) -> None:
    embedder: Embedder = request.getfixturevalue(engine)
    found = embedder.encode_passages(PASSAGES)
    texts = [passage.text for passage in PASSAGES]
    np.testing.assert_allclose(found.vectors, embedder.encode(texts), atol=1e-5)


@ENGINES
def test_a_querys_vector_is_the_mean_of_its_windows(engine: str, request: pytest.FixtureRequest) -> None:
    embedder: Embedder = request.getfixturevalue(engine)
    words = [["graph", "speech", "topic", "model"][i * i % 11 % 4] for i in range(130)]
    found = embedder.encode_passages([text_passage(" ".join(words))], role="query").vectors[0]
    # 64 tokens less two special ones and the two of the prompt leave 60, of which 30 at most are new
    parts = [" ".join(words[start : start + 60]) for start in (0, 30, 60, 90)]
    mean = embedder.encode(parts, role="query").mean(axis=0)
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)


@ENGINES
def test_a_sentence_is_the_mean_of_its_tokens(
    engine: str, request: pytest.FixtureRequest, tiny_folder: Path
) -> None:
    import torch
    from transformers import BertModel

    embedder: Embedder = request.getfixturevalue(engine)
    vocabulary = (tiny_folder / "vocab.txt").read_text().splitlines()
    words = ["[CLS]", "graph", "parsing", ".", "neural", "speech", "topic", "[SEP]"]
    ids = torch.tensor([[vocabulary.index(word) for word in words]])
    with torch.no_grad():
        tokens = BertModel.from_pretrained(tiny_folder).eval()(ids).last_hidden_state[0].numpy()
    rows = np.vstack([tokens[1:4].mean(axis=0), tokens[4:7].mean(axis=0), tokens.mean(axis=0)])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = embedder.encode_passages([text_passage("Graph parsing. neural speech topic")])
    assert found.offsets.tolist() == [0, 2]
    np.testing.assert_allclose(np.vstack([found.sentences, found.vectors]), rows, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(PASSAGES), max_size=8), st.sampled_from(["document", "query"]))
def test_passages_do_not_influence_each_other(compiled: Embedder, passages: list[Passage], role: str) -> None:
    together = compiled.encode_passages(passages, role=role)  # type: ignore[arg-type]
    assert together.vectors.shape == (len(passages), 32)
    for i, passage in enumerate(passages):
        alone = compiled.encode_passages([passage], role=role)  # type: ignore[arg-type]
        np.testing.assert_allclose(alone.vectors[0], together.vectors[i], atol=1e-5)
        mine = together.sentences[together.offsets[i] : together.offsets[i + 1]]
        np.testing.assert_allclose(alone.sentences, mine, atol=1e-5)


def test_passages_in_bulk(compiled: Embedder, original: Embedder) -> None:
    passages = [text_passage(f"Graph {i}. {'Speech ' * (i % 90)}topic. The model.") for i in range(100)]
    for embedder in (compiled, original):
        seen: list[tuple[int, int]] = []
        embedder.encode_passages(passages, progress=lambda done, total, seen=seen: seen.append((done, total)))
        assert seen[-1] == (100, 100)
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    found, expected = compiled.encode_passages(passages), original.encode_passages(passages)
    np.testing.assert_allclose(found.sentences, expected.sentences, atol=1e-5)
    np.testing.assert_allclose(found.vectors, compiled.encode([p.text for p in passages]), atol=1e-5)


def test_a_tokenizer_that_tells_no_places_gives_sentences_on_their_own(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, WordEmbeddings
    from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer

    weights = np.array([[1, 0], [0, 1]], dtype=np.float32)
    words = WordEmbeddings(WhitespaceTokenizer(["one", "two"], stop_words=[], do_lower_case=True), weights)
    folder = str(tmp_path / "words")
    SentenceTransformer(modules=[words, Pooling(2)], device="cpu").save(folder)
    embedder = load_embedder(
        ModelSpec("words", folder, 2, 16, "mean"), cache=tmp_path, backend="torch", precision="f32"
    )
    found = embedder.encode_passages([text_passage("two"), text_passage("One. Two.")])
    assert found.offsets.tolist() == [0, 1, 3]
    half = np.float32(np.sqrt(0.5))
    np.testing.assert_allclose(found.sentences, [[0, 1], [1, 0], [0, 1]], atol=1e-6)
    np.testing.assert_allclose(found.vectors, [[0, 1], [half, half]], atol=1e-6)
