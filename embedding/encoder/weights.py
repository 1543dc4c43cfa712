"""Loads and stores weights: plain arrays in an `.npz`, without pickles.

Kernels are stored as they are, or as int8 with one scale an output channel
(`layer/kernel` and `layer/kernel:scale`), a quarter of the size. Heads, where there are any, stand beside
them as `embedding.encoder.heads` stores them, and cut-offs as `embedding.bands` does. Heads and cut-offs of
bundled weights that were fitted later stand in a small file beside theirs, `NAME.heads.npz`.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embedding import bands
from embedding.bands import CutOffs
from embedding.encoder import heads
from embedding.encoder.heads import Head
from storage.arrays import read_npz
from storage.atomic import replacing
from storage.errors import InputError

if TYPE_CHECKING:
    import keras

BUNDLED, BUNDLED_FAST = "fashion", "fashion-fast"
"""Names of the bundled weights: the fused encoder's (`embedding.encoder.fused`), and its ResNet50's alone."""

NAMES = (BUNDLED, BUNDLED_FAST, "imagenet", "untrained")
IMMUTABLE = ("imagenet", "untrained")
"""Names that mean the same weights in every release; the bundled ones are retrained and a file may change."""

FUSED_LENGTHS = "fused/lengths"
"""Key of the lengths that the parts have in a fused encoder's vector: ResNet50, Lite0, Lite2, colour, the
space over all, the space over the colours."""

DEFAULT_INPUT_PX = 224
_SCALE = ":scale"
_INPUT_PX = "input_px"
_BESIDE, _OF = ".heads.npz", "of"
_UNTRAINED_PX = 128  # as `fashion`, so that the two compare


@dataclass(frozen=True)
class Weights:
    """Weights of an encoder: a ResNet50 without top, and the other parts of a fused encoder.

    :param name: what to call them; part of the model's name.
    :param arrays: `layer/weight` to float32 array, in the order and shapes of `keras.applications`.
    :param input_px: side of the input they were trained for, px.
    :param heads: attribute to what recognises it in the vectors that the weights give.
    :param cut_offs: the least cosine of each band of likeness; None where they were not measured.
    """

    name: str
    arrays: dict[str, np.ndarray]
    input_px: int
    heads: dict[str, Head] = field(default_factory=dict)
    cut_offs: CutOffs | None = None

    @property
    def fused(self) -> bool:
        """Whether they make a fused encoder."""
        return FUSED_LENGTHS in self.arrays

    @property
    def fingerprint(self) -> str:
        """sha256 over names, shapes and values, hexadecimal; heads and cut-offs change no vector."""
        digest = hashlib.sha256()
        for key in sorted(self.arrays):
            array = np.ascontiguousarray(self.arrays[key], dtype="<f4")
            digest.update(f"{key}{array.shape}".encode())
            digest.update(array.data)
        return digest.hexdigest()


def load_weights(name_or_file: str) -> Weights:
    """Loads weights by name (one of `NAMES`) or from an `.npz` file.

    `imagenet` is downloaded and verified by Keras, once, into the user's Keras folder.

    :raises InputError: neither a known name nor a readable weights file.
    """
    if name_or_file == BUNDLED_FAST:
        return _bundled(BUNDLED_FAST)
    if name_or_file == BUNDLED:
        # What stands beside the ResNet50 is a file of its own, so that the ResNet50 is bundled once.
        fast, beside = _bundled(BUNDLED_FAST), _bundled(BUNDLED)
        return replace(beside, arrays=fast.arrays | beside.arrays)
    if name_or_file == "imagenet":
        return _imagenet()
    if name_or_file == "untrained":
        return _untrained()
    path = Path(name_or_file)
    if not path.is_file():
        raise InputError(
            f"No weights '{name_or_file}': no such file. Give a file or one of {', '.join(NAMES)}."
        )
    if not re.fullmatch(r"\w[\w .+()'@=-]{0,70}", path.stem):
        raise InputError(
            f"The weights '{path.name}' cannot name an encoder. Rename the file: letters, digits, spaces and "
            ". _ + - = @ ' ( ), 70 characters at most."
        )
    return read_weights(path, name=path.stem)


def read_weights(path: Path, *, name: str) -> Weights:
    """Reads weights from an `.npz` file; int8 kernels become float32.

    :raises InputError: not an `.npz` of plain arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            raw = {key: stored[key] for key in stored.files}
        recognised, cut_offs = heads.pop_heads(raw), bands.pop_cut_offs(raw)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a weights file ({error}). Give an .npz of plain arrays.") from error
    input_px = int(raw.pop(_INPUT_PX, DEFAULT_INPUT_PX))
    scales = {key.removesuffix(_SCALE): raw.pop(key) for key in list(raw) if key.endswith(_SCALE)}
    arrays = {
        key: array.astype(np.float32) * scales[key] if key in scales else array.astype(np.float32)
        for key, array in raw.items()
    }
    return Weights(name, arrays, input_px, recognised, cut_offs)


def write_weights(path: Path, weights: Weights, *, int8: bool) -> None:
    """Writes weights as `.npz`, atomically; with `int8`, kernels are rounded per output channel."""
    stored: dict[str, np.ndarray] = {_INPUT_PX: np.array(weights.input_px, np.int32)}
    for key, array in weights.arrays.items():
        if int8 and array.ndim > 1:
            stored |= rounded_to_int8(key, array)
        else:
            stored[key] = array.astype(np.float32)
    _write(path, stored | heads.to_arrays(weights.heads) | bands.to_arrays(weights.cut_offs))


def rounded_to_int8(key: str, kernel: np.ndarray) -> dict[str, np.ndarray]:
    """A kernel as int8 and its scales, one an output channel, under the keys that `read_weights` knows."""
    peak = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    scale = np.maximum(peak / 127, np.finfo(np.float32).tiny)
    rounded = np.clip(np.rint(kernel / scale), -127, 127)
    return {key: rounded.astype(np.int8), key + _SCALE: scale.astype(np.float32)}


def write_with_heads(
    source: Path, target: Path, recognised: Mapping[str, Head], cut_offs: CutOffs | None = None
) -> None:
    """Copies a weights file with other heads and cut-offs; everything else stays as it is stored.

    Read and rounded anew, int8 kernels would differ in their last digit, and make another encoder.

    :param target: may be the source itself.
    :param cut_offs: measured with these heads; None where they were not measured yet.
    """
    with np.load(source, allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    heads.pop_heads(arrays)
    bands.pop_cut_offs(arrays)
    _write(target, arrays | heads.to_arrays(recognised) | bands.to_arrays(cut_offs))


def write_beside(file: Path, recognised: Mapping[str, Head], cut_offs: CutOffs | None = None) -> None:
    """Writes heads and cut-offs that count instead of those in a weights file, which stays as it is.

    Those that stand beside it already are kept where they are not given anew. What is written holds the
    sha256 of the weights file, and counts for no other.
    """
    arrays = _beside(file) | heads.to_arrays(recognised) | bands.to_arrays(cut_offs)
    _write(file.with_suffix(_BESIDE), arrays | {_OF: np.array(_sha256(file))})


def with_beside(weights: Weights, file: Path) -> Weights:
    """Weights with what `write_beside` wrote beside their file.

    :raises InputError: the file beside it holds something else.
    """
    arrays = _beside(file)
    try:
        later, cut_offs = heads.pop_heads(arrays), bands.pop_cut_offs(arrays)
    except ValueError as error:
        raise InputError(
            f"{file.with_suffix(_BESIDE)} holds no heads ({error}). Install it again."
        ) from error
    return replace(weights, heads=weights.heads | later, cut_offs=cut_offs or weights.cut_offs)


def _beside(file: Path) -> dict[str, np.ndarray]:
    """The arrays beside a weights file; none where they were made for another."""
    beside = file.with_suffix(_BESIDE)
    if not beside.is_file():
        return {}
    try:
        arrays = read_npz(beside)
    except (OSError, ValueError) as error:
        raise InputError(f"{beside} cannot be read ({error}). Install it again.") from error
    return arrays if str(arrays.pop(_OF, "")) == _sha256(file) else {}


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def backbone_of(weights: Weights, size: int | None) -> keras.Model:
    """Builds the ResNet50 backbone of these weights; see `embedding.encoder.resnet50.build_backbone`.

    :raises InputError: the weights are not a ResNet50's.
    """
    from embedding.encoder.resnet50 import build_backbone, has_metric, has_projection_head

    backbone = build_backbone(
        size, metric=has_metric(weights.arrays), projection_head=has_projection_head(weights.arrays)
    )
    assign_weights(weights, backbone)
    return backbone


def assign_weights(weights: Weights, backbone: keras.Model) -> None:
    """Sets a backbone's weights; layers behind the pooling that the weights do not have stay as they are.

    :raises InputError: an array is missing or has another shape than the backbone's.
    """
    from embedding.encoder.resnet50 import (
        HIDDEN,
        LIFT,
        METRIC,
        NECK,
        has_metric,
        has_projection_head,
        weighted_layers,
    )

    without = set() if has_metric(weights.arrays) else {NECK, METRIC}
    without |= set() if has_projection_head(weights.arrays) else {HIDDEN, LIFT}
    assign_layers(
        weights, [layer for layer in weighted_layers(backbone) if layer.name not in without], "a ResNet50's"
    )


def assign_layers(weights: Weights, layers: Iterable[keras.layers.Layer], whose: str) -> None:
    """Sets the weights of layers, by their names.

    :param whose: says in an error what the weights are not.
    :raises InputError: an array is missing or has another shape than the layer's.
    """
    for layer in layers:
        wanted = [(f"{layer.name}/{weight.name}", tuple(weight.shape)) for weight in layer.weights]
        for key, shape in wanted:
            if key not in weights.arrays or weights.arrays[key].shape != shape:
                raise InputError(f"The weights '{weights.name}' have no {key} of shape {shape}: not {whose}.")
        layer.set_weights([weights.arrays[key] for key, _ in wanted])


def extract_weights(backbone: keras.Model, *, name: str, input_px: int) -> Weights:
    """Reads a backbone's weights."""
    from embedding.encoder.resnet50 import weighted_layers

    arrays = {
        f"{layer.name}/{weight.name}": np.asarray(value, np.float32)
        for layer in weighted_layers(backbone)
        for weight, value in zip(layer.weights, layer.get_weights(), strict=True)
    }
    return Weights(name, arrays, input_px)


def _bundled(name: str) -> Weights:
    with resources.as_file(resources.files("embedding.encoder") / "weights" / f"{name}.npz") as path:
        return with_beside(read_weights(path, name=name), path)


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        np.savez_compressed(unfinished, allow_pickle=False, **arrays)


def _imagenet() -> Weights:
    import keras

    from embedding.encoder.resnet50 import build_backbone

    backbone = build_backbone()
    pretrained = keras.applications.ResNet50(include_top=False, weights="imagenet", pooling="avg")
    backbone.get_layer("resnet50").set_weights(pretrained.get_weights())
    return extract_weights(backbone, name="imagenet", input_px=DEFAULT_INPUT_PX)


def _untrained() -> Weights:
    import keras

    from embedding.encoder.resnet50 import build_backbone

    keras.utils.set_random_seed(0)
    return extract_weights(build_backbone(), name="untrained", input_px=_UNTRAINED_PX)
