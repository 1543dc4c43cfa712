"""Adds heads to weights: embeds labelled photos, then fits, calibrates and measures the heads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedding.encoder.convert import convert
from embedding.encoder.heads import CLOTHING, Head
from embedding.encoder.runtime import Encoder, load_encoder
from embedding.encoder.weights import Weights
from embedding.training.clothing import (
    MASTER_CATEGORY,
    NOT_WORN,
    ClothingFigures,
    fit_clothing,
    measure_clothing,
)
from embedding.training.datasets import LabelledPhotos, read_labelled, split
from embedding.training.evaluate import embed_photos
from embedding.training.heads import Examples, HeadFigures, fit_heads
from embedding.training.not_clothing import Part, not_clothing
from storage.errors import InputError

Progress = Callable[[str, int, int], None]
"""Called with what is embedded, and photos done and in all."""


@dataclass(frozen=True)
class Recognition:
    """Heads for some weights, with their figures.

    :param heads: attribute to head.
    :param figures: one a head.
    :param clothing: figures of the head for clothing.
    """

    heads: dict[str, Head]
    figures: list[HeadFigures]
    clothing: ClothingFigures


def heads_for(
    weights: Weights,
    files: Sequence[Path],
    labels: Sequence[str],
    *,
    on_progress: Progress = lambda _what, _done, _total: None,
) -> Recognition:
    """Fits a head for each label, and the one for clothing, on the vectors of some weights.

    Fitted to all photos but the validation split of `embedding.training.datasets.is_validation`, calibrated
    and measured on that. What is no clothing are the photos of `embedding.training.not_clothing`, and the
    products that nobody wears, where the files tell the master category.

    :param weights: a ResNet50's; the heads they have are not looked at.
    :param files: Parquet files with columns `id`, `image` (bytes) and labels.
    :param labels: label columns, joined ones (`a+b`) excepted.
    :raises InputError: unusable files or labels, or nothing is left to fit to or to validate with.
    """
    wanted = [label for label in labels if "+" not in label]
    has_master_category = any(
        MASTER_CATEGORY in pq.read_schema(file).names for file in files if file.is_file()
    )
    photos = read_labelled(
        files,
        [*wanted, *([MASTER_CATEGORY] if has_master_category and MASTER_CATEGORY not in wanted else [])],
    )
    learnt, validation = split(photos.ids)
    if not learnt.any() or not validation.any():
        raise InputError(
            f"Of {len(photos)} photos {validation.sum()} are for validation. Give some of both kinds."
        )
    with tempfile.TemporaryDirectory() as scratch:
        convert(weights, Path(scratch) / "encoder")
        encoder = load_encoder(Path(scratch) / "encoder", many=True)
        vectors = embed_photos(photos, encoder, lambda done, total: on_progress("photos", done, total))
        not_clothing_vectors = {
            part: _embed_not_clothing(part, encoder, on_progress) for part in ("train", "held_out")
        }
    heads, figures = fit_heads(
        _examples(photos, vectors, learnt, wanted), _examples(photos, vectors, validation, wanted)
    )
    worn = _worn(photos)
    others, products = vectors[learnt & ~worn], vectors[validation & ~worn]
    clothing, measured = fit_clothing(
        vectors[learnt & worn],
        [kind for kind in (others, not_clothing_vectors["train"]) if len(kind)],
        (vectors[validation & worn], products if len(products) else not_clothing_vectors["train"]),
    )
    judged = {"products": products, "photos and drawings": not_clothing_vectors["held_out"]}
    return Recognition(
        {CLOTHING: clothing} | heads,
        [measured, *figures],
        measure_clothing(
            clothing,
            dict(_by_file(files, vectors, validation & worn)),
            {name: found for name, found in judged.items() if len(found)},
        ),
    )


def tables(recognition: Recognition) -> Iterator[str]:
    """Formats the figures as Markdown tables, for the terminal and for a model card."""
    yield "| attribute | values | photos | accuracy | macro F1 | cell accuracy | F2 | calibration error |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in recognition.figures:
        shares = (one.accuracy, one.macro_f1, one.cell_accuracy, one.f2, one.ece)
        has_master_category = " | ".join(f"{share:.3f}" for share in shares)
        yield f"| {one.attribute} | {one.classes} | {one.validated:,} | {has_master_category} |"
    yield ""
    clothing = recognition.clothing
    yield "| not clothing | area under ROC | detected |"
    yield "|---|---|---|"
    for name, auc in clothing.auc.items():
        yield f"| {name} | {auc:.3f} | {clothing.warned[name]:.1%} |"
    yield ""
    yield "| clothing | false alarms |"
    yield "|---|---|"
    for name, share in clothing.falsely_warned.items():
        yield f"| {name} | {share:.1%} |"


def _examples(
    photos: LabelledPhotos, vectors: np.ndarray, rows: np.ndarray, labels: Sequence[str]
) -> Examples:
    codes = {label: photos.codes[label][rows] for label in labels}
    return Examples(vectors[rows], codes, photos.classes)


def _worn(photos: LabelledPhotos) -> np.ndarray:
    """Mask of the photos of clothing, bool [n]: all where there is no master category."""
    codes = photos.codes.get(MASTER_CATEGORY)
    if codes is None:
        return np.ones(len(photos), bool)
    other = [code for code, value in enumerate(photos.classes[MASTER_CATEGORY]) if value in NOT_WORN]
    return ~np.isin(codes, other)


def _embed_not_clothing(part: Part, encoder: Encoder, on_progress: Progress) -> np.ndarray:
    images = list(not_clothing(part))
    ids = [f"{part}-{number}" for number in range(len(images))]
    photos = LabelledPhotos(ids, pa.chunked_array([pa.array(images, pa.large_binary())]), {}, {})
    return embed_photos(photos, encoder, lambda done, total: on_progress("what is no clothing", done, total))


def _by_file(
    files: Sequence[Path], vectors: np.ndarray, rows: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the name of each file with photos among `rows`, and the vectors of those photos."""
    first = 0
    for file in files:
        last = first + pq.read_metadata(file).num_rows
        if rows[first:last].any():
            yield file.stem, vectors[first:last][rows[first:last]]
        first = last
