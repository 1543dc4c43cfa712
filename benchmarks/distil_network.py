"""The ResNet50 of `embedding.encoder.resnet50` in PyTorch, for `benchmarks/distil.py`.

It trains a view in three quarters of the processor time that Keras on TensorFlow takes on a CPU with bf16.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from embedding.encoder.resnet50 import HIDDEN, LIFT, METRIC, NECK
from storage.schemas import EMBEDDING_DIM

STAGES = {"conv2": (3, 64), "conv3": (4, 128), "conv4": (6, 256), "conv5": (3, 512)}
"""Blocks and their width, by stage."""

_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
_EPSILON, _MOMENTUM = 1.001e-5, 0.01
_NECK_EPSILON = 1e-3
_HIDDEN_UNITS = 512


class Block(nn.Module):
    """A bottleneck of He et al. (2016), whose stride is in its first convolution, as Keras has it."""

    def __init__(self, inputs: int, width: int, stride: int, widens: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(inputs, width, 1, stride)
        self.conv2, self.bn2 = _convolution(width, width, 3)
        self.conv3, self.bn3 = _convolution(width, 4 * width, 1)
        self.widens = widens
        if widens:
            self.conv0, self.bn0 = _convolution(inputs, 4 * width, 1, stride)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        inner = torch.relu(self.bn1(self.conv1(seen)))
        inner = torch.relu(self.bn2(self.conv2(inner)))
        inner = self.bn3(self.conv3(inner))
        return torch.relu(inner + (self.bn0(self.conv0(seen)) if self.widens else seen))


class ResNet50(nn.Module):
    """From uint8 [n, 3, size, size] RGB to float32 [n, units], not normalised.

    `conv1` and `conv2` are frozen.

    :param units: outputs of the linear layer and the projection head behind the pooling.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3)
        self.bn1 = nn.BatchNorm2d(64, eps=_EPSILON)
        inputs = 64
        for stage, (blocks, width) in STAGES.items():
            made = []
            for number in range(blocks):
                stride = 2 if number == 0 and stage != "conv2" else 1
                made.append(Block(inputs, width, stride, widens=number == 0))
                inputs = 4 * width
            setattr(self, stage, nn.Sequential(*made))
        self.neck = nn.BatchNorm1d(inputs, eps=_NECK_EPSILON, momentum=_MOMENTUM, affine=False)
        self.metric = nn.Linear(inputs, units, bias=False)
        self.hidden = nn.Linear(inputs, _HIDDEN_UNITS)
        self.lift = nn.Linear(_HIDDEN_UNITS, units, bias=False)
        self.register_buffer("mean", torch.tensor(_CAFFE_MEAN_BGR)[:, None, None], persistent=False)
        for frozen in (self.conv1, self.bn1, self.conv2):
            frozen.requires_grad_(False)

    def train(self, mode: bool = True) -> ResNet50:
        super().train(mode)
        for frozen in (self.bn1, self.conv2):
            frozen.eval()
        return self

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            caffe = (pixels.flip(1).float() - self.mean).contiguous(memory_format=torch.channels_last)
            stem = functional.max_pool2d(torch.relu(self.bn1(self.conv1(caffe))), 3, 2, 1)
            seen = self.conv2(stem)
        seen = self.conv5(self.conv4(self.conv3(seen)))
        centred = self.neck(seen.float().mean((2, 3)))
        return self.metric(centred).float() + self.lift(torch.relu(self.hidden(centred))).float()


def assign(network: ResNet50, arrays: dict[str, np.ndarray]) -> None:
    """Sets the weights up to and with the neck; what is behind it stays as it is.

    :param arrays: of `embedding.encoder.weights.Weights`.
    """
    state = network.state_dict()
    for ours, theirs in _names(network):
        state[ours] = torch.from_numpy(_to_torch(arrays[theirs]))
    network.load_state_dict(state)


def arrays_of(network: ResNet50, columns: np.ndarray) -> dict[str, np.ndarray]:
    """The weights as `embedding.encoder.weights.Weights` names them.

    :param columns: float32 [units], what each output is multiplied by; outputs above
        `EMBEDDING_DIM` are not there, those that are missing are zeros.
    """
    state = {name: value.float().numpy() for name, value in network.state_dict().items()}
    arrays = {theirs: _to_keras(state[ours]) for ours, theirs in _names(network)}
    arrays[f"{HIDDEN}/kernel"], arrays[f"{HIDDEN}/bias"] = state["hidden.weight"].T, state["hidden.bias"]
    for name, ours in ((METRIC, "metric.weight"), (LIFT, "lift.weight")):
        kernel = state[ours].T * columns
        arrays[f"{name}/kernel"] = np.pad(kernel, ((0, 0), (0, EMBEDDING_DIM - kernel.shape[1])))
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    normalised = nn.BatchNorm2d(outputs, eps=_EPSILON, momentum=_MOMENTUM)
    return nn.Conv2d(inputs, outputs, size, stride, size // 2), normalised


def _names(network: ResNet50) -> Iterator[tuple[str, str]]:
    """Names here, and as Keras has them."""
    layers = [("conv1", "conv1_conv"), ("bn1", "conv1_bn")]
    for stage in STAGES:
        for number, block in enumerate(getattr(network, stage)):
            for part in range(0 if block.widens else 1, 4):
                prefix = f"{stage}_block{number + 1}_{part}"
                layers.append((f"{stage}.{number}.conv{part}", f"{prefix}_conv"))
                layers.append((f"{stage}.{number}.bn{part}", f"{prefix}_bn"))
    for ours, theirs in layers:
        if theirs.endswith("_conv"):
            yield f"{ours}.weight", f"{theirs}/kernel"
            yield f"{ours}.bias", f"{theirs}/bias"
        else:
            yield f"{ours}.weight", f"{theirs}/gamma"
            yield f"{ours}.bias", f"{theirs}/beta"
            yield f"{ours}.running_mean", f"{theirs}/moving_mean"
            yield f"{ours}.running_var", f"{theirs}/moving_variance"
    yield "neck.running_mean", f"{NECK}/moving_mean"
    yield "neck.running_var", f"{NECK}/moving_variance"


def _to_torch(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array)


def _to_keras(array: np.ndarray) -> np.ndarray:
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
