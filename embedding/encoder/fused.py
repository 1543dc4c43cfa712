"""The fused encoder: ResNet50, two EfficientNet-Lites, the garment's colours, and two spaces over them.

The ResNet50 knows the garments that it was trained on; Lite0 and Lite2 know ImageNet, and so the clothes of
stores that no training saw; the histogram knows colours. One space, behind a hidden layer over all parts,
knows the catalogue's labels; the other, over the histogram alone, knows what people call a colour. Each part
is centred, scaled to norm 1 and given its length in the joint vector, whose tail is zeros.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from embedding.encoder import efficientnet_lite, garment_colour, resnet50
from embedding.encoder.efficientnet_lite import LITE0, LITE2
from embedding.encoder.precision import dtype_policy
from embedding.encoder.weights import FUSED_LENGTHS, Weights, assign_layers, backbone_of
from storage.errors import InputError
from storage.schemas import EMBEDDING_DIM

RESNET50_PX = "fused/resnet50_px"
"""Key of the side of the photo as the ResNet50 sees it, px."""

AXES = ("fused_resnet50", "fused_lite0", "fused_lite2", "fused_colour")
"""Names of the linear layers that centre the parts and keep their main directions."""

SPACES = ("fused_space", "fused_colour_space")
"""Names of the last layers of the space over all parts, and of the one over the colours."""

_HIDDEN = "_hidden"
_WHOSE = "a fused encoder's"
_EPSILON = 1e-12


def hidden_of(space: str) -> str:
    """Name of a space's hidden layer."""
    return space + _HIDDEN


def encoder_of(weights: Weights, size: int) -> keras.Model:
    """Builds the Keras encoder of fused weights.

    :param size: side of the input, px; a multiple of 32.
    :return: model from float32 [n, size, size, 3] RGB in 0…255 to float32 [n, 2048], L2 norm 1.
    :raises InputError: an array is missing or has another shape than the network's.
    """
    parts = parts_of(weights, size)
    reduced = [_dense(weights, name)(part) for name, part in zip(AXES, parts.outputs, strict=True)]
    units = [ops.normalize(part, axis=-1, epsilon=_EPSILON) for part in reduced]
    for space, seen in zip(SPACES, (ops.concatenate(units, axis=-1), units[-1]), strict=True):
        hidden = _dense(weights, hidden_of(space), activation="relu")
        units.append(ops.normalize(_dense(weights, space)(hidden(seen)), axis=-1, epsilon=_EPSILON))
    lengths = weights.arrays[FUSED_LENGTHS].tolist()
    if len(lengths) != len(units):
        raise InputError(
            f"The weights '{weights.name}' have {len(lengths)} lengths for {len(units)} parts: not {_WHOSE}."
        )
    joint = ops.concatenate([part * length for part, length in zip(units, lengths, strict=True)], axis=-1)
    tail = EMBEDDING_DIM - int(joint.shape[-1])
    vector = ops.normalize(ops.pad(joint, ((0, 0), (0, tail))), axis=-1, epsilon=_EPSILON)
    encoder = keras.Model(parts.input, vector, name="encoder")
    dense = [*AXES, *SPACES, *map(hidden_of, SPACES)]
    assign_layers(weights, [encoder.get_layer(name) for name in dense], _WHOSE)
    return encoder


def parts_of(weights: Weights, size: int) -> keras.Model:
    """Builds the four parts, before they are centred.

    :return: model from float32 [n, size, size, 3] RGB in 0…255 to the ResNet50's vector, float32 [n, 2048],
        L2 norm 1; and the square roots of what Lite0 and Lite2 pool, float32 [n, 1280] each, and of the
        colour histogram, float32 [n, 448].
    :raises InputError: an array is missing or has another shape than the network's.
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    if RESNET50_PX not in weights.arrays:
        raise InputError(f"The weights '{weights.name}' have no {RESNET50_PX}: not {_WHOSE}.")
    side = int(weights.arrays[RESNET50_PX])
    resnet = resnet50.build_encoder(backbone_of(weights, side))
    # What these see is centred, which makes more of bfloat16's rounding; they take little time anyway.
    with dtype_policy("float32"):
        lites = [efficientnet_lite.build(lite, size) for lite in (LITE0, LITE2)]
    assign_layers(weights, [layer for lite in lites for layer in lite.layers if layer.weights], _WHOSE)
    # Square roots, so that the few features with large values do not decide alone.
    roots = [ops.sqrt(part) for part in (*(lite(pixels) for lite in lites), garment_colour.histogram(pixels))]
    return keras.Model(pixels, [resnet(resized(pixels, side)), *roots], name="parts")


def _dense(weights: Weights, name: str, activation: str | None = None) -> layers.Dense:
    try:
        width = weights.arrays[f"{name}/bias"].shape[-1]
    except (KeyError, IndexError):
        raise InputError(f"The weights '{weights.name}' have no {name}: not {_WHOSE}.") from None
    return layers.Dense(width, activation=activation, dtype="float32", name=name)


def resized(pixels: keras.KerasTensor, side: int) -> keras.KerasTensor:
    """Resizes photos like Pillow's bilinear filter, which averages over all source pixels."""
    weights = ops.convert_to_tensor(_triangles(int(pixels.shape[1]), side))
    rows = ops.einsum("hy,nyxc->nhxc", weights, pixels)
    return ops.einsum("wx,nhxc->nhwc", weights, rows)


def _triangles(before: int, after: int) -> np.ndarray:
    """Weights of source pixels for each target pixel, float32 [after, before]; rows sum to 1."""
    scale = before / after
    centres = (np.arange(after) + 0.5) * scale - 0.5
    distances = np.abs(np.arange(before)[None, :] - centres[:, None]) / max(scale, 1)
    counts = np.maximum(0, 1 - distances)
    return (counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)
