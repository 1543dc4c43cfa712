"""The recipe of a training, also as a TOML file, and its plan of stages and laps."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

import tomlkit
from pydantic import TypeAdapter, ValidationError

from embedding.encoder import weights as weight_files
from storage.atomic import replacing
from storage.errors import InputError

HEADS = "heads"
BLOCKS = ("conv1", "conv2", "conv3", "conv4", "conv5", HEADS)
"""Parts of the network, from input to output; what trains is a part and all after it."""

LABELS = ("article_type", "colour")
"""Label columns of a training that names none."""

FROM_NOTHING = "none"
"""Start of a training from random weights, in files and on the command line."""

ENCODER = "encoder"
RESNET50, AUTOENCODER = "resnet50", "autoencoder"
"""Values of the key `encoder` of a recipe file."""

SMALLEST_SIZE = 32
"""Side of the smallest photo that a network takes, px: both halve it five times."""

MetricLoss = Literal["softmax", "arcface", "proxy-anchor", "multi-similarity", "supcon"]


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of a training.

    :param labels: label columns, one head each; `a+b` joins two columns.
    :param label_weights: weight of each label's loss; empty is 1 for all.
    :param teacher: file with another model's vectors of the photos, see `embedding.training.teacher`; None
        learns from labels alone.
    :param teacher_weight: weight of the distance to the teacher's vectors.
    :param weights: where to start: a name or a file, see `embedding.encoder.weights.load_weights`; None is
        from nothing.
    :param sizes: input sides, px, one a stage; the last is the encoder's.
    :param epochs: passes over the photos, one number a stage; 0 in all of them leaves the refit alone.
    :param train_from: the first block that trains, one of `BLOCKS` a stage: staged unfreezing as in Howard
        and Ruder, "Universal Language Model Fine-tuning for Text Classification" (2018).
    :param metric_loss: what shapes the embedding, see `embedding.training.losses`.
    :param learning_rate: AdamW's for the heads at its peak, which a warm-up leads to and a cosine from.
    :param depth_rate: layer-wise learning-rate decay factor, from each block to the one before it: the same
        paper's discriminative rates.
    :param balance: 0 gives every photo the same weight, 1 every class.
    :param ema: decay of the moving average of the weights, at each saved state.
    :param mixed: whether layers compute in bf16, the weights staying float32.
    :param refit_steps: steps that the metric layer and the heads learn at the end, on the photos as the
        finished network sees them, see `embedding.training.refit`.
    :param batch: photos a step.
    :param lap_steps: steps between two saved states.
    :raises InputError: the stages do not fit together, or a value makes no sense.
    """

    labels: tuple[str, ...] = LABELS
    label_weights: tuple[float, ...] = ()
    teacher: str | None = None
    teacher_weight: float = 6.0
    weights: str | None = weight_files.BUNDLED
    sizes: tuple[int, ...] = (96, 96, 128)
    epochs: tuple[float, ...] = (0.3, 1.0, 2.0)
    train_from: tuple[str, ...] = (HEADS, "conv4", "conv3")
    metric_loss: MetricLoss = "softmax"
    learning_rate: float = 1e-3
    depth_rate: float = 0.5
    balance: float = 0.25
    ema: float = 0.9
    mixed: bool = False
    refit_steps: int = 2500
    batch: int = 64
    lap_steps: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if not len(self.sizes) == len(self.epochs) == len(self.train_from):
            raise InputError(
                f"{len(self.sizes)} sizes, {len(self.epochs)} epochs and {len(self.train_from)} blocks to "
                "train from. Give one of each a stage."
            )
        if self.label_weights and len(self.label_weights) != len(self.labels):
            raise InputError(
                f"{len(self.label_weights)} label weights for {len(self.labels)} labels. Give one a label."
            )
        if unknown := set(self.train_from) - set(BLOCKS):
            raise InputError(f"No block '{unknown.pop()}' to train from. Give one of {', '.join(BLOCKS)}.")
        if self.batch < 2 or not 0 <= self.learning_rate < math.inf or not 0 <= self.depth_rate <= 1:
            raise InputError(
                f"A batch of {self.batch}, a learning rate of {self.learning_rate} and a depth rate of "
                f"{self.depth_rate} do not work. Give at least 2, at least 0, and 0 to 1."
            )
        for size in self.sizes:
            if size < SMALLEST_SIZE:
                raise InputError(
                    f"A stage has photos of {size} px. Give sizes of at least {SMALLEST_SIZE} px."
                )
        for epochs in self.epochs:
            if not 0 <= epochs < math.inf:
                raise InputError(f"A stage has {epochs} epochs. Give at least 0.")
        if self.lap_steps < 1:
            raise InputError(f"A state is saved every {self.lap_steps} steps. Give lap_steps of at least 1.")
        if self.refit_steps < 0:
            raise InputError(f"The refit has {self.refit_steps} steps. Give refit_steps of at least 0.")

    def weight_of(self, label: str) -> float:
        """Weight of a label's loss."""
        return self.label_weights[self.labels.index(label)] if self.label_weights else 1.0


@dataclass(frozen=True)
class AutoencoderRecipe:
    """Hyperparameters of the autoencoder; the defaults are the paper's best.

    :param epochs: passes over the photos.
    :param learning_rate: of Adam.
    :param batch: photos a step.
    :param size: side of the input, px, a multiple of 32.
    :raises InputError: a value makes no sense.
    """

    epochs: int = 100
    learning_rate: float = 0.001
    batch: int = 32
    size: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch < 2 or self.epochs < 1 or not 0 <= self.learning_rate < math.inf:
            raise InputError(
                f"A batch of {self.batch}, {self.epochs} epochs and a learning rate of {self.learning_rate} "
                "do not work. Give at least 2, at least 1, and at least 0."
            )
        if self.size < SMALLEST_SIZE or self.size % SMALLEST_SIZE:
            raise InputError(f"The autoencoder takes no photos of {self.size} px. Give a multiple of 32.")


AnyRecipe: TypeAlias = Recipe | AutoencoderRecipe


def encoder_to_train(file: Path | None = None, encoder: str | None = None) -> str:
    """The encoder that a recipe is for: `RESNET50` or `AUTOENCODER`.

    :param file: TOML; the defaults where None.
    :param encoder: the one asked for; the file's where None.
    :raises InputError: the file is no recipe, or one of another encoder.
    """
    kind = RESNET50 if file is None else _read(file).get(ENCODER, RESNET50)
    if encoder not in (None, kind) and file is not None:
        raise InputError(f"{file} is a recipe of the encoder {kind}. Leave --encoder out, or the recipe.")
    kind = encoder or kind
    if kind not in (RESNET50, AUTOENCODER):
        raise InputError(f"{file}: there is no encoder '{kind}' to train. Give {RESNET50} or {AUTOENCODER}.")
    return str(kind)


def make_recipe(file: Path | None = None, encoder: str | None = None, **changes: Any) -> AnyRecipe:
    """A recipe from a file, with changes.

    :param file: TOML; the defaults where None.
    :param encoder: `RESNET50` or `AUTOENCODER`; the file's where None.
    :param changes: values that replace the file's; those that the encoder's recipe does not have are ignored.
    :raises InputError: the file is no recipe, or a value is invalid.
    """
    kind = encoder_to_train(file, encoder)
    values = {} if file is None else _read(file)
    values.pop(ENCODER, None)
    type_ = Recipe if kind == RESNET50 else AutoencoderRecipe
    names = [one.name for one in fields(type_)]
    for name in values:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(names)}."
            raise InputError(f"{file}: a recipe of the encoder {kind} has no '{name}'. {hint}")
    values |= {name: value for name, value in changes.items() if name in names}
    if values.get("weights") == FROM_NOTHING:
        values["weights"] = None
    try:
        recipe: AnyRecipe = TypeAdapter[Any](type_).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"The recipe's {where} is {str(first['input'])[:60]!r}. Correct it: {first['msg'].lower()}."
        ) from None
    return recipe


def write_recipe(file: Path, recipe: AnyRecipe) -> None:
    """Writes a recipe as TOML, so that `make_recipe` reads the same one."""
    kind = RESNET50 if isinstance(recipe, Recipe) else AUTOENCODER
    values: Mapping[str, Any] = {ENCODER: kind} | asdict(recipe)
    document = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    if isinstance(recipe, Recipe) and recipe.weights is None:
        document["weights"] = FROM_NOTHING
    with replacing(file) as unfinished:
        unfinished.write_text(
            tomlkit.dumps({name: value for name, value in document.items() if value is not None}), "utf-8"
        )


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}). Give a recipe, a TOML file.") from None
    except ValueError as error:
        raise InputError(f"{file} is no recipe ({error}). Give a TOML file.") from None


@dataclass(frozen=True)
class Lap:
    """A run of steps with one input size and one set of trained blocks: the unit of resuming.

    :param number: from 0.
    :param first_step: of the whole training's steps.
    :param ends_epoch: whether it is the last before the photos have been passed over once more, or of all.
    """

    number: int
    size: int
    train_from: str
    first_step: int
    steps: int
    ends_epoch: bool = field(default=False)


def plan(photos: int, recipe: Recipe) -> list[Lap]:
    """The laps of a training, stage by stage."""
    stretches = []
    first = 0
    for size, epochs, block in zip(recipe.sizes, recipe.epochs, recipe.train_from, strict=True):
        steps = math.ceil(photos * epochs / recipe.batch)
        for lap_first in range(0, steps, recipe.lap_steps):
            stretches.append((size, block, first + lap_first, min(recipe.lap_steps, steps - lap_first)))
        first += steps
    return [
        Lap(number, size, block, step, length, _ends_epoch(step, length, photos, first, recipe.batch))
        for number, (size, block, step, length) in enumerate(stretches)
    ]


def _ends_epoch(first_step: int, steps: int, photos: int, total: int, batch: int) -> bool:
    end = first_step + steps
    return end == total or end * batch // photos > first_step * batch // photos
