"""Every setting of a deployment, with its default and its meaning.

Values come, first match wins, from the command line, the environment (``RECSYS_`` + the upper-case name), the file
``recsys.toml`` in the data directory, and the defaults below. Read by the command line and the API only: the
functions underneath take plain arguments. ``docs/settings.md`` is tested against this module.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from recsys.errors import InvalidRequest

CONFIG_FILE = "recsys.toml"
SECRETS = frozenset({"namer_key"})  # never repeated in an error


class Settings(BaseSettings):
    """The settings of one deployment. Build with :meth:`load`, which knows where the data directory is."""

    model_config = SettingsConfigDict(env_prefix="RECSYS_", extra="forbid", frozen=True)

    data: Path = Field(
        Path(),
        description="Directory that holds a deployment's files: database, indexes/, models/, rejects/, recsys.toml.",
    )
    database_url: str | None = Field(
        None,
        description="SQLAlchemy URL of the store. Default: the SQLite file recsys.db in the data directory. "
        "PostgreSQL: postgresql+psycopg://user:password@host/name.",
    )
    model: str = Field(
        "all-MiniLM-L6-v2",
        description="Embedding model: the id of a spec in models/, or the folder of a sentence-transformers model.",
    )
    backend: Literal["auto", "openvino", "torch"] = Field(
        "auto", description="What runs the model. auto: torch on a GPU, else OpenVINO on the CPU."
    )
    precision: Literal["auto", "f32", "bf16", "int8"] = Field(
        "auto",
        description="Arithmetic of the model. auto: bf16 where the processor has it, else f32. "
        "int8 is faster still and ranks slightly differently: see scripts/bench/README.md.",
    )
    threads: int | None = Field(
        None, ge=1, description="Threads that embedding and indexing may use. Default: every core."
    )
    exact_limit: int = Field(
        50_000,
        ge=0,
        description="Number of papers up to which the dense index is exact; above it, an HNSW graph.",
    )
    keep_snapshots: int = Field(
        3, ge=1, description="Snapshots that a build leaves in place, the published one included."
    )
    topic_counts: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (),
        max_length=3,
        description="Topics at each level, the coarsest first, such as [12, 60]. Default: chosen from the data; so are levels "
        "beyond those named.",
    )
    topic_seed: int = Field(0, ge=0, description="Seed of the clustering and of the map.")
    namer_url: str | None = Field(
        None,
        description="Base address of an OpenAI-compatible server that names topics, such as https://host/v1. Default: none; "
        "topics keep their offline names and nothing is sent anywhere. Sent are names, terms and titles.",
    )
    namer_model: str | None = Field(None, description="Name of the model on that server.")
    namer_key: SecretStr | None = Field(
        None,
        description="API key of that server, best set as RECSYS_NAMER_KEY. Default: none, for servers that want none.",
    )
    namer_price_in: float | None = Field(
        None,
        ge=0,
        description="Price of a million tokens sent to the model, in any currency; the cost is shown if both prices are given.",
    )
    namer_price_out: float | None = Field(
        None, ge=0, description="Price of a million tokens that the model writes."
    )
    namer_max_cost: float | None = Field(
        None,
        ge=0,
        description="Most that naming may cost in one build, in the currency of the prices; topics beyond it keep their "
        "offline names.",
    )
    namer_max_requests: int | None = Field(
        None, ge=0, description="Most requests that naming may send in one build."
    )
    namer_max_seconds: float = Field(900, ge=0, description="Seconds after which naming sends nothing more.")
    namer_max_tokens: int = Field(
        2000, ge=1, description="Longest answer to one request, in tokens; a model that reasons needs more."
    )
    namer_threads: int = Field(2, ge=1, le=4, description="Requests to the naming server under way at once.")
    text_limit: int = Field(
        20_000, ge=1, description="Longest text, in characters, that a search takes in a request's body."
    )
    query_limit: int = Field(
        1_000, ge=1, description="Longest query, in characters, that a search takes in a URL."
    )
    host: str = Field("127.0.0.1", description="Address that the server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that the server listens on.")
    workers: int = Field(1, ge=1, description="Server processes.")

    @classmethod
    def load(cls, data: Path | None = None) -> Settings:
        """Read the settings of the deployment at ``data`` (default: ``RECSYS_DATA``, else the current folder).

        Raises:
            InvalidRequest: a value has the wrong form, or ``recsys.toml`` names a setting that does not exist.
        """
        directory = data if data is not None else Path(os.environ.get("RECSYS_DATA") or ".")
        config = directory / CONFIG_FILE

        class Located(cls):  # type: ignore[valid-type, misc]
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,
                file_secret_settings: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config)

        try:
            located = Located(data=directory)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            value = "not shown" if name in SECRETS else repr(first["input"])
            raise InvalidRequest(
                f"Setting {name!r} is {value}: {first['msg']}.",
                hint=f"Mend RECSYS_{name.upper()} in the environment or {name} in {config}; docs/settings.md lists all.",
            ) from error
        except ValueError as error:  # the TOML itself
            raise InvalidRequest(f"{config} is not valid TOML: {error}.", hint="Mend the file.") from error
        return cls.model_construct(**located.model_dump())

    @property
    def store_url(self) -> str:
        """URL of the store, the default filled in."""
        return self.database_url or f"sqlite:///{(self.data / 'recsys.db').absolute()}"

    @property
    def indexes(self) -> Path:
        """Folder of the snapshots."""
        return self.data / "indexes"

    @property
    def models(self) -> Path:
        """Folder of the deployment's own model specs and of every compiled model."""
        return self.data / "models"

    @property
    def rejects(self) -> Path:
        """Folder of the records that ingests refused."""
        return self.data / "rejects"

    @property
    def lock(self) -> Path:
        """File that one writer at a time holds locked."""
        return self.data / "recsys.lock"
