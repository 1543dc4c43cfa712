"""Runs a whole training: reads data sets, trains, adds heads; for `lookalike train`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from embedding.encoder.weights import load_weights, write_with_heads
from embedding.training.recipe import AnyRecipe, AutoencoderRecipe, Recipe
from storage.errors import InputError

OnProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with what is done, steps done and in all; the total is None while it is not known."""


def train_encoder(
    files: Sequence[Path],
    recipe: AnyRecipe,
    out: Path,
    *,
    on_progress: OnProgress = lambda _what, _done, _total: None,
    on_heads: Callable[[Sequence[str]], None] = lambda _lines: None,
) -> Path:
    """Trains an encoder, and adds heads for its labels.

    :param files: labelled Parquet files, and folders of data sets, see `embedding.training.readers`.
    :param out: the training's folder; continues what is there.
    :param on_heads: called with the heads' figures as lines of Markdown, or with the reason why there are
        none.
    :return: the weights file.
    :raises InputError: unusable files, labels or weights, or `out` holds a training by another recipe.
    """
    from embedding.training.readers.labelled import labelled_files

    read = labelled_files(files, out, on_progress=lambda name, done: on_progress(f"read {name}", done, None))
    if isinstance(recipe, AutoencoderRecipe):
        return _train_autoencoder(read, recipe, out, on_progress)
    weights = _train_resnet50(read, recipe, out, on_progress)
    on_heads(list(_add_heads(weights, read, recipe.labels, on_progress)))
    return weights


def _train_resnet50(files: Sequence[Path], recipe: Recipe, out: Path, on_progress: OnProgress) -> Path:
    from embedding.training.train import TrainProgress, train

    def show(step: TrainProgress) -> None:
        doing = "embed" if step.loss is None else f"train, loss {step.loss:.3f},"
        on_progress(f"{doing} at {step.size} px", step.step, step.steps)

    return train(files, recipe, out, on_progress=show).resolve()


def _train_autoencoder(
    files: Sequence[Path], recipe: AutoencoderRecipe, out: Path, on_progress: OnProgress
) -> Path:
    from embedding.training.autoencoder import EpochProgress, train_autoencoder

    def show(step: EpochProgress) -> None:
        on_progress(f"train the autoencoder, loss {step.loss:.4f}", step.step, step.steps)

    return train_autoencoder(files, recipe, out, on_progress=show).resolve()


def _add_heads(
    file: Path, labelled: Sequence[Path], labels: Sequence[str], on_progress: OnProgress
) -> Iterator[str]:
    from embedding.training.add_heads import heads_for, tables

    try:
        recognition = heads_for(
            load_weights(str(file)),
            labelled,
            labels,
            on_progress=lambda what, done, total: on_progress(f"embed {what}", done, total),
        )
    except InputError as error:
        yield f"The weights have no heads. {error}"
        return
    write_with_heads(file, file, recognition.heads)
    yield from tables(recognition)
