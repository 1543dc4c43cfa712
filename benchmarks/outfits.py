"""Outfit completion on real outfits of a store that was not used in training.

    python benchmarks/outfits.py ../shared/outfits [--json] [--folds 5] [--cache DIR]

The folder holds `products.parquet` and `outfits.parquet`, see its README; without it, a sentence says so.
Photos are embedded by the bundled encoder, and heads are trained by `embedding.outfits.learn`, as in the
product; nothing that is learnt here is kept. Five folds by product model: cold are blanks whose answer, and
the three others of its family, no training outfit holds; warm are blanks of outfits that were held back,
answers and context known. A blank is filled among four (`fitb`); `triplet` is the share of (answer, other)
pairs in the right order, `auc` the area under ROC of answers against others over all blanks. `--cache` keeps
the photos' vectors and colours for the next run: to embed them takes minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from embedding.encoder.convert import convert, specify
from embedding.encoder.runtime import load_encoder
from embedding.encoder.weights import Weights, load_weights
from embedding.index import projection
from embedding.outfits import colours
from embedding.outfits.kinds import kind_of
from embedding.outfits.learn import learn, signs_of_questions
from embedding.outfits.looks import looks_of
from embedding.outfits.outfit_model import OutfitCounts, blended
from embedding.outfits.questions import (
    CANDIDATES,
    FOLDS,
    OutfitData,
    Questions,
    ask,
    default_scores,
    filled,
    fold_of,
    style_scores,
)
from embedding.training.datasets import LabelledPhotos
from embedding.training.evaluate import embed_photos
from lookalike.commands import terminal
from storage.thumbnails import grid


def main(folder: Path, folds: int, cache: Path | None, as_json: bool) -> None:
    """Measures and prints."""
    if not (folder / "outfits.parquet").is_file():
        terminal.say(f"There are no outfits in {folder}, so nothing is measured.")
        return
    with terminal.progress() as advance, threadpool_limits(1, "blas"):
        data, stated_colours = read(folder, cache, advance)
        parts = [measure(data, stated_colours, fold, advance) for fold in range(folds)]
    figures = {
        blanks: {name: _mean([part[blanks][name] for part in parts]) for name in parts[0][blanks]}
        for blanks in ("cold", "warm")
    }
    result = {
        **{blanks: methods.pop("learnt") for blanks, methods in figures.items()},
        "controls": figures,
        "questions": {
            blanks: int(sum(part["questions"][blanks] for part in parts)) for blanks in ("cold", "warm")
        },
    }
    if as_json:
        terminal.print_json(result)
        return
    rows = [
        (blanks, name, *(f"{value:.3f}" for value in values.values()))
        for blanks in ("cold", "warm")
        for name, values in {"learnt": result[blanks], **figures[blanks]}.items()
    ]
    terminal.print_rows(("blanks", "method", "fitb", "triplet", "auc"), rows)


def read(folder: Path, cache: Path | None, advance: terminal.Advance) -> tuple[OutfitData, np.ndarray]:
    """The products as the bundled encoder sees them, and the code of each one's colour as the store says."""
    products = pq.read_table(folder / "products.parquet")
    weights = load_weights("fashion")
    embeddings, histograms, mains = photographed(products, weights, cache, advance)
    projected = projection.fit(lambda: [embeddings], embeddings.shape[1], heads=weights.heads)
    families = products["family"].to_pylist()
    stated = np.array([kind_of(family) for family in families])
    ids = products["product_id"].to_pylist()
    rows = {product: row for row, product in enumerate(ids)}
    outfits = pq.read_table(folder / "outfits.parquet")["product_ids"].to_pylist()
    data = OutfitData(
        looks_of(embeddings, projected.apply(embeddings), mains, weights.heads, stated),
        embeddings,
        histograms,
        np.unique(families, return_inverse=True)[1],
        tuple(f"store:{product}" for product in ids),
        tuple(map(str, products["model"].to_pylist())),
        tuple(tuple(rows[one] for one in outfit if one in rows) for outfit in outfits),
    )
    return data, np.unique(products["colour"].to_pylist(), return_inverse=True)[1]


def photographed(
    products: pa.Table, weights: Weights, cache: Path | None, advance: terminal.Advance
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, histograms of colours and main colours of the products' photos, float32 [n, …] each."""
    ids, images = products["product_id"].to_pylist(), products["image"].to_pylist()
    content = hashlib.sha256(b"".join(hashlib.sha256(image).digest() for image in images)).hexdigest()
    file = None if cache is None else cache / f"{specify(weights).model}-{content[:16]}.npz"
    if file is not None and file.is_file():
        with np.load(file, allow_pickle=False) as kept:
            return kept["embeddings"], kept["histograms"], kept["mains"]
    with tempfile.TemporaryDirectory() as scratch:
        convert(weights, Path(scratch) / "encoder")
        encoder = load_encoder(Path(scratch) / "encoder", many=True)
        photos = LabelledPhotos(ids, pa.chunked_array([pa.array(images, pa.large_binary())]), {}, {})
        embeddings = embed_photos(photos, encoder, lambda done, total: advance("embed", done, total))
    histograms, mains = colours.histograms([grid(image) for image in images])
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, allow_pickle=False, embeddings=embeddings, histograms=histograms, mains=mains)
    return embeddings, histograms, mains


def measure(data: OutfitData, stated_colours: np.ndarray, fold: int, advance: terminal.Advance) -> dict:
    """One fold: by kind of blank and method, `fitb`, `triplet` and `auc`."""
    models = np.array([fold_of(model) for model in data.models])
    held = np.array([fold_of(f"outfit {place}") == fold for place in range(len(data.outfits))])
    learnt = [
        kept
        for outfit, out in zip(data.outfits, held, strict=True)
        if not out and len(kept := tuple(one for one in outfit if models[one] != fold)) > 1
    ]
    # Folds inside are by other hashes of the models, so that the fold outside stays unseen.
    inner = OutfitData(
        *(data.looks, data.embeddings, data.histograms, data.families, data.products),
        tuple(f"{fold} {model}" for model in data.models),
        tuple(learnt),
    )
    model = learn(inner, on_progress=lambda what, *steps: advance(f"fold {fold}: {what}", *steps))
    counts = OutfitCounts.of(learnt, len(models))
    trained = counts.popularity > 0
    warm = [outfit for outfit, out in zip(data.outfits, held, strict=True) if out]
    questions = {
        "cold": ask(data, data.outfits, models == fold),
        "warm": ask(data, warm, trained, context=trained),
    }
    pairs = _colour_pairs(learnt, stated_colours)
    found: dict = {"questions": {blanks: len(some) for blanks, some in questions.items()}}
    for blanks, some in questions.items():
        style = style_scores(data, model.inputs, model.head, some)
        beside, popular = signs_of_questions(counts, some)
        methods = {
            "learnt": blended(style, (beside, popular), model.blend),
            "style head alone": style,
            "untrained default": default_scores(data, some),
            "visual similarity": _similarities(data, some),
            "colour pairs": _of_colours(pairs, stated_colours, some),
            "co-occurrence with popularity": beside * 10 + popular / 10,
            "popularity": popular,
            "chance": np.zeros((len(some), CANDIDATES)),
        }
        found[blanks] = {name: _figures(scores) for name, scores in methods.items()}
    return found


def _figures(scores: np.ndarray) -> dict[str, float]:
    ahead = scores[:, :1] - scores[:, 1:]
    answers = np.zeros(scores.shape, bool)
    answers[:, 0] = True
    return {
        "fitb": filled(scores),
        "triplet": float(((ahead > 0) + 0.5 * (ahead == 0)).mean()),
        "auc": float(roc_auc_score(answers.ravel(), scores.ravel())),
    }


def _similarities(data: OutfitData, questions: Questions) -> np.ndarray:
    vectors = data.looks.vectors
    means = questions.means(vectors[questions.present])
    similar: np.ndarray = np.einsum("qcd,qd->qc", vectors[questions.candidates], means)
    return similar


def _of_colours(pairs: np.ndarray, stated: np.ndarray, questions: Questions) -> np.ndarray:
    means = questions.means(pairs[stated[questions.present]])
    return np.take_along_axis(means, stated[questions.candidates], axis=1)


def _colour_pairs(outfits: Sequence[Sequence[int]], stated: np.ndarray) -> np.ndarray:
    """Logarithm of how much oftener two colours are together than by chance: float64 [colours, colours]."""
    counts = np.ones((int(stated.max()) + 1,) * 2)
    for outfit in outfits:
        for one in outfit:
            for other in outfit:
                if one != other:
                    counts[stated[one], stated[other]] += 1
    shares = counts / counts.sum()
    lift: np.ndarray = np.log(shares / np.outer(shares.sum(1), shares.sum(0)))
    return lift


def _mean(parts: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([part[name] for part in parts])), 4) for name in parts[0]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folds", type=int, default=FOLDS, choices=range(1, FOLDS + 1))
    parser.add_argument("--cache", type=Path, help="keeps the photos' vectors for the next run")
    given = parser.parse_args()
    main(given.folder, given.folds, given.cache, given.json)
