"""`lookalike evaluate` and `lookalike train`: how good the encoder is, and making it better."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption, JsonOption, settings
from storage.errors import InputError

if TYPE_CHECKING:
    from embedding.training.recipe import Recipe
    from flows.config import Config
    from storage.root import Root

LABELS = "article_type,colour"

LabelsOption = Annotated[
    str, typer.Option("--labels", metavar="A,B", help="Label columns, separated by commas.")
]


def evaluate(
    queries: Annotated[
        Path, typer.Argument(metavar="QUERIES.parquet", help="Photos to ask with: id, image (bytes), labels.")
    ],
    gallery: Annotated[
        Path | None,
        typer.Option(
            "--gallery",
            metavar="GALLERY.parquet",
            help="Photos to find; the queries themselves if not given.",
        ),
    ] = None,
    labels: LabelsOption = LABELS,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder", metavar="MODEL", help="Weights by name or file; the settings' if not given."
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Measure how many of the nearest photos carry the query's label: precision@5 and mAP@10."""
    _require_files(queries, *([gallery] if gallery else ()))
    resolved = settings(config, data)
    _require_weights(encoder or resolved.embed.weights)
    from embedding.training.evaluate import evaluate_files

    terminal.log_to_stderr()
    with terminal.progress() as advance:
        result = evaluate_files(
            queries,
            gallery,
            _columns(labels),
            encoder=encoder or resolved.embed.weights,
            root=_encoders_root(resolved, demanded=data is not None),
            on_progress=lambda done, total: advance("embed", done, total),
        )
    if as_json:
        terminal.print_json(
            {
                "model": result.model,
                "queries": result.queries,
                "gallery": result.gallery,
                "precision_at_5": _without_nan(result.precision_at_5),
                "map_at_10": _without_nan(result.map_at_10),
            }
        )
        return
    terminal.say(f"{result.model}: {result.queries} queries against {result.gallery} photos.")
    terminal.print_rows(
        ("label", "precision@5", "mAP@10"),
        [(label, f"{x:.3f}", f"{result.map_at_10[label]:.3f}") for label, x in result.precision_at_5.items()],
    )


def train(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="LABELLED...",
            help="Labelled photos: Parquet files with id, image (bytes) and labels, or folders of data sets; "
            "for --head outfits, files of outfits.",
            show_default=False,
        ),
    ] = None,
    labels: LabelsOption = LABELS,
    head: Annotated[
        Literal["outfits"] | None,
        typer.Option(
            "--head",
            help="Train only what goes with what, on the published products: from files of outfits, else "
            "from the stores' own links.",
        ),
    ] = None,
    encoder: Annotated[
        Literal["resnet50", "autoencoder"],
        typer.Option("--encoder", help="What to train; the autoencoder needs no labels."),
    ] = "resnet50",
    start: Annotated[
        str,
        typer.Option(
            "--from", metavar="WEIGHTS", help="Where to start: `fashion`, `imagenet`, `none` or a file."
        ),
    ] = "fashion",
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="Where weights and checkpoints go; continues what is there."
        ),
    ] = Path("training"),
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="PX,PX", help="Input sides in pixels, one a stage.")
    ] = "96,96,128",
    epochs: Annotated[
        str | None,
        typer.Option(
            "--epochs",
            metavar="N,N",
            help="Passes over the photos, one number a stage: 0.3,1,2 if not given, for the autoencoder 100.",
        ),
    ] = None,
    train_from: Annotated[
        str,
        typer.Option(
            "--train-from",
            metavar="BLOCK,BLOCK",
            help="First block of the network that trains, one a stage: conv1 to conv5, or `heads` only.",
        ),
    ] = "heads,conv4,conv3",
    label_weights: Annotated[
        str | None,
        typer.Option(
            "--label-weights", metavar="N,N", help="What each label counts; all alike if not given."
        ),
    ] = None,
    metric_loss: Annotated[
        Literal["softmax", "arcface", "proxy-anchor", "multi-similarity", "supcon"],
        typer.Option("--metric-loss", help="What shapes the space that photos are compared in."),
    ] = "softmax",
    teacher: Annotated[
        Path | None,
        typer.Option(
            "--teacher",
            metavar="VECTORS",
            help="Parquet with id and vector: what another model says of the photos, to be learnt as well.",
        ),
    ] = None,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", min=0, help="Of the heads, at its peak.")
    ] = 1e-3,
    depth_rate: Annotated[
        float,
        typer.Option("--depth-rate", min=0, max=1, help="By what it shrinks from a block to the one before."),
    ] = 0.5,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Compute in bf16, where the processor or GPU has it.")
    ] = False,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Photos a step.")] = 64,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Fine-tune the encoder on labelled photos; run again, it continues where it stopped."""
    files = files or []
    if head == "outfits":
        _train_outfits(files, settings(config, data), as_json)
        return
    if not files:
        raise InputError("There are no photos to train on. Give a Parquet file of labelled photos.")
    _require_files(*files, *([teacher] if teacher else ()), folders=True)
    if encoder == "autoencoder":
        weights = _train_autoencoder(files, out, epochs or "100", batch)
    else:
        if start != "none":
            _require_weights(start)
        recipe = _recipe(labels, label_weights, start, sizes, epochs or "0.3,1,2", train_from, batch)
        recipe = replace(
            recipe,
            metric_loss=metric_loss,
            teacher=None if teacher is None else str(teacher),
            learning_rate=learning_rate,
            depth_rate=depth_rate,
            mixed=mixed,
        )
        weights = _train_resnet50(files, out, recipe)
    if as_json:
        terminal.print_json({"weights": str(weights)})
    else:
        terminal.print_lines([str(weights)])
        terminal.say(f'Use them: set `weights = "{weights}"` under [embed] in lookalike.toml.')


def _train_outfits(files: list[Path], resolved: Config, as_json: bool) -> None:
    """Learns from outfits, and says whether what was learnt is used."""
    from lookalike.outfit_training import train_outfits

    for file in files:
        if not file.is_file():
            raise InputError(f"{file} is no file. Give a Parquet file of outfits.")
    with terminal.progress() as advance:
        model, outfits = train_outfits(resolved.open_root(), files, on_progress=advance)
    figures = model.figures
    if as_json:
        shown = {"cold": dict(figures.cold), "warm": dict(figures.warm)}
        terminal.print_json({"outfits": outfits, "used": model.used, **shown})
        return
    terminal.print_rows(
        ("blanks filled", "learnt", "untrained default", "popularity"),
        [
            (name, *(f"{part[method]:.3f}" for method in ("learnt", "default", "popularity")))
            for name, part in (("new products", figures.cold), ("known products", figures.warm))
        ],
    )
    verdict = "is used" if model.used else "is not used: it does not beat the others on what it never saw"
    terminal.say(f"What {outfits:,} outfits taught {verdict}.")


def _require_files(*files: Path, folders: bool = False) -> None:
    """Checks that photos are there before TensorFlow is imported, which takes up to half a minute.

    :param folders: whether a folder will do, too.
    :raises InputError: a file is missing; the sentence names it.
    """
    for file in files:
        if not file.exists():
            raise InputError(f"{file} does not exist. Give a Parquet file of labelled photos.")
        if file.is_dir() and not folders:
            raise InputError(f"{file} is a folder. Give a Parquet file of labelled photos.")


def _require_weights(name_or_file: str) -> None:
    """Checks that weights given as a file are there, likewise before TensorFlow is imported."""
    if name_or_file.endswith(".npz") and not Path(name_or_file).is_file():
        raise InputError(
            f"There are no weights {name_or_file}. Give a name such as `fashion`, or their file."
        )


def _recipe(
    labels: str,
    label_weights: str | None,
    start: str,
    sizes: str,
    epochs: str,
    train_from: str,
    batch: int,
) -> Recipe:
    # Keras takes seconds to import: what is wrong with the options is said before.
    from embedding.training.recipe import Recipe

    return Recipe(
        labels=tuple(_columns(labels)),
        label_weights=tuple(_numbers(label_weights, "--label-weights")) if label_weights else (),
        weights=None if start == "none" else start,
        sizes=tuple(int(side) for side in _numbers(sizes, "--sizes")),
        epochs=tuple(_numbers(epochs, "--epochs")),
        train_from=tuple(block.strip() for block in train_from.split(",")),
        batch=batch,
    )


def _train_resnet50(files: list[Path], out: Path, recipe: Recipe) -> Path:
    from embedding.training.readers.labelled import labelled_files
    from embedding.training.train import TrainProgress
    from embedding.training.train import train as run

    terminal.log_to_stderr()
    with terminal.progress() as advance:

        def show(step: TrainProgress) -> None:
            doing = "look" if step.loss is None else f"train, loss {step.loss:.3f},"
            advance(f"{doing} at {step.size} px", step.step, step.steps)

        read = labelled_files(files, out, on_progress=lambda name, done: advance(f"read {name}", done, None))
        weights = run(read, recipe, out, on_progress=show).resolve()
    _add_heads(weights, read, recipe.labels)
    return weights


def _add_heads(file: Path, labelled: list[Path], labels: tuple[str, ...]) -> None:
    """Gives trained weights what tells attributes from their vectors, and says how well it does."""
    from embedding.encoder.weights import load_weights, write_with_heads
    from embedding.training.add_heads import heads_for, tables

    try:
        with terminal.progress() as advance:
            recognition = heads_for(
                load_weights(str(file)),
                labelled,
                labels,
                on_progress=lambda what, done, total: advance(f"embed {what}", done, total),
            )
    except InputError as error:
        terminal.say(f"The weights have no heads. {error}")
        return
    write_with_heads(file, file, recognition.heads)
    for line in tables(recognition):
        terminal.say(line)


def _train_autoencoder(files: list[Path], out: Path, epochs: str, batch: int) -> Path:
    if not epochs.isdigit() or int(epochs) < 1:
        raise InputError(f"--epochs {epochs} is no number of epochs. Give one, as in --epochs 30.")
    from embedding.training.autoencoder import AutoencoderRecipe, EpochProgress, train_autoencoder
    from embedding.training.readers.labelled import labelled_files

    terminal.log_to_stderr()
    with terminal.progress() as advance:

        def show(step: EpochProgress) -> None:
            advance(f"train the autoencoder, loss {step.loss:.4f}", step.step, step.steps)

        read = labelled_files(files, out, on_progress=lambda name, done: advance(f"read {name}", done, None))
        recipe = AutoencoderRecipe(epochs=int(epochs), batch=batch)
        return train_autoencoder(read, recipe, out, on_progress=show).resolve()


def _without_nan(figures: dict[str, float]) -> dict[str, float | None]:
    """A label that no query carries has no figure, and JSON has no NaN."""
    return {label: None if isnan(figure) else figure for label, figure in figures.items()}


def _encoders_root(resolved: Config, *, demanded: bool) -> Root | None:
    """The data root for its encoders; evaluation needs none, so only a demanded one has to be there."""
    try:
        return resolved.open_root()
    except InputError:
        if demanded:
            raise
        return None


def _columns(labels: str) -> list[str]:
    columns = [label.strip() for label in labels.split(",") if label.strip()]
    if not columns:
        raise InputError("--labels names no column. Give one or more, such as --labels article_type,colour.")
    return columns


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} {text} is no list of numbers. Give them as in {option} 96,128.") from None
