"""Encoders on disk: `encoders/<model>/` holds an OpenVINO IR and the specification it was made to."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from storage.errors import InputError, LookalikeError
from storage.root import Root

IR_FILE = "encoder.xml"
_SPEC_FILE = "encoder.json"


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
    model: str
    weights: str
    size: int
    dim: int
    preprocessing: str
    fingerprint: str


def folder(root: Root, model: str) -> Path:
    """Where a model's encoder is, or would be."""
    return root.encoders / model


def available(root: Root) -> list[str]:
    """Names of the models whose encoder is in the root."""
    return sorted(path.parent.name for path in root.encoders.glob(f"*/{_SPEC_FILE}"))


def load_spec(encoder: Path) -> EncoderSpec:
    """The specification of the encoder in a folder.

    :raises LookalikeError: the folder holds no encoder, or one of a newer release.
    """
    file = encoder / _SPEC_FILE
    try:
        return EncoderSpec.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        raise LookalikeError(
            f"There is no encoder in {encoder}. Run `lookalike embed` to make it."
        ) from error
    except ValidationError as error:
        raise LookalikeError(
            f"{file} is not an encoder this release can read. Update Lookalike, or remove the folder and run "
            "`lookalike embed`."
        ) from error


@contextmanager
def writing(encoder: Path, spec: EncoderSpec) -> Iterator[Path]:
    """A folder to write the IR into; it becomes `encoder` in one move when the block ends well."""
    if encoder.exists():
        raise InputError(f"{encoder} already exists. Encoders are never changed: remove it first.")
    encoder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=encoder.parent))
    try:
        yield unfinished
        (unfinished / _SPEC_FILE).write_text(spec.model_dump_json(indent=2))
        unfinished.chmod(0o755)
        unfinished.replace(encoder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
