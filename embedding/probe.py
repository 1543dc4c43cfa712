"""Checks the published generation with one real search, from a photo to a thumbnail."""

from __future__ import annotations

import numpy as np

from embedding.encoder.heads import load_heads
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import load_encoder
from embedding.index.search import Index
from storage import encoders, generations
from storage.errors import LookalikeError
from storage.root import Root
from storage.thumbnails import Thumbnails

_WAY_OUT = "Run `lookalike repair`, which mends what is damaged, and then `lookalike nightly`."


class ProbeError(LookalikeError):
    """The published generation does not answer a search."""


def probe(root: Root) -> None:
    """Searches the published generation with a photo of one of its products, as a shopper would.

    :raises ProbeError: there is no answer; the sentence names what is damaged.
    """
    try:
        _search(root)
    except LookalikeError as error:
        raise ProbeError(f"What is published does not answer a search: {error} {_WAY_OUT}") from error
    except Exception as error:  # OpenVINO has no class of its own for a damaged model
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise ProbeError(f"What is published does not answer a search ({reason}). {_WAY_OUT}") from error


def _search(root: Root) -> None:
    folder, manifest = generations.open_current(root)
    index = Index.open(folder, manifest, root.verified)
    thumbnails = Thumbnails(root, manifest.thumbnails)
    encoder = root.sound(encoders.folder_name(manifest.encoder.model), load_encoder)
    if not manifest.encoder.is_made_by(encoder.spec):
        raise LookalikeError(
            f"The encoder in {encoders.folder(root, manifest.encoder.model)} is not the one that generation "
            f"{folder.name} was made with."
        )
    load_heads(root, manifest.encoder.model)
    photo = _thumbnail(index, thumbnails, 0)
    vector = index.projection.apply(encoder.encode(pixels_of(photo, encoder.spec.size)[None]))[0]
    hits = index.search(vector, 1)
    if not len(hits) or not np.isfinite(hits.scores).all():
        raise LookalikeError(f"Generation {folder.name} finds nothing for a photo of its own.")
    _thumbnail(index, thumbnails, int(hits.rows[0]))


def _thumbnail(index: Index, thumbnails: Thumbnails, row: int) -> bytes:
    [place] = index.items.select(["thumbnail_shard", "thumbnail_row"]).slice(row, 1).to_pylist()
    return thumbnails.read(*place.values())
