"""Measures an encoder's activation peaks, which int8 needs; see `embedding.encoder.quantize`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from embedding.encoder.convert import convert
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.quantize import measure_peaks
from embedding.encoder.weights import PEAKS, Weights
from storage import encoders

_BATCH = 16


def calibrated(weights: Weights, photos: Sequence[bytes]) -> Weights:
    """Measures an encoder's peaks, and adds them to its weights.

    :param photos: encoded; a few hundred real ones as stores show them, none from a validation split.
    :raises UnreadableImageError: a photo can't be decoded.
    """
    size = weights.input_px
    parts = [photos[first : first + _BATCH] for first in range(0, len(photos), _BATCH)]
    with tempfile.TemporaryDirectory() as scratch:
        convert(weights, Path(scratch) / "encoder")
        peaks = measure_peaks(
            Path(scratch) / "encoder" / encoders.IR_FILE,
            (np.stack([pixels_of(photo, size) for photo in part]) for part in parts),
        )
    return replace(weights, arrays=weights.arrays | {PEAKS: peaks})
