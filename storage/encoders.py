"""Encoders: `encoders/<model>/` holds an OpenVINO IR, the specification it was made to, and their sha256.

Its heads are a file beside that folder, `<model>.heads-<sha256>.npz`, because files of a root never change,
and new heads need neither a new encoder nor new embeddings. So is the style head, which is trained on
outfits: `<model>.outfits-<sha256>.npz`.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.errors import InputError, LookalikeError
from storage.names import FileName, ModelName, Sha256, Text
from storage.regular import read_small
from storage.root import Root
from storage.verification_cache import sha256_of

IR_FILE = "encoder.xml"
_SPEC_FILE = "encoder.json"
HEADS = ".heads-"
OUTFITS = ".outfits-"
_FULL_BYTES = 2**20
_REMEDY = "Run `lookalike repair`, which makes the encoder again."
_HEADS_REMEDY = "Run `lookalike repair`, which makes it again."
_OUTFITS_REMEDY = "Run `lookalike repair`, which removes it, and `lookalike train --head outfits`."


class EncoderSpec(BaseModel):
    """An encoder's specification.

    :param model: its name, which stands for weights and preprocessing, so that embeddings never mix.
    :param weights: name of the weights it was made from.
    :param size: side of the square input, px.
    :param dim: length of its vectors.
    :param preprocessing: how a photo becomes the input.
    :param fingerprint: sha256 of the weights, hexadecimal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    model: ModelName
    weights: Text
    size: int = Field(ge=1, le=4096)
    dim: int = Field(ge=1, le=65_536)
    preprocessing: Text
    fingerprint: Text


class _StoredSpec(EncoderSpec):
    """The content of `encoder.json`.

    :ivar files: sha256 of the encoder's other files, hexadecimal, by name; empty in the first releases.
    """

    files: dict[FileName, Sha256] = Field(default_factory=dict, max_length=100)


def folder_name(model: str) -> str:
    """Name of a model's folder among the root's files."""
    return f"encoders/{model}"


def folder(root: Root, model: str) -> Path:
    """The path of a model's encoder on this machine, which may not exist."""
    return root.files.fetch(folder_name(model))


def available(root: Root) -> list[str]:
    """Names of the models whose encoder is in the root, sorted."""
    files = map(PurePosixPath, root.files.below("encoders"))
    return sorted(file.parts[1] for file in files if len(file.parts) == 3 and file.name == _SPEC_FILE)


def load_spec(encoder: Path) -> EncoderSpec:
    """The specification of the encoder in a folder.

    :raises LookalikeError: the folder holds no encoder, or one of a newer release.
    """
    described = _read_spec(encoder)
    return EncoderSpec.model_validate(described.model_dump(exclude={"files"}))


def verify(encoder: Path) -> EncoderSpec:
    """Reads every file of the encoder in a folder, compares its sha256, and returns the specification.

    :raises LookalikeError: a file is missing or damaged, or there is no encoder this release can read.
    """
    described = _read_spec(encoder)
    # The first releases listed no files, so the files of the folder are read as well.
    for file in sorted({*described.files, *(path.name for path in encoder.iterdir())}):
        try:
            found = sha256_of(encoder / file)
        except OSError as error:
            raise LookalikeError(f"{encoder / file} cannot be read ({error.strerror}). {_REMEDY}") from None
        if found != described.files.get(file, found):
            raise LookalikeError(f"{encoder / file} is damaged. {_REMEDY}")
    return load_spec(encoder)


def heads_name(root: Root, model: str, part: str = HEADS) -> str | None:
    """The name of a model's file of heads among the root's files; None if there is none.

    :param part: `HEADS`, or `OUTFITS` for the style head.
    """
    return next(iter(_all_heads(root, model, part)), None)


def verify_heads(file: Path) -> Path:
    """Checks the sha256 of a file of heads, and returns the file.

    :raises LookalikeError: it is missing or damaged.
    """
    try:
        sound = sha256_of(file).startswith(file.stem.rpartition("-")[2])
    except OSError as error:
        raise LookalikeError(f"{file} cannot be read ({error.strerror}). {_remedy(file)}") from None
    if not sound:
        raise LookalikeError(f"{file} is damaged. {_remedy(file)}")
    return file


def _remedy(file: Path) -> str:
    return _OUTFITS_REMEDY if OUTFITS in file.name else _HEADS_REMEDY


def put_heads(root: Root, model: str, file: Path, part: str = HEADS) -> None:
    """Stores a file of heads in place of the earlier one.

    :param file: a file on the file system of the root's folder; it is moved.
    :param part: `HEADS`, or `OUTFITS` for the style head.
    """
    name = f"{folder_name(model)}{part}{sha256_of(file)[:16]}.npz"
    # The old file first: with two files it would be unknown which of them predicted.
    _remove_heads(root, model, part)
    root.files.add(name, file)


def remove(root: Root, model: str) -> None:
    """Removes an encoder, its heads and its style head."""
    root.files.remove(folder_name(model))
    for part in (HEADS, OUTFITS):
        _remove_heads(root, model, part)


def _all_heads(root: Root, model: str, part: str) -> list[str]:
    named = re.compile(re.escape(folder_name(model) + part) + r"[0-9a-f]{16}\.npz")
    return [name for name in root.files.below("encoders") if named.fullmatch(name)]


def _remove_heads(root: Root, model: str, part: str) -> None:
    for name in _all_heads(root, model, part):
        root.files.remove(name)


@contextmanager
def adding(root: Root, model: str) -> Iterator[Path]:
    """Yields a folder that does not exist yet, to write an encoder to; it is added to the root at the end."""
    scratch = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=root.encoders))
    try:
        yield scratch / model
        root.files.add(folder_name(model), scratch / model)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def writing(encoder: Path, spec: EncoderSpec) -> Iterator[Path]:
    """Yields a folder to write the IR to; it is moved to `encoder` at the end of the block."""
    if encoder.exists():
        raise InputError(f"{encoder} already exists. Encoders are never changed: remove it first.")
    encoder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=encoder.parent))
    try:
        yield unfinished
        files = {file.name: sha256_of(file) for file in sorted(unfinished.iterdir())}
        described = _StoredSpec(**spec.model_dump(), files=files)
        (unfinished / _SPEC_FILE).write_text(described.model_dump_json(indent=2))
        unfinished.chmod(0o755)
        unfinished.replace(encoder)
    except (OSError, RuntimeError) as error:
        # OpenVINO has no error of its own for a full disk.
        if shutil.disk_usage(unfinished).free > _FULL_BYTES:
            raise
        raise LookalikeError(
            f"The encoder does not fit in {encoder.parent}: the disk is full. Free some space and try again."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _read_spec(encoder: Path) -> _StoredSpec:
    file = encoder / _SPEC_FILE
    try:
        return _StoredSpec.model_validate_json(read_small(file))
    except FileNotFoundError as error:
        raise LookalikeError(
            f"There is no encoder in {encoder}. Run `lookalike embed` to make it."
        ) from error
    except OSError as error:
        raise LookalikeError(f"{file} cannot be read ({error.strerror}). {_REMEDY}") from error
    except ValidationError as error:
        raise LookalikeError(
            f"{file} is damaged, or of a release that this one cannot read. {_REMEDY}"
        ) from error
