"""Encoders: `encoders/<model>/` holds an OpenVINO IR, the specification it was made to, and their sha256.

What an encoder recognises in its vectors, its heads, is a file beside that folder, named
`<model>.heads-<sha256>.npz`: files of a root never change, and new heads need no new encoder and no vectors.
So is what outfits taught of its vectors, `<model>.outfits-<sha256>.npz`.
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
_WAY_OUT = "Run `lookalike repair`, which makes the encoder again."
_HEADS_WAY_OUT = "Run `lookalike repair`, which makes it again."
_OUTFITS_WAY_OUT = "Run `lookalike repair`, which removes it, and `lookalike train --head outfits`."


class EncoderSpec(BaseModel):
    """What an encoder is.

    :param model: its name, which names weights and preprocessing, so that vectors of two models never mix.
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


class _Described(EncoderSpec):
    """What `encoder.json` says.

    :ivar files: sha256 of the encoder's other files, hexadecimal, by name; none in those that the first
        releases wrote.
    """

    files: dict[FileName, Sha256] = Field(default_factory=dict, max_length=100)


def folder_name(model: str) -> str:
    """Name of a model's folder among the root's files."""
    return f"encoders/{model}"


def folder(root: Root, model: str) -> Path:
    """Where a model's encoder is on this machine, or would be."""
    return root.files.fetch(folder_name(model))


def available(root: Root) -> list[str]:
    """Names of the models whose encoder is in the root."""
    files = map(PurePosixPath, root.files.below("encoders"))
    return sorted(file.parts[1] for file in files if len(file.parts) == 3 and file.name == _SPEC_FILE)


def load_spec(encoder: Path) -> EncoderSpec:
    """The specification of the encoder in a folder.

    :raises LookalikeError: the folder holds no encoder, or one of a newer release.
    """
    described = _described(encoder)
    return EncoderSpec.model_validate(described.model_dump(exclude={"files"}))


def verify(encoder: Path) -> EncoderSpec:
    """The specification of the encoder in a folder, all of whose files were read and found as written.

    :raises LookalikeError: a file is missing or damaged, or there is no encoder this release can read.
    """
    described = _described(encoder)
    # Encoders of the first releases name no files; what OpenVINO opens is none the less a file.
    for file in sorted({*described.files, *(path.name for path in encoder.iterdir())}):
        try:
            found = sha256_of(encoder / file)
        except OSError as error:
            raise LookalikeError(f"{encoder / file} cannot be read ({error.strerror}). {_WAY_OUT}") from None
        if found != described.files.get(file, found):
            raise LookalikeError(f"{encoder / file} is damaged. {_WAY_OUT}")
    return load_spec(encoder)


def heads_name(root: Root, model: str, part: str = HEADS) -> str | None:
    """Name, among the root's files, of what a model's encoder recognises; None where there is none.

    :param part: `HEADS`, or `OUTFITS` for what outfits taught.
    """
    return next(iter(_all_heads(root, model, part)), None)


def verify_heads(file: Path) -> Path:
    """A file of heads, found as written.

    :raises LookalikeError: it is missing or damaged.
    """
    try:
        sound = sha256_of(file).startswith(file.stem.rpartition("-")[2])
    except OSError as error:
        raise LookalikeError(f"{file} cannot be read ({error.strerror}). {_way_out(file)}") from None
    if not sound:
        raise LookalikeError(f"{file} is damaged. {_way_out(file)}")
    return file


def _way_out(file: Path) -> str:
    return _OUTFITS_WAY_OUT if OUTFITS in file.name else _HEADS_WAY_OUT


def put_heads(root: Root, model: str, file: Path, part: str = HEADS) -> None:
    """Takes in a file of heads, in place of the ones before.

    :param file: on the file system of the root's folder; it is moved.
    :param part: `HEADS`, or `OUTFITS` for what outfits taught.
    """
    name = f"{folder_name(model)}{part}{sha256_of(file)[:16]}.npz"
    # The old ones first: two at a time would leave it open which of them predicted.
    _remove_heads(root, model, part)
    root.files.add(name, file)


def remove(root: Root, model: str) -> None:
    """Removes an encoder, its heads and what outfits taught of its vectors."""
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
    """A folder that is not there yet, to write an encoder to; the root's when the block ends well."""
    scratch = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=root.encoders))
    try:
        yield scratch / model
        root.files.add(folder_name(model), scratch / model)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def writing(encoder: Path, spec: EncoderSpec) -> Iterator[Path]:
    """A folder to write the IR into; it becomes `encoder` in one move when the block ends well."""
    if encoder.exists():
        raise InputError(f"{encoder} already exists. Encoders are never changed: remove it first.")
    encoder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=encoder.parent))
    try:
        yield unfinished
        files = {file.name: sha256_of(file) for file in sorted(unfinished.iterdir())}
        described = _Described(**spec.model_dump(), files=files)
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


def _described(encoder: Path) -> _Described:
    file = encoder / _SPEC_FILE
    try:
        return _Described.model_validate_json(read_small(file))
    except FileNotFoundError as error:
        raise LookalikeError(
            f"There is no encoder in {encoder}. Run `lookalike embed` to make it."
        ) from error
    except OSError as error:
        raise LookalikeError(f"{file} cannot be read ({error.strerror}). {_WAY_OUT}") from error
    except ValidationError as error:
        raise LookalikeError(
            f"{file} is damaged, or of a release that this one cannot read. {_WAY_OUT}"
        ) from error
