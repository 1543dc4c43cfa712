"""`lookalike evaluate` and `lookalike train`: measure and train the encoder."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption, JsonOption, settings, with_options
from storage.errors import InputError

if TYPE_CHECKING:
    from embedding.training.recipe import AnyRecipe
    from flows.config import Config
    from storage.root import Root

LABELS = "article_type,colour"
AUTOENCODER_BATCH = 64
"""The batch of an autoencoder's training without a recipe; the paper's is 32."""

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


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


_RECIPE_TYPES: dict[str, Any] = {
    **dict.fromkeys(("label_weights", "sizes", "epochs", "train_from", "metric_loss", "teacher"), str | None),
    **dict.fromkeys(("learning_rate", "depth_rate"), float | None),
    "batch": int | None,
    "mixed": bool | None,
}
RECIPE_OPTIONS = {
    name: Annotated[type_, typer.Option(_flag(name), hidden=True, help=f"Deprecated: {name} of a recipe.")]
    for name, type_ in _RECIPE_TYPES.items()
}
"""Deprecated options of `lookalike train`: values of a recipe."""


def recipe_changes(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a recipe that deprecated options give."""
    given = {name: value for name, value in values.items() if value is not None}
    for name in given:
        option = _flag(name)
        terminal.say(f"{option} is deprecated. Set {name} in a recipe: --recipe FILE.toml.")
        if name in ("label_weights", "sizes", "epochs"):
            given[name] = _numbers(given[name], option)
    if "train_from" in given:
        given["train_from"] = [block.strip() for block in given["train_from"].split(",")]
    return given


@with_options("changes", RECIPE_OPTIONS, recipe_changes)
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
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", metavar="FILE.toml", help="Hyperparameters; the defaults if not given."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option("--labels", metavar="A,B", help=f"Label columns; the recipe's, else {LABELS}."),
    ] = None,
    head: Annotated[
        Literal["outfits"] | None,
        typer.Option(
            "--head",
            help="Train only what goes with what, on the published products: from files of outfits, else "
            "from the stores' own links.",
        ),
    ] = None,
    encoder: Annotated[
        Literal["resnet50", "autoencoder"] | None,
        typer.Option(
            "--encoder",
            help="What to train: the recipe's, else resnet50. The autoencoder needs no labels.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="WEIGHTS",
            help="Where to start: `fashion`, `imagenet`, `none` or a file; the recipe's, else `fashion`.",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="Where weights and checkpoints go; continues what is there."
        ),
    ] = Path("training"),
    *,
    changes: dict[str, Any],
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
    _require_files(*files, folders=True)
    chosen = _recipe(recipe, encoder, labels, start, changes)
    # Keras takes seconds to import: what is wrong with the input is said before.
    from embedding.training.run import train_encoder

    terminal.log_to_stderr()
    figures: list[str] = []
    with terminal.progress() as advance:
        weights = train_encoder(files, chosen, out, on_progress=advance, on_heads=figures.extend)
    for line in figures:
        terminal.say(line)
    if as_json:
        terminal.print_json({"weights": str(weights)})
    else:
        terminal.print_lines([str(weights)])
        terminal.say(f'Use them: set `weights = "{weights}"` under [embed] in lookalike.toml.')


def _recipe(
    file: Path | None, encoder: str | None, labels: str | None, start: str | None, changes: dict[str, Any]
) -> AnyRecipe:
    """The recipe of a training, with the files that it names."""
    from embedding.training.recipe import AUTOENCODER, FROM_NOTHING, Recipe, encoder_to_train, make_recipe

    if labels is not None:
        changes["labels"] = _columns(labels)
    if start is not None:
        changes["weights"] = start
    if encoder_to_train(file, encoder) == AUTOENCODER:
        usual = {"batch": AUTOENCODER_BATCH} if file is None else {}
        changes = usual | changes | _whole_epochs(changes)
    recipe = make_recipe(file, encoder, **changes)
    if isinstance(recipe, Recipe):
        if recipe.teacher is not None:
            _require_files(Path(recipe.teacher))
        _require_weights(recipe.weights or FROM_NOTHING)
    return recipe


def _whole_epochs(changes: dict[str, Any]) -> dict[str, int]:
    epochs = changes.get("epochs", [])
    if not epochs:
        return {}
    if len(epochs) > 1 or not epochs[0].is_integer() or epochs[0] < 1:
        raise InputError("--epochs is no number of epochs. Give one, as in --epochs 30.")
    return {"epochs": int(epochs[0])}


def _train_outfits(files: list[Path], resolved: Config, as_json: bool) -> None:
    """Trains on outfits, and prints whether the result is used."""
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
    verdict = "is used" if model.used else "is not used: it does not beat the others on held-out outfits"
    terminal.say(f"The style head from {outfits:,} outfits {verdict}.")


def _require_files(*files: Path, folders: bool = False) -> None:
    """Checks that files exist before TensorFlow is imported, which takes up to half a minute.

    :param folders: whether a folder will do, too.
    :raises InputError: a file is missing; the sentence names it.
    """
    for file in files:
        if not file.exists():
            raise InputError(f"{file} does not exist. Give a Parquet file of labelled photos.")
        if file.is_dir() and not folders:
            raise InputError(f"{file} is a folder. Give a Parquet file of labelled photos.")


def _require_weights(name_or_file: str) -> None:
    """Checks that weights given as a file exist, before TensorFlow is imported."""
    if name_or_file.endswith(".npz") and not Path(name_or_file).is_file():
        raise InputError(
            f"There are no weights {name_or_file}. Give a name such as `fashion`, or their file."
        )


def _without_nan(figures: dict[str, float]) -> dict[str, float | None]:
    """A label that no query carries has no figure, and JSON has no NaN."""
    return {label: None if isnan(figure) else figure for label, figure in figures.items()}


def _encoders_root(resolved: Config, *, demanded: bool) -> Root | None:
    """The data root, for its encoders; None where there is none and none was given."""
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
