"""Knowledge distillation: the vectors of another model as targets of a training.

Hinton et al., "Distilling the Knowledge in a Neural Network" (2015), with vectors in the place of class
probabilities as in Romero et al., "FitNets" (2015). The network sees an augmented photo and predicts the
vector of the original: it learns the teacher's knowledge, and to ignore the augmentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from embedding.index.projection import MAX_DIMENSIONS, Moments, Projection
from storage.errors import InputError

_WHITENING = 0.5


def read_teacher(file: Path, ids: Sequence[str]) -> np.ndarray:
    """Reads a teacher's vectors of photos, reduced to their principal directions and half whitened.

    :param file: Parquet with columns `id` and `vector`, lists of numbers of one length.
    :param ids: of the photos.
    :return: float32 [len(ids), dim], dim at most `MAX_DIMENSIONS`, L2 norm 1; zeros for photos
        that the file has not.
    :raises InputError: the file is missing, is no such table, or has none of the photos.
    """
    rows, vectors = _read(file)
    places = pc.index_in(pa.array(ids, pa.string()), value_set=rows)
    known = places.is_valid().to_numpy(zero_copy_only=False)
    if not known.any():
        raise InputError(f"{file} has a vector of none of the photos. Give the teacher's vectors of them.")
    of_photos = vectors[places.drop_null().to_numpy()].astype(np.float32)
    main = whitening_of(of_photos)
    targets = np.zeros((len(ids), main.dimensions), np.float32)
    targets[known] = main.apply(of_photos)
    return targets


def whitening_of(
    vectors: np.ndarray, whitening: float = _WHITENING, max_dimensions: int = MAX_DIMENSIONS
) -> Projection:
    """Fits a PCA with whitening.

    Jégou and Chum, "Negative evidences and co-occurrences in image retrieval" (2012). Whitening is shrunk
    towards none where there are few vectors: whitening few points makes them all equally far from each other.

    :param vectors: float32 [n, dim].
    :param whitening: from 0, none, to 1, equal variance of all directions.
    """
    count, width = vectors.shape
    moments = Moments(width)
    moments.add(vectors)
    variances, directions = moments.principal(max_dimensions)
    # Ledoit and Wolf's idea with a fixed rate: as many photos as dimensions weigh as much as the prior, equal
    # variance of all directions.
    shrinkage = width / (width + count)
    shrunk = (1 - shrinkage) * variances / variances.mean() + shrinkage
    matrix = directions * shrunk ** (-whitening / 2)
    return Projection(moments.mean.astype(np.float32), matrix.astype(np.float32))


def _read(file: Path) -> tuple[pa.Array, np.ndarray]:
    """Ids and vectors [n, dim] of a file."""
    if not file.is_file():
        raise InputError(f"{file} does not exist. Give a Parquet file with columns id and vector.")
    try:
        table = pq.read_table(file, columns=["id", "vector"]).combine_chunks()
        lengths = pc.unique(pc.list_value_length(table["vector"])).to_pylist()
        if len(lengths) != 1 or not lengths[0]:
            raise InputError(f"The vectors of {file} have lengths {lengths}. Give vectors of one length.")
        numbers = pc.list_flatten(table["vector"]).to_numpy()
        return table["id"].cast(pa.string()).combine_chunks(), numbers.reshape(len(table), lengths[0])
    except pa.ArrowException as error:
        raise InputError(f"{file} is no table of vectors ({error}). Give columns id and vector.") from error
