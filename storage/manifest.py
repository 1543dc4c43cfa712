"""A generation's manifest: `index/<generation>/manifest.json`."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from storage.errors import LookalikeError
from storage.names import Count, FileName, ModelName, Sha256, ShardName, Size, StoreName, Text
from storage.regular import read_small

FILE = "manifest.json"
SCHEMA_VERSION = 3
"""Version of a generation's files. A newer one is refused. Since 2 a projection may hold heads, since 3 an
index may have grown from the one before."""


class GenerationError(LookalikeError):
    """A generation cannot be used: it is damaged, incomplete, or written by a newer release."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredFile(_Part):
    """A file of a generation as it was when it was built."""

    size_bytes: Size
    sha256: Sha256


class EncoderFacts(_Part):
    """The encoder that made a generation's embeddings; a query must be encoded by the same one.

    :ivar model: names the folder of `encoders/`, and so weights and preprocessing.
    :ivar fingerprint: sha256 of the weights, hexadecimal.
    :ivar size: side of its square input, px.
    :ivar dim: length of its vectors.
    :ivar runtime: what runs it for a query.
    :ivar precision: of the computation; `auto` is bf16 if the processor supports it, else float32.
    """

    model: ModelName
    weights: Text
    fingerprint: Text
    preprocessing: Text
    size: int = Field(ge=1, le=4096)
    dim: int = Field(ge=1, le=65_536)
    runtime: Text = "openvino"
    precision: Text = "auto"

    def is_made_by(self, spec: BaseModel) -> bool:
        """Whether an encoder of this specification (`storage.encoders.EncoderSpec`) made the vectors."""
        return spec.model_dump(exclude={"schema_version"}).items() <= self.model_dump().items()


class Counts(_Part):
    """What a generation holds.

    :ivar items: rows, one for each photo of a product.
    :ivar stores: products of each store, by its name.
    :ivar currencies: currencies of prices, sorted.
    """

    items: Count
    images: Count
    products: Count
    stores: dict[StoreName, Count] = Field(max_length=100_000)
    currencies: list[Text] = Field(max_length=1000)


class Search(_Part):
    """How the index was built and is searched.

    :ivar dimensions: of the projected vectors.
    :ivar trees: number of Annoy's trees; of another engine, its size parameter.
    :ivar search_k: nodes or rows the engine inspects in a search without filters, tuned to the recall goal.
    :ivar ann_dimensions: leading dimensions that the engine compares; None means all.
    :ivar shards: files that the engine's part is in.
    :ivar engine: see `embedding.index.engines`.
    :ivar entries: entries of all shards of an index that has grown, see `embedding.index.candidate_index`;
        None where they are the rows in their order.
    :ivar added: entries of the last shard, if that holds what was added to a whole build, else 0.
    """

    dimensions: int = Field(ge=1, le=65_536)
    trees: Count
    seed: int
    search_k: Count
    ann_dimensions: int | None = Field(None, ge=1, le=65_536)
    shards: int = Field(1, ge=1, le=10_000)
    engine: Text = "annoy"
    entries: int | None = Field(default=None, ge=1, le=2**31)
    added: Count = 0

    @model_validator(mode="after")
    def _require_whole_part(self) -> Search:
        """Checks that beside the shard of what was added there is another."""
        if self.added and (self.shards < 2 or self.entries is None or self.added >= self.entries):
            raise ValueError("there is no shard beside that of what was added")
        return self


class Origin(_Part):
    """What a generation was built with, and whether the next one can grow from it.

    :ivar basis: sha256 of everything but the rows that determines its content.
    :ivar added: photos that were added since the projection was learnt.
    :ivar added_explained: share of their variance that the projection keeps, see
        `embedding.index.projection.Projection.explained`.
    """

    basis: Text
    added: Count = 0
    added_explained: float = 1.0


class Recall(_Part):
    """Recall of the nearest five other products against an exact search, measured before publishing.

    :ivar at_5: mean over the queries.
    :ivar lower_bound: of its 95 % confidence interval.
    :ivar queries: items drawn as queries; if these are all items, the bound equals the measured value.
    :ivar filtered: mean recall under filters that pass a random share of the items, by that share.
    :ivar added: mean recall of queries from the shard of what was added; None where there is none.
    """

    goal: float
    at_5: float
    lower_bound: float
    queries: int
    filtered: dict[Text, float] = Field(default_factory=dict, max_length=1000)
    added: float | None = None


class Manifest(_Part):
    """A generation's facts.

    :ivar content: sha256 of everything that the build reads; equal content needs no new generation.
    :ivar origin: None in generations of earlier releases, from which none grows.
    :ivar tables: versions of the tables it was built from.
    :ivar files: the other files of the folder, by name.
    :ivar thumbnails: the shards in `thumbnails/` it refers to and their sizes in bytes.
    """

    schema_version: int = SCHEMA_VERSION
    encoder: EncoderFacts
    counts: Counts
    search: Search
    recall: Recall
    content: Text
    origin: Origin | None = None
    tables: dict[Text, int] = Field(max_length=100)
    files: dict[FileName, StoredFile] = Field(max_length=20_000)
    thumbnails: dict[ShardName, Size] = Field(max_length=100_000)
    built_at: datetime
    build_seconds: float


def write(folder: Path, manifest: Manifest) -> None:
    """Writes a generation's manifest; the folder must not change afterwards."""
    (folder / FILE).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> Manifest:
    """The manifest of a generation.

    :raises GenerationError: there is none, it is damaged, or a newer release wrote it.
    """
    try:
        text = read_small(folder / FILE)
    except OSError as error:
        raise GenerationError(
            f"Generation {folder.name} cannot be read ({FILE}: {error.strerror}). {WAY_OUT}"
        ) from None
    return parse(text, folder.name)


def parse(text: bytes, name: str) -> Manifest:
    """The manifest in a file's text.

    :param name: the generation's name, for messages.
    :raises GenerationError: it is damaged, or a newer release wrote it.
    """
    try:
        facts = json.loads(text)
        version = facts["schema_version"]
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise GenerationError(
                f"Generation {name} was written by a newer release (its schema version is {version}, "
                f"this release reads {SCHEMA_VERSION}). Update Lookalike."
            )
        return Manifest.model_validate(facts)
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        raise GenerationError(f"Generation {name} is damaged (its {FILE}). {WAY_OUT}") from None


def checksum(folder: Path) -> str:
    """sha256 of the manifest file, hexadecimal. A generation's name ends with its beginning."""
    try:
        return hashlib.sha256(read_small(folder / FILE)).hexdigest()
    except OSError as error:
        raise GenerationError(
            f"Generation {folder.name} cannot be read ({FILE}: {error.strerror}). {WAY_OUT}"
        ) from None


WAY_OUT = "Run `lookalike index` to build a new one, or `lookalike rollback` to use the one before."
