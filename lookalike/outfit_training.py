"""Training on outfits of the published products: from a data root to what lies beside its encoder."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedding.index import columns
from embedding.outfits.datasets import Outfit, linked_outfits, read_outfits
from embedding.outfits.learn import OnProgress, learn
from embedding.outfits.outfit_model import OutfitModel
from embedding.outfits.questions import OutfitData
from embedding.outfits.train import StyleRecipe
from lookalike.complete import Completer
from lookalike.generation import OpenGeneration
from storage import encoders, generations
from storage.root import Root


def train_outfits(
    root: Root,
    files: Sequence[Path] = (),
    recipe: StyleRecipe | None = None,
    on_progress: OnProgress = lambda _what, _done, _total: None,
) -> tuple[OutfitModel, int]:
    """Learns what goes with what, and stores it beside the encoder of the published generation.

    :param files: outfits or baskets; without any, the stores' own links are learnt from.
    :return: what was learnt, and how many outfits it was learnt from.
    :raises InputError: a file that cannot be read, or too few outfits.
    :raises NotPublishedError: nothing was published yet.
    """
    published = OpenGeneration.open(root)
    stores = sorted(published.manifest.counts.stores)
    outfits = [outfit for file in files for outfit in read_outfits(file, stores)]
    data = outfit_data(published, outfits if files else linked_outfits(root))
    model = learn(data, recipe, on_progress)
    with (
        root.lock(generations.LOCK),
        tempfile.TemporaryDirectory(prefix=".unfinished-", dir=root.encoders) as scratch,
    ):
        file = Path(scratch) / "outfits.npz"
        model.save(file)
        encoders.put_heads(root, published.manifest.encoder.model, file, encoders.OUTFITS)
    return model, len(data.outfits)


def outfit_data(published: OpenGeneration, outfits: Sequence[Outfit]) -> OutfitData:
    """The published products of outfits; what is not published is left out.

    Two products of one kind are no outfit: stores link to what is similar, too.
    """
    numbers: dict[str, int] = {}
    for name in {name for outfit in outfits for name in outfit}:
        store, _, product_id = name.partition(":")
        number = published.find(store, product_id)
        if number is not None:
            numbers[name] = number
    names = sorted(numbers)
    some = np.array([numbers[name] for name in names], np.int64)
    completer = Completer(published, published.root)
    looks, coordinates, histograms = completer.described(some)
    embeddings = completer.unprojector.vectors(coordinates)
    place_of = {name: place for place, name in enumerate(names)}
    known = [tuple(place_of[name] for name in outfit if name in place_of) for outfit in outfits]
    kept = tuple(outfit for outfit in known if len(set(looks.kinds[list(outfit)].tolist())) > 1)
    rows = np.array([published.main_row(number) for number in some.tolist()], np.int64)
    coded, _ = columns.codes(published.index.items["category"].chunk(0))
    families = np.unique(coded[rows], return_inverse=True)[1]
    titles = published.index.items["title"].take(columns.row_numbers(rows)).to_pylist()
    models = tuple(
        f"{name.partition(':')[0]}:{title or name}" for name, title in zip(names, titles, strict=True)
    )
    return OutfitData(looks, embeddings, histograms, families, tuple(names), models, kept)
