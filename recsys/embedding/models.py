"""What an embedding model is, declared as data, and what every engine that runs one promises.

A model is described by ``models/<id>/model.json``; :class:`ModelSpec` holds one such file, checked key by
key. The text that is embedded for a paper is made here too, because vectors are comparable only when their
texts were made in the same way.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, get_args

from recsys.errors import ModelError, UnknownModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from recsys.embedding.passages import Encoded, Passage

__all__ = [
    "Embedder",
    "ModelSpec",
    "Pooling",
    "Role",
    "embedding_text",
    "is_quantised",
    "list_specs",
    "load_spec",
    "packaged_models",
    "parse_spec",
    "quantised_key",
    "space_key",
    "text_hash",
]

Role = Literal["document", "query"]
Pooling = Literal["mean", "cls", "lasttoken", "max", "mean_sqrt_len_tokens", "weightedmean"]

#: Raised by one whenever :func:`embedding_text` makes other text of the same paper.
_TEXT_VERSION: Final = 1
_QUANTISED: Final = "-int8-"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One embedding model: where its weights are and how text is put to it.

    Attributes:
        id: name of the spec, and of its folder.
        name: hub name (``owner/model``) or a folder in the layout of sentence-transformers.
        dimension: width of its vectors.
        max_tokens: longer texts are cut to this many tokens, special tokens included.
        pooling: how token vectors become one vector.
        package: import name of an installed package that carries the weights, or None.
        package_folder: folder of the weights inside that package.
        revision: commit, tag or branch on the hub, or None for its default.
        prompts: what stands before a text, for each :data:`Role`.
        separator: what stands between title and abstract.
        adapter: hub name or folder of an adapter (package ``adapters``) loaded over the weights, or None.
        weights_sha256: digest of the weight file, checked before first use, or None to accept any.
        trust_remote_code: run Python code that comes with the weights.
        licence: SPDX identifier of the weights' licence.
        homepage: where a reader finds the model.
        description: one sentence on what it is good for.
    """

    id: str
    name: str
    dimension: int
    max_tokens: int
    pooling: Pooling
    package: str | None = None
    package_folder: str = ""
    revision: str | None = None
    prompts: Mapping[str, str] = field(default_factory=lambda: {"document": "", "query": ""})
    separator: str = ". "
    adapter: str | None = None
    weights_sha256: str | None = None
    trust_remote_code: bool = False
    licence: str = ""
    homepage: str = ""
    description: str = ""


class Embedder(Protocol):
    """A model ready to run. Safe to call from several threads.

    Attributes:
        spec: the model.
        key: name of the vector space: vectors of equal keys may be compared, others not.
        dimension: width of the vectors.
        description: engine, precision and threads, for people.
    """

    spec: ModelSpec
    key: str
    dimension: int
    description: str

    def encode(
        self,
        texts: Sequence[str],
        *,
        role: Role = "document",
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Embed texts.

        Args:
            texts: any number, in any order; cut to the model's length.
            role: whether they are what is searched or what is searched for; decides the prompt.
            progress: called now and then with (texts done, texts in all).

        Returns:
            Array of shape (len(texts), dimension): row i is the vector of text i, of length 1.
        """
        ...

    def encode_passages(
        self,
        passages: Sequence[Passage],
        *,
        role: Role = "document",
        progress: Callable[[int, int], None] | None = None,
    ) -> Encoded:
        """Embed texts and their sentences in one pass.

        What exceeds the model's length is read in further windows, which overlap. A sentence is the mean of
        its tokens' embeddings in the window that holds most of it.

        Args:
            passages: any number, in any order.
            role: a document's vector is what :meth:`encode` makes of its text, that is of its first window;
                a query's is the mean of all its windows' vectors. Also decides the prompt.
            progress: called now and then with (passages done, passages in all).
        """
        ...


def embedding_text(spec: ModelSpec, title: str, abstract: str | None, keywords: Sequence[str]) -> str:
    """The text that stands for a paper: title and abstract, or title and keywords without an abstract."""
    head = title.strip()
    body = (abstract or "").strip() or ", ".join(word.strip() for word in keywords if word.strip())
    if not head or not body:
        return head or body
    separator = spec.separator
    if separator.startswith(".") and head[-1] in ".!?":
        separator = separator[1:]
    return f"{head}{separator}{body}"


def text_hash(text: str) -> str:
    """SHA-256 of the text as embedded, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def space_key(spec: ModelSpec, weights_digest: str) -> str:
    """Name of the vector space that these weights make with this spec, whatever engine runs them."""
    recipe = json.dumps(
        [
            _TEXT_VERSION,
            spec.dimension,
            spec.max_tokens,
            spec.pooling,
            sorted(spec.prompts.items()),
            spec.separator,
            spec.adapter,
        ]
    )
    return f"{spec.id}-{weights_digest[:12]}-{hashlib.sha256(recipe.encode()).hexdigest()[:8]}"


def quantised_key(key: str, digest: str) -> str:
    """Name of the space that an int8 form makes: near the float one, but a space of its own."""
    return f"{key}{_QUANTISED}{digest[:8]}"


def is_quantised(key: str) -> bool:
    """Whether a key names the space of an int8 form."""
    return _QUANTISED in key


def packaged_models() -> Path:
    """Folder of the specs that come with this package, in a wheel or in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "model_specs"
    return installed if installed.is_dir() else package.parent / "models"


def list_specs(folders: Sequence[Path]) -> list[ModelSpec]:
    """Every spec in the folders, by id; of two with one id the earlier folder's counts.

    Raises:
        ModelError: a file is no valid spec; names file and key.
    """
    found: dict[str, ModelSpec] = {}
    for folder in folders:
        for file in sorted(folder.glob("*/model.json")):
            if file.parent.name not in found:
                found[file.parent.name] = parse_spec(file)
    return [found[key] for key in sorted(found)]


def load_spec(model: str, folders: Sequence[Path]) -> ModelSpec:
    """The spec of a model.

    Args:
        model: an id, looked up as ``<folder>/<id>/model.json``, or the path of a model's folder.
        folders: where specs are, first match wins.

    Raises:
        UnknownModel: neither; names the ids that there are.
        ModelError: the spec, or the folder's configuration, is not valid.
    """
    if _ID.fullmatch(model):
        for folder in folders:
            file = folder / model / "model.json"
            if file.is_file():
                return parse_spec(file)
    path = Path(model).expanduser()
    if path.is_dir() and ((path / "modules.json").is_file() or (path / "config.json").is_file()):
        from recsys.embedding.folder import spec_of_folder

        return spec_of_folder(path.resolve())
    known = sorted({file.parent.name for folder in folders for file in folder.glob("*/model.json")})
    raise UnknownModel(
        f"No model is called {model!r}: known are {', '.join(known) or 'none'}.",
        hint="Choose one of these, give the path of a sentence-transformers folder, "
        f"or describe the model in models/{model if _ID.fullmatch(model) else '<id>'}/model.json.",
    )


def parse_spec(file: Path) -> ModelSpec:
    """Read and check one ``model.json``.

    Raises:
        ModelError: not readable, not JSON, an unknown or missing key, or a value of the wrong kind.
    """
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"Model spec {file} cannot be read: {error}.", hint="Mend or remove the file."
        ) from error
    if not isinstance(raw, dict):
        raise ModelError(f"Model spec {file} is not a JSON object.", hint="Mend or remove the file.")
    known = {f.name: f for f in fields(ModelSpec)}
    for key in raw:
        if key not in known:
            raise _bad(file, key, "is no key of a model spec", f"Known keys: {', '.join(known)}.")
    for key, declared in known.items():
        required = declared.default is MISSING and declared.default_factory is MISSING
        if required and key not in raw:
            raise _bad(file, key, "is missing", "Add it.")
    for key, value in raw.items():
        _check(file, key, value)
    if raw["id"] != file.parent.name:
        raise _bad(file, "id", f"is {raw['id']!r} in the folder {file.parent.name!r}", "Make the two equal.")
    return ModelSpec(**raw)


_TEXT: Final = frozenset({"id", "name", "separator", "package_folder", "licence", "homepage", "description"})
_OPTIONAL_TEXT: Final = frozenset({"package", "revision", "adapter", "weights_sha256"})


def _check(file: Path, key: str, value: Any) -> None:
    """Raise ModelError unless ``value`` is what ``key`` takes."""
    problem = ""
    if key in _TEXT:
        problem = "" if isinstance(value, str) else "must be text"
    elif key in _OPTIONAL_TEXT:
        problem = "" if value is None or (isinstance(value, str) and value) else "must be text or null"
    elif key in ("dimension", "max_tokens"):
        whole = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 1_000_000
        problem = "" if whole else "must be a whole number above 0"
    elif key == "pooling":
        problem = "" if value in get_args(Pooling) else f"must be one of {', '.join(get_args(Pooling))}"
    elif key == "trust_remote_code":
        problem = "" if isinstance(value, bool) else "must be true or false"
    elif key == "prompts":
        roles = isinstance(value, dict) and set(value) == set(get_args(Role))
        texts = roles and all(isinstance(prompt, str) for prompt in value.values())
        problem = "" if texts else "must hold a text for each of document and query, and nothing else"
    if not problem and key == "id" and not _ID.fullmatch(value):
        problem = "must be letters, digits, '.', '_' or '-'"
    if not problem and key == "name" and not value:
        problem = "must not be empty"
    if not problem and key == "weights_sha256" and value is not None and not _SHA256.fullmatch(value):
        problem = "must be 64 lower-case hexadecimal digits or null"
    if problem:
        raise _bad(file, key, f"{problem}, not {value!r}", "Mend it.")


def _bad(file: Path, key: str, problem: str, hint: str) -> ModelError:
    return ModelError(f"Model spec {file}: {key!r} {problem}.", hint=hint)
