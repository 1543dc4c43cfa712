"""Heads: linear classifiers on an encoder's vectors, one an attribute.

They stand beside the network and not in it: a stored vector is enough to predict from, with NumPy alone, and
new heads need no new vectors. They are stored as plain arrays in an `.npz`:
`head:colour/kernel` (float16), `/bias`, `/classes` and `/multi`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from embedding import bands, matmul
from embedding.bands import CutOffs
from storage import encoders
from storage.arrays import read_npz
from storage.errors import LookalikeError
from storage.root import Root

CLOTHING = "clothing"
"""Name of the head that says whether a photo shows clothing; its values are `NO` and `YES`."""

NO, YES = "no", "yes"

CLOTHING_LEAST = 0.5
"""Least probability of clothing at which a search gives no warning."""

Part = TypeVar("Part")

_PREFIX = "head:"
_PARTS = ("kernel", "bias", "classes", "multi")


@dataclass(frozen=True, eq=False)
class Head:
    """A linear classifier of one attribute.

    :param attribute: its name, such as `colour`.
    :param classes: its values.
    :param kernel: float32 [dim, classes].
    :param bias: float32 [classes].
    :param multi: whether a photo can have several of the values at once.
    :raises ValueError: the shapes do not fit together.
    """

    attribute: str
    classes: tuple[str, ...]
    kernel: np.ndarray
    bias: np.ndarray
    multi: bool = False

    def __post_init__(self) -> None:
        width = len(self.classes)
        if not width or self.kernel.ndim != 2 or self.kernel.shape[1] != width or self.bias.shape != (width,):
            raise ValueError(
                f"the head '{self.attribute}' has {width} classes, a kernel of shape {self.kernel.shape} and "
                f"a bias of shape {self.bias.shape}"
            )

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Unnormalised log-probabilities of the values.

        :param vectors: float32 [n, dim], L2 norm 1.
        :return: float32 [n, classes].
        """
        return matmul.matmul(vectors, self.kernel) + self.bias

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Probabilities of the values; a photo's sum to 1 unless it can have several values.

        :param vectors: float32 [n, dim], L2 norm 1.
        :return: float32 [n, classes].
        """
        logits = self.logits(vectors)
        if self.multi:
            likely: np.ndarray = np.exp(-np.logaddexp(0, -logits))
            return likely
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        softmax: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
        return softmax


def clothing_probability(heads: Mapping[str, Head], vectors: np.ndarray) -> np.ndarray | None:
    """Probability that each photo shows clothing; None without a head for it.

    :param vectors: float32 [n, dim], L2 norm 1.
    :return: float32 [n].
    """
    head = heads.get(CLOTHING)
    return None if head is None else head.probabilities(vectors)[:, head.classes.index(YES)]


def fingerprint(heads: Mapping[str, Head]) -> str:
    """sha256 over attributes, classes and values as they are stored, hexadecimal."""
    digest = hashlib.sha256()
    for key, array in sorted(to_arrays(heads).items()):
        digest.update(f"{key}{array.shape}".encode())
        content = "\0".join(array.tolist()).encode() if array.dtype.kind == "U" else array.tobytes()
        digest.update(content)
    return digest.hexdigest()


def to_arrays(heads: Mapping[str, Head]) -> dict[str, np.ndarray]:
    """Heads as arrays for an `.npz`; kernels are rounded to float16."""
    arrays: dict[str, np.ndarray] = {}
    for attribute, head in heads.items():
        values = (
            head.kernel.astype("<f2"),
            head.bias.astype("<f4"),
            np.array(head.classes, dtype=np.str_),
            np.array(head.multi),
        )
        arrays |= {f"{_PREFIX}{attribute}/{part}": value for part, value in zip(_PARTS, values, strict=True)}
    return arrays


def pop_heads(arrays: dict[str, np.ndarray]) -> dict[str, Head]:
    """Removes the heads from the arrays of an `.npz`, and returns them.

    :raises ValueError: a head is incomplete, or its shapes do not fit together.
    """
    keys = [key for key in arrays if key.startswith(_PREFIX)]
    found = {key: arrays.pop(key) for key in keys}
    attributes = dict.fromkeys(key.removeprefix(_PREFIX).rpartition("/")[0] for key in keys)
    return {attribute: _head(attribute, found) for attribute in attributes}


def write_heads(file: Path, heads: Mapping[str, Head], cut_offs: CutOffs | None = None) -> None:
    """Writes heads, and the cut-offs of the bands that go with them, to an `.npz`."""
    np.savez_compressed(file, allow_pickle=False, **to_arrays(heads), **bands.to_arrays(cut_offs))


def read_heads(file: Path) -> dict[str, Head]:
    """Reads the heads of an `.npz` that `write_heads` wrote.

    :raises LookalikeError: it cannot be read, or holds something else.
    """
    return _read(file, pop_heads)


def read_cut_offs(file: Path) -> CutOffs | None:
    """Reads the cut-offs of an `.npz` that `write_heads` wrote; None where it has none.

    :raises LookalikeError: it cannot be read, or holds something else.
    """
    return _read(file, bands.pop_cut_offs)


def _read(file: Path, part: Callable[[dict[str, np.ndarray]], Part]) -> Part:
    try:
        return part(read_npz(file))
    except (OSError, ValueError) as error:
        raise LookalikeError(
            f"{file} holds no heads ({error}). Run `lookalike repair`, which makes it again."
        ) from error


def load_heads(root: Root, model: str) -> dict[str, Head]:
    """Loads the heads of a model's encoder; none where it has none.

    :raises LookalikeError: they are damaged.
    """
    return _load(root, model, read_heads) or {}


def load_cut_offs(root: Root, model: str) -> CutOffs | None:
    """Loads the cut-offs stored with the heads of a model's encoder; None where it has none.

    :raises LookalikeError: they are damaged.
    """
    return _load(root, model, read_cut_offs)


def _load(root: Root, model: str, read: Callable[[Path], Part]) -> Part | None:
    while (name := encoders.heads_name(root, model)) is not None:
        try:
            return root.check_or_refetch(name, lambda file: read(encoders.verify_heads(file)))
        except LookalikeError:
            # A night may have put new ones in their place just now.
            if encoders.heads_name(root, model) == name:
                raise
    return None


def _head(attribute: str, arrays: Mapping[str, np.ndarray]) -> Head:
    try:
        kernel, bias, classes, multi = (arrays[f"{_PREFIX}{attribute}/{part}"] for part in _PARTS)
    except KeyError as error:
        raise ValueError(f"the head '{attribute}' has no {error.args[0]}") from None
    return Head(
        attribute,
        tuple(map(str, classes.tolist())),
        kernel.astype(np.float32),
        bias.astype(np.float32),
        bool(multi),
    )
